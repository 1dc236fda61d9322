// Numbers are written from the highest digit down.
#include "memblock/text_line.h"

namespace memblock {

namespace {

consteval std::array<uint64_t, 20> powers_of_ten() {
  std::array<uint64_t, 20> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = 10 * powers[i - 1];
  return powers;
}

constexpr std::array<uint64_t, 20> kPowersOfTen = powers_of_ten();

}  // namespace

void TextLine::put(char character) {
  if (length_ + 1 < line_.size()) line_[length_++] = character;
}

TextLine& TextLine::text(const char* words) {
  for (; *words != '\0'; ++words) put(*words);
  return *this;
}

TextLine& TextLine::plain_hex(uint64_t value, int digits) {
  int needed = 1;
  while (needed < 16 && (value >> (4 * needed)) != 0) ++needed;
  for (int i = needed < digits ? digits : needed; i-- > 0;) {
    put("0123456789abcdef"[(value >> (4 * i)) & 0xf]);
  }
  return *this;
}

TextLine& TextLine::hex(uint64_t value, int digits) { return text("0x").plain_hex(value, digits); }

// Counts down instead of dividing: a kernel for 32 bits has no division of 64.
TextLine& TextLine::number(uint64_t value) {
  bool started = false;
  for (size_t i = kPowersOfTen.size(); i-- > 0;) {
    char digit = '0';
    for (; value >= kPowersOfTen[i]; value -= kPowersOfTen[i]) ++digit;
    started = started || digit != '0' || i == 0;
    if (started) put(digit);
  }
  return *this;
}

TextLine& TextLine::signed_number(int64_t value) {
  if (value >= 0) return number(static_cast<uint64_t>(value));
  put('-');
  return number(~static_cast<uint64_t>(value) + 1);
}

TextLine& TextLine::range(PhysRange range) {
  return text("[").address(range.base).text("-").address(range.end - 1).text("]");
}

}  // namespace memblock
