// Candidates: everything that is timed side by side, and the jobs each can be given.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/boots.h"
#include "bench/job.h"

namespace memblock::bench {

enum class Work {
  ReserveAscending,
  ReserveDescending,
  ReserveRandom,
  Mix,
  IsReservedRandom,
  IsRegionReservedRandom,
  IsMemoryRandom,
  IsReservedLocal,
  IsRegionReservedLocal,
  IsMemoryLocal,
  ColdIsReserved,
  ColdMix,
  ColdAlloc,
  AllocNearDown,
  AllocNearUp,
  AllocFarDown,
  AllocFarUp,
  AllocMisalignedDown,
  AllocMisalignedUp,
  AllocHugeDown,
  AllocBetweenDown,
  AllocCoveredDown,
  AllocOtherNodeDown,
  AllocUnmappedDown,
  AllocNotMirroredDown,
  AllocChurnedDown,
  WalkUp,
  WalkDown,
  MarkEach,
  MarkAll,
  MergeAll,
  Nodes,
  Handover,
  Boot,
};

struct WorkName {
  Work work;
  const char* name;
};

/// All workloads but boots, in the order in which they are shown.
std::span<const WorkName> work_names();
std::optional<Work> work_of(const std::string& name);

/// A workload and its size.
struct Task {
  Work work = Work::Boot;
  size_t regions = 0;
  const Boot* boot = nullptr;  ///< For Work::Boot.

  std::string name() const;
};

enum class Role { Ours, Linux, Peer, Limit };

/// Bytes that a table of some size takes, all storage counted.
struct MemoryUse {
  uint64_t at_rest = 0;
  uint64_t at_peak = 0;  ///< While it grew to that size.
};

struct Candidate {
  std::string name;
  Role role = Role::Peer;
  /// Null where it does not do this.
  std::unique_ptr<Job> (*make)(const Task& task) = nullptr;
  /// `reserved` with that many regions, built in random order; null: none of its own.
  MemoryUse (*memory)(size_t regions) = nullptr;
};

/// Each in a source file of its own.
Candidate core_candidate();
Candidate flat_candidate();
Candidate vector_candidate();
Candidate std_map_candidate();
Candidate absl_candidate();
Candidate icl_candidate();
Candidate llvm_candidate();
Candidate tree_limit_candidate();
Candidate array_limit_candidate();

/// Kernel trees that are loaded side by side.
inline constexpr size_t kLinuxSlots = 4;
/// The tree, built if need be, as the candidate of a slot; no name, and `problem`, where it cannot.
Candidate linux_candidate(size_t slot, const std::string& tree, const std::string& root,
                          std::string& problem);

/// All that this program was built with, but for kernels; the core first.
std::vector<Candidate> candidates();

}  // namespace memblock::bench
