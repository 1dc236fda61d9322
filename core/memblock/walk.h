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

/// Where a walk stands in a table: at a region, or at none.
template <RegionTable Table>
class Cursor {
 public:
  /// The lowest region that reaches into `window` or lies above it; the highest one for Down.
  Cursor(const Table& table, PhysRange window, Direction direction)
      : table_(&table),
        position_(direction == Direction::Up ? table.first_ending_after(window.base)
                                             : table.first_starting_from(window.end)) {
    if (direction == Direction::Up) {
      region_ = table.region(position_);
    } else {
      down();
    }
  }

  /// At the lowest region.
  explicit Cursor(const Table& table) : Cursor(table, kAllMemory, Direction::Up) {}

  /// Null once the walk has left the table.
  const Region* region() const { return region_; }

  /// The regions from here on that lie side by side in storage, or those up to here. Requires: the
  /// walk is not over.
  std::span<const Region> run_up() const { return table_->run_from(position_); }
  std::span<const Region> run_down() const { return table_->run_to(position_); }
  /// Passes by so many of them, at least one.
  void skip_up(size_t count) {
    table_->skip(position_, count);
    region_ = table_->region(position_);
  }
  void skip_down(size_t count) {
    region_ = table_->skip_down(position_, count) ? table_->region(position_) : nullptr;
  }

  void up() { region_ = table_->next(position_) ? table_->region(position_) : nullptr; }
  void down() { region_ = table_->prev(position_) ? table_->region(position_) : nullptr; }

 private:
  const Table* table_;
  typename Table::Position position_;
  const Region* region_;
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
  bool take_region_up();
  bool take_region_down();
  bool take(const Region& region);

  static constexpr size_t kBatch = 8;

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
  for (const Region* at = from_.region(); at != nullptr && at->base < window_.end;
       at = from_.region()) {
    from_.up();
    if (take(*at)) return true;
  }
  return false;
}

template <RegionTable Table>
bool BasicRangeWalk<Table>::take_region_down() {
  for (const Region* at = from_.region(); at != nullptr && window_.base < at->end();
       at = from_.region()) {
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
    while (has_minus_ && minus_.region() != nullptr && minus_.region()->end() <= reached) {
      minus_.up();
    }
    while (has_minus_ && minus_.region() != nullptr && minus_.region()->base < end) {
      const std::span<const Region> run = minus_.run_up();
      size_t passed = 0;
      const auto pass = [&](const Region& cut) {
        found_up_to(cut.base);
        reached = cut.end();
      };
      // Where the last of a batch ends inside, all of it do, and none is asked.
      for (; run.size() - passed >= kBatch && run[passed + kBatch - 1].end() <= end;
           passed += kBatch) {
        for (size_t i = 0; i != kBatch; ++i) pass(run[passed + i]);
      }
      // One that reaches beyond may take something from the next region too.
      for (; passed != run.size() && run[passed].end() <= end; ++passed) pass(run[passed]);
      if (passed != 0) minus_.skip_up(passed);
      if (passed == run.size()) continue;
      found_up_to(min(end, run[passed].base));
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
    while (has_minus_ && minus_.region() != nullptr && reached <= minus_.region()->base) {
      minus_.down();
    }
    while (has_minus_ && minus_.region() != nullptr && base < minus_.region()->end()) {
      const std::span<const Region> run = minus_.run_down();
      size_t left = run.size();
      const auto pass = [&](const Region& cut) {
        found_down_to(cut.end());
        reached = cut.base;
      };
      for (; left >= kBatch && base <= run[left - kBatch].base; left -= kBatch) {
        for (size_t i = 1; i <= kBatch; ++i) pass(run[left - i]);
      }
      for (; left != 0 && base <= run[left - 1].base; --left) pass(run[left - 1]);
      if (left != run.size()) minus_.skip_down(run.size() - left);
      if (left == 0) continue;
      found_down_to(max(base, run[left - 1].end()));
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
      while (minus_.region() != nullptr && minus_.region()->end() <= rest_.base) minus_.up();
      const Region* const cut = minus_.region();
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
      while (minus_.region() != nullptr && rest_.end <= minus_.region()->base) minus_.down();
      const Region* const cut = minus_.region();
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
  while (const Region* const region = memory_.region()) {
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
