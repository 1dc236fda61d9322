// TreeTable: positions, the way from leaf to leaf, and questions that take a walk over regions.
#pragma once

#include "memblock/tree_table.h"

namespace memblock {

template <class Shape>
typename BasicTreeTable<Shape>::Position BasicTreeTable<Shape>::position_below_nodes(
    PhysAddr address) const {
  Path path;
  const Leaf leaf = find_below_nodes(address, path);
  return {leaf.run, &path.node(), path.slot()};
}

template <class Shape>
void BasicTreeTable<Shape>::next_leaf(Position& at) const {
  if (!at.is_last()) {
    at = at.leaf(at.slot + 1);
    // Who goes from leaf to leaf will soon be in the one behind.
    if (!at.is_last()) detail::read_ahead(at.leaf(at.slot + 1).first);
    return;
  }
  const PhysAddr behind = leaf_of(PhysAddr{at.node->keys[at.slot]}).upper;
  if (behind != kPhysAddrMax) at = position_below_nodes(behind);
}

template <class Shape>
void BasicTreeTable<Shape>::previous_leaf(Position& at) const {
  if (!at.is_first()) {
    at = at.leaf(at.slot - 1);
    at.at = at.end;
  } else if (at.node->keys[0] != 0) {
    at = position_below_nodes(PhysAddr{at.node->keys[0]} - 1);
    at.at = at.end;
  }
}

template <class Shape>
typename BasicTreeTable<Shape>::Position BasicTreeTable<Shape>::first_ending_after(
    PhysAddr address) const {
  Position found = position_of(address);
  found.at = detail::first_ending_after(found.first, run_from(found).size(), address);
  if (found.at == found.end && found.node != nullptr) next_leaf(found);
  return found;
}

template <class Shape>
typename BasicTreeTable<Shape>::Position BasicTreeTable<Shape>::past_starting_below(
    PhysAddr address) const {
  if (address == PhysAddr{0}) return lowest_position();
  Position found = position_of(address - 1);
  found.at += detail::count_from(found.first, run_from(found).size(), address - 1);
  return found;
}

template <class Shape>
bool BasicTreeTable<Shape>::overlaps_next_leaf(PhysRange range) const {
  const Region* const found = region(first_ending_after(range.base));
  return found != nullptr && found->base < range.end;
}

template <class Shape>
size_t BasicTreeTable<Shape>::gaps(PhysRange range) const {
  if (range.empty()) return 0;
  size_t pieces = 0;
  PhysAddr reached = range.base;
  Position at = first_ending_after(range.base);
  for (const Region* old = region(at); old != nullptr && old->base < range.end; old = region(at)) {
    pieces += static_cast<size_t>(reached < old->base);
    reached = old->end();
    skip_up(at, 1);
  }
  return pieces + static_cast<size_t>(reached < range.end);
}

template <class Shape>
IndexRange BasicTreeTable<Shape>::positions(PhysRange range) const {
  if (range.empty()) return {};
  Position at = first_ending_after(range.base);
  const Region* const lowest = region(at);
  if (lowest == nullptr || lowest->base >= range.end) return {};
  IndexRange inside{at.index(), 0};
  for (Position leaf = lowest_position(); leaf.first != at.first; next_leaf(leaf)) {
    inside.first += run_from(leaf).size();
  }
  // A region that begins below the range leaves a part of itself there.
  inside.first += static_cast<size_t>(lowest->base < range.base);
  inside.last = inside.first;
  for (const Region* old = lowest; old != nullptr && old->base < range.end; old = region(at)) {
    ++inside.last;
    skip_up(at, 1);
  }
  return inside;
}

}  // namespace memblock
