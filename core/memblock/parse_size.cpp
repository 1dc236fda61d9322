// Numbers as kernel command lines write them, without the wrapping.
#include "memblock/parse_size.h"

namespace memblock {
namespace {

/// The value of `c` as a digit; 16 or more if it is none.
unsigned digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return 16;
}

/// How many bits the suffix `c` shifts a number by; 0 if it is none.
unsigned shift_of(char c) {
  switch (c) {
    case 'K':
    case 'k': return 10;
    case 'M':
    case 'm': return 20;
    case 'G':
    case 'g': return 30;
    case 'T':
    case 't': return 40;
    case 'P':
    case 'p': return 50;
    case 'E':
    case 'e': return 60;
    default: return 0;
  }
}

/// The base the text announces; takes "0x" off it. A 0x with no digit behind it is the number 0.
unsigned take_base(std::string_view& text) {
  if (text.size() < 2 || text[0] != '0') return 10;
  const bool hex = (text[1] == 'x' || text[1] == 'X') && text.size() > 2 && digit_of(text[2]) < 16;
  if (!hex) return 8;
  text.remove_prefix(2);
  return 16;
}

}  // namespace

Result<uint64_t> parse_number(std::string_view& text) {
  std::string_view rest = text;
  const unsigned base = take_base(rest);
  uint64_t value = 0;
  size_t digits = 0;
  for (; digits < rest.size() && digit_of(rest[digits]) < base; ++digits) {
    // Checked without a division: a kernel for 32 bits has none of 64.
    if (__builtin_mul_overflow(value, uint64_t{base}, &value) ||
        __builtin_add_overflow(value, uint64_t{digit_of(rest[digits])}, &value)) {
      return Status::Invalid;
    }
  }
  if (digits == 0) return Status::Invalid;
  rest.remove_prefix(digits);
  text = rest;
  return value;
}

Result<uint64_t> parse_size(std::string_view& text) {
  std::string_view rest = text;
  const Result<uint64_t> number = parse_number(rest);
  if (!number.ok()) return number;
  const unsigned shift = rest.empty() ? 0 : shift_of(rest[0]);
  if (shift != 0) rest.remove_prefix(1);
  const uint64_t value = number.value() << shift;
  if (value >> shift != number.value()) return Status::Invalid;
  text = rest;
  return value;
}

}  // namespace memblock
