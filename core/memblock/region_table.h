// What Memblock needs of a table of regions: the concept, and the small types that its calls speak.
#pragma once

#include <concepts>
#include <cstddef>

#include "memblock/region.h"

namespace memblock {

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
concept RegionTable = requires(T table, const T& view, PhysRange range, PhysAddr address,
                               typename T::Position position, RegionFlags flags, NodeId nid,
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
  // Positions: of the first region that ends above, or starts at or above an address; then stepwise
  // up or down, false where there is no further region.
  { view.first_ending_after(address) } -> std::same_as<typename T::Position>;
  { view.first_starting_from(address) } -> std::same_as<typename T::Position>;
  { view.next(position) } -> std::same_as<bool>;
  { view.prev(position) } -> std::same_as<bool>;
  // Ranges. positions() counts regions as if they were split at both ends of the range.
  { view.overlaps(range) } -> std::same_as<bool>;
  { view.gaps(range) } -> std::same_as<size_t>;
  { view.positions(range) } -> std::same_as<IndexRange>;
  // Edits. What they ask for in spare slots, FlatTable says.
  table.insert(range, flags, nid);
  table.change(range, RegionChange{});
  table.remove(range);
  table.trim(uint64_t{4096});
  table.keep(range, flags);
  table.reset();
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
