// Replay: an imported boot on a backend, every allocation and every dump checked.
#pragma once

#include "lab/bootlog.h"

namespace memblock::lab {

/// An allocation that did not come out as the log has it.
struct WrongAllocation {
  size_t step = 0;
  uint32_t line = 0;
  std::string
      what;  ///< What was asked for, what the kernel got, what the backend answers, and why.
};

/// A dump, compared with the backend's tables.
struct DumpVerdict {
  size_t step = 0;
  uint32_t line = 0;
  bool final_map = false;
  bool right = false;
  bool tables_differ = false;            ///< Not only the printed totals.
  std::vector<std::string> differences;  ///< One line each; at most kDifferencesMax.
  std::vector<std::string> divergences;  ///< Known deviations of this kernel, by name.
};

inline constexpr size_t kDifferencesMax = 20;

/// Right of checked.
struct Tally {
  uint64_t right = 0;
  uint64_t checked = 0;

  friend bool operator==(const Tally&, const Tally&) = default;
};

/// A firmware map that the kernel printed after options had changed it, and what came out here.
struct WrongMap {
  size_t step = 0;
  uint32_t line = 0;
  std::string what;
};

/// What a replay found.
struct ReplayReport {
  std::string file;
  std::string backend;
  uint64_t calls = 0;  ///< Carried out: printed, inferred, allocations; not the checks.
  Tally allocations;
  Tally dumps;
  Tally maps;             ///< Firmware maps after `mem=`, `memmap=` or an extension.
  uint64_t inferred = 0;  ///< Calls that the log does not show.
  std::vector<WrongAllocation> wrong;
  std::vector<DumpVerdict> verdicts;
  std::vector<WrongMap> wrong_maps;
  std::string broken;  ///< The first broken invariant, by number and line; empty if none.

  /// All allocations, dumps and maps are right, and no invariant broke.
  bool right() const {
    return allocations.right == allocations.checked && dumps.right == dumps.checked &&
           maps.right == maps.checked && broken.empty();
  }
};

/// Replays `boot` on the backend called `backend` (one of replay_backends()). After a wrong answer
/// the logged one is put in its place, so that the rest can be judged.
ReplayReport replay(const ImportedBoot& boot, std::string_view backend);

/// The names replay() accepts.
std::span<const std::string_view> replay_backends();

/// `boot` as a trace that any backend can run without a log: allocations that do not land where the
/// kernel's did are reservations of the kernel's place. Each step has an expectation where one is
/// known.
Trace playable_trace(const ImportedBoot& boot);

/// What came of replaying a trace that somebody wrote.
struct TraceReport {
  uint64_t calls = 0;
  Tally expectations;
  std::vector<std::string> differences;  ///< `line: call: expected ..., backend answers ...`
};

/// Runs `trace` on a backend, as replay() names them, and checks what it expects.
TraceReport replay_trace_on(const Trace& trace, std::string_view backend);

/// One line for people: what `step` calls, where it stands in the log, why it is there.
std::string step_text(const ImportedBoot& boot, size_t step);

}  // namespace memblock::lab
