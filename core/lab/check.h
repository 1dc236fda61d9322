// The differential check behind lab-check: corpora and recorded boots first, then random traces for
// as long as time allows, in several processes.
#pragma once

#include <atomic>
#include <functional>

#include "lab/judge.h"

namespace memblock::lab {

struct CheckOptions {
  std::vector<std::string> files;  ///< Only these; empty: the corpora, then random traces.
  std::string corpora;
  std::string findings;          ///< Folder for minimised findings.
  double seconds = 60;           ///< Of random traces.
  double minimise_seconds = 20;  ///< To make one finding small.
  unsigned jobs = 1;
  uint64_t seed = 1;
};

struct CheckFinding {
  std::string what;  ///< One line: where it was found, and its signature.
  std::string report;
  std::string file;     ///< The trace, minimised if it was a random one.
  std::string command;  ///< Shows it again.
};

struct CheckResult {
  uint64_t traces = 0;      ///< Traces of corpora and boots.
  uint64_t executions = 0;  ///< Traces judged, random ones included.
  uint64_t ops = 0;
  uint64_t known = 0;  ///< Entries of corpora/divergences that were judged.
  std::vector<CheckFinding> findings;
  std::vector<std::string> problems;  ///< What could not be checked at all.
  double seconds = 0;
  bool interrupted = false;
};

/// A moment of a running check.
struct CheckProgress {
  uint64_t traces = 0, executions = 0, ops = 0, findings = 0;
  double seconds = 0;
};

/// Runs until all is done or `stop` is set. `progress` is called about twice a second.
CheckResult run_check(const CheckOptions& options, const std::atomic<bool>& stop,
                      const std::function<void(const CheckProgress&)>& progress);

}  // namespace memblock::lab
