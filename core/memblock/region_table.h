// The flat table: a sorted array of regions in storage that its owner provides, in Linux's layout.
// It knows nothing of growth policy, filters or allocation; Memblock decides, the table does.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>

#include "memblock/region.h"

namespace memblock {

/// Positions `[first, last)` in a table.
struct IndexRange {
  size_t first = 0;
  size_t last = 0;

  constexpr size_t size() const { return last - first; }
  constexpr bool empty() const { return first == last; }
  friend constexpr bool operator==(IndexRange, IndexRange) = default;
};

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

  /// First region that ends above `address`, or count(). Cost: O(1) near the last answer, else
  /// O(log n).
  size_t first_ending_after(PhysAddr address) const;

  /// First region that starts at or above `address`, or count(). Cost: as first_ending_after().
  size_t first_starting_from(PhysAddr address) const;

  /// The regions that share at least one byte with `range`. Cost: two lookups.
  IndexRange overlapping(PhysRange range) const;

  /// Whether `index` is the region that holds `address`.
  bool holds(size_t index, PhysAddr address) const {
    return index < count_ && storage_[index].base <= address;
  }

  /// How many pieces of `range` no region covers: what insert() needs as spare slots.
  /// Cost: O(log n + k) for k regions inside the range.
  size_t gaps(PhysRange range) const;

  /// Covers the uncovered pieces of `range` with regions of this kind, then merges what touches.
  /// Regions that are already there keep their kind.
  /// Requires: `count() + gaps(range) <= capacity()`.
  /// Cost: O(log n + k) to find and merge, one shift of what lies above.
  void insert(PhysRange range, RegionFlags flags, NodeId nid);

  /// Splits regions at both ends of `range`; returns those now inside. Breaks invariant 4 until
  /// merge() is called on what it returned.
  /// Requires: two spare slots.
  IndexRange isolate(PhysRange range);

  /// Joins equal neighbours that touch, among `touched` and one region to each side of it.
  /// Cost: O(k) and one shift of what lies above.
  void merge(IndexRange touched);

  /// Uncovers `range`.
  /// Requires: one spare slot where the range lies inside one region.
  /// Cost: O(log n) to find, one shift of what lies above.
  void remove(PhysRange range);

  /// Drops the regions at `positions`.
  void erase(IndexRange positions);

  /// Shrinks one region in place. Requires: `range` is not empty and lies within that region.
  void shrink(size_t index, PhysRange range);

  void set_node(IndexRange positions, NodeId nid);
  void set_flags(IndexRange positions, RegionFlags flags);
  void clear_flags(IndexRange positions, RegionFlags flags);

  /// Shrinks every region to whole multiples of `align`; drops those without one. Cost: O(n).
  void trim(uint64_t align);

  /// Drops every region that is neither at `inside` nor has `flags`, then merges. Cost: O(n).
  void keep(IndexRange inside, RegionFlags flags);

  /// Forgets regions and storage alike.
  void reset();

  /// Becomes a view of regions that somebody else keeps and may edit: call it again after each such
  /// edit. Without one it writes nothing, so that queries may still run at the same time.
  /// Requires: `count <= storage.size()`, and invariants 2 to 5.
  void adopt(std::span<Region> storage, size_t count, uint64_t total_bytes);

  /// Moves the regions into other storage. Requires: it holds count() regions.
  void move_to(std::span<Region> storage);

  /// 0 when all hold, else the number of the first invariant above that does not. Cost: O(n).
  int first_broken_invariant() const;

 private:
  size_t search(PhysAddr address) const;
  void open_gap(size_t index, size_t slots);
  void close_gap(size_t index, size_t slots);
  void insert_one(size_t index, PhysRange range, RegionFlags flags, NodeId nid);
  void insert_around(IndexRange old, size_t pieces, const Region& added);

  std::span<Region> storage_;
  size_t count_ = 0;
  uint64_t total_bytes_ = 0;
  mutable std::atomic<size_t> hint_{0};
};

/// What Memblock needs of a table: everything above, and nothing about how it is stored.
template <class T>
concept RegionTable = requires(T table, const T& view, PhysRange range, PhysAddr address,
                               IndexRange positions, RegionFlags flags, NodeId nid, size_t index) {
  { view.count() } -> std::same_as<size_t>;
  { view.capacity() } -> std::same_as<size_t>;
  { view.total_bytes() } -> std::same_as<uint64_t>;
  { view.first_ending_after(address) } -> std::same_as<size_t>;
  { view.first_starting_from(address) } -> std::same_as<size_t>;
  { view.overlapping(range) } -> std::same_as<IndexRange>;
  { view.gaps(range) } -> std::same_as<size_t>;
  { view[index] } -> std::same_as<const Region&>;
  table.insert(range, flags, nid);
  { table.isolate(range) } -> std::same_as<IndexRange>;
  table.merge(positions);
  table.remove(range);
  table.erase(positions);
  table.shrink(index, range);
  table.set_node(positions, nid);
  table.set_flags(positions, flags);
  table.clear_flags(positions, flags);
  table.trim(uint64_t{4096});
  table.keep(positions, flags);
  { view.first_broken_invariant() } -> std::same_as<int>;
};

static_assert(RegionTable<FlatTable>);

}  // namespace memblock
