// Trees as the lab runs them beside kernels: nodes small enough to be many, and storage that to
// memblock looks like the kernel's arrays.
#pragma once

#include <memory>
#include <vector>

#include "memblock/memblock.h"

namespace memblock {

/// A tree of 16 regions a leaf and 12 entries a node: a trace of a few dozen regions splits, joins
/// and evens out what takes thousands otherwise.
using SmallTreeTable = BasicTreeTable<detail::TreeShape<16, 12, 12>>;

extern template class BasicTreeTable<detail::TreeShape<16, 12, 12>>;
extern template class BasicMemblock<SmallTreeTable>;

namespace lab {

/// A tree table that to memblock has the capacity, and takes and leaves the memory, that a kernel's
/// array would. Its nodes come from the heap.
template <class Tree>
class KernelSized : private std::unique_ptr<Region[]>, public Tree {
  using First = std::unique_ptr<Region[]>;

 public:
  struct Growth {
    Block left;
    size_t capacity = 0;
  };

  static constexpr size_t kArrayMax = ~size_t{0};

  explicit KernelSized(std::span<Region> storage, TableId id = TableId::Reserved)
      : First(new Region[Tree::storage_for(storage.size())]),
        Tree({First::get(), Tree::storage_for(storage.size())}, id),
        capacity_(storage.size()) {}

  size_t capacity() const { return capacity_; }

  bool append(PhysRange range, RegionFlags flags, NodeId nid) {
    return this->count() < capacity_ && Tree::append(range, flags, nid);
  }
  bool insert_alone(PhysRange range, RegionFlags flags, NodeId nid) {
    return this->count() < capacity_ && Tree::insert_alone(range, flags, nid);
  }
  bool remove_alone(PhysRange range, PhysRange& gap) {
    return this->count() + 2 <= capacity_ && Tree::remove_alone(range, gap);
  }
  bool change_alone(PhysRange range, const RegionChange& change) {
    return this->count() + 2 <= capacity_ && Tree::change_alone(range, change);
  }
  bool take_below(PhysAddr edge, PhysAddr floor, const Wish& wish, Spot& spot) {
    return this->count() < capacity_ && Tree::take_below(edge, floor, wish, spot);
  }
  bool take_above(PhysAddr edge, PhysAddr ceiling, const Wish& wish, Spot& spot) {
    return this->count() < capacity_ && Tree::take_above(edge, ceiling, wish, spot);
  }
  Region* put_in_gap(const Region* above, PhysAddr at, uint64_t bytes, bool up) {
    return this->count() < capacity_ ? Tree::put_in_gap(above, at, bytes, up) : nullptr;
  }

  static size_t storage_for(size_t capacity) { return capacity; }
  static size_t capacity_in(size_t regions) { return regions; }
  static uint64_t growth_bytes(size_t capacity, uint64_t region_bytes) {
    return 2 * capacity * region_bytes;
  }

  Growth grow(const Block& block) {
    const Growth before{block_, capacity_};
    capacity_ *= 2;
    block_ = block;
    while (Tree::capacity() < capacity_) {
      const uint64_t bytes = Tree::growth_bytes(Tree::capacity(), sizeof(Region));
      nodes_.emplace_back(new std::byte[bytes]);
      Tree::grow({.memory = nodes_.back().get(), .bytes = bytes});
    }
    return before;
  }

  void undo(const Growth& growth) {
    capacity_ = growth.capacity;
    block_ = growth.left;
  }

  template <class Visit>
  void each_block(Visit&& visit) const {
    if (block_.exists()) visit(block_);
  }

  void reset() {
    Tree::reset();
    capacity_ = 0;
    block_ = {};
  }

  int first_broken_invariant() const {
    return this->count() > capacity_ ? 1 : Tree::first_broken_invariant();
  }

 private:
  size_t capacity_;
  Block block_;
  std::vector<std::unique_ptr<std::byte[]>> nodes_;
};

}  // namespace lab

extern template class BasicMemblock<lab::KernelSized<TreeTable>>;
extern template class BasicMemblock<lab::KernelSized<SmallTreeTable>>;

}  // namespace memblock
