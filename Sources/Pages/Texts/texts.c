#include "PagesTexts.h"
#include <stddef.h>

static const struct PagesText texts[] = {
    {"texts.en.json", (const unsigned char[]){
#embed "../Web/texts.en.json" suffix(, 0)
    }},
    {"texts.de.json", (const unsigned char[]){
#embed "../Web/texts.de.json" suffix(, 0)
    }},
    {"queue.en.json", (const unsigned char[]){
#embed "../Web/queue.en.json" suffix(, 0)
    }},
    {"queue.de.json", (const unsigned char[]){
#embed "../Web/queue.de.json" suffix(, 0)
    }},
    {"queue.js", (const unsigned char[]){
#embed "../Web/queue.js" suffix(, 0)
    }},
    {"draw.js", (const unsigned char[]){
#embed "../Web/draw.js" suffix(, 0)
    }},
    {"queue-draw.html", (const unsigned char[]){
#embed "../Web/queue-draw.html" suffix(, 0)
    }},
    {"queue.html", (const unsigned char[]){
#embed "../Web/queue.html" suffix(, 0)
    }},
    {"operate-queue.html", (const unsigned char[]){
#embed "../Web/operate-queue.html" suffix(, 0)
    }},
    {"queue-door.html", (const unsigned char[]){
#embed "../Web/queue-door.html" suffix(, 0)
    }},
    {"pages.css", (const unsigned char[]){
#embed "../Web/pages.css" suffix(, 0)
    }},
    {"pages.js", (const unsigned char[]){
#embed "../Web/pages.js" suffix(, 0)
    }},
    {"embed.js", (const unsigned char[]){
#embed "../Web/embed.js" suffix(, 0)
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
    {"when.html", (const unsigned char[]){
#embed "../Web/when.html" suffix(, 0)
    }},
    {"about.html", (const unsigned char[]){
#embed "../Web/about.html" suffix(, 0)
    }},
    {"event-head.html", (const unsigned char[]){
#embed "../Web/event-head.html" suffix(, 0)
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
    {"hold-cancelled.html", (const unsigned char[]){
#embed "../Web/hold-cancelled.html" suffix(, 0)
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
    {"operate.en.json", (const unsigned char[]){
#embed "../Web/operate.en.json" suffix(, 0)
    }},
    {"operate.de.json", (const unsigned char[]){
#embed "../Web/operate.de.json" suffix(, 0)
    }},
    {"operate.css", (const unsigned char[]){
#embed "../Web/operate.css" suffix(, 0)
    }},
    {"operate.js", (const unsigned char[]){
#embed "../Web/operate.js" suffix(, 0)
    }},
    {"operate-audit.html", (const unsigned char[]){
#embed "../Web/operate-audit.html" suffix(, 0)
    }},
    {"operate-bar.html", (const unsigned char[]){
#embed "../Web/operate-bar.html" suffix(, 0)
    }},
    {"operate-change.html", (const unsigned char[]){
#embed "../Web/operate-change.html" suffix(, 0)
    }},
    {"operate-event.html", (const unsigned char[]){
#embed "../Web/operate-event.html" suffix(, 0)
    }},
    {"operate-exports.html", (const unsigned char[]){
#embed "../Web/operate-exports.html" suffix(, 0)
    }},
    {"operate-hold.html", (const unsigned char[]){
#embed "../Web/operate-hold.html" suffix(, 0)
    }},
    {"operate-keys.html", (const unsigned char[]){
#embed "../Web/operate-keys.html" suffix(, 0)
    }},
    {"operate-layout.html", (const unsigned char[]){
#embed "../Web/operate-layout.html" suffix(, 0)
    }},
    {"operate-live.html", (const unsigned char[]){
#embed "../Web/operate-live.html" suffix(, 0)
    }},
    {"operate-overview.html", (const unsigned char[]){
#embed "../Web/operate-overview.html" suffix(, 0)
    }},
    {"operate-refunds.html", (const unsigned char[]){
#embed "../Web/operate-refunds.html" suffix(, 0)
    }},
    {"operate-sales.html", (const unsigned char[]){
#embed "../Web/operate-sales.html" suffix(, 0)
    }},
    {"operate-sign-in.html", (const unsigned char[]){
#embed "../Web/operate-sign-in.html" suffix(, 0)
    }},
    {"operate-described.html", (const unsigned char[]){
#embed "../Web/operate-described.html" suffix(, 0)
    }},
    {"operate-entries.html", (const unsigned char[]){
#embed "../Web/operate-entries.html" suffix(, 0)
    }},
    {"operate-field.html", (const unsigned char[]){
#embed "../Web/operate-field.html" suffix(, 0)
    }},
    {"operate-new.html", (const unsigned char[]){
#embed "../Web/operate-new.html" suffix(, 0)
    }},
    {"operate-troubles.html", (const unsigned char[]){
#embed "../Web/operate-troubles.html" suffix(, 0)
    }},
    {"operate-type.html", (const unsigned char[]){
#embed "../Web/operate-type.html" suffix(, 0)
    }},
    {NULL, NULL},
};

const struct PagesText *const pages_texts = texts;
