// A tree table and a flat table that the same edits happen to, and whether they answer alike.
#pragma once

#include <array>
#include <memory>

#include "lab/kernel_sized.h"
#include "props/cases.h"
#include "props/rc.h"

namespace memblock::lab {

inline constexpr RegionFlags kMark = kNomap;

/// A seed is all that RapidCheck chooses: sequences are long, and what shrinks is their length.
class Choices64 {
 public:
  explicit Choices64(uint64_t seed) : choices_(seed) {}
  uint64_t operator()(uint64_t below) { return choices_.below(below); }

 private:
  PrngChoices choices_;
};

/// As a memblock inserts what concerns one gap only.
template <class Table>
bool put_alone(Table& table, PhysRange range, RegionFlags flags, NodeId nid) {
  return table.append(range, flags, nid) || table.insert_alone(range, flags, nid);
}

/// The same edits on both tables.
template <class Tree>
class TreeBesideFlat {
 public:
  TreeBesideFlat(uint64_t seed, TableId id)
      : pick_(seed),
        capacity_(size_t{64} << pick_(5)),
        flat_storage_(capacity_),
        tree_storage_(grows() ? 1 + pick_(Tree::kArrayMax) : Tree::storage_for(capacity_)),
        id_(id),
        unit_(pick_(2) == 0 ? 4096 : 1),
        flat_(flat_storage_),
        tree_(tree_storage_, id) {}

  void steps(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      if (i % 200 == 0) choose_habits();
      grow_if_small();
      step();
      if (i % (flat_.count() < 100 ? 1 : 8) == 0) compare();
    }
    compare();
  }

 private:
  bool grows() { return grows_ = pick_(2) == 0; }

  /// What ranges are like for a while, and how often each edit comes.
  void choose_habits() {
    order_ = static_cast<int>(pick_(4));
    longest_ = pick_(3) == 0 ? 9 : 3;
    for (uint64_t& weight : weights_) weight = pick_(3) == 0 ? 0 : pick_(10);
    weights_[0] += 1;
  }

  /// At the first region of a leaf, which is how the leaf is found: it, a part, or right below.
  PhysRange range_at_border() {
    const PhysAddr somewhere{pick_(4 * capacity_) * unit_};
    const PhysRange first = tree_.first_ending_after(somewhere).first->range();
    switch (pick_(3)) {
      case 0: return first;
      case 1: return {first.base, first.base + (first.size() + 1) / 2};
      default: return {first.base - min(first.base.value, unit_), first.base};
    }
  }

  PhysRange range() {
    const uint64_t universe = 4 * capacity_;
    if (flat_.count() != 0 && pick_(4) == 0) {
      if (const PhysRange border = range_at_border(); !border.empty()) return border;
    }
    uint64_t first = pick_(universe);
    if (order_ == 2)
      first = flat_.count() == 0 ? 0 : flat_.highest()->end().value / unit_ + pick_(3);
    if (order_ == 3) {
      const uint64_t lowest = flat_.count() == 0 ? universe : flat_.lowest()->base.value / unit_;
      first = lowest - min(lowest, 1 + pick_(3));
    }
    const uint64_t units = pick_(60) == 0 ? 1 + pick_(universe) : 1 + pick_(longest_);
    const uint64_t off = pick_(4) == 0 ? pick_(unit_) : 0;
    const PhysAddr base{(first + 1) * unit_ + off};
    return PhysRange{base, base + units * unit_};
  }

  void grow_if_small() {
    while (grows_ && tree_.capacity() < 2 * flat_.count() + 16) {
      const uint64_t bytes = Tree::growth_bytes(tree_.capacity(), sizeof(Region));
      blocks_.emplace_back(new std::byte[bytes]);
      const Block block{.memory = blocks_.back().get(), .bytes = bytes};
      const auto growth = tree_.grow(block);
      if (pick_(4) != 0) continue;
      tree_.undo(growth);
      compare();
      static_cast<void>(tree_.grow(block));
    }
  }

  void step() {
    uint64_t sum = 0;
    for (const uint64_t weight : weights_) sum += weight;
    uint64_t left = pick_(sum);
    size_t kind = 0;
    while (left >= weights_[kind]) left -= weights_[kind++];
    switch (kind) {
      case 0: return insert(range());
      case 1: return remove(range());
      case 2: return change(range());
      case 3: return pick_(30) == 0 ? sweep() : insert(range());
      case 4:
        if (id_ == TableId::Reserved) search_gaps();
        if (id_ == TableId::Memory) search_regions();
        return;
      case 5: return take_beside();
      default: return ask(range());
    }
  }

  bool has_room(size_t slots) const { return flat_.count() + slots + 2 <= capacity_; }

  void insert(PhysRange range) {
    const size_t gaps = flat_.gaps(range);
    RC_ASSERT(tree_.gaps(range) == gaps);
    if (!has_room(gaps)) return;
    const RegionFlags flags = pick_(5) == 0 ? kMark : kNoFlags;
    const NodeId nid{static_cast<int32_t>(pick_(2))};
    const auto put = [&](auto& table) {
      if (!put_alone(table, range, flags, nid)) table.insert(range, flags, nid);
    };
    put(flat_);
    put(tree_);
  }

  void remove(PhysRange range) {
    if (!has_room(0)) return;
    PhysRange gap, same;
    const bool one = flat_.remove_alone(range, gap);
    const bool other = tree_.remove_alone(range, same);
    if (one && other) RC_ASSERT(gap == same);
    if (!one) flat_.remove(range);
    if (!other) tree_.remove(range);
  }

  void change(PhysRange range) {
    if (!has_room(0)) return;
    RegionChange change;
    change.stamps_node = pick_(2) == 0;
    change.nid = NodeId{static_cast<int32_t>(pick_(2))};
    (pick_(2) == 0 ? change.set : change.clear) = pick_(2) == 0 ? kMark : kNoFlags;
    if (!flat_.change_alone(range, change)) flat_.change(range, change);
    if (!tree_.change_alone(range, change)) tree_.change(range, change);
  }

  void sweep() {
    if (pick_(2) == 0) {
      flat_.trim(2 * unit_);
      tree_.trim(2 * unit_);
      return;
    }
    const PhysRange kept = range();
    flat_.keep(kept, kMark);
    tree_.keep(kept, kMark);
  }

  PhysRange window() {
    if (pick_(3) == 0) return kAllMemory;
    const uint64_t bytes = 5 * capacity_ * unit_;
    const uint64_t base = pick_(bytes);
    return PhysRange{PhysAddr{base}, PhysAddr{base + pick_(bytes)}};
  }

  Wish wish() {
    const uint64_t align = pick_(8) == 0 ? uint64_t{2} << 20 : uint64_t{1} << pick_(15);
    return Wish{(1 + pick_(6)) * unit_ - (pick_(3) == 0 ? pick_(unit_) : 0), align};
  }

  /// What was passed by may be said to be larger than it is, never smaller.
  void search_gaps() {
    const PhysRange inside = window();
    const Wish wanted = wish();
    for (const bool up : {false, true}) {
      Passed exact, bound;
      PhysRange gap, same;
      Ahead array, leaf;
      const bool found = up ? flat_.find_gap_up(inside, wanted, exact, gap, array)
                            : flat_.find_gap_down(inside, wanted, exact, gap, array);
      RC_ASSERT((up ? tree_.find_gap_up(inside, wanted, bound, same, leaf)
                    : tree_.find_gap_down(inside, wanted, bound, same, leaf)) == found);
      if (found) {
        RC_ASSERT(gap == same);
        begins_alike(array, leaf, up, true);
      }
      RC_ASSERT(bound.largest >= exact.largest);
      if (found && pick_(4) == 0) put_found(wanted, gap, up, array, leaf);
    }
  }

  /// Where a search has ended a block may go at once, unless it touches what lies behind.
  void put_found(const Wish& wanted, PhysRange gap, bool up, const Ahead& array,
                 const Ahead& leaf) {
    const Region* const above = up ? array.first : array.end;
    const Region* const same = up ? leaf.first : leaf.end;
    PhysAddr at;
    const bool fits = up ? wanted.fits_low(gap, at) : wanted.fits_high(gap, at);
    RC_ASSERT(fits);
    const bool fills = up ? at + wanted.size == gap.end : at == gap.base;
    const bool is_near = gap.end.value <= 5 * capacity_ * unit_;
    if (fills || !is_near || above == nullptr || !has_room(1)) return;
    const Region* const put = flat_.put_in_gap(above, at, wanted.size, up);
    RC_ASSERT(put != nullptr);
    const Region* const other = tree_.put_in_gap(same, at, wanted.size, up);
    if (other != nullptr) {
      RC_ASSERT(*put == *other);
    } else {
      tree_.insert(PhysRange::from_size(at, wanted.size), kNoFlags, kUnsetNode);
    }
  }

  void search_regions() {
    const PhysRange inside = window();
    const Wish wanted = wish();
    RegionFilter filter;
    if (pick_(2) == 0) filter.nid = NodeId{static_cast<int32_t>(pick_(2))};
    if (pick_(3) == 0) filter.flags = kMark;
    filter.everything = pick_(4) == 0;
    const RegionSieve sieve{filter};
    for (const bool up : {false, true}) {
      Passed exact, bound;
      Ahead array, leaf;
      const Region* const found = up ? flat_.find_region_up(inside, sieve, wanted, exact, array)
                                     : flat_.find_region_down(inside, sieve, wanted, exact, array);
      const Region* const same = up ? tree_.find_region_up(inside, sieve, wanted, bound, leaf)
                                    : tree_.find_region_down(inside, sieve, wanted, bound, leaf);
      RC_ASSERT((found == nullptr) == (same == nullptr));
      if (found != nullptr) {
        RC_ASSERT(*found == *same);
        begins_alike(array, leaf, up, false);
      }
      RC_ASSERT(bound.largest >= exact.largest);
    }
  }

  /// What lies ahead of a search in a leaf is the near part of what does in an array.
  static void begins_alike(const Ahead& array, const Ahead& leaf, bool up, bool gaps) {
    RC_ASSERT((array.first == nullptr) == (leaf.first == nullptr));
    if (array.first == nullptr) return;
    const auto count = leaf.end - leaf.first;
    RC_ASSERT(count <= array.end - array.first);
    RC_ASSERT(std::equal(leaf.first, leaf.end, up ? array.first : array.end - count));
    if (up || !gaps) return;
    const bool is_all = count == array.end - array.first;
    const PhysAddr before = is_all ? array.before : array.end[-count - 1].end();
    RC_ASSERT(leaf.before == before);
  }

  /// A tree may refuse more often: where a leaf begins, and where it is full.
  void take_beside() {
    if (id_ != TableId::Reserved || flat_.count() == 0 || !has_room(1)) return;
    const bool up = pick_(2) == 0;
    const Region beside = flat_[pick_(flat_.count())];
    const Wish wanted = wish();
    const PhysAddr bound = up ? beside.end() + 4096 * unit_ : PhysAddr{0};
    Spot spot, same;
    const bool taken = up ? flat_.take_above(beside.end(), bound, wanted, spot)
                          : flat_.take_below(beside.base, bound, wanted, spot);
    if (!taken) return;
    if (up ? tree_.take_above(beside.end(), bound, wanted, same)
           : tree_.take_below(beside.base, bound, wanted, same)) {
      RC_ASSERT(spot.at == same.at);
      RC_ASSERT(*spot.region == *same.region);
    } else {
      tree_.insert(PhysRange::from_size(spot.at, wanted.size), kNoFlags, kUnsetNode);
    }
  }

  void ask(PhysRange range) {
    RC_ASSERT(tree_.overlaps(range) == flat_.overlaps(range));
    RC_ASSERT(tree_.positions(range) == flat_.positions(range));
    const Region* const held = flat_.holding(range.base);
    const Region* const same = tree_.holding(range.base);
    RC_ASSERT((held == nullptr) == (same == nullptr));
    if (held != nullptr) RC_ASSERT(*held == *same);
    auto position = tree_.first_ending_after(range.base);
    for (size_t i = flat_.first_ending_after(range.base); i < flat_.count(); ++i) {
      RC_ASSERT(*tree_.region(position) == flat_[i]);
      tree_.skip_up(position, 1);
    }
    RC_ASSERT(tree_.region(position) == nullptr);
    position = tree_.past_starting_below(range.base);
    for (size_t i = flat_.past_starting_below(range.base); i > 0; tree_.skip_down(position, 1)) {
      RC_ASSERT(*tree_.below(position) == flat_[--i]);
    }
    RC_ASSERT(tree_.below(position) == nullptr);
  }

  void compare() {
    RC_ASSERT(tree_.count() == flat_.count());
    RC_ASSERT(tree_.total_bytes() == flat_.total_bytes());
    RC_ASSERT(tree_.first_broken_invariant() == 0);
    size_t index = 0;
    for (const Region& region : tree_.regions()) RC_ASSERT(region == flat_[index++]);
    RC_ASSERT(index == flat_.count());
    auto position = tree_.past_starting_below(kPhysAddrMax);
    for (; tree_.below(position) != nullptr; tree_.skip_down(position, 1)) {
      RC_ASSERT(*tree_.below(position) == flat_[--index]);
    }
    RC_ASSERT(index == 0u);
    if (flat_.count() == 0) return;
    RC_ASSERT(*tree_.lowest() == *flat_.lowest());
    RC_ASSERT(*tree_.highest() == *flat_.highest());
  }

  Choices64 pick_;
  bool grows_ = false;
  size_t capacity_;
  std::vector<Region> flat_storage_;
  std::vector<Region> tree_storage_;
  TableId id_;
  uint64_t unit_;
  int order_ = 0;
  uint64_t longest_ = 3;
  std::array<uint64_t, 7> weights_{};
  FlatTable flat_;
  Tree tree_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

}  // namespace memblock::lab
