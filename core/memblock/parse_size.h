// Numbers as kernel command lines write them.
#pragma once

#include <string_view>

#include "memblock/status.h"

namespace memblock {

/// A number: decimal, 0x or leading 0 for octal. Consumes it from `text`.
/// Errors: Invalid without digits or when it does not fit 64 bits; `text` is then as it was.
/// Linux: simple_strtoull() with base 0, which wraps.
Result<uint64_t> parse_number(std::string_view& text);

/// parse_number() and one suffix of K M G T P E in either case. Linux: memparse(), which wraps.
Result<uint64_t> parse_size(std::string_view& text);

}  // namespace memblock
