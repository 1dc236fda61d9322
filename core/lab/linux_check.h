// Checking kernel trees: traces of the corpora, known divergences, then random traces, each on the
// tree and on the core.
#pragma once

#include <atomic>
#include <functional>

#include "lab/linux_compare.h"

namespace memblock::lab {

struct LinuxCheckOptions {
  std::vector<std::string> files;  ///< Only these; empty: the corpora, then random traces.
  std::string corpora;
  std::string findings;  ///< Folder for minimised findings.
  double seconds = 60;   ///< Of random traces for each tree.
  unsigned jobs = 1;
  uint64_t seed = 1;
  std::string again;  ///< The command that checks this tree, without a file.
};

struct LinuxFinding {
  std::string signature;
  std::string report;
  double seconds = 0;  ///< After the start of the random traces.
};

struct LinuxTotals {
  uint64_t traces = 0;
  uint64_t executions = 0;
  uint64_t ops = 0;
  uint64_t skipped = 0;                   ///< Ops that the tree does not have.
  std::map<std::string, uint64_t> known;  ///< Known divergences met, by name.
  std::vector<std::string> shown;         ///< Files of corpora/divergences that the tree shows.
  std::vector<std::string> fixed;         ///< Those that it should show, and no longer does.
  std::vector<LinuxFinding> findings;
  std::vector<std::string> problems;
};

/// Everything for one tree. `progress` is told about twice a second.
LinuxTotals check_linux(LinuxTree& tree, const LinuxCheckOptions& options,
                        const std::atomic<bool>& stop,
                        const std::function<void(const LinuxTotals&, double)>& progress);

/// Whether the comment of a divergence says that it was seen to hold for `version`, such as `6.1`.
bool says_it_holds(const Trace& divergence, const std::string& version);

}  // namespace memblock::lab
