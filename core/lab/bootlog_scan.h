// Scanner: takes numbers, words and literals off the front of a line.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace memblock::lab {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string_view rest() const { return text_; }
  bool at_end() const { return text_.empty(); }
  /// Digits behind the `0x` that hex() took last.
  unsigned digits() const { return digits_; }

  void blanks() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\t')) text_.remove_prefix(1);
  }

  bool literal(std::string_view expected) {
    if (text_.substr(0, expected.size()) != expected) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  /// `0x1000`
  bool hex(uint64_t& value) {
    std::string_view before = text_;
    if (!literal("0x") || !number(value, 16)) {
      text_ = before;
      return false;
    }
    digits_ = static_cast<unsigned>(before.size() - text_.size() - 2);
    return true;
  }

  bool decimal(uint64_t& value) { return number(value, 10); }

  bool decimal(int32_t& value) {
    const auto result = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    return taken(result);
  }

  bool bare_hex(uint64_t& value) { return number(value, 16); }

  /// Everything up to `end`, which is taken too; false if it does not come.
  bool until(std::string_view end, std::string_view& word) {
    const size_t at = text_.find(end);
    if (at == std::string_view::npos) return false;
    word = text_.substr(0, at);
    text_.remove_prefix(at + end.size());
    return true;
  }

  /// The next run without blanks.
  std::string_view word() {
    blanks();
    const size_t end = text_.find_first_of(" \t");
    const std::string_view found = text_.substr(0, end);
    text_.remove_prefix(found.size());
    return found;
  }

  /// `0x1000-0x1fff`
  bool hex_pair(uint64_t& first, std::string_view between, uint64_t& second) {
    return hex(first) && literal(between) && hex(second);
  }

 private:
  bool number(uint64_t& value, int base) {
    return taken(std::from_chars(text_.data(), text_.data() + text_.size(), value, base));
  }

  bool taken(std::from_chars_result result) {
    if (result.ec != std::errc{}) return false;
    text_.remove_prefix(static_cast<size_t>(result.ptr - text_.data()));
    return true;
  }

  std::string_view text_;
  unsigned digits_ = 0;
};

}  // namespace memblock::lab
