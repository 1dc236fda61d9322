// How each known divergence of a kernel shows itself. Predicates are narrow: what they do not
// explain stays loud. Names are those of files in corpora/divergences.
#include <algorithm>

#include "lab/linux_compare.h"

namespace memblock::lab {
namespace {

bool allocates(const LinuxStep& step) {
  return step.op.code >= OpCode::Allocate && step.op.code <= OpCode::AllocExactNidRaw;
}

bool limits_memory(const LinuxStep& step) {
  return step.op.code == OpCode::EnforceMemoryLimit || step.op.code == OpCode::CapMemoryRange ||
         step.op.code == OpCode::MemLimitRemoveMap;
}

bool same(RegionView a, RegionView b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

/// Whether the kernel's table grew in this op.
bool grew(const LinuxStep& step, TableId id) {
  const auto i = static_cast<size_t>(id);
  return step.kernel.capacities[i] != step.capacities_before[i];
}

bool died_of(const LinuxStep& step, std::string_view what) {
  return step.difference.dead.find(what) != std::string::npos;
}

/// Nomap memory that touches, joined again.
std::vector<Region> joined_nomap(RegionView memory) {
  std::vector<Region> out;
  for (const Region& region : memory) {
    if (!out.empty() && region.flags.has(kNomap) && out.back().end() == region.base &&
        out.back().same_kind(region)) {
      out.back().size += region.size;
    } else {
      out.push_back(region);
    }
  }
  return out;
}

/// Nothing but the answers differs.
bool only_answer(const LinuxStep& step) {
  const LinuxDifference& d = step.difference;
  return !d.tables && !d.totals && !d.capacities && !d.map && d.dead.empty() &&
         d.other_warning.empty();
}

// for_each_mem_pfn_range() took no number but MAX_NUMNODES for "any node".
bool pfn_walk_none(const LinuxStep& step) {
  return step.op.code == OpCode::MemPfns && step.op.nid == kNoNode &&
         !step.backend.tree().object().node_any_alike && only_answer(step);
}

// Allocations of no bytes answer the end of some free memory.
bool alloc_nothing(const LinuxStep& step) {
  return allocates(step) && step.op.size == 0 && only_answer(step);
}

// Growing memory frees its old array, which grows reserved, whose new array lands on memory's.
bool growth_overlap(const LinuxStep& step) {
  if (step.backend.arrays_met()) return true;
  // Not on it this time, but elsewhere than if the new array had been protected first.
  const bool memory =
      grew(step, TableId::Memory) && !step.backend.array_before(TableId::Memory).empty();
  const bool physmem =
      grew(step, TableId::Physmem) && step.capacities_before[2] != step.limits.physmem;
  return (memory && grew(step, TableId::Reserved)) ||
         ((memory || physmem) && step.reserved_before.size() + 3 > step.capacities_before[1]);
}

// What growth moves is not counted again: an old array inside the new reservation is counted though
// it goes, and a new one is not though it comes.
bool growth_stale_count(const LinuxStep& step) {
  const PhysRange old = step.backend.array_before(TableId::Reserved);
  const bool boots = step.op.code == OpCode::E820Load || step.op.code == OpCode::EarlyReserve;
  if (old.empty() || !(boots || (step.op.code == OpCode::Reserve && step.op.range.overlaps(old)))) {
    return false;
  }
  return died_of(step, "BUG: memblock_insert_region") || grew(step, TableId::Reserved);
}

// physmem stays for good, as the kernel's documentation says; ours goes with the rest.
bool discard_keeps_physmem(const LinuxStep& step) {
  return step.op.code == OpCode::Discard && step.capacities_before[2] > step.limits.physmem;
}

// Trimming forgets to count.
bool trim_total(const LinuxStep& step) {
  return (step.op.code == OpCode::TrimMemory || step.op.code == OpCode::E820Load) &&
         step.difference.totals && !step.difference.tables && !step.difference.capacities;
}

// A limit cuts memory, and then has no slot to cut reserved, which it would not have needed.
bool limit_half_done(const LinuxStep& step) {
  if (!limits_memory(step)) return false;
  if (step.backend.panicked() || step.ours.answer.status == Status::TableFull) return true;
  return same(step.ours.memory, joined_nomap(step.kernel.memory)) &&
         !same(step.ours.reserved, step.kernel.reserved) &&
         step.kernel.reserved.size() + 2 > step.kernel.capacities[1];
}

// The first array of physmem is static too, but is freed when it is grown: whatever lies there.
bool physmem_static_freed(const LinuxStep& step) {
  return step.capacities_before[2] == step.limits.physmem &&
         step.kernel.capacities[2] > step.limits.physmem &&
         (!step.difference.none() || grew(step, TableId::Reserved));
}

// "Up to 0" and "up to 1" are spellings of "up to the limit": growth that must stay below a
// reservation at 0 is put into it.
bool growth_area_at_zero(const LinuxStep& step) {
  // early_reserve() begins with [0, 64 KiB); loading a map reserves what is soft-reserved.
  const bool boots = step.op.code == OpCode::EarlyReserve || step.op.code == OpCode::E820Load;
  const bool at_zero = step.op.range.base.value <= 1 && !step.op.range.empty();
  return (boots ? grew(step, TableId::Reserved) : at_zero) &&
         (step.difference.tables || step.difference.capacities);
}

// Dumps named -1 as a node.
bool dump_node_none(const LinuxStep& step) {
  if (step.op.code != OpCode::Dump || step.backend.tree().object().node_any_alike) return false;
  Outcome mended = step.kernel.answer;
  for (std::string& line : mended.lines) {
    const size_t at = line.find(" on node -1");
    if (at != std::string::npos) line.erase(at, 11);
  }
  return only_answer(step) && same_answer(step.op, step.ours.answer, mended);
}

// Only the virtual calls look whether memory has been handed over.
bool alloc_after_handover(const LinuxStep& step) {
  return (allocates(step) || step.op.code == OpCode::ReserveMem) && step.backend.after_handover() &&
         step.ours.answer.status == Status::AfterHandover &&
         step.kernel.answer.status == Status::Ok;
}

// Numbers that are none, wrap, or are no alignment are taken.
bool reserve_mem_number(const LinuxStep& step) {
  return step.op.code == OpCode::ReserveMem && step.ours.answer.status == Status::Invalid &&
         step.kernel.answer.status != Status::Invalid;
}

// Reservations outside of memory are taken from it.
bool estimate_wraps(const LinuxStep& step) {
  return step.op.code == OpCode::EstimatedFreePages && only_answer(step) &&
         step.ours.reserved_bytes > step.ours.memory_bytes;
}

// The same with the unit of trimming: the region then begins at 0.
bool trim_wraps(const LinuxStep& step) {
  const uint64_t page = uint64_t{1} << step.limits.page_shift;
  if (step.op.code != OpCode::TrimMemory && step.op.code != OpCode::E820Load) return false;
  const uint64_t unit = step.op.code == OpCode::TrimMemory ? step.op.align : page;
  // What is loaded may end up there, cut by what was there before.
  const bool loads =
      step.op.code == OpCode::E820Load &&
      std::any_of(step.map_before.begin(), step.map_before.end(), [&](const E820Entry& entry) {
        return entry.size != 0 && entry.last().value > ~uint64_t{0} - unit;
      });
  return std::any_of(step.kernel.memory.begin(), step.kernel.memory.end(),
                     [](const Region& region) { return region.base.value == 0; }) &&
         (loads || std::any_of(step.memory_before.begin(), step.memory_before.end(),
                               [&](const Region& region) {
                                 return region.base.value > ~uint64_t{0} - unit + 1;
                               }));
}

// Frames beyond the address space wrap into it.
bool search_pfn_wraps(const LinuxStep& step) {
  return step.op.code == OpCode::SearchPfnNid && only_answer(step) &&
         step.op.size > ~uint64_t{0} >> step.limits.page_shift &&
         step.ours.answer.status == Status::NotFound;
}

// Hotplug memory whose mark could not be taken off, for lack of slots, is not handed over.
bool handover_hotplug_full(const LinuxStep& step) {
  return step.op.code == OpCode::FreeAll && only_answer(step) &&
         step.memory_before.size() + 2 > step.ours.capacities[0] &&
         std::any_of(step.memory_before.begin(), step.memory_before.end(),
                     [](const Region& region) { return region.flags.has(kHotplug); });
}

// Rounding up to a page wraps above the last page boundary.
bool pfn_wraps(const LinuxStep& step) {
  const uint64_t page = uint64_t{1} << step.limits.page_shift;
  const auto at_top = [page](uint64_t address) { return address > ~uint64_t{0} - page + 1; };
  const auto touches = [&](RegionView regions) {
    return std::any_of(regions.begin(), regions.end(), [&](const Region& region) {
      return at_top(region.base.value) || at_top(region.end().value);
    });
  };
  switch (step.op.code) {
    case OpCode::FreeLate:
      return at_top(step.op.range.base.value) || at_top(step.op.range.end.value);
    case OpCode::RegionPfns:
    case OpCode::MemPfns:
    case OpCode::FreePfnsInZone:
    case OpCode::BytesWithoutNode:
    case OpCode::ValidateNumaCoverage:
    case OpCode::FreeAll:
      return (only_answer(step) || step.op.code == OpCode::FreeAll) &&
             (touches(step.memory_before) || touches(step.reserved_before) ||
              touches(step.ours.physmem));
    default: return false;
  }
}

// Growth that has a place but no slot for its own reservation stops the machine.
bool growth_bug(const LinuxStep& step) {
  return died_of(step, "BUG: memblock_double_array: memblock_reserve");
}

// Nomap memory that a range cuts in two is not joined again.
bool cap_not_minimal(const LinuxStep& step) {
  const bool cuts =
      step.op.code == OpCode::CapMemoryRange || step.op.code == OpCode::MemLimitRemoveMap;
  if (!cuts || same(step.ours.memory, step.kernel.memory)) return false;
  return same(step.ours.memory, joined_nomap(step.kernel.memory)) &&
         same(step.ours.reserved, step.kernel.reserved);
}

// Growth from the late allocator takes the old array out of reserved, but nobody frees its pages.
bool late_growth_loses(const LinuxStep& step) {
  const std::vector<uint64_t>& ours = step.ours.answer.values;
  const std::vector<uint64_t>& kernel = step.kernel.answer.values;
  return step.backend.after_handover() && step.backend.late_allocator_up() && only_answer(step) &&
         step.ours.answer.status == step.kernel.answer.status &&
         spec_of(step.op.code).answer != Answer::Handover && ours.size() > kernel.size() &&
         std::equal(kernel.begin(), kernel.end(), ours.begin());
}

// A zone without pages has one empty range.
bool zone_walk_empty(const LinuxStep& step) {
  return step.op.code == OpCode::FreePfnsInZone && only_answer(step) && step.op.range.empty() &&
         step.ours.answer.values.empty() && step.kernel.answer.values.size() == 3 &&
         step.kernel.answer.values[0] == step.kernel.answer.values[1];
}

// What lies in front of the first region is read.
bool end_of_nothing(const LinuxStep& step) {
  return step.op.code == OpCode::EndOfDram && only_answer(step) && step.ours.memory.empty();
}

// The handover splits reservations at node borders, with all that splitting needs.
bool handover_grows(const LinuxStep& step) {
  if (step.op.code != OpCode::FreeAll || !step.backend.tree().object().stamps_nodes) return false;
  constexpr uint32_t kFailed = 1u << static_cast<unsigned>(Warning::GrowthFailed);
  return step.backend.grew_at_handover() || died_of(step, "cannot resize") ||
         (step.kernel.answer.warnings & kFailed) != 0;
}

// A page that two nodes share is that of the higher one.
bool handover_shared_page(const LinuxStep& step) {
  const bool names = step.backend.tree().object().stamps_nodes;
  if (step.op.code != OpCode::FreeAll || !only_answer(step) || !names) return false;
  const uint64_t page = uint64_t{1} << step.limits.page_shift;
  const auto unaligned = [page](const Region& region) {
    return region.base.value % page != 0 || region.end().value % page != 0;
  };
  Outcome ours = step.ours.answer, kernel = step.kernel.answer;
  for (Outcome* outcome : {&ours, &kernel}) {
    for (size_t i = 0; i + 3 < outcome->values.size(); i += 4) outcome->values[i + 3] = ~0ull;
  }
  return std::any_of(step.memory_before.begin(), step.memory_before.end(), unaligned) &&
         same_answer(step.op, ours, kernel);
}

// Whether the array of physmem came from the late allocator is noted as if it were reserved's.
bool physmem_slab_flag(const LinuxStep& step) {
  return step.backend.late_allocator_up() &&
         step.difference.other_warning.find("kfree()") != std::string::npos;
}

constexpr LinuxKnown kKnown[] = {
    {"growth-overlap", growth_overlap, LinuxNext::Stop},
    {"growth-nested-fails", growth_bug, LinuxNext::Stop},
    {"cap-nomap-split", cap_not_minimal, LinuxNext::Stop},
    {"growth-late-leaks", late_growth_loses, LinuxNext::GoOn},
    {"zone-walk-empty", zone_walk_empty, LinuxNext::GoOn},
    {"end-of-dram-empty", end_of_nothing, LinuxNext::GoOn},
    {"growth-stale-count", growth_stale_count, LinuxNext::Stop},
    {"discard-keeps-physmem", discard_keeps_physmem, LinuxNext::GoOn},
    {"handover-page-of-two", handover_shared_page, LinuxNext::GoOn},
    {"physmem-slab-flag", physmem_slab_flag, LinuxNext::Stop},
    {"handover-splits", handover_grows, LinuxNext::Stop},
    {"growth-area-at-zero", growth_area_at_zero, LinuxNext::Stop},
    {"dump-node-none", dump_node_none, LinuxNext::GoOn},
    {"alloc-after-handover", alloc_after_handover, LinuxNext::Stop},
    {"reserve-mem-number", reserve_mem_number, LinuxNext::Stop},
    {"estimate-wraps", estimate_wraps, LinuxNext::GoOn},
    {"trim-wraps", trim_wraps, LinuxNext::Stop},
    {"search-pfn-wraps", search_pfn_wraps, LinuxNext::GoOn},
    {"handover-hotplug-full", handover_hotplug_full, LinuxNext::GoOn},
    {"pfn-wraps", pfn_wraps, LinuxNext::Stop},
    {"pfn-walk-none", pfn_walk_none, LinuxNext::GoOn},
    {"alloc-zero-size", alloc_nothing, LinuxNext::GoOn},
    {"physmem-static-freed", physmem_static_freed, LinuxNext::Stop},
    {"trim-total", trim_total, LinuxNext::Correct},
    {"limit-half-done", limit_half_done, LinuxNext::Stop},
};

}  // namespace

std::span<const LinuxKnown> known_divergences() { return kKnown; }

const LinuxKnown* recognise(const LinuxStep& step) {
  for (const std::span<const LinuxKnown> list : {known_divergences(), known_e820_divergences()}) {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const LinuxKnown& known) { return known.shown(step); });
    if (found != list.end()) return &*found;
  }
  return nullptr;
}

}  // namespace memblock::lab
