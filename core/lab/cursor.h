// Cursor: reads one line of the text format from left to right and keeps the first thing that is
// wrong with it.
#pragma once

#include <algorithm>
#include <optional>

#include "lab/text.h"

namespace memblock::lab {

/// All readers skip blanks first. After an error every reader says no, so callers need not check
/// after each step.
class Cursor {
 public:
  using Wide = unsigned __int128;

  Cursor(std::string_view line, uint32_t number) : line_(line), number_(number) {}

  /// Nothing but a comment is left.
  bool at_end();
  /// The next character without taking it; 0 at the end.
  char peek();
  bool take(char expected);
  /// Takes `text` if it comes next as a whole word.
  bool take_word(std::string_view text);
  /// Letters, digits, `_`, `-` and `|`; empty if there are none.
  std::string_view word();

  /// 0x and hex digits, or decimal digits with K, M, G or T behind them. Errors if there is none or
  /// it is larger than `most`.
  Wide number(Wide most, std::string_view wanted);
  uint64_t number64(std::string_view wanted) {
    return static_cast<uint64_t>(number(~uint64_t{0}, wanted));
  }
  PhysRange range();
  /// A range whose end may lie at or beyond 2^64, as base and size.
  void extent(PhysAddr& base, uint64_t& size);
  NodeId nid();
  RegionFlags flags();
  E820Type type();
  std::string quoted();

  /// Notes what is wrong at the current place, or at `column` (from 0).
  void fail(std::string message);
  void fail_at(size_t column, std::string message);
  bool failed() const { return error_.has_value(); }
  const std::optional<Diagnostic>& error() const { return error_; }
  size_t column() const { return at_; }

  /// The rest of the line at the current place, cut short and cleaned for a message.
  std::string shown_rest();

 private:
  void skip_blanks();
  char escape();

  std::string_view line_;
  uint32_t number_;
  size_t at_ = 0;
  std::optional<Diagnostic> error_;
};

}  // namespace memblock::lab
