// Judging one trace on a kernel tree: what differs from the core and the model, and which known
// divergences show.
#pragma once

#include "lab/judge.h"
#include "lab/linux_compare.h"

namespace memblock::lab {

/// A tree, and what a report needs to say of it.
struct CheckTree {
  LinuxTree* tree = nullptr;
  std::string command;  ///< Checks this tree once a file follows: `ci/lab check --linux 6.12`.
};

/// How a trace is run beside the tree.
enum class LinuxRun : uint8_t {
  Flat,       ///< The flat table; growth and clearing touch no memory of the machine's.
  Tree,       ///< The tree table, likewise.
  SmallTree,  ///< The tree table in small nodes, likewise.
  Model,      ///< The model, likewise.
  Window,  ///< The tree; real memory lies under the lowest addresses, and kernel code works in it.
};

/// What came of it.
struct LinuxJudged {
  Verdict verdict;
  uint64_t executions = 0;  ///< 0: the tree cannot run under the trace's limits.
  uint64_t ops = 0;
  uint64_t skipped = 0;  ///< Ops that the tree does not have.
  std::map<std::string, uint64_t> known;
};

/// Runs `trace`, which is stored in `file` unless that is empty. Best while a LinuxGuard lives.
LinuxJudged judge_on_linux(const CheckTree& tree, const Trace& trace, const std::string& file,
                           LinuxRun run);

/// `trace` as every tree can run it: the kernel's regions, and a table's least capacity.
Trace for_linux(Trace trace, const LinuxTree& tree);

/// Names of all known divergences, each once, in order.
std::span<const std::string> known_names();

/// Kernel releases, such as `6.12`, for which the header of a divergence says that it was run.
std::vector<std::string> releases_of(const Trace& divergence);

/// Whether a tree of release `release` should show `divergence`: the tree's own release counts if
/// any header names it (`named`: what all of them name), else the newest that is not newer.
bool should_show(const Trace& divergence, const std::string& release,
                 const std::vector<std::string>& named);

}  // namespace memblock::lab
