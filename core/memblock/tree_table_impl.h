// TreeTable: lookups, and the edits that stay within one leaf.
#pragma once

#include "memblock/tree_table.h"

namespace memblock {

// ---- Searching

template <class Shape>
typename BasicTreeTable<Shape>::Slots BasicTreeTable<Shape>::slots_below_nodes(
    PhysAddr address) const {
  const auto* node = static_cast<const Inner*>(root_);
  for (unsigned level = height_; level > 1; --level) node = node->child(node->slot_of(address));
  const size_t slot = node->slot_of(address);
  const char* const found = reinterpret_cast<const char*>(node) + slot;
  if (found != hint_.load(std::memory_order_relaxed)) {
    near_.store(Near{}.bits, std::memory_order_relaxed);
    hint_.store(found, std::memory_order_relaxed);
  }
  return {node->leaf(slot) + node->firsts[slot], node->counts[slot]};
}

template <class Shape>
const Region* BasicTreeTable<Shape>::holding_below_nodes(PhysAddr address) const {
  const Region* const at = walked_below_nodes(address);
  return at == nullptr ? holding_in(slots_below_nodes(address), address) : held_by(at, address);
}

template <class Shape>
bool BasicTreeTable<Shape>::overlaps_below_nodes(PhysRange range) const {
  const Region* const at = walked_below_nodes(range.base);
  return at == nullptr ? overlaps_in(slots_below_nodes(range.base), range)
                       : detail::overlaps_near(at, 1, range);
}

template <class Shape>
const Region* BasicTreeTable<Shape>::holding_in(Slots leaf, PhysAddr address) const {
  return leaf.count == 0 ? nullptr : held_by(last_in(leaf, address), address);
}

template <class Shape>
bool BasicTreeTable<Shape>::overlaps_in(Slots leaf, PhysRange range) const {
  if (leaf.count == 0) return false;
  const Region* const at = last_in(leaf, range.base);
  const auto more = static_cast<unsigned>(at + 1 != leaf.first + leaf.count);
  if (height_ != 0 && more == 0) {
    return detail::overlaps_near(at, 0, range) || overlaps_next_leaf(range);
  }
  return detail::overlaps_near(at, more, range);
}

template <class Shape>
typename BasicTreeTable<Shape>::Leaf BasicTreeTable<Shape>::leaf_of(PhysAddr address) const {
  Path path;
  return find(address, path);
}

template <class Shape>
typename BasicTreeTable<Shape>::Leaf BasicTreeTable<Shape>::find_here(PhysAddr address,
                                                                      Path& path) const {
  auto* node = static_cast<Inner*>(root_);
  PhysAddr lower;
  PhysAddr upper = kPhysAddrMax;
  for (unsigned level = height_;; --level) {
    const size_t slot = node->slot_of_soon(address);
    path.nodes[level] = node;
    path.slots[level] = slot;
    if (slot != 0) lower = PhysAddr{node->keys[slot]};
    if (slot + 1 != node->fan) upper = PhysAddr{node->keys[slot + 1]};
    if (level == 1) return {node->run(slot), lower, upper};
    node = node->child(slot);
  }
}

template <class Shape>
typename BasicTreeTable<Shape>::Leaf BasicTreeTable<Shape>::find_below_nodes(PhysAddr address,
                                                                             Path& path) const {
  return find_here(address, path);
}

template <class Shape>
typename BasicTreeTable<Shape>::Leaf BasicTreeTable<Shape>::leaf_at(const Path& path) const {
  Leaf leaf{path.node().run(path.slot()), PhysAddr{0}, kPhysAddrMax};
  for (unsigned level = 1; level <= height_ && leaf.is_last(); ++level) {
    const Inner& node = *path.nodes[level];
    const size_t next = path.slots[level] + 1;
    if (next != node.fan) leaf.upper = PhysAddr{node.keys[next]};
  }
  for (unsigned level = 1; level <= height_ && leaf.is_first(); ++level) {
    leaf.lower = PhysAddr{path.nodes[level]->keys[path.slots[level]]};
  }
  return leaf;
}

// Where what lies below a leaf ends.
template <class Shape>
PhysAddr BasicTreeTable<Shape>::end_below(const Leaf& leaf) const {
  if (leaf.is_first()) return PhysAddr{0};
  return leaf_of(leaf.lower - 1).run.end()[-1].end();
}

template <class Shape>
const Region* BasicTreeTable<Shape>::highest() const {
  if (count_ == 0) return nullptr;
  return leaf_of(kPhysAddrMax).run.end() - 1;
}

// ---- Edits of one leaf

template <class Shape>
void BasicTreeTable<Shape>::store(const Path& path, const Run& run) {
  path.node().set_run(path.slot(), run);
  tail_ = {};
}

// A free range in front of a region below `path` is there now. What a node says of all that lies
// below it covers what is said of each part: where nothing is new, nothing is above.
template <class Shape>
void BasicTreeTable<Shape>::raise(const Path& path, PhysRange free) {
  if (id_ != TableId::Reserved) return;
  for (unsigned level = 1; level <= height_; ++level) {
    if (!path.nodes[level]->rooms[path.slots[level]].add(free)) return;
  }
}

// `region`, below `path`, has been made or has changed.
template <class Shape>
void BasicTreeTable<Shape>::raise(const Path& path, const Region& region) {
  if (id_ != TableId::Memory) return;
  for (unsigned level = 1; level <= height_; ++level) {
    if (!path.nodes[level]->rooms[path.slots[level]].add(region.range())) break;
  }
  raise(path, detail::Kinds::of(region));
}

// There are regions of these kinds below `path`.
template <class Shape>
void BasicTreeTable<Shape>::raise(const Path& path, detail::Kinds kinds) {
  for (unsigned level = 1; level <= height_; ++level) {
    if (!path.nodes[level]->kinds[path.slots[level]].add(kinds)) return;
  }
}

// `region` of `leaf`, below `path`, has been put there. The free range in front of it counted as
// that of the region above; if that is another leaf's, it is new to this one.
template <class Shape>
void BasicTreeTable<Shape>::raise_added(const Path& path, const Leaf& leaf, const Region* region) {
  if (id_ != TableId::Reserved) return raise(path, *region);
  if (region + 1 != leaf.run.end()) return;
  const PhysAddr below = region == leaf.run.first ? end_below(leaf) : region[-1].end();
  if (below < region->base) raise(path, PhysRange{below, region->base});
}

template <class Shape>
bool BasicTreeTable<Shape>::insert_in_array(PhysRange range, RegionFlags flags, NodeId nid) {
  const Region added{range.base, range.size(), flags, nid};
  if (detail::insert_alone(leaf_, added, kPhysAddrMax, true) == nullptr) return false;
  count_ = leaf_.count;
  total_bytes_ += added.size;
  return true;
}

template <class Shape>
bool BasicTreeTable<Shape>::remove_in_array(PhysRange range, PhysRange& gap) {
  const Region* const above = detail::remove_alone(leaf_, range);
  if (above == nullptr) return false;
  count_ = leaf_.count;
  total_bytes_ -= range.size();
  gap = PhysRange{above == leaf_.first ? PhysAddr{0} : above[-1].end(),
                  above == leaf_.end() ? kPhysAddrMax : above->base};
  return true;
}

template <class Shape>
bool BasicTreeTable<Shape>::change_in_array(PhysRange range, const RegionChange& change) {
  if (detail::change_alone(leaf_, range, change, kPhysAddrMax, false) == nullptr) return false;
  count_ = leaf_.count;
  return true;
}

// Below nodes, or into the one leaf when that is full.
template <class Shape>
bool BasicTreeTable<Shape>::insert_in_leaf(PhysRange range, RegionFlags flags, NodeId nid) {
  if (height_ == 0) raise_root();
  const Region added{range.base, range.size(), flags, nid};
  // Behind or in front of all other regions there is nothing to search for.
  if (tail_.next != nullptr && tail_.next[-1].end() <= added.base) return insert_highest(added);
  if (low_.node != nullptr && added.end() <= low_.node->run(0).first->base) {
    return insert_lowest(range, flags, nid);
  }
  Path path;
  Leaf leaf = find_here(added.base, path);
  if (leaf.is_first() && added.end() <= leaf.run.first->base) {
    return insert_lowest(range, flags, nid);
  }
  if (leaf.is_last() && leaf.run.end()[-1].end() <= added.base) {
    return insert_highest(added);
  }
  while (leaf.run.spare() == 0) {
    make_leaf_room(added.base);
    leaf = find(added.base, path);
  }
  const size_t before = leaf.run.count;
  const Region* const at = detail::insert_alone(leaf.run, added, leaf.upper, true);
  if (at == nullptr) {
    return !leaf.is_last() && added.end() == leaf.upper && insert_at_border(added, leaf, path);
  }
  store(path, leaf.run);
  raise_added(path, leaf, at);
  count_ += leaf.run.count - before;
  total_bytes_ += added.size;
  if (leaf.run.count < before && may_be_too_small(leaf.run.count)) mend(added.base);
  return true;
}

template <class Shape>
bool BasicTreeTable<Shape>::insert_highest(Region added) {
  size_t slot = 0;
  Run run = edge_run(high_, kPhysAddrMax, slot);
  Region& last = run.end()[-1];
  if (joins(last, added)) {
    last.size += added.size;
  } else if (run.spare() == 0) {
    append_leaf(added.range(), added.flags, added.nid);
    return true;
  } else {
    detail::make_above(run, 1);
    *run.end() = added;
    ++run.count;
    --run.above;
    high_.node->set_run(slot, run);
    ++count_;
  }
  total_bytes_ += added.size;
  open(high_, kPhysAddrMax);
  tail_ = {run.end(), run.end() + min(run.above, capacity_ - count_), &high_.node->counts[slot]};
  return true;
}

template <class Shape>
bool BasicTreeTable<Shape>::insert_lowest(PhysRange range, RegionFlags flags, NodeId nid) {
  const Region added{range.base, range.size(), flags, nid};
  size_t slot = 0;
  Run run = edge_run(low_, PhysAddr{0}, slot);
  Region& first = *run.first;
  if (joins(added, first)) {
    first.base = added.base;
    first.size += added.size;
  } else if (run.spare() == 0) {
    prepend_leaf(added.range(), added.flags, added.nid);
    return true;
  } else {
    detail::make_below(run, 1);
    *--run.first = added;
    --run.below;
    ++run.count;
    low_.node->set_run(slot, run);
    ++count_;
    tail_ = {};
  }
  total_bytes_ += added.size;
  open(low_, PhysAddr{0});
  return true;
}

// The leaf of `address`, at an end of the tree.
template <class Shape>
typename BasicTreeTable<Shape>::Run BasicTreeTable<Shape>::edge_run(Edge& edge, PhysAddr address,
                                                                    size_t& slot) {
  if (edge.node == nullptr) {
    Path path;
    find(address, path);
    edge.node = path.nodes[1];
  }
  slot = address == PhysAddr{0} ? 0 : edge.node->fan - 1;
  return edge.node->run(slot);
}

// Makes the bounds on the way to the leaf of `address` such that none has to be raised.
template <class Shape>
void BasicTreeTable<Shape>::open(Edge& edge, PhysAddr address) {
  if (edge.is_open) return;
  Path path;
  find(address, path);
  for (unsigned level = 1; level <= height_; ++level) {
    path.nodes[level]->rooms[path.slots[level]] = detail::Room::any();
    path.nodes[level]->kinds[path.slots[level]] = detail::Kinds::any();
  }
  edge.is_open = true;
}

// Bounds on the way to the ends have been made what they bound.
template <class Shape>
void BasicTreeTable<Shape>::close_edges() const {
  low_.is_open = high_.is_open = false;
  tail_ = {};
}

// `added` ends where the next leaf begins. It becomes part of the region there, if the two are of a
// kind and nothing else has to be joined.
template <class Shape>
bool BasicTreeTable<Shape>::insert_at_border(Region added, const Leaf& leaf, const Path& path) {
  const Region& below = leaf.run.end()[-1];
  if (added.base < below.end()) return false;
  Path next_path;
  const Leaf next = find(leaf.upper, next_path);
  Region& above = *next.run.first;
  if (!joins(added, above)) {
    Leaf here = leaf;
    const Region* const at = detail::insert_alone(here.run, added, kPhysAddrMax, true);
    store(path, here.run);
    raise_added(path, here, at);
    count_ += here.run.count - leaf.run.count;
  } else if (joins(below, added)) {
    return false;
  } else {
    above.base = added.base;
    above.size += added.size;
    set_key(next_path, 1, above.base);
    raise(next_path, above);
  }
  total_bytes_ += added.size;
  return true;
}

template <class Shape>
bool BasicTreeTable<Shape>::remove_in_leaf(PhysRange range, PhysRange& gap) {
  if (height_ == 0) raise_root();
  Path path;
  Leaf leaf = find_here(range.base, path);
  while (leaf.run.spare() == 0) {
    const Region* const at = detail::last_from_soon(leaf.run.first, leaf.run.count, range.base);
    if (range.base <= at->base || at->end() <= range.end) break;  // Nothing is split.
    make_leaf_room(range.base);
    leaf = find(range.base, path);
  }
  const size_t before = leaf.run.count;
  const PhysAddr base = leaf.run.first->base;
  const Region* const above = detail::remove_alone(leaf.run, range);
  if (above == nullptr) return false;
  count_ += leaf.run.count - before;
  total_bytes_ -= range.size();
  const bool below_is_here = above != leaf.run.first;
  const bool above_is_here = above != leaf.run.end();
  gap = PhysRange{below_is_here ? above[-1].end() : end_below(leaf),
                  above_is_here ? above->base : leaf.upper};
  store(path, leaf.run);
  if (above_is_here) {
    raise(path, gap);
  } else if (!leaf.is_last()) {
    Path next_path;
    find(leaf.upper, next_path);
    raise(next_path, gap);
  }
  if (leaf.run.count != 0 && leaf.run.first->base != base) set_key(path, 1, leaf.run.first->base);
  if (leaf.run.count < before && may_be_too_small(leaf.run.count)) {
    mend(leaf.run.count != 0 ? leaf.run.first->base : leaf.lower);
  }
  return true;
}

template <class Shape>
bool BasicTreeTable<Shape>::change_in_leaf(PhysRange range, const RegionChange& change) {
  if (height_ == 0) raise_root();
  Path path;
  Leaf leaf = find_here(range.base, path);
  while (leaf.run.spare() < 2) {
    const Region* const at = detail::last_from_soon(leaf.run.first, leaf.run.count, range.base);
    if (at->range() == range) break;  // Nothing is split.
    make_leaf_room(range.base);
    leaf = find(range.base, path);
  }
  const size_t before = leaf.run.count;
  const Region* const changed =
      detail::change_alone(leaf.run, range, change, leaf.upper, !leaf.is_first());
  if (changed == nullptr) return false;
  if (changed->range() != range) {  // It has grown.
    raise(path, *changed);
  } else {
    raise(path, detail::Kinds::of(*changed));
    if (leaf.run.count == before) return true;
  }
  store(path, leaf.run);
  count_ += leaf.run.count - before;
  if (leaf.run.count < before && may_be_too_small(leaf.run.count)) mend(range.base);
  return true;
}

// ---- Blocks beside regions

template <class Shape>
bool BasicTreeTable<Shape>::take_below(PhysAddr edge, PhysAddr floor, const Wish& wish,
                                       Spot& spot) {
  if (count_ == 0 || count_ == capacity_) return false;
  if (height_ != 0) return take_below_in_leaf(edge, floor, wish, spot);
  Region* const region = detail::beginning_at(leaf_, taken_, edge);
  if (region == nullptr || leaf_.spare() == 0) return false;
  if (!detail::fits_below(leaf_, region, floor, wish, spot)) return false;
  spot.region = put_in_gap(region, spot.at, wish.size, false);
  return true;
}

template <class Shape>
bool BasicTreeTable<Shape>::take_above(PhysAddr edge, PhysAddr ceiling, const Wish& wish,
                                       Spot& spot) {
  if (count_ == 0 || count_ == capacity_) return false;
  if (height_ != 0) return take_above_in_leaf(edge, ceiling, wish, spot);
  Region* const region = detail::ending_at(leaf_, taken_, edge);
  if (region == nullptr || leaf_.spare() == 0) return false;
  if (!detail::fits_above(leaf_, region, ceiling, wish, spot)) return false;
  spot.region = put_in_gap(region + 1, spot.at, wish.size, true);
  return true;
}

// A position in storage says nothing of the nodes above.
template <class Shape>
Region* BasicTreeTable<Shape>::put_in_gap(const Region* above, PhysAddr at, uint64_t bytes,
                                          bool up) {
  if (height_ != 0 || count_ == capacity_ || leaf_.spare() == 0) return nullptr;
  Region* const region = detail::put_in_gap(leaf_, const_cast<Region*>(above), at, bytes, up, true);
  count_ = leaf_.count;
  total_bytes_ += bytes;
  taken_ = detail::bytes_between(leaf_.first, region);
  return region;
}

template <class Shape>
bool BasicTreeTable<Shape>::take_below_in_leaf(PhysAddr edge, PhysAddr floor, const Wish& wish,
                                               Spot& spot) {
  Path path;
  Leaf leaf = find(edge, path);
  Region* const region = detail::beginning_at(leaf.run, 0, edge);
  // The key of a leaf would change with its first region.
  if (region == nullptr || leaf.run.spare() == 0 ||
      (region == leaf.run.first && !leaf.is_first())) {
    return false;
  }
  if (!detail::fits_below(leaf.run, region, floor, wish, spot)) return false;
  const size_t before = leaf.run.count;
  spot.region = detail::put_in_gap(leaf.run, region, spot.at, wish.size, false, true);
  store(path, leaf.run);
  count_ += leaf.run.count - before;
  total_bytes_ += wish.size;
  return true;
}

template <class Shape>
bool BasicTreeTable<Shape>::take_above_in_leaf(PhysAddr edge, PhysAddr ceiling, const Wish& wish,
                                               Spot& spot) {
  Path path;
  Leaf leaf = find(edge - 1, path);
  Region* const region = detail::ending_at(leaf.run, 0, edge);
  if (region == nullptr || leaf.run.spare() == 0) return false;
  if (!detail::fits_above(leaf.run, region, min(ceiling, leaf.upper), wish, spot)) return false;
  const size_t before = leaf.run.count;
  spot.region = detail::put_in_gap(leaf.run, region + 1, spot.at, wish.size, true, true);
  store(path, leaf.run);
  if (edge < spot.at) raise(path, PhysRange{edge, spot.at});
  count_ += leaf.run.count - before;
  total_bytes_ += wish.size;
  return true;
}

}  // namespace memblock
