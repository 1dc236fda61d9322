// Walks over ranges of a table, or of one table minus another, upwards or downwards.
#pragma once

#include <span>

#include "memblock/region_table.h"

namespace memblock {

/// One answer of a walk: never empty, inside a single region of the walked table.
struct WalkedRange {
  PhysRange range;
  NodeId nid;
  RegionFlags flags;

  friend constexpr bool operator==(const WalkedRange&, const WalkedRange&) = default;
};

enum class Direction : uint8_t { Up, Down };

/// Where a walk stands in a table. It goes in one direction only.
template <RegionTable Table>
class Cursor {
 public:
  /// In front of the lowest region that reaches into `window` or lies above it; for Down, behind
  /// the highest one that does or lies below.
  [[gnu::always_inline]] Cursor(const Table& table, PhysRange window, Direction direction)
      : table_(&table),
        position_(direction == Direction::Up ? from_below(table, window.base)
                                             : from_above(table, window.end)) {}

  /// In front of the lowest region.
  explicit Cursor(const Table& table) : Cursor(table, kAllMemory, Direction::Up) {}

  /// The next region on the way up or down; null once the walk has left the table.
  const Region* above() const { return table_->region(position_); }
  const Region* below() const { return table_->below(position_); }

  /// The next regions that lie side by side in storage. None if there is no next region.
  std::span<const Region> run_up() const { return table_->run_from(position_); }
  std::span<const Region> run_down() const { return table_->run_to(position_); }

  /// Passes by so many of them.
  void up(size_t count = 1) { table_->skip_up(position_, count); }
  void down(size_t count = 1) { table_->skip_down(position_, count); }

 private:
  using Position = typename Table::Position;

  // Most walks go over a whole table: an array, or a leaf, need not be searched.
  static Position from_below(const Table& table, PhysAddr base) {
    return base == PhysAddr{0} ? table.lowest_position() : table.first_ending_after(base);
  }
  static Position from_above(const Table& table, PhysAddr end) {
    return end == kPhysAddrMax ? table.past_highest() : table.past_starting_below(end);
  }

  const Table* table_;
  Position position_;
};

/// The parts of `from` that `minus` does not cover, within a window, in one direction.
///
/// A walk is a value: copy it to come back to the same place later. The tables must not change
/// while a walk over them is in use. Down gives exactly the ranges of Up, in reverse.
///
/// Cost: O(log n) to start, then O(1) for each region of either table inside the window.
/// Linux: __next_mem_range(), __next_mem_range_rev().
template <RegionTable Table>
class BasicRangeWalk {
 public:
  /// `minus` may be null: then regions are given whole.
  BasicRangeWalk(const Table& from, const Table* minus, const RegionFilter& filter,
                 Direction direction, PhysRange window = kAllMemory)
      : from_(from, window, direction),
        minus_(minus != nullptr ? *minus : from, window, direction),
        sieve_(filter),
        direction_(direction),
        has_minus_(minus != nullptr),
        window_(window) {}

  /// False at the end, and from then on.
  bool next(WalkedRange& out) {
    return direction_ == Direction::Up ? next_up(out) : next_down(out);
  }

  /// Calls `visit` with all that next() has not given yet. This takes a fraction of the time:
  /// nothing has to be put away between two ranges, and what `visit` adds to stays in a register.
  template <class Visit>
  [[gnu::always_inline]] void each(Visit&& visit) {
    return direction_ == Direction::Up ? each_up(visit) : each_down(visit);
  }

 private:
  template <class Visit>
  [[gnu::always_inline]] inline void each_up(Visit& visit);
  template <class Visit>
  [[gnu::always_inline]] inline void each_down(Visit& visit);
  bool next_up(WalkedRange& out);
  bool next_down(WalkedRange& out);
  [[gnu::always_inline]] inline bool take_region_up();
  [[gnu::always_inline]] inline bool take_region_down();
  [[gnu::always_inline]] inline bool take(const Region& region);

  static constexpr ptrdiff_t kBatch = 8;

  Cursor<Table> from_;   // The next region to look at.
  Cursor<Table> minus_;  // The next region that may take something away.
  RegionSieve sieve_;
  Direction direction_;
  bool has_minus_;
  PhysRange window_;
  PhysRange rest_;  // What is left of the current region.
  NodeId nid_;      // Of that region.
  RegionFlags flags_;
};

/// Page frames `[first, last)`.
struct PfnRange {
  uint64_t first = 0;
  uint64_t last = 0;
  NodeId nid;

  friend constexpr bool operator==(const PfnRange&, const PfnRange&) = default;
};

/// The whole pages inside `range`; `last` may be below `first` when there is none. The node is
/// none.
constexpr PfnRange whole_pages(PhysRange range, unsigned page_shift) {
  const uint64_t mask = (uint64_t{1} << page_shift) - 1;
  // Rounds up after the shift: adding the mask first would wrap near the top.
  const uint64_t first =
      (range.base.value >> page_shift) + static_cast<uint64_t>((range.base.value & mask) != 0);
  return PfnRange{first, range.end.value >> page_shift, kNoNode};
}

/// The pages that `range` touches. The node is none.
constexpr PfnRange touched_pages(PhysRange range, unsigned page_shift) {
  const uint64_t mask = (uint64_t{1} << page_shift) - 1;
  const uint64_t last =
      (range.end.value >> page_shift) + static_cast<uint64_t>((range.end.value & mask) != 0);
  return PfnRange{range.base.value >> page_shift, last, kNoNode};
}

/// Whole pages of each memory region of a node, upwards; nomap memory is included.
/// Linux: for_each_mem_pfn_range(). Cost: O(1) a region.
template <RegionTable Table>
class BasicPfnWalk {
 public:
  BasicPfnWalk(const Table& memory, NodeId nid, unsigned page_shift)
      : memory_(memory), nid_(nid), page_shift_(page_shift) {}

  /// False at the end, and from then on.
  bool next(PfnRange& out);

 private:
  Cursor<Table> memory_;
  NodeId nid_;
  unsigned page_shift_;
};

/// Whole free pages of a node inside `[zone.first, zone.last)`, upwards.
/// Linux: for_each_free_mem_pfn_range_in_zone(). Cost: O(log n) to start, O(1) a range.
template <RegionTable Table>
class BasicZoneWalk {
 public:
  BasicZoneWalk(const Table& memory, const Table& reserved, const RegionFilter& filter,
                PfnRange zone, unsigned page_shift)
      : walk_(memory, &reserved, filter, Direction::Up, window_of(zone, page_shift)),
        page_shift_(page_shift) {}

  /// False at the end, and from then on.
  bool next(PfnRange& out);

 private:
  static PhysAddr address_of(uint64_t pfn, unsigned page_shift) {
    return pfn > (kPhysAddrMax.value >> page_shift) ? kPhysAddrMax : PhysAddr{pfn << page_shift};
  }
  static PhysRange window_of(const PfnRange& zone, unsigned page_shift) {
    const PhysAddr base = address_of(zone.first, page_shift);
    return PhysRange{base, max(base, address_of(zone.last, page_shift))};
  }

  BasicRangeWalk<Table> walk_;
  unsigned page_shift_;
};

// ---- How they walk

/// Makes what the window leaves of `region` the current range.
template <RegionTable Table>
bool BasicRangeWalk<Table>::take(const Region& region) {
  if (sieve_.skips(region)) return false;
  rest_ = cut_to(region.range(), window_);
  nid_ = region.nid;
  flags_ = region.flags;
  return !rest_.empty();
}

template <RegionTable Table>
bool BasicRangeWalk<Table>::take_region_up() {
  for (const Region* at = from_.above(); at != nullptr && at->base < window_.end;
       at = from_.above()) {
    from_.up();
    if (take(*at)) return true;
  }
  return false;
}

template <RegionTable Table>
bool BasicRangeWalk<Table>::take_region_down() {
  for (const Region* at = from_.below(); at != nullptr && window_.base < at->end();
       at = from_.below()) {
    from_.down();
    if (take(*at)) return true;
  }
  return false;
}

/// What takes something away is looked at run by run, as it lies in storage.
template <RegionTable Table>
template <class Visit>
void BasicRangeWalk<Table>::each_up(Visit& visit) {
  while (!rest_.empty() || take_region_up()) {
    PhysAddr reached = rest_.base;
    const PhysAddr end = rest_.end;
    const auto found_up_to = [&](PhysAddr stop) {
      if (reached < stop) visit(WalkedRange{{reached, stop}, nid_, flags_});
    };
    // What lies between two regions takes nothing away.
    while (has_minus_ && minus_.above() != nullptr && minus_.above()->end() <= reached) {
      minus_.up();
    }
    while (has_minus_ && minus_.above() != nullptr && minus_.above()->base < end) {
      const std::span<const Region> run = minus_.run_up();
      const Region* at = run.data();
      const Region* const stop = at + run.size();
      const auto pass = [&](const Region& cut) {
        found_up_to(cut.base);
        reached = cut.end();
      };
      // Where the last of a batch ends inside, all of it do, and none is asked.
      for (; stop - at >= kBatch && at[kBatch - 1].end() <= end; at += kBatch) {
        for (ptrdiff_t i = 0; i != kBatch; ++i) pass(at[i]);
      }
      // One that reaches beyond may take something from the next region too.
      for (; at != stop && at->end() <= end; ++at) pass(*at);
      minus_.up(static_cast<size_t>(at - run.data()));
      if (at == stop) continue;
      found_up_to(min(end, at->base));
      reached = end;
      break;
    }
    found_up_to(end);
    rest_ = PhysRange{end, end};
  }
}

template <RegionTable Table>
template <class Visit>
void BasicRangeWalk<Table>::each_down(Visit& visit) {
  while (!rest_.empty() || take_region_down()) {
    PhysAddr reached = rest_.end;
    const PhysAddr base = rest_.base;
    const auto found_down_to = [&](PhysAddr stop) {
      if (stop < reached) visit(WalkedRange{{stop, reached}, nid_, flags_});
    };
    while (has_minus_ && minus_.below() != nullptr && reached <= minus_.below()->base) {
      minus_.down();
    }
    while (has_minus_ && minus_.below() != nullptr && base < minus_.below()->end()) {
      const std::span<const Region> run = minus_.run_down();
      const Region* const stop = run.data();
      const Region* at = stop + run.size();
      const auto pass = [&](const Region& cut) {
        found_down_to(cut.end());
        reached = cut.base;
      };
      for (; at - stop >= kBatch && base <= at[-kBatch].base; at -= kBatch) {
        for (ptrdiff_t i = 1; i <= kBatch; ++i) pass(at[-i]);
      }
      for (; at != stop && base <= at[-1].base; --at) pass(at[-1]);
      minus_.down(static_cast<size_t>(stop + run.size() - at));
      if (at == stop) continue;
      found_down_to(max(base, at[-1].end()));
      reached = base;
      break;
    }
    found_down_to(base);
    rest_ = PhysRange{base, base};
  }
}

/// Both directions keep what is left of the current region and cut excluded ranges from its near
/// end.
template <RegionTable Table>
bool BasicRangeWalk<Table>::next_up(WalkedRange& out) {
  while (!rest_.empty() || take_region_up()) {
    PhysAddr stop = rest_.end;
    PhysAddr resume = rest_.end;
    if (has_minus_) {
      while (minus_.above() != nullptr && minus_.above()->end() <= rest_.base) minus_.up();
      const Region* const cut = minus_.above();
      if (cut != nullptr && cut->base < rest_.end) {
        stop = max(rest_.base, cut->base);
        resume = min(rest_.end, cut->end());
      }
    }
    const PhysRange found{rest_.base, stop};
    rest_ = PhysRange{resume, rest_.end};
    if (found.empty()) continue;
    out = WalkedRange{found, nid_, flags_};
    return true;
  }
  return false;
}

template <RegionTable Table>
bool BasicRangeWalk<Table>::next_down(WalkedRange& out) {
  while (!rest_.empty() || take_region_down()) {
    PhysAddr stop = rest_.base;
    PhysAddr resume = rest_.base;
    if (has_minus_) {
      while (minus_.below() != nullptr && rest_.end <= minus_.below()->base) minus_.down();
      const Region* const cut = minus_.below();
      if (cut != nullptr && rest_.base < cut->end()) {
        stop = min(rest_.end, cut->end());
        resume = max(rest_.base, cut->base);
      }
    }
    const PhysRange found{stop, rest_.end};
    rest_ = PhysRange{rest_.base, resume};
    if (found.empty()) continue;
    out = WalkedRange{found, nid_, flags_};
    return true;
  }
  return false;
}

template <RegionTable Table>
bool BasicPfnWalk<Table>::next(PfnRange& out) {
  while (const Region* const region = memory_.above()) {
    memory_.up();
    if (is_node(nid_) && nid_ != region->nid) continue;
    out = whole_pages(region->range(), page_shift_);
    out.nid = region->nid;
    if (out.first < out.last) return true;
  }
  return false;
}

template <RegionTable Table>
bool BasicZoneWalk<Table>::next(PfnRange& out) {
  WalkedRange free;
  while (walk_.next(free)) {
    out = whole_pages(free.range, page_shift_);
    out.nid = free.nid;
    if (out.first < out.last) return true;
  }
  return false;
}

}  // namespace memblock
