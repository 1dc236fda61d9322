// The job of a task for one kind of subject. Included by each candidate's source file once.
#pragma once

#include "bench/alloc_jobs.h"
#include "bench/boot_job.h"
#include "bench/candidate.h"
#include "bench/cold_job.h"
#include "bench/lookup_jobs.h"
#include "bench/sweep_jobs.h"

namespace memblock::bench {

template <Subject S>
std::unique_ptr<Job> make_lookup(Work work, size_t n) {
  switch (work) {
    case Work::IsReservedRandom:
      return std::make_unique<LookupJob<S, Lookup::IsReserved>>(n, false);
    case Work::IsReservedLocal: return std::make_unique<LookupJob<S, Lookup::IsReserved>>(n, true);
    case Work::IsRegionReservedRandom:
      return std::make_unique<LookupJob<S, Lookup::IsRegionReserved>>(n, false);
    case Work::IsRegionReservedLocal:
      return std::make_unique<LookupJob<S, Lookup::IsRegionReserved>>(n, true);
    case Work::IsMemoryRandom: return std::make_unique<LookupJob<S, Lookup::IsMemory>>(n, false);
    case Work::IsMemoryLocal: return std::make_unique<LookupJob<S, Lookup::IsMemory>>(n, true);
    default: return nullptr;
  }
}

template <Subject S>
std::unique_ptr<Job> make_alloc(Work work, size_t n) {
  switch (work) {
    case Work::AllocNearDown: return std::make_unique<AllocJob<S>>(Fit::Near, false, n);
    case Work::AllocNearUp: return std::make_unique<AllocJob<S>>(Fit::Near, true, n);
    case Work::AllocFarDown: return std::make_unique<AllocJob<S>>(Fit::Far, false, n);
    case Work::AllocFarUp: return std::make_unique<AllocJob<S>>(Fit::Far, true, n);
    case Work::AllocMisalignedDown: return std::make_unique<AllocJob<S>>(Fit::Misaligned, false, n);
    case Work::AllocMisalignedUp: return std::make_unique<AllocJob<S>>(Fit::Misaligned, true, n);
    case Work::AllocHugeDown: return std::make_unique<AllocJob<S>>(Fit::Huge, false, n);
    case Work::AllocBetweenDown: return std::make_unique<AllocJob<S>>(Fit::Between, false, n);
    case Work::AllocCoveredDown: return std::make_unique<AllocJob<S>>(Fit::Covered, false, n);
    case Work::AllocOtherNodeDown: return std::make_unique<AllocJob<S>>(Fit::OtherNode, false, n);
    case Work::AllocUnmappedDown: return std::make_unique<AllocJob<S>>(Fit::Unmapped, false, n);
    case Work::AllocNotMirroredDown:
      return std::make_unique<AllocJob<S>>(Fit::NotMirrored, false, n);
    case Work::AllocChurnedDown: return std::make_unique<AllocJob<S>>(Fit::Churned, false, n);
    default: return nullptr;
  }
}

/// What it is when nothing of it is in a cache.
template <Subject S>
std::unique_ptr<Job> make_cold(Work work, size_t n) {
  switch (work) {
    case Work::ColdIsReserved:
      return std::make_unique<ColdJob>(make_lookup<S>(Work::IsReservedRandom, n));
    case Work::ColdMix: return std::make_unique<ColdJob>(std::make_unique<MixJob<S>>(n));
    case Work::ColdAlloc: return std::make_unique<ColdJob>(make_alloc<S>(Work::AllocNearDown, n));
    default: return nullptr;
  }
}

template <Subject S>
std::unique_ptr<Job> make_job(const Task& task) {
  const size_t n = task.regions;
  switch (task.work) {
    case Work::ReserveAscending: return std::make_unique<BuildJob<S>>(Order::Ascending, n);
    case Work::ReserveDescending: return std::make_unique<BuildJob<S>>(Order::Descending, n);
    case Work::ReserveRandom: return std::make_unique<BuildJob<S>>(Order::Random, n);
    case Work::Mix: return std::make_unique<MixJob<S>>(n);
    case Work::WalkUp: return std::make_unique<WalkJob<S>>(n, Direction::Up);
    case Work::WalkDown: return std::make_unique<WalkJob<S>>(n, Direction::Down);
    case Work::MarkEach: return std::make_unique<MarkEachJob<S>>(n);
    case Work::MarkAll: return std::make_unique<MarkAllJob<S>>(n);
    case Work::MergeAll: return std::make_unique<MergeAllJob<S>>(n);
    case Work::Nodes: return std::make_unique<NodesJob<S>>(n);
    case Work::Boot: return std::make_unique<BootJob<S>>(*task.boot);
    case Work::Handover:
      if constexpr (HandsOver<S>) return std::make_unique<HandoverJob<S>>(n);
      return nullptr;
    default: break;
  }
  if (auto lookup = make_lookup<S>(task.work, n)) return lookup;
  if (auto cold = make_cold<S>(task.work, n)) return cold;
  return make_alloc<S>(task.work, n);
}

}  // namespace memblock::bench
