// The flat table: a sorted array of regions in storage that its owner provides, in Linux's layout.
// It knows nothing of growth policy, filters or allocation; Memblock decides, the table does.
#pragma once

#include <atomic>

#include "memblock/edits.h"
#include "memblock/region_array.h"

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
/// Lookups in large tables remember where the last one ended. That memory is a hint: it is checked
/// against the array on each use, so neither a race between readers nor an outside edit can make it
/// lie.
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
  /// All tables are alike here.
  explicit FlatTable(std::span<Region> storage, TableId = TableId::Reserved) : storage_(storage) {}
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

  static size_t lowest_position() { return 0; }
  size_t past_highest() const { return count_; }
  /// The region right below a position, or null.
  const Region* below(size_t index) const { return index != 0 ? &storage_[index - 1] : nullptr; }

  /// All regions from a position on, or below it, and how to pass by some of them.
  std::span<const Region> run_from(size_t index) const {
    return {storage_.data() + index, count_ - index};
  }
  static void skip_up(size_t& index, size_t count) { index += count; }
  std::span<const Region> run_to(size_t index) const { return {storage_.data(), index}; }
  static void skip_down(size_t& index, size_t count) { index -= count; }

  /// First region that ends above `address`, or count(). Cost: O(1) near the last answer, else
  /// O(log n).
  size_t first_ending_after(PhysAddr address) const {
    if (count_ == 0) return 0;
    const Region* const at = find(address);
    return index_of(at) + static_cast<size_t>(at->end() <= address);
  }

  /// How many regions start below `address`. Cost: as first_ending_after().
  size_t past_starting_below(PhysAddr address) const {
    if (count_ == 0 || address == PhysAddr{0}) return 0;
    const Region* const at = find(address - 1);
    return index_of(at) + static_cast<size_t>(at->base < address);
  }

  /// The region that holds `address`, or null. Cost: one lookup.
  const Region* holding(PhysAddr address) const {
    if (count_ == 0) return nullptr;
    const Region* const at = find(address);
    // What lies below the region wraps.
    return address - at->base < at->size ? at : nullptr;
  }

  /// Whether a region shares a byte with `range`, or, if that is empty, has it inside.
  /// Cost: one lookup.
  bool overlaps(PhysRange range) const {
    if (count_ == 0) return false;
    const Region* const at = find(range.base);
    const auto more = static_cast<unsigned>(at + 1 != storage_.data() + count_);
    return detail::overlaps_near(at, more, range);
  }

  /// How many pieces of `range` no region covers: what insert() needs as spare slots.
  /// Cost: O(log n + k) for k regions inside the range.
  size_t gaps(PhysRange range) const;

  /// The positions of what lies inside `range`, if regions were split at both its ends.
  /// Cost: two lookups.
  IndexRange positions(PhysRange range) const;

  /// The highest, or lowest, region that reaches into `window`, passes `sieve` and holds what is
  /// wished for there; or null. Cost: O(log n + k) for k others that are passed by.
  const Region* find_region_down(PhysRange window, const RegionSieve& sieve, const Wish& wish,
                                 Passed& passed, Ahead& ahead) const {
    return detail::find_region_down(regions(), window, sieve, wish, passed, ahead);
  }
  const Region* find_region_up(PhysRange window, const RegionSieve& sieve, const Wish& wish,
                               Passed& passed, Ahead& ahead) const {
    return detail::find_region_up(regions(), window, sieve, wish, passed, ahead);
  }

  /// The highest, or lowest, gap between regions that holds what is wished for inside `window`.
  /// Cost: O(log n + g) for g gaps that are passed by.
  bool find_gap_down(PhysRange window, const Wish& wish, Passed& passed, PhysRange& gap,
                     Ahead& ahead) const {
    return detail::find_gap_down(regions(), window, wish, passed, gap, ahead);
  }
  bool find_gap_up(PhysRange window, const Wish& wish, Passed& passed, PhysRange& gap,
                   Ahead& ahead) const {
    return detail::find_gap_up(regions(), window, wish, passed, gap, ahead);
  }

  /// Covers the uncovered pieces of `range` with regions of this kind, then merges what touches.
  /// Regions that are already there keep their kind.
  /// Requires: `count() + gaps(range) <= capacity()`.
  /// Cost: O(log n + k) to find and merge, two shifts of what lies above.
  void insert(PhysRange range, RegionFlags flags, NodeId nid);

  /// Changes what lies inside `range`, splitting and merging as needed.
  /// Requires: two spare slots.
  /// Cost: O(log n + k), at most two shifts of what lies above.
  void change(PhysRange range, const RegionChange& change);

  /// Uncovers `range`.
  /// Requires: one spare slot where the range lies inside one region.
  /// Cost: O(log n + k) to find, one shift of what lies above.
  void remove(PhysRange range);

  /// insert() of a range behind all regions, where that takes no more than to write it down: it
  /// touches none, and there are one and a spare slot. False, and nothing done, else. Requires: not
  /// empty. Cost: O(1).
  [[gnu::always_inline]] bool append(PhysRange range, RegionFlags flags, NodeId nid) {
    detail::Run run = all();
    if (!detail::append(run, Region{range.base, range.size(), flags, nid})) return false;
    count_ = run.count;
    total_bytes_ += range.size();
    return true;
  }

  /// insert() of a range that overlaps no region; false, and nothing done, for any other and where
  /// there is no spare slot. Requires: not empty. Cost: O(log n), one shift of what lies above.
  bool insert_alone(PhysRange range, RegionFlags flags, NodeId nid) {
    if (count_ >= storage_.size()) return false;
    const Region added{range.base, range.size(), flags, nid};
    detail::Run run = all();
    if (detail::insert_alone(run, added, kPhysAddrMax, false) == nullptr) return false;
    count_ = run.count;
    total_bytes_ += added.size;
    return true;
  }

  /// remove() of a range that lies in one region, with two spare slots; false, and nothing done,
  /// else. `gap` is the free range that it is part of then. Requires: not empty.
  /// Cost: as insert_alone().
  bool remove_alone(PhysRange range, PhysRange& gap) {
    if (count_ + 2 > storage_.size()) return false;
    detail::Run run = all();
    const Region* const above = detail::remove_alone(run, range);
    if (above == nullptr) return false;
    gap = PhysRange{above == run.first ? PhysAddr{0} : above[-1].end(),
                    above == run.end() ? kPhysAddrMax : above->base};
    place(run);
    total_bytes_ -= range.size();
    return true;
  }

  /// change() of a range that lies in one region, with two spare slots; false, and nothing done,
  /// else. Requires: not empty. Cost: as insert_alone().
  bool change_alone(PhysRange range, const RegionChange& change) {
    if (count_ + 2 > storage_.size()) return false;
    detail::Run run = all();
    if (detail::change_alone(run, range, change, kPhysAddrMax, false) == nullptr) return false;
    place(run);
    return true;
  }

  /// Takes a block right below the region that begins at `edge`, above `floor`, as a region of no
  /// special kind or as a part of that one. False, and nothing done, if it does not fit there,
  /// might have to be joined with what lies below, or there is no spare slot. Cost: O(1) where the
  /// last one was taken, else O(log n); one shift of what lies above, if any.
  bool take_below(PhysAddr edge, PhysAddr floor, const Wish& wish, Spot& spot);
  /// The same right above the region that ends at `edge`, below `ceiling`.
  bool take_above(PhysAddr edge, PhysAddr ceiling, const Wish& wish, Spot& spot);
  /// Puts a block into the gap in front of `above`, or behind the last region, where a search has
  /// found it or beside what the last two have given: as a part of the region that it touches
  /// above, or below if `up`, or of its own. Returns that region; null, and nothing done, where
  /// there is no spare slot. Requires: it does not touch what lies on the other side. Cost: one
  /// shift.
  Region* put_in_gap(const Region* above, PhysAddr at, uint64_t bytes, bool up);

  /// Makes a region larger by so many bytes next to it, which are free. Says where they are. O(1).
  PhysAddr extend_down(Region* region, uint64_t bytes) {
    region->base = region->base - bytes;
    region->size += static_cast<PhysInt>(bytes);
    total_bytes_ += bytes;
    return region->base;
  }
  PhysAddr extend_up(Region* region, uint64_t bytes) {
    const PhysAddr at = region->end();
    region->size += static_cast<PhysInt>(bytes);
    total_bytes_ += bytes;
    return at;
  }

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

  /// How many regions' storage a table of `capacity` begins with, and the other way round.
  static constexpr size_t storage_for(size_t capacity) { return capacity; }
  static constexpr size_t capacity_in(size_t regions) { return regions; }

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
  /// Tables up to this size are searched at once: that is as quick as remembering.
  static constexpr size_t kSmall = 128;

  size_t index_of(const Region* at) const { return static_cast<size_t>(at - storage_.data()); }

  /// The last region that begins at or below `address`, or the first. Requires: count() != 0.
  const Region* find(PhysAddr address) const {
    return count_ <= kSmall ? detail::last_from(storage_.data(), count_, address)
                            : find_near_hint(address);
  }
  const Region* find_near_hint(PhysAddr address) const;

  detail::Run all() { return {storage_.data(), count_, 0, storage_.size() - count_}; }
  /// Becomes what an edit has made of all().
  void place(const detail::Run& run) {
    if (run.first != storage_.data()) detail::move_regions(storage_.data(), run.first, run.end());
    count_ = run.count;
  }

  IndexRange overlapping(PhysRange range) const;
  template <class Edit>
  void edit(IndexRange touched, size_t extra, Edit edit);
  void move_to(std::span<Region> storage);

  std::span<Region> storage_;
  size_t count_ = 0;
  uint64_t total_bytes_ = 0;
  Block block_;
  mutable std::atomic<size_t> hint_{0};
  size_t taken_ = 0;  ///< Where a block was put last, in bytes; checked on use.
};

static_assert(RegionTable<FlatTable>);

}  // namespace memblock
