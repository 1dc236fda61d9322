/* The kernel's reading of numbers: no blanks, no sign, wrapping where they are too large. */
#include <stddef.h>

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

unsigned long long simple_strtoull(const char* text, char** end, unsigned base) {
  const int hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && digit(text[2]) < 16;
  if (base == 0) base = hex ? 16 : text[0] == '0' ? 8 : 10;
  if (base == 16 && hex) text += 2;
  unsigned long long value = 0;
  while (digit(*text) < (int)base) value = value * base + (unsigned)digit(*text++);
  if (end != NULL) *end = (char*)text;
  return value;
}

unsigned long long memparse(const char* text, char** end) {
  char* rest;
  unsigned long long value = simple_strtoull(text, &rest, 0);
  static const char suffixes[] = "kKmMgGtTpPeE";
  for (unsigned i = 0; i < sizeof suffixes - 1; ++i) {
    if (*rest != suffixes[i]) continue;
    value <<= 10 * (i / 2 + 1);
    ++rest;
    break;
  }
  if (end != NULL) *end = rest;
  return value;
}
