// The flat table: a sorted array of regions in storage that its owner provides, in Linux's layout.
// It knows nothing of growth policy, filters or allocation; Memblock decides, the table does.
#pragma once

#include <atomic>

#include "memblock/region_table.h"

namespace memblock {

/// A sorted array of regions.
///
/// Invariants, checked in this order by first_broken_invariant():
///   1. count() <= capacity()
///   2. no region is empty, and none wraps past the top of the address space
///   3. regions are in address order and do not overlap
///   4. minimal: regions that touch differ in flags or node
///   5. total_bytes() is the sum of all sizes
///
/// Lookups remember where the last one ended. That memory is a hint: it is checked against the
/// array on each use, so neither a race between readers nor an outside edit can make it lie.
class FlatTable {
 public:
  /// An index, or count().
  using Position = size_t;

  /// What grow() left, for undo().
  struct Growth {
    Block left;
    std::span<Region> storage;
  };

  FlatTable() = default;
  explicit FlatTable(std::span<Region> storage) : storage_(storage) {}
  FlatTable(const FlatTable&) = delete;
  FlatTable& operator=(const FlatTable&) = delete;

  size_t count() const { return count_; }
  size_t capacity() const { return storage_.size(); }
  uint64_t total_bytes() const { return total_bytes_; }
  RegionView regions() const { return {storage_.data(), count_}; }
  const Region& operator[](size_t index) const { return storage_[index]; }
  std::span<Region> storage() const { return storage_; }

  const Region* region(size_t index) const { return index < count_ ? &storage_[index] : nullptr; }
  const Region* lowest() const { return region(0); }
  const Region* highest() const { return region(count_ - 1); }

  bool next(size_t& index) const {
    index += static_cast<size_t>(index < count_);
    return index < count_;
  }
  bool prev(size_t& index) const {
    if (index == 0) return false;
    --index;
    return true;
  }

  /// First region that ends above `address`, or count(). Cost: O(1) near the last answer, else
  /// O(log n).
  size_t first_ending_after(PhysAddr address) const;

  /// First region that starts at or above `address`, or count(). Cost: as first_ending_after().
  size_t first_starting_from(PhysAddr address) const;

  /// The region that holds `address`, or null. Cost: one lookup.
  const Region* holding(PhysAddr address) const {
    const Region* found = region(first_ending_after(address));
    return found != nullptr && found->base <= address ? found : nullptr;
  }

  /// Whether a region shares a byte with `range`, or, if that is empty, has it inside.
  /// Cost: one lookup.
  bool overlaps(PhysRange range) const {
    const Region* found = region(first_ending_after(range.base));
    return found != nullptr && found->base < range.end;
  }

  /// How many pieces of `range` no region covers: what insert() needs as spare slots.
  /// Cost: O(log n + k) for k regions inside the range.
  size_t gaps(PhysRange range) const;

  /// The positions of what lies inside `range`, if regions were split at both its ends.
  /// Cost: two lookups.
  IndexRange positions(PhysRange range) const;

  /// Covers the uncovered pieces of `range` with regions of this kind, then merges what touches.
  /// Regions that are already there keep their kind.
  /// Requires: `count() + gaps(range) <= capacity()`.
  /// Cost: O(log n + k) to find and merge, one shift of what lies above.
  void insert(PhysRange range, RegionFlags flags, NodeId nid);

  /// Changes what lies inside `range`, splitting and merging as needed.
  /// Requires: two spare slots.
  /// Cost: O(log n + k), at most three shifts of what lies above.
  void change(PhysRange range, const RegionChange& change);

  /// Uncovers `range`.
  /// Requires: one spare slot where the range lies inside one region.
  /// Cost: O(log n) to find, one shift of what lies above.
  void remove(PhysRange range);

  /// Shrinks every region to whole multiples of `align`; drops those without one. Cost: O(n).
  void trim(uint64_t align);

  /// Drops all that is neither inside `range` nor has `flags`.
  /// Requires: two spare slots. Cost: O(n).
  void keep(PhysRange range, RegionFlags flags);

  /// Forgets regions and storage alike.
  void reset();

  /// Becomes a view of regions that somebody else keeps and may edit: call it again after each such
  /// edit. `place` is where storage lies that came from memblock. Without an edit it writes
  /// nothing, so that queries may still run at the same time.
  /// Requires: `count <= storage.size()`, and invariants 2 to 5.
  void adopt(std::span<Region> storage, size_t count, uint64_t total_bytes, PhysRange place);

  /// What a table of `capacity` takes from memblock to double, at `region_bytes` a region.
  static uint64_t growth_bytes(size_t capacity, uint64_t region_bytes) {
    return 2 * capacity * region_bytes;
  }

  /// Moves into `block`, with room for twice as many regions.
  Growth grow(const Block& block);

  /// Moves back to where it was before it grew.
  void undo(const Growth& growth);

  /// Visits the block that the table lives in, unless that is its first storage.
  template <class Visit>
  void each_block(Visit&& visit) const {
    if (block_.exists()) visit(block_);
  }

  /// 0 when all hold, else the number of the first invariant above that does not. Cost: O(n).
  int first_broken_invariant() const;

 private:
  size_t search(PhysAddr address) const;
  IndexRange overlapping(PhysRange range) const;
  void open_gap(size_t index, size_t slots);
  void close_gap(size_t index, size_t slots);
  void insert_one(size_t index, PhysRange range, RegionFlags flags, NodeId nid);
  void insert_around(IndexRange old, size_t pieces, const Region& added);
  IndexRange isolate(PhysRange range);
  void merge(IndexRange touched);
  void cut(size_t index, PhysRange kept);
  void erase(IndexRange positions);
  void move_to(std::span<Region> storage);

  std::span<Region> storage_;
  size_t count_ = 0;
  uint64_t total_bytes_ = 0;
  Block block_;
  mutable std::atomic<size_t> hint_{0};
};

static_assert(RegionTable<FlatTable>);

}  // namespace memblock
