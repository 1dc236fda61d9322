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
  return step.difference.capacities + step.difference.tables != 0 && step.backend.arrays_overlap();
}

// Trimming forgets to count.
bool trim_total(const LinuxStep& step) {
  return step.op.code == OpCode::TrimMemory && step.difference.totals && !step.difference.tables;
}

// A limit cuts memory, and then has no slot to cut reserved, which it would not have needed.
bool limit_half_done(const LinuxStep& step) {
  return limits_memory(step) && same(step.ours.memory, step.kernel.memory) &&
         !same(step.ours.reserved, step.kernel.reserved) &&
         step.reserved_before.size() + 2 > step.ours.capacities[1];
}

// "Up to 0" and "up to 1" are spellings of "up to the limit": growth that must stay below a
// reservation at 0 is put into it.
bool growth_area_at_zero(const LinuxStep& step) {
  return step.op.range.base.value <= 1 && !step.op.range.empty() &&
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

// Reservations outside of memory are taken from it.
bool estimate_wraps(const LinuxStep& step) {
  return step.op.code == OpCode::EstimatedFreePages && only_answer(step) &&
         step.ours.reserved_bytes > step.ours.memory_bytes;
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
             (touches(step.memory_before) || touches(step.reserved_before));
    default: return false;
  }
}

constexpr LinuxKnown kKnown[] = {
    {"growth-area-at-zero", growth_area_at_zero, LinuxNext::Stop},
    {"dump-node-none", dump_node_none, LinuxNext::GoOn},
    {"alloc-after-handover", alloc_after_handover, LinuxNext::Stop},
    {"estimate-wraps", estimate_wraps, LinuxNext::GoOn},
    {"pfn-wraps", pfn_wraps, LinuxNext::Stop},
    {"pfn-walk-none", pfn_walk_none, LinuxNext::GoOn},
    {"alloc-zero-size", alloc_nothing, LinuxNext::GoOn},
    {"growth-overlap", growth_overlap, LinuxNext::Stop},
    {"trim-total", trim_total, LinuxNext::Correct},
    {"limit-half-done", limit_half_done, LinuxNext::Stop},
};

}  // namespace

std::span<const LinuxKnown> known_divergences() { return kKnown; }

const LinuxKnown* recognise(const LinuxStep& step) {
  const auto found = std::find_if(std::begin(kKnown), std::end(kKnown),
                                  [&](const LinuxKnown& known) { return known.shown(step); });
  return found == std::end(kKnown) ? nullptr : found;
}

}  // namespace memblock::lab
