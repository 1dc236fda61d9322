#include "fuzz/cost_bound.h"

#include <algorithm>
#include <bit>

#include "fuzz/cost_search.h"

namespace memblock::fuzz {

using lab::Op;
using lab::OpCode;

// Above what was measured at the worst, in a build with audits: core/README.md says by how much.
// Steps are those of cost_meter.h: a memmove, and so the shift of an array, is one. Of a tree, a
// search looks at up to two leaves and four nodes whatever it finds, and makes tight again what let
// it in for nothing; an edit writes whole leaves.
const CostTable kFlatCosts = {.call = 60,
                              .per_level = 6,
                              .edit = 300,
                              .per_inside = 45,
                              .per_attempt = 300,
                              .per_turn = 100,
                              .per_look = 13,
                              .looks_per_turn = 0,
                              .looks_per_near = 0,
                              .per_below = 0};
const CostTable kTreeCosts = {.call = 60,
                              .per_level = 12,
                              .edit = 11000,
                              .per_inside = 90,
                              .per_attempt = 400,
                              .per_turn = 200,
                              .per_look = 26,
                              .looks_per_turn = 640,
                              .looks_per_near = 128,
                              .per_below = 1};

namespace {

constexpr size_t kLeafMin = 72;       // Fewest regions in a leaf of a tree.
constexpr size_t kEntriesOneIn = 36;  // One entry of all nodes together for so many regions.
constexpr size_t kLeavesEdited = 3;   // An edit of one region evens out so many.

TableId table_of(const Op& op) {
  switch (op.code) {
    case OpCode::Reserve:
    case OpCode::Free:
    case OpCode::FreeVirt:
    case OpCode::MarkReservedNoinit: return TableId::Reserved;
    case OpCode::PhysmemAdd: return TableId::Physmem;
    case OpCode::SetNode:
    case OpCode::Isolate:
    case OpCode::Gaps: return op.table;
    default: return TableId::Memory;
  }
}

}  // namespace

CostKind cost_kind(OpCode code) {
  using enum OpCode;
  switch (code) {
    case SetBottomUp:
    case SetLimit:
    case SetMovableNode: return CostKind::Setting;
    case SearchPfnNid:
    case PhysMemSize:
    case ReservedSize:
    case EstimatedFreePages:
    case StartOfDram:
    case EndOfDram:
    case IsMemory:
    case IsReserved:
    case IsMapMemory:
    case IsRegionMemory:
    case IsRegionReserved:
    case Overlaps:
    case HasMirror:
    case Count:
    case Capacity: return CostKind::Lookup;
    case Add:
    case Remove:
    case Reserve:
    case Free:
    case FreeVirt:
    case PhysmemAdd:
    case MarkHotplug:
    case ClearHotplug:
    case MarkMirror:
    case MarkNomap:
    case ClearNomap:
    case MarkReservedNoinit:
    case SetNode:
    case Isolate:
    case Gaps: return CostKind::Edit;
    case Allocate:
    case PhysAllocRange:
    case PhysAlloc:
    case PhysAllocTryNid:
    case Alloc:
    case AllocRaw:
    case AllocFrom:
    case AllocLow:
    case AllocNode:
    case AllocTryNid:
    case AllocTryNidRaw:
    case AllocExactNidRaw: return CostKind::Allocation;
    case BytesWithoutNode:
    case MemRanges:
    case ReservedRanges:
    case FreeRanges:
    case PhysmemRanges:
    case MemPfns:
    case FreePfnsInZone:
    case EnforceMemoryLimit:
    case CapMemoryRange:
    case MemLimitRemoveMap:
    case TrimMemory: return CostKind::Sweep;
    default: return CostKind::None;
  }
}

Extent extent_of(const Op& op, const CostState& state) {
  Extent extent;
  extent.regions = state.memory.size() + state.reserved.size() + state.physmem.size();
  switch (cost_kind(op.code)) {
    case CostKind::Edit:
      for (const Region& region : state.table(table_of(op))) {
        extent.below += static_cast<size_t>(region.end() < op.range.base);
        extent.inside +=
            static_cast<size_t>(op.range.base <= region.end() && region.base <= op.range.end);
      }
      if (op.code != OpCode::Isolate) extent.below = 0;
      break;
    case CostKind::Allocation: CostSearch{state, extent}.allocate(op); break;
    case CostKind::Sweep: extent.inside = extent.regions; break;
    default: break;
  }
  return extent;
}

namespace {

/// At how many regions, gaps and entries of nodes an allocation may look.
uint64_t looks_bound(const CostTable& table, const Extent& extent) {
  if (table.looks_per_near == 0) return extent.passed;
  return std::min<uint64_t>(
      table.looks_per_near * extent.nearly + table.looks_per_turn * extent.turns,
      extent.passed + extent.passed / kEntriesOneIn);
}

}  // namespace

uint64_t cost_bound(const CostTable& table, CostKind kind, const Extent& extent) {
  const uint64_t lookup = table.per_level * std::bit_width(extent.regions);
  const uint64_t once = table.call + lookup;
  switch (kind) {
    case CostKind::Edit:
      return once + table.edit + table.per_inside * extent.inside + table.per_below * extent.below;
    case CostKind::Sweep: return once + table.edit + table.per_inside * extent.inside;
    case CostKind::Allocation: {
      const uint64_t looks = looks_bound(table, extent);
      return once + table.edit + (table.per_attempt + lookup) * extent.attempts +
             (table.per_turn + lookup) * extent.turns + table.per_look * looks;
    }
    default: return once;
  }
}

void CostCredit::earn(const Extent& extent) {
  const uint64_t leaves = kLeavesEdited + extent.inside / kLeafMin;
  const uint64_t all = extent.regions + kLeavesEdited * table_.looks_per_near;
  steps_ = std::min(steps_ + table_.per_look * table_.looks_per_near * leaves,
                    table_.looks_per_near == 0 ? 0 : table_.per_look * all);
}

uint64_t CostCredit::pay(uint64_t steps) {
  const uint64_t paid = std::min(steps, steps_);
  steps_ -= paid;
  return paid;
}

}  // namespace memblock::fuzz
