/// A C target for what `#embed` compiles in no time: SwiftPM's `.embedInCode` makes an array literal of each file.
#pragma once

/// The Lua functions, joined; UTF-8, ends with a zero byte.
extern const unsigned char *const redis_store_functions;
