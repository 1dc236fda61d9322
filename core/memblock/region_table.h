// What Memblock needs of a table of regions: the concept, and the small types that its calls speak.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include "memblock/region.h"

namespace memblock {

/// The tables of a memblock.
enum class TableId : uint8_t { Memory, Reserved, Physmem };

/// Positions `[first, last)` in a table, counted from its lowest region.
struct IndexRange {
  size_t first = 0;
  size_t last = 0;

  constexpr size_t size() const { return last - first; }
  constexpr bool empty() const { return first == last; }
  friend constexpr bool operator==(IndexRange, IndexRange) = default;
};

/// What happens to the kind of each region in a range. Nothing, unless said otherwise.
struct RegionChange {
  RegionFlags set{};
  RegionFlags clear{};
  bool stamps_node = false;  ///< Whether regions get `nid`.
  NodeId nid{};

  constexpr void apply(Region& region) const {
    region.flags = without(region.flags | set, clear);
    if (stamps_node) region.nid = nid;
  }
};

/// Whether two regions of one table must be one.
constexpr bool joins(const Region& lower, const Region& upper) {
  return lower.end() == upper.base && lower.same_kind(upper);
}

/// The part of `range` inside `window`; empty where there is none.
constexpr PhysRange cut_to(PhysRange range, PhysRange window) {
  const PhysAddr base = max(range.base, window.base);
  return PhysRange{base, max(base, min(range.end, window.end))};
}

/// Which memory regions a walk or an allocation looks at (should_skip_region).
struct RegionFilter {
  NodeId nid = kNoNode;          ///< Only this node; anything that is no node means all.
  RegionFlags flags = kNoFlags;  ///< See RegionSieve.
  bool movable_node = false;     ///< Whether hotplug memory is kept for movable pages.
  bool everything = false;       ///< Looks at all regions: reserved and physmem have no filter.
};

/// What a filter asks for, worked out: one comparison for each region. Skipped are: another node;
/// hotplug memory under movable_node, nomap and driver-managed memory, each unless `flags` asks for
/// it; and, if `flags` has Mirror, memory without.
class RegionSieve {
 public:
  constexpr explicit RegionSieve(const RegionFilter& filter) {
    if (filter.everything) return;
    const RegionFlags kept =
        filter.movable_node ? kNomap | kDriverManaged | kHotplug : kNomap | kDriverManaged;
    const RegionFlags mirrored = filter.flags & kMirror;
    wanted_ = number(NodeId{0}, mirrored);
    cares_ = number(NodeId{0}, without(kept, filter.flags) | mirrored);
    if (kNodesMax == 1 || !is_node(filter.nid)) return;
    wanted_ |= number(filter.nid, kNoFlags);
    cares_ |= number(NodeId{-1}, kNoFlags);
  }

  constexpr bool skips(const Region& region) const {
    return ((number(region.nid, region.flags) ^ wanted_) & cares_) != 0;
  }

  /// Whether regions are skipped for one of `flags`, or for their node if that is not nid().
  constexpr bool cares_for(RegionFlags flags) const {
    return (cares_ & number(NodeId{0}, flags)) == number(NodeId{0}, flags);
  }
  constexpr bool cares_for_node() const { return cares_ >> 32 != 0; }
  constexpr NodeId nid() const { return {static_cast<int32_t>(wanted_ >> 32)}; }

 private:
  /// As a region has them, side by side.
  static constexpr uint64_t number(NodeId nid, RegionFlags flags) {
    return uint64_t{static_cast<uint32_t>(nid.value)} << 32 | flags.bits;
  }

  uint64_t wanted_ = 0;
  uint64_t cares_ = 0;  ///< Which bits of that have to be the same.
};

/// A block that is looked for.
struct Wish {
  uint64_t size = 0;   ///< Bytes, not 0.
  uint64_t align = 1;  ///< A power of two.

  /// The highest place in `gap`; false if there is none.
  constexpr bool fits_high(PhysRange gap, PhysAddr& at) const {
    if (gap.size() < size) return false;
    at = PhysAddr{align_down((gap.end - size).value, align)};
    return gap.base <= at;
  }
  /// The lowest place in `gap`; false if there is none.
  constexpr bool fits_low(PhysRange gap, PhysAddr& at) const {
    at = PhysAddr{align_up(gap.base.value, align)};
    // Rounding up wraps to 0 near the top of the address space.
    return gap.base <= at && at < gap.end && size <= gap.end - at;
  }
  /// Right below `edge`, or as far below as the alignment asks for, with something left free above
  /// `floor`; false if it does not fit so.
  constexpr bool fits_below(PhysAddr edge, PhysAddr floor, PhysAddr& at) const {
    if (edge <= floor || edge - floor <= size) return false;
    at = PhysAddr{align_down((edge - size).value, align)};
    return floor < at;
  }
  /// The same right above `edge`, with something left free below `ceiling`.
  constexpr bool fits_above(PhysAddr edge, PhysAddr ceiling, PhysAddr& at) const {
    at = PhysAddr{align_up(edge.value, align)};
    return edge <= at && at < ceiling && size < ceiling - at;
  }
};

/// Where a block was found, the free range around it, and the memory region around that.
struct Found {
  PhysAddr at;
  PhysRange gap;
  PhysRange memory;
  const Region* above = nullptr;  ///< What is reserved above the gap, or where it would lie; null:
                                  ///< not known.
};

/// Where a block was put beside a region.
struct Spot {
  PhysAddr at;
  Region* region = nullptr;  ///< What it is a part of now.
  PhysAddr room_end;         ///< Nothing is reserved from the block on to here.
};

/// The alignment that callers name most: a cache line.
inline constexpr uint64_t kLine = 64;

/// How many bytes lie from `address` up to the next multiple of kLine.
constexpr uint64_t bytes_to_line(PhysAddr address) {
  return (uint64_t{0} - address.value) & (kLine - 1);
}

/// How many bytes of `free` lie above its first multiple of kLine.
constexpr uint64_t bytes_from_line(PhysRange free) {
  const uint64_t in_front = bytes_to_line(free.base);
  return free.size() < in_front ? 0 : free.size() - in_front;
}

/// What a search has passed by: no free range among it holds more than `largest` bytes from a
/// multiple of kLine on.
struct Passed {
  uint64_t largest = 0;

  void add(PhysRange free) {
    const uint64_t in_front = bytes_to_line(free.base);
    const uint64_t bytes = free.size() - in_front;
    if (largest < bytes && in_front < free.size()) largest = bytes;
  }
};

/// Regions side by side in storage from where a search of a table has found something to where
/// their run ends in the direction of the search.
struct Ahead {
  const Region* first = nullptr;  ///< Null: there is no run.
  const Region* end = nullptr;
  PhysAddr before;  ///< Where what lies below them ends, for searches of gaps downwards.
};

/// Memory that a table was given to grow in, and where it came from.
struct Block {
  void* memory = nullptr;
  uint64_t bytes = 0;
  PhysRange place{};  ///< Not empty: it came from memblock, and reserved covers this.
  bool late = false;  ///< It came from the late allocator.

  bool exists() const { return memory != nullptr || !place.empty(); }
};

/// A sorted, disjoint, minimal set of regions. A position is the table's own idea of where a region
/// is; any change of the table ends the life of those taken before. There is one position behind
/// the last region, which is where searches end that find nothing.
template <class T>
concept RegionTable = std::constructible_from<T, std::span<Region>, TableId> &&
    requires(T table, const T& view, PhysRange range, PhysAddr address,
             typename T::Position position, RegionFlags flags, NodeId nid, const RegionSieve& sieve,
             const Wish& wish, Passed passed, Spot spot, Region* region, Ahead ahead,
             const Block& block, typename T::Growth growth) {
  // Sizes.
  { view.count() } -> std::same_as<size_t>;
  { view.capacity() } -> std::same_as<size_t>;
  { view.total_bytes() } -> std::same_as<uint64_t>;
  // Regions: null where there is none. regions() can be iterated and has a size().
  { view.lowest() } -> std::same_as<const Region*>;
  { view.highest() } -> std::same_as<const Region*>;
  { view.holding(address) } -> std::same_as<const Region*>;
  { view.region(position) } -> std::same_as<const Region*>;
  view.regions();
  // Positions: of the first region that ends above an address, to go up from; right behind the last
  // one that starts below it, to go down from. The next region on the way, or null.
  { view.first_ending_after(address) } -> std::same_as<typename T::Position>;
  { view.past_starting_below(address) } -> std::same_as<typename T::Position>;
  { view.lowest_position() } -> std::same_as<typename T::Position>;
  { view.past_highest() } -> std::same_as<typename T::Position>;
  { view.below(position) } -> std::same_as<const Region*>;
  // The next regions that lie side by side, none only where the way ends; and how to pass by some.
  { view.run_from(position) } -> std::same_as<std::span<const Region>>;
  view.skip_up(position, size_t{1});
  { view.run_to(position) } -> std::same_as<std::span<const Region>>;
  view.skip_down(position, size_t{1});
  // Ranges. positions() counts regions as if they were split at both ends of the range.
  { view.overlaps(range) } -> std::same_as<bool>;
  { view.gaps(range) } -> std::same_as<size_t>;
  { view.positions(range) } -> std::same_as<IndexRange>;
  // Searches for free memory: the highest or lowest region that reaches into a window, passes the
  // filter and holds what is wished for there, or null; and the highest or lowest gap between
  // regions that does. `passed` is told what was passed by, and `ahead` what comes next.
  { view.find_region_down(range, sieve, wish, passed, ahead) } -> std::same_as<const Region*>;
  { view.find_region_up(range, sieve, wish, passed, ahead) } -> std::same_as<const Region*>;
  { view.find_gap_down(range, wish, passed, range, ahead) } -> std::same_as<bool>;
  { view.find_gap_up(range, wish, passed, range, ahead) } -> std::same_as<bool>;
  // Edits. What they ask for in spare slots, FlatTable says.
  table.insert(range, flags, nid);
  table.change(range, RegionChange{});
  table.remove(range);
  table.trim(uint64_t{4096});
  table.keep(range, flags);
  table.reset();
  // The same where only one region or one gap is concerned and slots are plenty; else they do
  // nothing and say so. Nearly all calls are of this kind.
  { table.append(range, flags, nid) } -> std::same_as<bool>;
  { table.insert_alone(range, flags, nid) } -> std::same_as<bool>;
  { table.remove_alone(range, range) } -> std::same_as<bool>;
  { table.change_alone(range, RegionChange{}) } -> std::same_as<bool>;
  // Takes a block right below the region that begins at an address, or right above the one that
  // ends there, within a bound. False, and nothing done, if that takes more than a look at the two
  // regions around.
  { table.take_below(address, address, wish, spot) } -> std::same_as<bool>;
  { table.take_above(address, address, wish, spot) } -> std::same_as<bool>;
  // Puts a block into a gap that a search has found, or beside what these two have said; null if
  // that takes more than a shift of an array.
  { table.put_in_gap(view.lowest(), address, uint64_t{4096}, true) } -> std::same_as<Region*>;
  { table.extend_down(region, uint64_t{4096}) } -> std::same_as<PhysAddr>;
  { table.extend_up(region, uint64_t{4096}) } -> std::same_as<PhysAddr>;
  // First storage, in regions: what a capacity takes, and what capacity it gives.
  { T::storage_for(size_t{1}) } -> std::same_as<size_t>;
  { T::capacity_in(size_t{1}) } -> std::same_as<size_t>;
  // Growth to twice the capacity, and back when the block could not be had after all. `left` is the
  // block that the table no longer needs.
  { T::growth_bytes(size_t{1}, uint64_t{24}) } -> std::same_as<uint64_t>;
  { table.grow(block) } -> std::same_as<typename T::Growth>;
  { growth.left } -> std::same_as<Block&>;
  table.undo(growth);
  view.each_block([](const Block&) {});

  { view.first_broken_invariant() } -> std::same_as<int>;
};

}  // namespace memblock
