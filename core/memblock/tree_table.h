// The tree table: regions in leaves of 128, found through nodes that also bound the free memory
// below them. It is one leaf, a flat table, until that splits. Policy is Memblock's, as with
// FlatTable.
#pragma once

#include <atomic>

#include "memblock/edits.h"
#include "memblock/tree_node.h"

namespace memblock {

/// A B+-tree of regions in fixed-size nodes. Calls mean what they mean for FlatTable; what differs
/// is their cost, and how storage grows.
///
/// Storage: an array of up to 128 regions is used as it is, and doubles as a flat table does up to
/// 128. More is nodes of the size of 128 regions: the owner provides storage_for() so many regions,
/// or the table doubles its capacity with a block that holds the nodes for as many regions again,
/// however they may come to lie. Blocks are kept until reset().
///
/// Invariants, checked in this order by first_broken_invariant(), beyond FlatTable's 1 to 5:
///   6. keys, counts and heights of nodes are right; no leaf is empty; leaves other than the first
///      and the last hold kLeafMin regions or more; nodes other than the root have Inner::kFanMin
///      entries or more
///   7. what nodes say of free ranges and of kinds bounds what lies below them, and is said there
///   8. the nodes that the table owns are those in use and those spare, and enough for capacity()
template <class Shape>
class BasicTreeTable {
  using Inner = detail::InnerNode<Shape>;
  using Leaf = detail::Leaf;
  using Path = detail::TreePath<Shape>;
  using Run = detail::Run;
  using Near = detail::Near;
  static constexpr size_t kLeafSlots = Shape::kLeafSlots;

 public:
  using Position = detail::TreePosition<Shape>;

  /// What grow() left, for undo().
  struct Growth {
    Block left;
    size_t capacity = 0;
    size_t nodes = 0;
    Run array{};  ///< Where regions were, if they had to move.
    Block array_block{};
  };

  /// Fewest regions in a leaf that has one on either side.
  static constexpr size_t kLeafMin = kLeafSlots * 9 / 16;

  BasicTreeTable() = default;
  /// Storage for the regions that it is to hold: see storage_for().
  explicit BasicTreeTable(std::span<Region> storage, TableId id = TableId::Reserved);
  BasicTreeTable(const BasicTreeTable&) = delete;
  BasicTreeTable& operator=(const BasicTreeTable&) = delete;

  size_t count() const { return count_; }
  size_t capacity() const { return capacity_; }
  uint64_t total_bytes() const { return total_bytes_; }
  const Region* lowest() const { return region(lowest_position()); }
  const Region* highest() const;

  static const Region* region(const Position& at) { return at.at != at.end ? at.at : nullptr; }
  static const Region* below(const Position& at) { return at.at != at.first ? at.at - 1 : nullptr; }
  /// The regions of one leaf from a position on, or below it, and how to pass by some of them.
  static std::span<const Region> run_from(const Position& at) { return {at.at, at.end}; }
  void skip_up(Position& at, size_t count) const {
    at.at += count;
    if (at.at == at.end && at.node != nullptr) next_leaf(at);
  }
  static std::span<const Region> run_to(const Position& at) { return {at.first, at.at}; }
  void skip_down(Position& at, size_t count) const {
    at.at -= count;
    if (at.at == at.first && at.node != nullptr) previous_leaf(at);
  }
  Position lowest_position() const { return position_of(PhysAddr{0}); }
  Position past_highest() const {
    Position found = position_of(kPhysAddrMax);
    found.at = found.end;
    return found;
  }

  /// All regions in order, for range-based loops.
  class Regions {
   public:
    class Iterator {
     public:
      using value_type = Region;
      using difference_type = ptrdiff_t;

      Iterator() = default;
      Iterator(const BasicTreeTable* table, const Position& at, size_t left)
          : table_(table), at_(at), left_(left) {}
      const Region& operator*() const { return *at_.at; }
      Iterator& operator++() {
        table_->skip_up(at_, 1);
        --left_;
        return *this;
      }
      Iterator operator++(int) {
        const Iterator before = *this;
        ++*this;
        return before;
      }
      /// Of one table only.
      friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_ == b.left_; }

     private:
      const BasicTreeTable* table_ = nullptr;
      Position at_;
      size_t left_ = 0;
    };

    explicit Regions(const BasicTreeTable* table) : table_(table) {}
    size_t size() const { return table_->count(); }
    Iterator begin() const { return {table_, table_->lowest_position(), size()}; }
    Iterator end() const { return {table_, Position{}, 0}; }

   private:
    const BasicTreeTable* table_;
  };
  Regions regions() const { return Regions{this}; }

  /// Cost: O(log n).
  Position first_ending_after(PhysAddr address) const;
  Position past_starting_below(PhysAddr address) const;

  /// Cost: O(1) where lookups walk from region to region, else O(log n).
  const Region* holding(PhysAddr address) const {
    if (height_ != 0) return holding_below_nodes(address);
    const Slots leaf{leaf_.first, leaf_.count};
    const Region* const at = walked_to(leaf, address);
    return at == nullptr ? holding_in(leaf, address) : held_by(at, address);
  }

  /// Cost: as holding().
  bool overlaps(PhysRange range) const {
    if (height_ != 0) return overlaps_below_nodes(range);
    const Slots leaf{leaf_.first, leaf_.count};
    const Region* const at = walked_to(leaf, range.base);
    return at == nullptr ? overlaps_in(leaf, range) : detail::overlaps_near(at, 1, range);
  }

  /// Cost: O(log n + k) for k regions inside the range.
  size_t gaps(PhysRange range) const;

  /// Cost: O(1) for each leaf below the range, O(log n) for each node above leaves, and O(k) for k
  /// regions inside.
  IndexRange positions(PhysRange range) const;

  /// Cost: O(log n + k) for k regions that are passed by: those that would hold the block but for
  /// the sieve or the window, or because they share a leaf with one that would.
  const Region* find_region_down(PhysRange window, const RegionSieve& sieve, const Wish& wish,
                                 Passed& passed, Ahead& ahead) const {
    return height_ == 0 ? detail::find_region_down(only_leaf(), window, sieve, wish, passed, ahead)
                        : find_region_down_below_nodes(window, sieve, wish, passed, ahead);
  }
  const Region* find_region_up(PhysRange window, const RegionSieve& sieve, const Wish& wish,
                               Passed& passed, Ahead& ahead) const {
    return height_ == 0 ? detail::find_region_up(only_leaf(), window, sieve, wish, passed, ahead)
                        : find_region_up_below_nodes(window, sieve, wish, passed, ahead);
  }

  /// Cost: O(log n + g) for g gaps that are passed by: those that hold the block at the next finer
  /// of the alignments that nodes know (64, 4 KiB, 2 MiB, 1 GiB), and those whose leaf has had
  /// something freed since it was passed by before.
  bool find_gap_down(PhysRange window, const Wish& wish, Passed& passed, PhysRange& gap,
                     Ahead& ahead) const {
    return height_ == 0 ? detail::find_gap_down(only_leaf(), window, wish, passed, gap, ahead)
                        : find_gap_down_below_nodes(window, wish, passed, gap, ahead);
  }
  bool find_gap_up(PhysRange window, const Wish& wish, Passed& passed, PhysRange& gap,
                   Ahead& ahead) const {
    return height_ == 0 ? detail::find_gap_up(only_leaf(), window, wish, passed, gap, ahead)
                        : find_gap_up_below_nodes(window, wish, passed, gap, ahead);
  }

  /// Requires: as FlatTable. Cost: O(log n + k) for k regions inside the range.
  void insert(PhysRange range, RegionFlags flags, NodeId nid);
  void change(PhysRange range, const RegionChange& change);
  void remove(PhysRange range);
  void trim(uint64_t align);
  void keep(PhysRange range, RegionFlags flags);

  /// As FlatTable; below nodes, where the last one was put by insert_alone() or append() too.
  [[gnu::always_inline]] bool append(PhysRange range, RegionFlags flags, NodeId nid) {
    const Region added{range.base, range.size(), flags, nid};
    if (height_ != 0) {
      Region* const at = tail_.next;
      if (at == tail_.end || added.base <= at[-1].end()) return false;
      *at = added;
      tail_.next = at + 1;
      ++*tail_.count;
    } else if (count_ == capacity_ || !detail::append(leaf_, added)) {
      return false;
    }
    ++count_;
    total_bytes_ += added.size;
    return true;
  }

  /// As FlatTable. Cost: O(log n).
  bool insert_alone(PhysRange range, RegionFlags flags, NodeId nid) {
    if (count_ == capacity_) return false;
    return is_array(1) ? insert_in_array(range, flags, nid) : insert_in_leaf(range, flags, nid);
  }

  bool remove_alone(PhysRange range, PhysRange& gap) {
    if (count_ + 2 > capacity_) return false;
    return is_array(1) ? remove_in_array(range, gap) : remove_in_leaf(range, gap);
  }

  bool change_alone(PhysRange range, const RegionChange& change) {
    if (count_ + 2 > capacity_) return false;
    return is_array(2) ? change_in_array(range, change) : change_in_leaf(range, change);
  }

  bool take_below(PhysAddr edge, PhysAddr floor, const Wish& wish, Spot& spot);
  bool take_above(PhysAddr edge, PhysAddr ceiling, const Wish& wish, Spot& spot);
  Region* put_in_gap(const Region* above, PhysAddr at, uint64_t bytes, bool up);

  PhysAddr extend_down(Region* region, uint64_t bytes) {
    region->base = region->base - bytes;
    extend_up(region, bytes);
    return region->base;
  }
  PhysAddr extend_up(Region* region, uint64_t bytes) {
    const PhysAddr at = region->end();
    region->size += static_cast<PhysInt>(bytes);
    total_bytes_ += bytes;
    return at;
  }

  /// Forgets regions and storage alike.
  void reset();

  /// Up to so many regions a table is an array, which moves when it grows.
  static constexpr size_t kArrayMax = kLeafSlots;
  /// How many regions' storage a table of `capacity` begins with, and what capacity that has.
  static size_t storage_for(size_t capacity) {
    return capacity <= kLeafSlots ? capacity : regions_of(nodes_for(capacity)) + kOverheadRegions;
  }
  static size_t capacity_in(size_t regions);
  /// What a table of `capacity` takes from memblock to double, at `region_bytes` a region.
  static uint64_t growth_bytes(size_t capacity, uint64_t region_bytes);
  Growth grow(const Block& block);
  void undo(const Growth& growth);

  /// Visits each block that the table lives in, but for its first storage.
  template <class Visit>
  void each_block(Visit&& visit) const {
    if (array_block_.exists()) visit(array_block_);
    for (const BlockHead* head = blocks_; head != nullptr;) {
      const BlockHead* const next = head->next;  // The block may be gone after the visit.
      visit(Block{head->block});
      head = next;
    }
  }

  /// 0 when all hold, else the number of the first invariant that does not. Cost: O(n).
  int first_broken_invariant() const;

 private:
  struct Slots {
    const Region* first;
    size_t count;
  };

  /// At the beginning of a block of nodes.
  struct BlockHead {
    BlockHead* next;
    Block block;
  };

  /// A node that is not in use.
  struct Spare {
    Spare* next;
  };

  /// An end of the tree, where regions are put one after the other.
  struct Edge {
    Inner* node = nullptr;  ///< Above the leaf there; null: not looked for yet.
    bool is_open = false;   ///< Whether the bounds on the way there say nothing, so that they need
                            ///< not be raised.
  };

  /// The size of all nodes.
  static constexpr size_t kNodeBytes =
      align_up(max(kLeafSlots * sizeof(Region), sizeof(Inner)), kLine);
  /// What so many nodes take, counted in regions.
  static constexpr size_t regions_of(size_t nodes) {
    return (nodes * kNodeBytes + sizeof(Region) - 1) / sizeof(Region);
  }
  /// What a block takes beyond its nodes: its head, and what aligning them costs.
  static constexpr size_t kOverheadRegions =
      (sizeof(BlockHead) + 2 * kLine + sizeof(Region) - 1) / sizeof(Region);
  /// Leaves are joined when this many regions fit in one less, so that soon after they need not be
  /// split again.
  static constexpr size_t kLeafFull = kLeafSlots * 15 / 16;
  /// A full leaf gives to a neighbour that holds no more than this.
  static constexpr size_t kLeafGives = kLeafSlots * 11 / 16;
  /// Among so few a search is as short as a look at what was found last, which often is in vain.
  static constexpr size_t kFew = kLeafSlots / 8;
  /// A tree of no more regions than this becomes one leaf again.
  static constexpr size_t kOneLeaf = kLeafSlots * 3 / 8;
  static_assert(kLeafSlots <= UINT8_MAX && Inner::kFan < kLine, "an entry fits beside an address");
  static_assert((kLeafSlots + kLeafGives + 1) / 2 <= kLeafSlots - 2, "who gives has room then");
  static_assert((kLeafGives + 1 + kLeafSlots - 1) / 3 >= kLeafMin,
                "two leaves are enough for three");
  static_assert(Inner::kFanMin >= 3 || (kLeafFull + 1) / 2 >= kLeafMin, "leaves have neighbours");

  // Searching: tree_table_impl.h
  [[gnu::always_inline]] inline Slots slots_below_nodes(PhysAddr address) const;
  // Each a function of its own, the last thing that its caller calls.
  [[gnu::noinline]] const Region* holding_below_nodes(PhysAddr address) const;
  [[gnu::noinline]] bool overlaps_below_nodes(PhysRange range) const;
  [[gnu::noinline]] const Region* holding_in(Slots leaf, PhysAddr address) const;
  [[gnu::noinline]] bool overlaps_in(Slots leaf, PhysRange range) const;
  static const Region* held_by(const Region* at, PhysAddr address) {
    return address - at->base < at->size ? at : nullptr;  // What lies below the region wraps.
  }
  /// The last region that begins at or below `address`, or the first.
  [[gnu::always_inline]] const Region* last_in(Slots leaf, PhysAddr address) const {
    const Region* const first = leaf.first;
    if (leaf.count <= kFew) {
      return leaf.count - 8 < 8 ? detail::last_from_window<Region, 8>(first, leaf.count, address)
                                : detail::last_from_any(first, leaf.count, address);
    }
    // Large trees are seldom in a cache: there the fewer rounds of reads count, not the reads.
    const Region* const found = height_ > 1 ? detail::last_from_soon(first, leaf.count, address)
                                            : detail::last_from(first, leaf.count, address);
    const Near near{near_.load(std::memory_order_relaxed)};
    near_.store(near.then(first, found).bits, std::memory_order_relaxed);
    return found;
  }
  /// The region that was found last, or the one behind it, if lookups walk and it is the last one
  /// that begins at or below `address`; else null.
  [[gnu::always_inline]] const Region* walked_to(Slots leaf, PhysAddr address) const {
    Near near{near_.load(std::memory_order_relaxed)};
    if (!near.walks() || near.offset() + 2 * sizeof(Region) >= leaf.count * sizeof(Region)) {
      return nullptr;
    }
    near = near.ahead(static_cast<size_t>(near.in(leaf.first)[1].base <= address));
    const Region* const at = near.in(leaf.first);
    // One comparison: what lies below the region wraps. Two would be a coin toss each.
    if (address - at->base >= at[1].base - at->base) return nullptr;
    near_.store(near.bits, std::memory_order_relaxed);
    return at;
  }
  /// The same in the leaf of the last lookup.
  [[gnu::always_inline]] const Region* walked_below_nodes(PhysAddr address) const {
    const char* const hint = hint_.load(std::memory_order_relaxed);
    if (hint == nullptr || !Near{near_.load(std::memory_order_relaxed)}.walks()) return nullptr;
    const size_t slot = reinterpret_cast<uintptr_t>(hint) % kLine;
    const auto* const node = reinterpret_cast<const Inner*>(hint - slot);
    return walked_to({node->leaf(slot) + node->firsts[slot], node->counts[slot]}, address);
  }
  Leaf leaf_of(PhysAddr address) const;
  Leaf find(PhysAddr address, Path& path) const {
    return height_ == 0 ? Leaf{leaf_, PhysAddr{0}, kPhysAddrMax} : find_below_nodes(address, path);
  }
  Leaf find_below_nodes(PhysAddr address, Path& path) const;
  /// The same without a call: edits wait for it.
  [[gnu::always_inline]] inline Leaf find_here(PhysAddr address, Path& path) const;
  Leaf leaf_at(const Path& path) const;
  PhysAddr end_below(const Leaf& leaf) const;

  // Walking: tree_walk_impl.h
  /// The lowest region of the leaf that a search for `address` ends in.
  Position position_of(PhysAddr address) const {
    return height_ == 0 ? Position{leaf_, nullptr, 0} : position_below_nodes(address);
  }
  Position position_below_nodes(PhysAddr address) const;
  /// To the lowest region of the next leaf, or to the end of the one before, if there is one.
  /// Requires: more leaves than one.
  void next_leaf(Position& at) const;
  void previous_leaf(Position& at) const;
  [[gnu::noinline]] bool overlaps_next_leaf(PhysRange range) const;

  // Edits of one leaf: tree_table_impl.h
  /// Whether it is one leaf, with so many spare slots.
  bool is_array(size_t spare) const { return height_ == 0 && leaf_.spare() >= spare; }
  [[gnu::noinline]] bool insert_in_array(PhysRange range, RegionFlags flags, NodeId nid);
  [[gnu::noinline]] bool remove_in_array(PhysRange range, PhysRange& gap);
  [[gnu::noinline]] bool change_in_array(PhysRange range, const RegionChange& change);
  [[gnu::noinline]] bool insert_in_leaf(PhysRange range, RegionFlags flags, NodeId nid);
  bool insert_at_border(Region added, const Leaf& leaf, const Path& path);
  [[gnu::noinline]] bool insert_highest(Region added);
  [[gnu::noinline]] bool insert_lowest(PhysRange range, RegionFlags flags, NodeId nid);
  Run edge_run(Edge& edge, PhysAddr address, size_t& slot);
  void open(Edge& edge, PhysAddr address);
  void close_edges() const;
  [[gnu::noinline]] bool remove_in_leaf(PhysRange range, PhysRange& gap);
  [[gnu::noinline]] bool change_in_leaf(PhysRange range, const RegionChange& change);
  void store(const Path& path, const Run& run);
  void raise(const Path& path, PhysRange free);
  void raise(const Path& path, const Region& region);
  void raise(const Path& path, detail::Kinds kinds);
  [[gnu::always_inline]] inline void raise_added(const Path& path, const Leaf& leaf,
                                                 const Region* region);
  bool take_below_in_leaf(PhysAddr edge, PhysAddr floor, const Wish& wish, Spot& spot);
  bool take_above_in_leaf(PhysAddr edge, PhysAddr ceiling, const Wish& wish, Spot& spot);

  // Edits of several: tree_edit_impl.h
  template <class Edit>
  void edit(PhysRange range, size_t extra, Edit edit);
  template <class Edit>
  void rewrite(PhysRange range, Edit edit);
  PhysAddr change_in_place(PhysRange range, const RegionChange& change);
  class Writer;
  void refresh(const Path& path);
  void raise_above(const Path& path);

  // The shape of the tree: tree_shape_impl.h
  static Run leaf_run(Region* slots, size_t first, size_t count);
  static typename Inner::Entry leaf_entry(PhysAddr key, Region* slots, const Run& run);
  void structure_changed();
  void raise_root();
  void lower_root();
  void gather();
  void make_leaf_room(PhysAddr address);
  void make_entry_room(PhysAddr address, Path& path);
  void split(Inner& node, Inner& parent, size_t slot, size_t left);
  void add_leaf(const Path& path, size_t slot, const Region& only);
  void prepend_leaf(PhysRange range, RegionFlags flags, NodeId nid);
  void append_leaf(PhysRange range, RegionFlags flags, NodeId nid);
  /// A leaf that has so many regions left, or the whole tree.
  bool may_be_too_small(size_t left) const { return left < kLeafMin || count_ <= kOneLeaf; }
  void mend(PhysAddr address);
  void even_out(Inner& node, size_t first, size_t leaves, size_t used);
  void move_up(Inner& node, size_t slot, size_t count);
  void move_down(Inner& node, size_t slot, size_t count);
  void erase_entries(const Path& path, unsigned level, size_t count);
  void mend_inner(const Path& path, unsigned level);
  void set_key(const Path& path, unsigned level, PhysAddr base);
  void tighten(const Path& path) const;

  // Searches for free memory: tree_search_impl.h
  template <class Admits>
  bool step(Path& path, bool (&whole)[Shape::kHeightMax + 1], bool up, Passed& passed,
            const Admits& admits) const;

  RegionView only_leaf() const { return {leaf_.first, leaf_.count}; }
  const Region* find_region_down_below_nodes(PhysRange window, const RegionSieve& sieve,
                                             const Wish& wish, Passed& passed, Ahead& ahead) const;
  const Region* find_region_up_below_nodes(PhysRange window, const RegionSieve& sieve,
                                           const Wish& wish, Passed& passed, Ahead& ahead) const;
  bool find_gap_down_below_nodes(PhysRange window, const Wish& wish, Passed& passed, PhysRange& gap,
                                 Ahead& ahead) const;
  bool find_gap_up_below_nodes(PhysRange window, const Wish& wish, Passed& passed, PhysRange& gap,
                               Ahead& ahead) const;
  // Storage: tree_storage_impl.h
  static size_t nodes_for(size_t capacity);
  static size_t capacity_of(size_t nodes);
  static size_t growth_regions(size_t capacity);
  static char* aligned(char* at, size_t align);
  size_t add_nodes(const Block& block, size_t regions);
  void remove_nodes(size_t regions);
  void* take_node();
  void give_node(void* node);
  struct Audit;

  void* root_ = nullptr;  ///< The root node; not of a tree that is one leaf.
  unsigned height_ = 0;   ///< Levels of nodes above the leaves.
  TableId id_ = TableId::Reserved;
  size_t count_ = 0;
  size_t capacity_ = 0;
  uint64_t total_bytes_ = 0;
  Run leaf_;          ///< Of a tree that is one leaf.
  size_t taken_ = 0;  ///< In that, where a block was put last, in bytes; checked on use.
  Spare* spare_ = nullptr;
  size_t spare_count_ = 0;
  size_t node_count_ = 0;        ///< All that are owned.
  BlockHead* blocks_ = nullptr;  ///< Blocks of nodes.
  Block array_block_;            ///< Where the array lies, if it has grown.
  mutable Edge low_, high_;
  mutable detail::Tail tail_;
  /// The node above the leaf of the last lookup, and in its low bits the entry. Checked on use.
  mutable std::atomic<const char*> hint_{nullptr};
  mutable std::atomic<size_t> near_{Near{}.bits};  ///< In that leaf. Checked on use too.
};

namespace detail {

/// As many entries as fit into the size of a leaf.
constexpr size_t usual_fan() {
  constexpr size_t kEntryBytes =
      2 * sizeof(uint8_t) + sizeof(Kinds) + sizeof(PhysInt) + sizeof(void*) + sizeof(Room);
  return (128 * sizeof(Region) - 2 * sizeof(uint64_t)) / kEntryBytes;
}

}  // namespace detail

/// Leaves of 128 regions, as Linux's first arrays, and nodes of the same size above them.
using TreeTable = BasicTreeTable<detail::TreeShape<128, detail::usual_fan(), 7>>;

// In tree_table.cpp, for all: whoever makes trees of another shape gets no second copy of this one.
extern template class BasicTreeTable<detail::TreeShape<128, detail::usual_fan(), 7>>;

}  // namespace memblock
