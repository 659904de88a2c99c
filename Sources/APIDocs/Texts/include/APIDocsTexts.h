/// Texts that are compiled into the program, so that copying one file installs everything.
///
/// A C target, because `#embed` compiles a text of any length in no time and notices when its file changes. SwiftPM's
/// `.embedInCode` makes an array literal of it, which took Swift half a minute.
#pragma once

/// A text with its name.
struct APIDocsText {
    const char *name;
    /// UTF-8, ends with a zero byte.
    const unsigned char *text;
};

/// The OpenAPI document, and what its page needs. The last one has no name.
extern const struct APIDocsText *const api_docs_files;
/// The pages of problems by their codes. The last one has no name.
extern const struct APIDocsText *const api_docs_problems;
