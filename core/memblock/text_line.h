// A line of text in the kernel's number formats, built without any library.
#pragma once

#include <array>
#include <cstddef>

#include "memblock/phys.h"

namespace memblock {

/// Collects one line; what does not fit is cut off.
class TextLine {
 public:
  TextLine& text(const char* words);
  /// `0x` and at least `digits` digits: `%#x` with 1.
  TextLine& hex(uint64_t value, int digits = 1);
  /// Hex digits alone: `%x`.
  TextLine& plain_hex(uint64_t value, int digits = 1);
  TextLine& number(uint64_t value);
  TextLine& signed_number(int64_t value);
  /// All digits that an address has: `%pa`.
  TextLine& address(PhysAddr value) { return hex(value.value, MEMBLOCK_PHYS_ADDR_BITS / 4); }
  /// `[first-last]`: the kernel prints inclusive ends, so an empty range has its last below its
  /// first.
  TextLine& range(PhysRange range);

  const char* data() const { return line_.data(); }
  size_t length() const { return length_; }

 private:
  void put(char character);

  std::array<char, 240> line_{};
  size_t length_ = 0;
};

}  // namespace memblock
