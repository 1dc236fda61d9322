// The differential check behind lab-check: corpora and recorded boots first, then random traces for
// as long as time allows, in several processes. The core is checked against the model, and every
// kernel tree against both.
#pragma once

#include <atomic>
#include <functional>

#include "lab/linux_judge.h"

namespace memblock::lab {

struct CheckOptions {
  std::vector<std::string> files;  ///< Only these; empty: the corpora, then random traces.
  std::vector<CheckTree> trees;
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
  double seconds = 0;   ///< When it was found, after the start.
  bool ours = true;     ///< The core or the model is to blame, no kernel tree.
};

/// What came of one kernel tree.
struct TreeResult {
  std::string name;
  uint64_t executions = 0;
  uint64_t ops = 0;
  uint64_t skipped = 0;                   ///< Ops that the tree does not have.
  std::map<std::string, uint64_t> known;  ///< Known divergences met, and how often.
  std::vector<std::string> shown;         ///< Entries of corpora/divergences that it shows.
  std::vector<std::string> fixed;         ///< Those that it should show, and does not.
  std::vector<std::string> unexpected;  ///< Those that it shows, and their header does not say so.
};

struct CheckResult {
  uint64_t traces = 0;      ///< Traces of corpora and boots, on all backends.
  uint64_t executions = 0;  ///< Traces judged, random ones included.
  uint64_t ops = 0;
  uint64_t known = 0;  ///< Known divergences met on any tree, each counted once.
  std::vector<TreeResult> trees;
  std::vector<CheckFinding> findings;
  std::vector<std::string> problems;  ///< What could not be checked at all.
  double seconds = 0;
  bool interrupted = false;
};

/// A moment of a running check.
struct CheckProgress {
  uint64_t files = 0, files_all = 0;  ///< Files judged, of how many; each backend counts.
  uint64_t executions = 0, ops = 0;
  std::span<const CheckFinding> findings;  ///< So far; each is looked into as soon as it is found.
  double seconds = 0;
};

/// Runs until all is done or `stop` is set. `progress` is called about twice a second.
CheckResult run_check(const CheckOptions& options, const std::atomic<bool>& stop,
                      const std::function<void(const CheckProgress&)>& progress);

}  // namespace memblock::lab
