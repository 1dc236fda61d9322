// Tokens of the text format.
#include "lab/cursor.h"

#include "lab/words.h"

namespace memblock::lab {
namespace {

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '|';
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

unsigned suffix_shift(char c) {
  switch (c) {
    case 'K': return 10;
    case 'M': return 20;
    case 'G': return 30;
    case 'T': return 40;
    default: return 0;
  }
}

}  // namespace

void Cursor::skip_blanks() {
  while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
}

bool Cursor::at_end() {
  if (failed()) return true;
  skip_blanks();
  return at_ == line_.size() || line_[at_] == '#';
}

char Cursor::peek() { return at_end() ? '\0' : line_[at_]; }

bool Cursor::take(char expected) {
  if (peek() != expected) return false;
  ++at_;
  return true;
}

bool Cursor::take_word(std::string_view text) {
  const size_t start = at_;
  if (word() == text) return true;
  at_ = start;
  return false;
}

std::string_view Cursor::word() {
  if (at_end()) return {};
  const size_t start = at_;
  while (at_ < line_.size() && is_word_char(line_[at_])) {
    // `->` ends a word; a dash inside one does not.
    if (line_[at_] == '-' && at_ + 1 < line_.size() && line_[at_ + 1] == '>') break;
    ++at_;
  }
  return line_.substr(start, at_ - start);
}

std::string Cursor::shown_rest() {
  constexpr size_t kShownMax = 24;
  if (at_end()) return "the end of the line";
  std::string out = "`";
  for (size_t i = at_; i < line_.size() && line_[i] != ' ' && i - at_ < kShownMax; ++i) {
    const char c = line_[i];
    out += c < ' ' || c > '~' ? '?' : c;
  }
  return out + '`';
}

void Cursor::fail(std::string message) {
  skip_blanks();
  fail_at(at_, std::move(message));
}

void Cursor::fail_at(size_t column, std::string message) {
  if (failed()) return;
  error_ = Diagnostic{number_, static_cast<uint32_t>(column + 1), std::move(message)};
}

Cursor::Wide Cursor::number(Wide most, std::string_view wanted) {
  if (failed()) return 0;
  skip_blanks();
  const size_t start = at_;
  const bool hex =
      line_.substr(at_, 2) == "0x" && at_ + 2 < line_.size() && digit_of(line_[at_ + 2]) >= 0;
  if (hex) at_ += 2;
  const unsigned base = hex ? 16 : 10;
  Wide value = 0;
  size_t digits = 0;
  bool too_large = false;
  for (; at_ < line_.size(); ++at_, ++digits) {
    const int digit = digit_of(line_[at_]);
    if (digit < 0 || digit >= static_cast<int>(base)) break;
    value = value * base + static_cast<unsigned>(digit);
    // Far above `most` there is still room for another digit, so this cannot wrap.
    if (value > most) too_large = true;
    if (too_large) value = most;
  }
  if (digits == 0) {
    fail_at(start, "expected " + std::string{wanted} + ", found " + shown_rest());
    return 0;
  }
  if (!hex && at_ < line_.size() && suffix_shift(line_[at_]) != 0) {
    const unsigned shift = suffix_shift(line_[at_++]);
    if (value > (most >> shift)) too_large = true;
    value <<= shift;
  }
  if (at_ < line_.size() && is_word_char(line_[at_]) && line_[at_] != '-') {
    fail_at(start, "expected " + std::string{wanted} + ", found a number with " + shown_rest() +
                       " behind it");
    return 0;
  }
  if (too_large) fail_at(start, "the number is too large for " + std::string{wanted});
  return too_large ? 0 : value;
}

PhysRange Cursor::range() {
  skip_blanks();
  const size_t start = at_;
  if (!take('[')) {
    fail("expected a range such as [0x1000, 0x2000), found " + shown_rest());
    return {};
  }
  const uint64_t base = number64("the base of a range");
  if (!take(',')) fail("expected `,` between base and end, found " + shown_rest());
  const uint64_t end = number64("the end of a range");
  if (!take(')')) {
    fail("expected `)`: ranges are half-open, the end is not part of them; found " + shown_rest());
  }
  if (!failed() && end < base) fail_at(start, "the range ends before it begins; swap its ends");
  if (failed()) return {};
  return PhysRange{PhysAddr{base}, PhysAddr{end}};
}

void Cursor::extent(PhysAddr& base, uint64_t& size) {
  skip_blanks();
  const size_t start = at_;
  if (!take('[')) {
    return fail("expected a range such as [0x1000, 0x2000), found " + shown_rest());
  }
  base = PhysAddr{number64("the base of a range")};
  if (!take(',')) fail("expected `,` between base and end, found " + shown_rest());
  const Wide end = number(Wide{base.value} + ~uint64_t{0}, "the end of a range");
  if (!take(')')) {
    fail("expected `)`: ranges are half-open, the end is not part of them; found " + shown_rest());
  }
  if (!failed() && end < base.value) {
    fail_at(start, "the range ends before it begins; swap its ends");
  }
  size = failed() ? 0 : static_cast<uint64_t>(end - base.value);
}

NodeId Cursor::nid() {
  if (take_word("none")) return kNoNode;
  if (take_word("unset")) return kUnsetNode;
  skip_blanks();
  const bool negative = take('-');
  const auto value =
      static_cast<int64_t>(number(uint64_t{1} << 31, "a node: a number, none or unset"));
  return NodeId{static_cast<int32_t>(negative ? -value : std::min<int64_t>(value, INT32_MAX))};
}

RegionFlags Cursor::flags() {
  skip_blanks();
  const size_t start = at_;
  const std::string_view all = word();
  if (all == "none") return kNoFlags;
  RegionFlags flags;
  size_t from = 0;
  while (from <= all.size()) {
    const size_t bar = std::min(all.find('|', from), all.size());
    const std::string_view one = all.substr(from, bar - from);
    from = bar + 1;
    if (one.substr(0, 2) == "0x") {
      Cursor digits{one, number_};
      flags.bits |= static_cast<uint32_t>(digits.number(~uint32_t{0}, "flag bits"));
      if (!digits.failed()) continue;
    } else if (const auto flag = flag_of_word(one)) {
      flags = flags | *flag;
      continue;
    }
    fail_at(start,
            "unknown flag; use hotplug, mirror, nomap, driver_managed or noinit, joined by |");
    break;
  }
  return flags;
}

E820Type Cursor::type() {
  const char next = peek();
  if (next >= '0' && next <= '9') {
    return static_cast<E820Type>(number(~uint32_t{0}, "an entry type"));
  }
  const size_t start = at_;
  const auto type = type_of_word(word());
  if (type) return *type;
  at_ = start;
  fail("expected an entry type such as ram, reserved, acpi or 0x63, found " + shown_rest());
  return E820Type::None;
}

char Cursor::escape() {
  const char c = at_ < line_.size() ? line_[at_++] : '\0';
  if (c == 't') return '\t';
  if (c == '"' || c == '\\') return c;
  if (c == 'x' && at_ + 2 <= line_.size()) {
    const int high = digit_of(line_[at_]);
    const int low = digit_of(line_[at_ + 1]);
    if (high >= 0 && low >= 0) {
      at_ += 2;
      return static_cast<char>(16 * high + low);
    }
  }
  fail("unknown escape in quotes; use \\\", \\\\, \\t or \\x41");
  return '\0';
}

std::string Cursor::quoted() {
  std::string out;
  if (!take('"')) {
    fail("expected text in double quotes, found " + shown_rest());
    return out;
  }
  while (!failed()) {
    if (at_ == line_.size()) {
      fail("the quote is not closed; add `\"`");
      break;
    }
    const char c = line_[at_++];
    if (c == '"') break;
    out += c == '\\' ? escape() : c;
  }
  return out;
}

}  // namespace memblock::lab
