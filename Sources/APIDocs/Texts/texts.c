#include "APIDocsTexts.h"
#include <stddef.h>

static const struct APIDocsText files[] = {
    {"openapi.json", (const unsigned char[]){
#embed "../Web/openapi.json" suffix(, 0)
    }},
    {"docs.html", (const unsigned char[]){
#embed "../Web/docs.html" suffix(, 0)
    }},
    {"docs.js", (const unsigned char[]){
#embed "../Web/docs.js" suffix(, 0)
    }},
    {"docs.css", (const unsigned char[]){
#embed "../Web/docs.css" suffix(, 0)
    }},
    {NULL, NULL},
};

static const struct APIDocsText problems[] = {
#include "problems.h"
    {NULL, NULL},
};

const struct APIDocsText *const api_docs_files = files;
const struct APIDocsText *const api_docs_problems = problems;
