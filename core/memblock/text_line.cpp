// Digits are produced from the low end and turned round in place.
#include "memblock/text_line.h"

namespace memblock {

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

TextLine& TextLine::number(uint64_t value) {
  uint64_t unit = 1;
  while (value / unit >= 10) unit *= 10;
  for (; unit != 0; unit /= 10) put(static_cast<char>('0' + value / unit % 10));
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
