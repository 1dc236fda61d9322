// TreeTable: where nodes come from, and whether the whole is sound.
#pragma once

#include "memblock/tree_table.h"

namespace memblock {

// As many leaves as `capacity` regions can need: two at the edges, one in the making and one to
// copy to beside those that are as empty as they may be. And the nodes above them, likewise.
template <class Shape>
size_t BasicTreeTable<Shape>::nodes_for(size_t capacity) {
  size_t nodes = capacity / kLeafMin + 5;
  for (size_t below = nodes; below > 1;) {
    below = below <= Inner::kFan ? 1 : below / Inner::kFanMin + 2;
    nodes += below;
  }
  return nodes;
}

// The largest capacity that so many nodes are enough for, or 0.
template <class Shape>
size_t BasicTreeTable<Shape>::capacity_of(size_t nodes) {
  for (size_t leaves = nodes; leaves-- != 0;) {
    const size_t capacity = leaves * kLeafMin + kLeafMin - 1;
    if (nodes_for(capacity) <= nodes) return capacity;
  }
  return 0;
}

// In regions, what a table of `capacity` needs to double.
template <class Shape>
size_t BasicTreeTable<Shape>::growth_regions(size_t capacity) {
  if (2 * capacity <= kLeafSlots) return 2 * capacity;
  const size_t had = capacity <= kLeafSlots ? 0 : nodes_for(capacity);
  return regions_of(nodes_for(2 * capacity) - had) + kOverheadRegions;
}

template <class Shape>
uint64_t BasicTreeTable<Shape>::growth_bytes(size_t capacity, uint64_t region_bytes) {
  return growth_regions(capacity) * region_bytes;
}

// What does not hold enough nodes is used as one leaf.
template <class Shape>
size_t BasicTreeTable<Shape>::capacity_in(size_t regions) {
  if (regions <= kLeafSlots) return regions;
  const size_t nodes =
      regions <= kOverheadRegions ? 0 : (regions - kOverheadRegions) * sizeof(Region) / kNodeBytes;
  return max(kLeafSlots, capacity_of(nodes));
}

template <class Shape>
BasicTreeTable<Shape>::BasicTreeTable(std::span<Region> storage, TableId id)
    : id_(id), capacity_(capacity_in(storage.size())) {
  if (capacity_ <= kLeafSlots) {
    leaf_ = Run{storage.data(), 0, 0, capacity_};
    return;
  }
  add_nodes(Block{.memory = storage.data()}, storage.size());
  blocks_ = nullptr;  // First storage is never given back.
  leaf_ = Run{static_cast<Region*>(take_node()), 0, 0, kLeafSlots};
}

// Where the first multiple of `align` lies from `at` on.
template <class Shape>
char* BasicTreeTable<Shape>::aligned(char* at, size_t align) {
  const auto address = reinterpret_cast<uintptr_t>(at);
  return at + (align_up(address, align) - address);
}

// Puts a head at the beginning of a block of so many regions, and as many nodes as fit behind it.
template <class Shape>
size_t BasicTreeTable<Shape>::add_nodes(const Block& block, size_t regions) {
  char* const begin = static_cast<char*>(block.memory);
  char* const end = begin + regions * sizeof(Region);
  auto* const head = reinterpret_cast<BlockHead*>(aligned(begin, alignof(BlockHead)));
  *head = BlockHead{blocks_, block};
  blocks_ = head;
  size_t added = 0;
  for (char* node = aligned(reinterpret_cast<char*>(head + 1), kLine);
       kNodeBytes <= static_cast<size_t>(end - node); node += kNodeBytes) {
    give_node(node);
    ++added;
  }
  node_count_ += added;
  return added;
}

template <class Shape>
void* BasicTreeTable<Shape>::take_node() {
  MEMBLOCK_ASSERT(spare_ != nullptr);
  Spare* const node = spare_;
  spare_ = node->next;
  --spare_count_;
  return node;
}

template <class Shape>
void BasicTreeTable<Shape>::give_node(void* node) {
  auto* const spare = static_cast<Spare*>(node);
  spare->next = spare_;
  spare_ = spare;
  ++spare_count_;
}

template <class Shape>
typename BasicTreeTable<Shape>::Growth BasicTreeTable<Shape>::grow(const Block& block) {
  Growth before{{}, capacity_, node_count_, {}, array_block_};
  const size_t regions = growth_regions(capacity_);
  Run to{static_cast<Region*>(block.memory), count_, 0, 2 * capacity_ - count_};
  if (2 * capacity_ > kLeafSlots) {
    add_nodes(block, regions);
    capacity_ *= 2;
    if (spare_count_ != node_count_) return before;  // It has had nodes all along.
    // What the array holds becomes the first leaf.
    to = Run{static_cast<Region*>(take_node()), count_, 0, kLeafSlots - count_};
    array_block_ = Block{};
  } else {
    capacity_ *= 2;
    array_block_ = block;
  }
  detail::move_regions(to.first, leaf_.first, leaf_.end());
  before.left = before.array_block;
  before.array = leaf_;
  leaf_ = to;
  return before;
}

template <class Shape>
void BasicTreeTable<Shape>::undo(const Growth& growth) {
  if (growth.array.first != nullptr) {
    // As many regions as there are now; the array had room for them.
    Run array = growth.array;
    array.first -= array.below;
    array.above = growth.capacity - count_;
    array.below = 0;
    array.count = count_;
    MEMBLOCK_ASSERT(count_ <= growth.capacity && height_ == 0);
    detail::move_regions(array.first, leaf_.first, leaf_.end());
    if (node_count_ != growth.nodes) give_node(leaf_.first - leaf_.below);
    leaf_ = array;
  }
  if (node_count_ != growth.nodes) remove_nodes(growth_regions(growth.capacity));
  MEMBLOCK_ASSERT(node_count_ == growth.nodes);
  array_block_ = growth.array_block;
  capacity_ = growth.capacity;
}

// Takes the last block away, which is as large as so many regions. Requires: its nodes are spare.
template <class Shape>
void BasicTreeTable<Shape>::remove_nodes(size_t regions) {
  const BlockHead* const head = blocks_;
  const auto begin = reinterpret_cast<uintptr_t>(head);
  const uintptr_t end = begin + regions * sizeof(Region);
  Spare** link = &spare_;
  while (*link != nullptr) {
    const auto node = reinterpret_cast<uintptr_t>(*link);
    if (begin < node && node < end) {
      *link = (*link)->next;
      --spare_count_;
      --node_count_;
    } else {
      link = &(*link)->next;
    }
  }
  blocks_ = head->next;
}

template <class Shape>
void BasicTreeTable<Shape>::reset() {
  root_ = nullptr;
  height_ = 0;
  count_ = capacity_ = spare_count_ = node_count_ = 0;
  total_bytes_ = 0;
  leaf_ = Run{};
  spare_ = nullptr;
  blocks_ = nullptr;
  array_block_ = Block{};
  structure_changed();
}

// ---- Invariants

/// Looks at each node and leaf once, from the left.
template <class Shape>
struct BasicTreeTable<Shape>::Audit {
  const BasicTreeTable& table;
  size_t regions = 0;
  size_t nodes = 0;
  PhysAddr before{};  // Where the last region seen ends.
  int broken = 0;

  int first_broken() {
    size_t spare = 0;
    for (const Spare* node = table.spare_; node != nullptr; node = node->next) ++spare;
    if (table.height_ != 0) {
      detail::Room room;
      detail::Kinds kinds;
      node(*static_cast<const Inner*>(table.root_), table.height_, true, true, room, kinds);
      if (regions != table.count_ && broken == 0) broken = 6;
    } else if (table.leaf_.count != table.count_) {
      broken = 6;
    } else if (table.node_count_ != 0) {
      nodes = 1;
    }
    if (broken != 0) return broken;
    const bool owned = spare == table.spare_count_ && nodes + spare == table.node_count_;
    const bool enough =
        table.capacity_ <= kLeafSlots || nodes_for(table.capacity_) <= table.node_count_;
    return owned && enough ? 0 : 8;
  }

  /// Adds to `room` and `kinds` what entries say of what lies below: a node says no less of all of
  /// it, so that what does not raise the bound of a leaf raises none above.
  void node(const Inner& node, unsigned level, bool is_left, bool is_right, detail::Room& room,
            detail::Kinds& kinds) {
    ++nodes;
    const size_t least = level == table.height_ ? 2 : Inner::kFanMin;
    if (node.fan < least || node.fan > Inner::kFan) return found(6);
    for (size_t i = node.fan; i < Inner::kFan; ++i) {
      if (node.keys[i] != Inner::kNoKey) return found(6);
    }
    for (size_t slot = 0; slot < node.fan && broken == 0; ++slot) {
      const bool left = is_left && slot == 0;
      const bool right = is_right && slot + 1 == node.fan;
      detail::Room room_below;
      detail::Kinds kinds_below;
      const size_t seen = regions;
      if (left && node.keys[0] != 0) return found(6);
      if (level == 1) {
        leaf(node, slot, left, right, room_below, kinds_below);
      } else {
        if (!left && node.keys[slot] != node.child(slot)->keys[0]) return found(6);
        this->node(*node.child(slot), level - 1, left, right, room_below, kinds_below);
      }
      if (seen == regions && broken == 0) return found(6);
      if (table.id_ == TableId::Reserved && !node.rooms[slot].covers(room_below)) return found(7);
      if (table.id_ == TableId::Memory &&
          !(node.rooms[slot].covers(room_below) && node.kinds[slot].covers(kinds_below))) {
        return found(7);
      }
      room.add(node.rooms[slot]);
      kinds.add(node.kinds[slot]);
    }
  }

  void leaf(const Inner& node, size_t slot, bool is_left, bool is_right, detail::Room& room,
            detail::Kinds& kinds) {
    ++nodes;
    const Run run = node.run(slot);
    if (run.below + run.count > kLeafSlots || run.count == 0) return found(6);
    if (run.count < kLeafMin && !is_left && !is_right) return found(6);
    if (!is_left && node.keys[slot] != run.first->base.value) return found(6);
    for (const Region* region = run.first; region != run.end(); ++region) {
      ++regions;
      kinds.add(detail::Kinds::of(*region));
      if (table.id_ == TableId::Memory) {
        room.add(region->range());
      } else if (before < region->base) {
        room.add(PhysRange{before, region->base});
      }
      before = region->end();
    }
    const detail::Tail& tail = table.tail_;
    if (is_right && tail.next != nullptr &&
        (tail.next != run.end() || tail.end > run.end() + run.above ||
         table.count_ + static_cast<size_t>(tail.end - tail.next) > table.capacity_ ||
         tail.count != &node.counts[slot] || !table.high_.is_open)) {
      return found(6);
    }
  }

  void found(int invariant) {
    if (broken == 0) broken = invariant;
  }
};

template <class Shape>
int BasicTreeTable<Shape>::first_broken_invariant() const {
  if (count_ > capacity_) return 1;
  uint64_t sum = 0;
  const Region* last = nullptr;
  for (const Region& region : regions()) {
    if (region.size == 0 || region.size > kPhysAddrMax - region.base) return 2;
    sum += region.size;
  }
  for (const Region& region : regions()) {
    if (last != nullptr && region.base < last->end()) return 3;
    last = &region;
  }
  last = nullptr;
  for (const Region& region : regions()) {
    if (last != nullptr && joins(*last, region)) return 4;
    last = &region;
  }
  if (sum != total_bytes_) return 5;
  Audit audit{*this};
  return audit.first_broken();
}

}  // namespace memblock
