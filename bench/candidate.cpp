#include "bench/candidate.h"

namespace memblock::bench {
namespace {

constexpr WorkName kNames[] = {
    {Work::ReserveAscending, "Table/reserve_ascending"},
    {Work::ReserveDescending, "Table/reserve_descending"},
    {Work::ReserveRandom, "Table/reserve_random"},
    {Work::Mix, "Table/reserve_free_mix"},
    {Work::IsReservedRandom, "Lookup/is_reserved_random"},
    {Work::IsRegionReservedRandom, "Lookup/is_region_reserved_random"},
    {Work::IsMemoryRandom, "Lookup/is_memory_random"},
    {Work::IsReservedLocal, "Lookup/is_reserved_local"},
    {Work::IsRegionReservedLocal, "Lookup/is_region_reserved_local"},
    {Work::IsMemoryLocal, "Lookup/is_memory_local"},
    {Work::ColdIsReserved, "Cold/is_reserved_random"},
    {Work::ColdMix, "Cold/reserve_free_mix"},
    {Work::ColdAlloc, "Cold/near_gap_top_down"},
    {Work::AllocNearDown, "Alloc/near_gap_top_down"},
    {Work::AllocNearUp, "Alloc/near_gap_bottom_up"},
    {Work::AllocFarDown, "Alloc/far_gap_top_down"},
    {Work::AllocFarUp, "Alloc/far_gap_bottom_up"},
    {Work::AllocMisalignedDown, "Alloc/misaligned_gaps_top_down"},
    {Work::AllocMisalignedUp, "Alloc/misaligned_gaps_bottom_up"},
    {Work::AllocHugeDown, "Alloc/misaligned_2M_gaps_top_down"},
    {Work::AllocBetweenDown, "Alloc/anew_misaligned_1M_top_down"},
    {Work::AllocCoveredDown, "Alloc/anew_covered_memory_top_down"},
    {Work::AllocOtherNodeDown, "Alloc/anew_other_node_top_down"},
    {Work::AllocUnmappedDown, "Alloc/anew_nomap_top_down"},
    {Work::AllocNotMirroredDown, "Alloc/anew_not_mirrored_top_down"},
    {Work::AllocChurnedDown, "Alloc/anew_churned_top_down"},
    {Work::WalkUp, "Walk/free_ranges_up"},
    {Work::WalkDown, "Walk/free_ranges_down"},
    {Work::MarkEach, "Mark/hotplug_each"},
    {Work::MarkAll, "Mark/hotplug_all"},
    {Work::MergeAll, "Mark/nomap_merge_all"},
    {Work::Nodes, "Numa/add_then_set_node"},
    {Work::Handover, "Handover/free_all"},
};

}  // namespace

std::span<const WorkName> work_names() { return kNames; }

std::optional<Work> work_of(const std::string& name) {
  for (const WorkName& one : kNames) {
    if (name == one.name) return one.work;
  }
  return std::nullopt;
}

std::string Task::name() const {
  if (work == Work::Boot) return "Boot/" + boot->name;
  for (const WorkName& one : kNames) {
    if (one.work == work) return one.name;
  }
  return {};
}

std::vector<Candidate> candidates() {
  std::vector<Candidate> all{core_candidate(), flat_candidate(), vector_candidate(),
                             std_map_candidate()};
#ifdef LAB_BENCH_ABSL
  all.push_back(absl_candidate());
#endif
#ifdef LAB_BENCH_BOOST
  all.push_back(icl_candidate());
#endif
#ifdef LAB_BENCH_LLVM
  all.push_back(llvm_candidate());
#endif
  all.push_back(tree_limit_candidate());
  all.push_back(array_limit_candidate());
  return all;
}

}  // namespace memblock::bench
