// Judging one trace: core against model, expectations and laws, in a process of its own where a
// crash or an endless loop is an answer too.
#pragma once

#include <functional>

#include "lab/trace.h"

namespace memblock::lab {

/// What is wrong with a trace, if anything.
struct Verdict {
  /// The kind of finding, the same for a smaller trace that shows the same; empty: nothing found.
  std::string signature;
  std::string report;  ///< Several lines for people.

  bool good() const { return signature.empty(); }
};

/// Answers against expectations on both backends, core against model, laws. `file` is where the
/// trace is stored, or empty.
Verdict judge(const Trace& trace, const std::string& file);

/// What `told` writes to the file descriptor it is given, in a child process, which may crash.
std::string text_apart(const std::function<void(int)>& told, double seconds);

/// Runs `judged` in a child process. A crash or more than `seconds` make a verdict as well.
Verdict judge_apart(const std::function<Verdict()>& judged, double seconds);

}  // namespace memblock::lab
