// Numbers as kernel command lines write them.
#pragma once

#include <string_view>

#include "memblock/status.h"

namespace memblock {

/// A number: decimal, 0x or leading 0 for octal, and one suffix of K M G T P E.
/// Consumes it from `text`. Errors: Invalid without digits or when it does not fit 64 bits.
/// Linux: memparse(), which wraps.
Result<uint64_t> parse_size(std::string_view& text);

}  // namespace memblock
