// What an op may cost: the bounds that core/README.md states, with numbers in them. What the bounds
// speak of is counted in plain loops over the regions before the op runs.
#pragma once

#include "lab/op.h"
#include "memblock/memblock.h"

namespace memblock::fuzz {

/// What kind of bound an op has.
enum class CostKind : uint8_t {
  None,        ///< Not in this target: growth, handover, the firmware map, printing.
  Setting,     ///< No table is looked at.
  Lookup,      ///< O(log n).
  Edit,        ///< O(log n + k).
  Allocation,  ///< See Extent.
  Sweep,       ///< O(n): walks, sums, limits.
};
CostKind cost_kind(lab::OpCode code);

/// A memblock as it stands before an op.
struct CostState {
  std::vector<Region> memory, reserved, physmem;
  Machine machine;
  PhysAddr limit;
  bool bottom_up = false;
  bool movable_node = false;
  bool has_mirror = false;
  bool reserved_full = false;

  const std::vector<Region>& table(TableId id) const {
    return id == TableId::Memory ? memory : id == TableId::Reserved ? reserved : physmem;
  }
};

/// What the bound of an op depends on.
struct Extent {
  size_t regions = 0;  ///< n, of all tables.
  size_t inside = 0;   ///< k: regions in or at the range of an edit, or that a sweep goes over.
  size_t below = 0;    ///< Regions below the range, where their number is asked for.
  size_t attempts =
      0;              ///< Searches of an allocation: with and without its node, mirroring and min.
  size_t turns = 0;   ///< Pairs of a region and a gap that are each large enough, tried in turn.
  size_t passed = 0;  ///< Regions and gaps that do not hold the block.
  size_t nearly = 0;  ///< Those of them that do at the next finer alignment that nodes know.
};
Extent extent_of(const lab::Op& op, const CostState& state);

/// Steps for each part of a bound.
struct CostTable {
  uint64_t call;            ///< Any op.
  uint64_t per_level;       ///< One lookup, for each doubling of n.
  uint64_t edit;            ///< An edit.
  uint64_t per_inside;      ///< For each region inside.
  uint64_t per_attempt;     ///< One search.
  uint64_t per_turn;        ///< One region and one gap that are found.
  uint64_t per_look;        ///< One region or gap that is looked at.
  uint64_t looks_per_turn;  ///< How many are, at most, for a turn,
  uint64_t looks_per_near;  ///< and for one of `nearly`. 0: all that are passed.
  uint64_t per_below;       ///< For each region below.
};
extern const CostTable kFlatCosts, kTreeCosts;

/// The bound itself, in steps.
uint64_t cost_bound(const CostTable& table, CostKind kind, const Extent& extent);

/// Bounds that a tree keeps of its leaves are loosened by edits and made tight by the searches that
/// they let in for nothing. What those searches cost beyond their own bound, edits have paid.
class CostCredit {
 public:
  explicit CostCredit(const CostTable& table) : table_(table) {}

  /// An edit went over `inside` of so many regions. No more than all leaves can be loose.
  void earn(const Extent& extent);
  /// Pays up to `steps`; returns how many.
  uint64_t pay(uint64_t steps);

 private:
  const CostTable& table_;
  uint64_t steps_ = 0;
};

}  // namespace memblock::fuzz
