#include "PagesTexts.h"
#include <stddef.h>

static const struct PagesText texts[] = {
    {"texts.en.json", (const unsigned char[]){
#embed "../Web/texts.en.json" suffix(, 0)
    }},
    {"texts.de.json", (const unsigned char[]){
#embed "../Web/texts.de.json" suffix(, 0)
    }},
    {"pages.css", (const unsigned char[]){
#embed "../Web/pages.css" suffix(, 0)
    }},
    {"pages.js", (const unsigned char[]){
#embed "../Web/pages.js" suffix(, 0)
    }},
    {"icon.svg", (const unsigned char[]){
#embed "../Web/icon.svg" suffix(, 0)
    }},
    {"layout.html", (const unsigned char[]){
#embed "../Web/layout.html" suffix(, 0)
    }},
    {"events.html", (const unsigned char[]){
#embed "../Web/events.html" suffix(, 0)
    }},
    {"notice.html", (const unsigned char[]){
#embed "../Web/notice.html" suffix(, 0)
    }},
    {"event.html", (const unsigned char[]){
#embed "../Web/event.html" suffix(, 0)
    }},
    {"lines.html", (const unsigned char[]){
#embed "../Web/lines.html" suffix(, 0)
    }},
    {"hold.html", (const unsigned char[]){
#embed "../Web/hold.html" suffix(, 0)
    }},
    {"hold-over.html", (const unsigned char[]){
#embed "../Web/hold-over.html" suffix(, 0)
    }},
    {"purchase.html", (const unsigned char[]){
#embed "../Web/purchase.html" suffix(, 0)
    }},
    {"purchase-code.html", (const unsigned char[]){
#embed "../Web/purchase-code.html" suffix(, 0)
    }},
    {"refused.html", (const unsigned char[]){
#embed "../Web/refused.html" suffix(, 0)
    }},
    {NULL, NULL},
};

const struct PagesText *const pages_texts = texts;
