// Walks over ranges of a table, or of one table minus another, upwards or downwards.
#pragma once

#include "memblock/region_table.h"

namespace memblock {

/// Which memory regions a walk or an allocation looks at (should_skip_region).
struct RegionFilter {
  NodeId nid = kNoNode;          ///< Only this node; anything that is no node means all.
  RegionFlags flags = kNoFlags;  ///< See skips().
  bool movable_node = false;     ///< Whether hotplug memory is kept for movable pages.
  bool everything = false;       ///< Looks at all regions: reserved and physmem have no filter.

  /// Skipped are: another node; hotplug memory under movable_node, nomap and driver-managed memory,
  /// each unless `flags` asks for it; and, if `flags` has Mirror, memory without.
  constexpr bool skips(const Region& region) const {
    if (everything) return false;
    if (is_node(nid) && nid != region.nid) return true;
    if (movable_node && region.flags.has(kHotplug) && !flags.has(kHotplug)) return true;
    if (flags.has(kMirror) && !region.flags.has(kMirror)) return true;
    if (region.flags.has(kNomap) && !flags.has(kNomap)) return true;
    return region.flags.has(kDriverManaged) && !flags.has(kDriverManaged);
  }
};

/// One answer of a walk: never empty, inside a single region of the walked table.
struct WalkedRange {
  PhysRange range;
  NodeId nid;
  RegionFlags flags;

  friend constexpr bool operator==(const WalkedRange&, const WalkedRange&) = default;
};

enum class Direction : uint8_t { Up, Down };

/// The parts of `from` that `minus` does not cover, within a window, in one direction.
///
/// A walk is a value: copy it to come back to the same place later. The tables must not change
/// while a walk over them is in use. Down gives exactly the ranges of Up, in reverse.
///
/// Cost: O(log n) to start, then O(1) for each region of either table inside the window.
/// Linux: __next_mem_range(), __next_mem_range_rev().
class RangeWalk {
 public:
  /// `minus` may be null: then regions are given whole.
  RangeWalk(const FlatTable& from, const FlatTable* minus, const RegionFilter& filter,
            Direction direction, PhysRange window = kAllMemory);

  /// False at the end, and from then on.
  bool next(WalkedRange& out);

 private:
  bool next_up(WalkedRange& out);
  bool next_down(WalkedRange& out);
  bool take_region_up();
  bool take_region_down();

  const FlatTable* from_;
  const FlatTable* minus_;
  RegionFilter filter_;
  Direction direction_;
  PhysRange window_;
  size_t index_;            // Next region of from_ to look at (Down: one above it).
  size_t minus_index_ = 0;  // Next region of minus_ to look at (Down: one above it).
  PhysRange rest_;          // What is left of the current region of from_.
  WalkedRange current_;     // Node and flags of that region.
};

/// Page frames `[first, last)`.
struct PfnRange {
  uint64_t first = 0;
  uint64_t last = 0;
  NodeId nid;

  friend constexpr bool operator==(const PfnRange&, const PfnRange&) = default;
};

/// The whole pages inside `range`; `last` may be below `first` when there is none. The node is
/// none.
PfnRange whole_pages(PhysRange range, unsigned page_shift);

/// The pages that `range` touches. The node is none.
PfnRange touched_pages(PhysRange range, unsigned page_shift);

/// Whole pages of each memory region of a node, upwards; nomap memory is included.
/// Linux: for_each_mem_pfn_range(). Cost: O(1) a region.
class PfnWalk {
 public:
  PfnWalk(const FlatTable& memory, NodeId nid, unsigned page_shift)
      : memory_(&memory), nid_(nid), page_shift_(page_shift) {}

  /// False at the end, and from then on.
  bool next(PfnRange& out);

 private:
  const FlatTable* memory_;
  NodeId nid_;
  unsigned page_shift_;
  size_t index_ = 0;
};

/// Whole free pages of a node inside `[zone.first, zone.last)`, upwards.
/// Linux: for_each_free_mem_pfn_range_in_zone(). Cost: O(log n) to start, O(1) a range.
class ZoneWalk {
 public:
  ZoneWalk(const FlatTable& memory, const FlatTable& reserved, const RegionFilter& filter,
           PfnRange zone, unsigned page_shift);

  /// False at the end, and from then on.
  bool next(PfnRange& out);

 private:
  RangeWalk walk_;
  unsigned page_shift_;
};

}  // namespace memblock
