// Traces as people read and write them. The grammar is on one page in corpora/README.md.
#pragma once

#include <string>
#include <string_view>

#include "lab/trace.h"

namespace memblock::lab {

/// Canonical text: parses back to an equal trace, if the trace is valid (see rules.h).
std::string to_text(const Trace& trace);
/// One line without its newline, such as `reserve [0x1000, 0x2000) nid=0`.
std::string to_text(const Op& op);
/// What `op` answered, on one line, such as `0x1000`, `table-full` or `[0x0, 0x1000); ...`.
std::string to_text(const Op& op, const Outcome& outcome);
/// `[0x1000, 0x2000) nid=0 flags=nomap`.
std::string to_text(const Region& region);

/// What is wrong with a file, where, and what to do about it.
struct Diagnostic {
  uint32_t line = 0;    ///< From 1.
  uint32_t column = 0;  ///< From 1, in bytes.
  std::string message;

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// `file:line:column: message`.
std::string to_text(std::string_view file, const Diagnostic& diagnostic);

/// A trace, or everything that is wrong with its text: one Diagnostic a line, up to
/// kDiagnosticsMax, with what could be read in `trace` all the same.
struct ParsedTrace {
  Trace trace;
  std::vector<Diagnostic> errors;

  bool ok() const { return errors.empty(); }
};

inline constexpr size_t kDiagnosticsMax = 20;
inline constexpr size_t kTraceBytesMax = size_t{256} << 20;

/// Takes any bytes. Time and memory are linear in their number.
ParsedTrace parse_trace(std::string_view text);

/// parse_trace() of a file's contents; one that cannot be read is an error at line 0.
ParsedTrace read_trace(const std::string& path);

}  // namespace memblock::lab
