// TreeTable: searches for free memory. Each entry of a node bounds what lies below it, so that most
// of the tree is passed by at a glance. A bound that let a search in for nothing is made tight.
//
// The gap between two regions counts as the upper one's. What lies above the last region is no
// one's.
#pragma once

#include "memblock/tree_table.h"

namespace memblock {

// Takes `path` to the next leaf up or down that `admits` lets pass, as an entry of its node and of
// all nodes above. False if there is none; the path is of no use then. `whole` says of each level
// whether the search came there from outside, and so has seen all of what it leaves.
template <class Shape>
template <class Admits>
bool BasicTreeTable<Shape>::step(Path& path, bool (&whole)[Shape::kHeightMax + 1], bool up,
                                 Passed& passed, const Admits& admits) const {
  unsigned level = 1;
  while (true) {
    Inner& node = *path.nodes[level];
    size_t& slot = path.slots[level];
    const size_t end = up ? node.fan : size_t{0} - 1;
    for (slot += up ? 1 : size_t{0} - 1; slot != end && !admits(node, slot);) {
      passed.largest = max(passed.largest, uint64_t{node.rooms[slot].bytes[0]});
      slot += up ? 1 : size_t{0} - 1;
    }
    if (slot != end) {
      if (level == 1) {
        whole[1] = true;
        return true;
      }
      Inner* const child = node.child(slot);
      --level;
      path.nodes[level] = child;
      path.slots[level] = up ? size_t{0} - 1 : child->fan;
      whole[level + 1] = true;
      continue;
    }
    if (level == height_) return false;
    // All that was let in below this node was in vain.
    if (whole[level + 1]) {
      close_edges();
      path.nodes[level + 1]->rooms[path.slots[level + 1]] = node.room();
      path.nodes[level + 1]->kinds[path.slots[level + 1]] = node.all_kinds();
    }
    ++level;
  }
}

template <class Shape>
bool BasicTreeTable<Shape>::find_gap_down_below_nodes(PhysRange window, const Wish& wish,
                                                      Passed& passed, PhysRange& gap,
                                                      Ahead& ahead) const {
  if (window.empty()) return false;
  Path path;
  Leaf leaf = find_below_nodes(window.end - 1, path);
  const size_t below = detail::count_from(leaf.run.first, leaf.run.count, window.end - 1);
  const Region* region = leaf.run.first + below;
  PhysAddr top = window.end;
  const auto admits = [&](const Inner& node, size_t slot) { return node.rooms[slot].admits(wish); };
  bool whole[Shape::kHeightMax + 1] = {};
  while (true) {
    const PhysAddr before = end_below(leaf);
    if (detail::find_gap_down(leaf.run.first, region, before, top, window, wish, passed, gap)) {
      ahead = {leaf.run.first, region, before};
      return true;
    }
    if (leaf.is_first() || before <= window.base) return false;
    if (whole[1]) tighten(path);
    if (!step(path, whole, false, passed, admits)) return false;
    leaf = leaf_at(path);
    region = leaf.run.end() - 1;
    top = region->base;
  }
}

template <class Shape>
bool BasicTreeTable<Shape>::find_gap_up_below_nodes(PhysRange window, const Wish& wish,
                                                    Passed& passed, PhysRange& gap,
                                                    Ahead& ahead) const {
  if (window.empty()) return false;
  Path path;
  Leaf leaf = find_below_nodes(window.base, path);
  const Region* region = detail::first_ending_after(leaf.run.first, leaf.run.count, window.base);
  PhysAddr bottom = window.base;
  const auto admits = [&](const Inner& node, size_t slot) { return node.rooms[slot].admits(wish); };
  bool whole[Shape::kHeightMax + 1] = {};
  while (true) {
    if (detail::find_gap_up(region, leaf.run.end(), bottom, window, wish, passed, gap)) {
      ahead = {region, leaf.run.end(), {}};
      return true;
    }
    if (leaf.run.count != 0 && window.end <= leaf.run.end()[-1].base) return false;
    if (whole[1]) tighten(path);
    if (leaf.is_last() || !step(path, whole, true, passed, admits)) break;
    leaf = leaf_at(path);
    region = leaf.run.first;
    bottom = max(window.base, end_below(leaf));
  }
  return detail::find_gap_above(highest(), window, wish, passed, gap);
}

template <class Shape>
const Region* BasicTreeTable<Shape>::find_region_down_below_nodes(PhysRange window,
                                                                  const RegionSieve& sieve,
                                                                  const Wish& wish, Passed& passed,
                                                                  Ahead& ahead) const {
  if (window.empty()) return nullptr;
  Path path;
  Leaf leaf = find_below_nodes(window.end - 1, path);
  size_t count = detail::count_from(leaf.run.first, leaf.run.count, window.end - 1);
  const auto needed = detail::Kinds::needed_by(sieve);
  const auto admits = [&](const Inner& node, size_t slot) {
    return node.rooms[slot].admits(wish) && node.kinds[slot].covers(needed);
  };
  bool whole[Shape::kHeightMax + 1] = {};
  while (true) {
    const Region* const first = leaf.run.first;
    const Region* const found =
        detail::find_region_down(first, first + count, window, sieve, wish, passed);
    if (found != nullptr) {
      ahead = {first, found, {}};
      return found;
    }
    if (leaf.is_first() || first->base <= window.base) return nullptr;
    if (whole[1]) tighten(path);
    if (!step(path, whole, false, passed, admits)) return nullptr;
    leaf = leaf_at(path);
    count = leaf.run.count;
  }
}

template <class Shape>
const Region* BasicTreeTable<Shape>::find_region_up_below_nodes(PhysRange window,
                                                                const RegionSieve& sieve,
                                                                const Wish& wish, Passed& passed,
                                                                Ahead& ahead) const {
  if (window.empty()) return nullptr;
  Path path;
  Leaf leaf = find_below_nodes(window.base, path);
  const Region* region = detail::first_ending_after(leaf.run.first, leaf.run.count, window.base);
  const auto needed = detail::Kinds::needed_by(sieve);
  const auto admits = [&](const Inner& node, size_t slot) {
    return node.rooms[slot].admits(wish) && node.kinds[slot].covers(needed);
  };
  bool whole[Shape::kHeightMax + 1] = {};
  while (true) {
    const Region* const end = leaf.run.end();
    const Region* const found = detail::find_region_up(region, end, window, sieve, wish, passed);
    if (found != nullptr) {
      ahead = {found, end, {}};
      return found;
    }
    if (leaf.is_last() || window.end <= leaf.upper) return nullptr;
    if (whole[1]) tighten(path);
    if (!step(path, whole, true, passed, admits)) return nullptr;
    leaf = leaf_at(path);
    region = leaf.run.first;
  }
}

}  // namespace memblock
