/// Templates, texts and files of the pages, compiled into the program as those of `APIDocsTexts` are.
#pragma once

/// A text with its name.
struct PagesText {
    const char *name;
    /// UTF-8, ends with a zero byte.
    const unsigned char *text;
};

/// The files of `Web`. The last one has no name.
extern const struct PagesText *const pages_texts;
