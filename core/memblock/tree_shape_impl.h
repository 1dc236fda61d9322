// TreeTable: how leaves and nodes split, fill up each other, and go.
#pragma once

#include "memblock/tree_table.h"

namespace memblock {

template <class Shape>
detail::Run BasicTreeTable<Shape>::leaf_run(Region* slots, size_t first, size_t count) {
  return {slots + first, count, first, kLeafSlots - first - count};
}

template <class Shape>
typename BasicTreeTable<Shape>::Inner::Entry BasicTreeTable<Shape>::leaf_entry(PhysAddr key,
                                                                               Region* slots,
                                                                               const Run& run) {
  return {
      key.value, slots, {}, {}, static_cast<uint8_t>(run.below), static_cast<uint8_t>(run.count)};
}

// Whatever remembers a node or an entry forgets it.
template <class Shape>
void BasicTreeTable<Shape>::structure_changed() {
  hint_.store(nullptr, std::memory_order_relaxed);
  low_ = high_ = Edge{};
  tail_ = {};
}

// One leaf becomes two below a node. What the node says of them is right at once.
template <class Shape>
void BasicTreeTable<Shape>::raise_root() {
  auto* const slots = static_cast<Region*>(take_node());
  Run lower = leaf_;
  Run upper = leaf_run(slots, 0, lower.count - lower.count / 2);
  lower.count /= 2;
  detail::move_regions(upper.first, lower.end(), lower.end() + upper.count);
  lower.above += upper.count;

  auto* const root = static_cast<Inner*>(take_node());
  root->clear();
  root->insert(0, leaf_entry(PhysAddr{0}, lower.first - lower.below, lower));
  root->insert(1, leaf_entry(upper.first->base, slots, upper));
  root_ = root;
  height_ = 1;
  leaf_ = Run{};
  Path path;
  path.nodes[1] = root;
  for (const size_t slot : {size_t{0}, size_t{1}}) {
    path.slots[1] = slot;
    tighten(path);
  }
  structure_changed();
}

// A root of one entry is none.
template <class Shape>
void BasicTreeTable<Shape>::lower_root() {
  auto* const root = static_cast<Inner*>(root_);
  if (height_ == 1) {
    leaf_ = root->run(0);
    root_ = nullptr;
  } else {
    root_ = root->children[0];
  }
  --height_;
  give_node(root);
  structure_changed();
}

// All regions, which are few, move into one leaf.
template <class Shape>
void BasicTreeTable<Shape>::gather() {
  auto* const slots = static_cast<Region*>(take_node());
  Run all = leaf_run(slots, 0, 0);
  for (const Region& region : regions()) {
    *all.end() = region;
    ++all.count;
    --all.above;
  }
  while (height_ != 0) {
    Path path;
    find(PhysAddr{0}, path);
    erase_entries(path, 1, 1);  // The last but one leaves one leaf and no node.
  }
  give_node(leaf_.first - leaf_.below);
  leaf_ = all;
}

// Splits what is full on the way to the leaf of `address`, from above, until the lowest node is
// not.
template <class Shape>
void BasicTreeTable<Shape>::make_entry_room(PhysAddr address, Path& path) {
  find(address, path);
  while (path.node().fan == Inner::kFan) {
    unsigned level = 1;
    while (level < height_ && path.nodes[level + 1]->fan == Inner::kFan) ++level;
    if (level == height_) {
      MEMBLOCK_ASSERT(height_ < Shape::kHeightMax);
      auto* const root = static_cast<Inner*>(take_node());
      auto* const old = static_cast<Inner*>(root_);
      root->clear();
      root->insert(0, {0, old, old->room(), old->all_kinds(), 0, 0});
      root_ = root;
      path.nodes[++height_] = root;
      path.slots[height_] = 0;
    }
    // Where entries come in order, nodes are left behind nearly full.
    Inner& node = *path.nodes[level];
    const size_t at = path.slots[level];
    const size_t left = at + 1 == node.fan ? node.fan - Inner::kFanMin
                        : at == 0          ? Inner::kFanMin
                                           : node.fan / 2;
    split(node, *path.nodes[level + 1], path.slots[level + 1], left);
    find(address, path);
  }
}

// Moves all entries but `left` of `node`, which is entry `slot` of `parent`, to a node behind it.
template <class Shape>
void BasicTreeTable<Shape>::split(Inner& node, Inner& parent, size_t slot, size_t left) {
  auto* const upper = static_cast<Inner*>(take_node());
  upper->clear();
  upper->take_from(node, left);
  parent.rooms[slot] = node.room();
  parent.kinds[slot] = node.all_kinds();
  parent.insert(slot + 1, {upper->keys[0], upper, upper->room(), upper->all_kinds(), 0, 0});
  structure_changed();
}

// ---- Leaves

// A leaf that holds `only`, in front of entry `slot` of the lowest node of `path`.
template <class Shape>
void BasicTreeTable<Shape>::add_leaf(const Path& path, size_t slot, const Region& only) {
  auto* const slots = static_cast<Region*>(take_node());
  const bool is_first = slot == 0;
  // Room on the side where more may come.
  const Run run = leaf_run(slots, is_first ? kLeafSlots - 1 : 0, 1);
  *run.first = only;
  path.node().insert(slot, leaf_entry(is_first ? PhysAddr{0} : only.base, slots, run));
  structure_changed();
}

template <class Shape>
void BasicTreeTable<Shape>::prepend_leaf(PhysRange range, RegionFlags flags, NodeId nid) {
  const Region only{range.base, range.size(), flags, nid};
  const bool was_open = low_.is_open;
  Path path;
  make_entry_room(PhysAddr{0}, path);
  if (was_open) tighten(path);
  const PhysAddr next = leaf_at(path).run.first->base;
  add_leaf(path, 0, only);
  ++count_;
  total_bytes_ += only.size;
  path.node().keys[1] = next.value;
  raise(path, only);
  raise(path, PhysRange{PhysAddr{0}, only.base});
  ++path.slots[1];
  raise(path, PhysRange{only.end(), next});
}

template <class Shape>
void BasicTreeTable<Shape>::append_leaf(PhysRange range, RegionFlags flags, NodeId nid) {
  const Region only{range.base, range.size(), flags, nid};
  const bool was_open = high_.is_open;
  Path path;
  make_entry_room(only.base, path);
  if (was_open) tighten(path);
  const PhysAddr below = leaf_at(path).run.end()[-1].end();
  ++path.slots[1];
  add_leaf(path, path.slot(), only);
  ++count_;
  total_bytes_ += only.size;
  raise(path, only);
  raise(path, PhysRange{below, only.base});
}

// The leaf of `address`, which is full or nearly so, gives some of its regions away: to a
// neighbour, or else it and a neighbour become three.
template <class Shape>
void BasicTreeTable<Shape>::make_leaf_room(PhysAddr address) {
  if (height_ == 0) return raise_root();
  Path path;
  make_entry_room(address, path);
  Inner& node = path.node();
  const size_t slot = path.slot();
  for (const bool up : {false, true}) {
    const size_t lower = up ? slot : slot - 1;
    const size_t neighbour = up ? slot + 1 : slot - 1;
    if (neighbour >= node.fan || node.counts[neighbour] > kLeafGives) continue;
    if (node.counts[slot] + node.counts[neighbour] >= 2 * kLeafMin) {
      even_out(node, lower, 2, 2);
    } else if (up) {  // Only a leaf at an edge holds so few, and may.
      move_up(node, slot, node.counts[slot] - kLeafMin);
    } else {
      move_down(node, lower, node.counts[slot] - kLeafMin);
    }
    return structure_changed();
  }
  // The new leaf begins with one region of the one below, which it gets back more of.
  const size_t first = slot == 0 ? 0 : slot - 1;
  const size_t last = slot == 0 && node.fan == 1 ? slot : first + 1;
  Run run = node.run(last);
  const Region highest = run.end()[-1];
  --run.count;
  ++run.above;
  node.set_run(last, run);
  add_leaf(path, last + 1, highest);
  node.rooms[last + 1] = node.rooms[last];
  node.kinds[last + 1] = node.kinds[last];
  even_out(node, first, last + 2 - first, last + 2 - first);
}

// Moves the highest `count` regions of a leaf into the next one.
template <class Shape>
void BasicTreeTable<Shape>::move_up(Inner& node, size_t slot, size_t count) {
  Run from = node.run(slot);
  Run to = node.run(slot + 1);
  detail::make_below(to, count);
  from.count -= count;
  from.above += count;
  to.first -= count;
  to.count += count;
  to.below -= count;
  detail::move_regions(to.first, from.end(), from.end() + count);
  node.set_run(slot, from);
  node.set_run(slot + 1, to);
  node.keys[slot + 1] = to.first->base.value;
  node.rooms[slot + 1].add(node.rooms[slot]);
  node.kinds[slot + 1].add(node.kinds[slot]);
}

// Moves the lowest `count` regions of a leaf's next one into it.
template <class Shape>
void BasicTreeTable<Shape>::move_down(Inner& node, size_t slot, size_t count) {
  Run to = node.run(slot);
  Run from = node.run(slot + 1);
  detail::make_above(to, count);
  detail::move_regions(to.end(), from.first, from.first + count);
  // One that has given all it had in between begins elsewhere now. The first of a window never
  // does.
  if (to.count == 0) node.keys[slot] = to.first->base.value;
  to.count += count;
  to.above -= count;
  from.first += count;
  from.count -= count;
  from.below += count;
  node.set_run(slot, to);
  node.set_run(slot + 1, from);
  if (from.count != 0) node.keys[slot + 1] = from.first->base.value;
  node.rooms[slot].add(node.rooms[slot + 1]);
  node.kinds[slot].add(node.kinds[slot + 1]);
}

// Gives the first `used` of leaves `[first, first + leaves)` of a node, two or three, about as many
// regions each, and the others none.
template <class Shape>
void BasicTreeTable<Shape>::even_out(Inner& node, size_t first, size_t leaves, size_t used) {
  size_t total = 0;
  for (size_t i = 0; i < leaves; ++i) total += node.counts[first + i];
  const auto share = [&](size_t i) { return i < used ? (total + i) / used : 0; };
  // A leaf that is to give what it does not have yet, or to take what it has no room for, waits.
  for (bool done = false; !done;) {
    done = true;
    size_t surplus = 0;  // Modulo 2^n: what leaves up to here hold above their shares.
    for (size_t i = 0; i + 1 < leaves; ++i) {
      const size_t slot = first + i;
      surplus += node.counts[slot] - share(i);
      if (surplus == 0) continue;
      if (surplus <= total) {
        const size_t moved =
            min(min(surplus, node.counts[slot]), kLeafSlots - node.counts[slot + 1]);
        if (moved != 0) move_up(node, slot, moved);
        done = done && moved == surplus;
        surplus -= moved;
      } else {
        const size_t moved =
            min(min(size_t{0} - surplus, node.counts[slot + 1]), kLeafSlots - node.counts[slot]);
        if (moved != 0) move_down(node, slot, moved);
        done = done && moved == size_t{0} - surplus;
        surplus += moved;
      }
    }
  }
  structure_changed();
}

// After regions went from the leaf of `address`: it goes, or is filled up from its neighbours.
template <class Shape>
void BasicTreeTable<Shape>::mend(PhysAddr address) {
  if (height_ == 0) return;
  Path path;
  const Leaf leaf = find(address, path);
  if (leaf.run.count == 0) erase_entries(path, 1, 1);
  if (height_ != 0 && count_ <= kOneLeaf) return gather();
  const bool small = leaf.run.count != 0 && leaf.run.count < kLeafMin;
  if (!small || leaf.is_first() || leaf.is_last()) return;
  Inner& node = path.node();
  const size_t leaves = min(size_t{3}, size_t{node.fan});
  const size_t first = min(path.slot() == 0 ? 0 : path.slot() - 1, node.fan - leaves);
  size_t total = 0;
  for (size_t i = 0; i < leaves; ++i) total += node.counts[first + i];
  const size_t used = min((total + kLeafFull - 1) / kLeafFull, leaves);
  even_out(node, first, leaves, used);
  if (used == leaves) return;
  const PhysAddr lowest{node.keys[first]};
  const PhysAddr highest{node.keys[first + used - 1]};
  path.slots[1] = first + used;
  erase_entries(path, 1, leaves - used);
  // Small ones that were joined may still be too small.
  mend(lowest);
  if (used != 1) mend(highest);
}

// ---- Nodes

// Takes `count` entries out of a node, beginning with that of `path`; what they lead to is spare
// from then on.
template <class Shape>
void BasicTreeTable<Shape>::erase_entries(const Path& path, unsigned level, size_t count) {
  Inner& node = *path.nodes[level];
  const size_t slot = path.slots[level];
  for (size_t i = 0; i < count; ++i) {
    give_node(node.children[slot]);
    node.erase(slot);
  }
  structure_changed();
  if (slot == 0) {
    const PhysAddr base{node.keys[0]};
    node.keys[0] = 0;  // As it is on the left edge; elsewhere the next line puts it right.
    set_key(path, level, base);
  }
  if (level == height_) {
    if (node.fan == 1) lower_root();
  } else if (node.fan < Inner::kFanMin) {
    mend_inner(path, level);
  }
}

// A node of too few entries takes some from a neighbour, or joins it.
template <class Shape>
void BasicTreeTable<Shape>::mend_inner(const Path& path, unsigned level) {
  Inner& parent = *path.nodes[level + 1];
  const size_t slot = path.slots[level + 1];
  const size_t lower_slot = slot == 0 ? 0 : slot - 1;
  Inner& lower = *parent.child(lower_slot);
  Inner& upper = *parent.child(lower_slot + 1);
  const size_t total = lower.fan + upper.fan;
  if (total <= Inner::kFan - Inner::kFanMin / 2) {
    lower.take_from(upper, 0);
    parent.rooms[lower_slot].add(parent.rooms[lower_slot + 1]);
    parent.kinds[lower_slot].add(parent.kinds[lower_slot + 1]);
    Path gone = path;
    gone.slots[level + 1] = lower_slot + 1;
    return erase_entries(gone, level + 1, 1);
  }
  while (lower.fan > total / 2) {
    upper.insert(0, lower.entry(lower.fan - 1));
    lower.erase(lower.fan - 1);
  }
  while (lower.fan < total / 2) {
    lower.insert(lower.fan, upper.entry(0));
    upper.erase(0);
  }
  parent.keys[lower_slot + 1] = upper.keys[0];
  parent.rooms[lower_slot] = lower.room();
  parent.rooms[lower_slot + 1] = upper.room();
  parent.kinds[lower_slot] = lower.all_kinds();
  parent.kinds[lower_slot + 1] = upper.all_kinds();
}

// The lowest region below the entry of `path` at `level` begins at `base` now. What is first below
// a node is so in the node's own entry too; on the left edge keys are 0.
template <class Shape>
void BasicTreeTable<Shape>::set_key(const Path& path, unsigned level, PhysAddr base) {
  unsigned last = level;
  while (last <= height_ && path.slots[last] == 0) ++last;
  if (last > height_) return;
  for (; level <= last; ++level) path.nodes[level]->keys[path.slots[level]] = base.value;
}

// Makes the bounds of a leaf what they bound.
template <class Shape>
void BasicTreeTable<Shape>::tighten(const Path& path) const {
  close_edges();
  if (id_ == TableId::Physmem) return;
  const Leaf leaf = leaf_at(path);
  detail::Room room;
  detail::Kinds kinds;
  if (id_ == TableId::Reserved) {
    kinds = detail::Kinds::any();  // Nobody asks.
    PhysAddr below = end_below(leaf);
    for (const Region* region = leaf.run.first; region != leaf.run.end(); ++region) {
      if (below < region->base) room.add(PhysRange{below, region->base});
      below = region->end();
    }
  } else {
    for (const Region* region = leaf.run.first; region != leaf.run.end(); ++region) {
      room.add(region->range());
      kinds.add(detail::Kinds::of(*region));
    }
  }
  path.node().rooms[path.slot()] = room;
  path.node().kinds[path.slot()] = kinds;
}

}  // namespace memblock
