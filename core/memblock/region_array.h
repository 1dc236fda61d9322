// Sorted regions in an array with spare slots: what a flat table is, and what each leaf of a tree
// is. Searches for free memory, and the edits that concern one region or one gap only.
#pragma once

#include "memblock/array_search.h"

namespace memblock::detail {

/// Whether the region at `at`, or the one that is `more` behind it (0 or 1), overlaps `range`.
/// Without branches, of which half would be mispredicted.
inline bool overlaps_near(const Region* at, unsigned more, PhysRange range) {
  const auto this_one =
      static_cast<unsigned>(range.base < at->end()) & static_cast<unsigned>(at->base < range.end);
  return (this_one | (more & static_cast<unsigned>(at[more].base < range.end))) != 0;
}

/// How many of `count` regions begin at or below `address`. Most searches begin above all of them.
inline size_t count_from(const Region* regions, size_t count, PhysAddr address) {
  if (count == 0 || regions[count - 1].base <= address) return count;
  const Region* const last = last_from_soon(regions, count, address);
  return static_cast<size_t>(last - regions) + static_cast<size_t>(last->base <= address);
}

/// The first of `count` regions that ends above `address`, or their end. Most searches upwards
/// begin below all of them.
inline const Region* first_ending_after(const Region* regions, size_t count, PhysAddr address) {
  if (count == 0 || address <= regions->base) return regions;
  const Region* const last = last_from_soon(regions, count, address);
  return last->end() <= address ? last + 1 : last;
}

inline Region* first_ending_after(Region* regions, size_t count, PhysAddr address) {
  return const_cast<Region*>(
      first_ending_after(static_cast<const Region*>(regions), count, address));
}

/// The highest gap that holds what is wished for inside `window`, among those that end at `top` and
/// in front of each region of `[first, below)`. Each of these begins below `top`; the highest may
/// reach above it. What lies below them ends at `before`. `below` becomes the end of those below
/// the gap.
[[gnu::always_inline]] inline bool find_gap_down(const Region* first, const Region*& below,
                                                 PhysAddr before, PhysAddr top, PhysRange window,
                                                 Wish wish, Passed& passed, PhysRange& gap) {
  const auto holds_from = [&](PhysAddr bottom) {
    const uint64_t bytes = top - bottom;
    if (wish.size <= bytes && bottom <= PhysAddr{align_down((top - wish.size).value, wish.align)}) {
      gap = PhysRange{bottom, top};
      return true;
    }
    passed.add(PhysRange{bottom, top});
    return false;
  };
  if (below != first && top <= below[-1].end()) top = (--below)->base;
  for (; below != first && window.base < below[-1].end(); top = (--below)->base) {
    if (holds_from(below[-1].end())) return true;
  }
  const PhysAddr bottom = below == first ? max(window.base, before) : window.base;
  return bottom < top && holds_from(bottom);
}

/// The lowest one, among those in front of `[above, end)`, the first of which begins at `bottom`.
/// `above` becomes the first region above the gap.
inline bool find_gap_up(const Region*& above, const Region* end, PhysAddr bottom, PhysRange window,
                        Wish wish, Passed& passed, PhysRange& gap) {
  PhysAddr at;
  for (; above != end && bottom < window.end; ++above) {
    const PhysAddr top = min(window.end, above->base);
    if (bottom < top) {
      gap = PhysRange{bottom, top};
      if (wish.fits_low(gap, at)) return true;
      passed.add(gap);
    }
    bottom = above->end();
  }
  return false;
}

/// What lies above `last`, the last region of a table, or null if there is none.
inline bool find_gap_above(const Region* last, PhysRange window, const Wish& wish, Passed& passed,
                           PhysRange& gap) {
  gap = window;
  if (last != nullptr) gap = cut_to(PhysRange{last->end(), kPhysAddrMax}, window);
  PhysAddr at;
  if (wish.fits_low(gap, at)) return true;
  passed.add(gap);
  return false;
}

/// The highest of regions `[first, end)` that reaches into `window`, passes `sieve` and holds what
/// is wished for there, or null.
inline const Region* find_region_down(const Region* first, const Region* end, PhysRange window,
                                      RegionSieve sieve, Wish wish, Passed& passed) {
  PhysAddr at;
  for (const Region* region = end; region != first;) {
    --region;
    if (region->end() <= window.base) return nullptr;
    if (sieve.skips(*region)) continue;
    const PhysRange part = cut_to(region->range(), window);
    if (wish.fits_high(part, at)) return region;
    passed.add(part);
  }
  return nullptr;
}

/// The lowest one.
inline const Region* find_region_up(const Region* first, const Region* end, PhysRange window,
                                    RegionSieve sieve, Wish wish, Passed& passed) {
  PhysAddr at;
  for (const Region* region = first; region != end && region->base < window.end; ++region) {
    if (sieve.skips(*region)) continue;
    const PhysRange part = cut_to(region->range(), window);
    if (wish.fits_low(part, at)) return region;
    passed.add(part);
  }
  return nullptr;
}

// The same four for an array that is all of a table. Each is a function of its own: where they are
// called, four loops would be short of registers.

[[gnu::noinline]] inline const Region* find_region_down(RegionView all, PhysRange window,
                                                        const RegionSieve& sieve, const Wish& wish,
                                                        Passed& passed, Ahead& ahead) {
  if (window.empty()) return nullptr;
  const Region* const first = all.data();
  const Region* const end = first + count_from(first, all.size(), window.end - 1);
  const Region* const found = find_region_down(first, end, window, sieve, wish, passed);
  ahead = {first, found, {}};
  return found;
}

[[gnu::noinline]] inline const Region* find_region_up(RegionView all, PhysRange window,
                                                      const RegionSieve& sieve, const Wish& wish,
                                                      Passed& passed, Ahead& ahead) {
  if (window.empty()) return nullptr;
  const Region* const first = first_ending_after(all.data(), all.size(), window.base);
  const Region* const end = all.data() + all.size();
  const Region* const found = find_region_up(first, end, window, sieve, wish, passed);
  ahead = {found, end, {}};
  return found;
}

[[gnu::noinline]] inline bool find_gap_down(RegionView all, PhysRange window, const Wish& wish,
                                            Passed& passed, PhysRange& gap, Ahead& ahead) {
  if (window.empty()) return false;
  const Region* const first = all.data();
  const Region* below = first + count_from(first, all.size(), window.end - 1);
  const bool found =
      find_gap_down(first, below, PhysAddr{0}, window.end, window, wish, passed, gap);
  ahead = {first, below, PhysAddr{0}};
  return found;
}

[[gnu::noinline]] inline bool find_gap_up(RegionView all, PhysRange window, const Wish& wish,
                                          Passed& passed, PhysRange& gap, Ahead& ahead) {
  if (window.empty()) return false;
  const Region* above = first_ending_after(all.data(), all.size(), window.base);
  const Region* const end = all.data() + all.size();
  if (find_gap_up(above, end, window.base, window, wish, passed, gap)) {
    ahead = {above, end, {}};
    return true;
  }
  return find_gap_above(all.empty() ? nullptr : end - 1, window, wish, passed, gap);
}

/// Regions in an array, and how many spare slots it has on either side of them.
struct Run {
  Region* first = nullptr;
  size_t count = 0;
  size_t below = 0;
  size_t above = 0;

  Region* end() const { return first + count; }
  size_t spare() const { return below + above; }
};

/// How far apart two regions lie in storage. A number of regions would take a division.
inline size_t bytes_between(const Region* from, const Region* to) {
  return static_cast<size_t>(reinterpret_cast<const char*>(to) -
                             reinterpret_cast<const char*>(from));
}

inline void move_regions(Region* to, const Region* from, const Region* end) {
  __builtin_memmove(to, from, static_cast<size_t>(end - from) * sizeof(Region));
}

/// An array of no more regions than this moves as many in any case, spare slots among them.
inline constexpr size_t kFewMoved = 8;

/// Moves the highest regions of an array, from `from` on, to `to`, one below or above. How many
/// those are nobody can predict, so in small arrays nothing depends on it.
inline void move_highest(const Run& run, Region* to, const Region* from) {
  if (run.count > kFewMoved || run.above < kFewMoved) return move_regions(to, from, run.end());
  // As bytes: a compiler moves regions one by one.
  char moved[kFewMoved * sizeof(Region)];
  __builtin_memcpy(moved, from, sizeof(moved));
  __builtin_memcpy(to, moved, sizeof(moved));
}

/// Moves all regions so that so many of the spare slots lie below them.
inline void slide(Run& run, size_t below) {
  Region* const first = run.first - run.below + below;
  move_regions(first, run.first, run.end());
  run = {first, run.count, below, run.spare() - below};
}

/// Makes a slot between `at` and what lies below it. Requires: spare() != 0.
inline Region* open_slot(Run& run, Region* at) {
  if (run.above == 0 || (at == run.first && run.below != 0)) {
    if (at != run.first) move_regions(run.first - 1, run.first, at);
    --run.first;
    --run.below;
    ++run.count;
    return at - 1;
  }
  if (at != run.end()) move_highest(run, at + 1, at);
  ++run.count;
  --run.above;
  return at;
}

/// All regions make way for as many again where one is put behind or in front of them.
[[gnu::noinline]] inline Region* open_slot_at_end(Run& run, bool is_end) {
  const size_t spare = run.spare();
  const size_t room = min(spare - spare / 2, max(run.count, size_t{4}));
  slide(run, is_end ? spare - room : room);
  return open_slot(run, is_end ? run.end() : run.first);
}

/// The same in an array that need not begin in its first slot. Where ranges come in order, the
/// others make way once, not once for each.
[[gnu::always_inline]] inline Region* open_slot_in_order(Run& run, Region* at) {
  const bool is_end = at == run.end();
  if (is_end ? run.above != 0 : (at != run.first || run.below != 0)) return open_slot(run, at);
  return open_slot_at_end(run, is_end);
}

/// Drops regions `[from, to)`; `from` is where the next one lies then.
inline void close_slots(Run& run, Region*& from, Region* to) {
  const auto gone = static_cast<size_t>(to - from);
  if (from == run.first) {
    run.first = from = to;
    run.below += gone;
  } else {
    move_highest(run, from, to);
    run.above += gone;
  }
  run.count -= gone;
}

/// Has at least `slots` spare slots above, or below. Requires: spare() >= slots.
inline void make_above(Run& run, size_t slots) {
  if (run.above < slots) slide(run, 0);
}
inline void make_below(Run& run, size_t slots) {
  if (run.below < slots) slide(run, run.spare());
}

/// open_slot() where slot after slot is opened in one place: the fewer regions make way. Where they
/// have no room, all make way once for half of the spare slots.
[[gnu::always_inline]] inline Region* open_slot_near(Run& run, Region* at) {
  const bool is_high = bytes_between(at, run.end()) <= bytes_between(run.first, at);
  if ((is_high ? run.above : run.below) == 0) {
    const size_t index = static_cast<size_t>(at - run.first);
    slide(run, is_high ? run.spare() / 2 : run.spare() - run.spare() / 2);
    at = run.first + index;
  }
  if (is_high) return open_slot(run, at);
  move_regions(run.first - 1, run.first, at);
  --run.first;
  --run.below;
  ++run.count;
  return at - 1;
}

/// Puts `added` behind all regions of an array; false, and nothing done, where there is none, no
/// slot above, or where it would have to be joined.
[[gnu::always_inline]] inline bool append(Run& run, const Region& added) {
  Region* const end = run.end();
  if (run.count == 0 || run.above == 0 || added.base <= end[-1].end()) return false;
  *end = added;
  ++run.count;
  --run.above;
  return true;
}

/// Puts `added` into a gap, or makes it part of what it touches; returns the region that it is in.
/// Null, and nothing done, if it overlaps a region, or reaches what follows the array, which begins
/// at `upper`. `slides` says whether regions need not begin in the first slot. Requires: spare() !=
/// 0.
[[gnu::always_inline]] inline Region* insert_alone(Run& run, const Region& added, PhysAddr upper,
                                                   bool slides) {
  Region* const end = run.end();
  Region* above = end;
  // Ranges often come in order: append() is tried before, and now whether this one is the lowest.
  if (run.count != 0 && run.below != 0 && added.end() < run.first->base) {
    *--run.first = added;
    ++run.count;
    --run.below;
    return run.first;
  }
  if (run.count != 0 && added.base < end[-1].end()) {
    Region* const last = last_from_soon(run.first, run.count, added.base);
    above = last + static_cast<ptrdiff_t>(last->base <= added.base);
    if (above != run.first && added.base < above[-1].end()) return nullptr;
  }
  if (above != end) upper = above->base;
  if (upper <= added.end()) {
    if (above == end || upper < added.end()) return nullptr;
    if (added.same_kind(*above)) {
      if (above != run.first && joins(above[-1], added)) {
        above[-1].size += added.size + above->size;
        close_slots(run, above, above + 1);
        return above - 1;
      }
      above->base = added.base;
      above->size += added.size;
      return above;
    }
  }
  if (above != run.first && joins(above[-1], added)) {
    above[-1].size += added.size;
    return above - 1;
  }
  above = slides ? open_slot_in_order(run, above) : open_slot(run, above);
  *above = added;
  return above;
}

/// The region at an offset in bytes, or the lowest where there is none. Requires: not empty.
inline Region* region_at(const Run& run, size_t offset) {
  return offset < run.count * sizeof(Region)
             ? reinterpret_cast<Region*>(reinterpret_cast<char*>(run.first) + offset)
             : run.first;
}

/// The region that begins at `edge`, most likely the one at an offset in bytes, or null.
/// Requires: not empty.
inline Region* beginning_at(const Run& run, size_t likely, PhysAddr edge) {
  Region* at = region_at(run, likely);
  if (at->base != edge) at = last_from_soon(run.first, run.count, edge);
  return at->base == edge ? at : nullptr;
}

/// The region that ends at `edge`.
inline Region* ending_at(const Run& run, size_t likely, PhysAddr edge) {
  Region* at = region_at(run, likely);
  if (at->end() != edge) at = last_from_soon(run.first, run.count, edge - 1);
  return at->end() == edge ? at : nullptr;
}

/// Puts a block into the gap in front of `above`: as a part of that, or of the region below if
/// `up`, where it touches it and that is of no special kind, else as a region of its own. Returns
/// what it is in. `slides` as with insert_alone(). Requires: it does not touch what lies on the
/// other side; spare() != 0.
[[gnu::always_inline]] inline Region* put_in_gap(Run& run, Region* above, PhysAddr at,
                                                 uint64_t bytes, bool up, bool slides) {
  if (up) {
    if (above != run.first && above[-1].end() == at && above[-1].is_plain()) {
      above[-1].size += static_cast<PhysInt>(bytes);
      return above - 1;
    }
  } else if (above != run.end() && at + bytes == above->base && above->is_plain()) {
    above->base = at;
    above->size += static_cast<PhysInt>(bytes);
    return above;
  }
  above = slides ? open_slot_near(run, above) : open_slot(run, above);
  *above = Region{at, static_cast<PhysInt>(bytes), kNoFlags, kUnsetNode};
  return above;
}

/// Where a block goes right below `region`, down to above `floor`; false if it does not fit there
/// or would touch what lies below.
inline bool fits_below(const Run& run, const Region* region, PhysAddr floor, const Wish& wish,
                       Spot& spot) {
  spot.room_end = region == run.first ? floor : max(floor, region[-1].end());
  return wish.fits_below(region->base, spot.room_end, spot.at);
}

/// The same right above `region`, up to below `ceiling`.
inline bool fits_above(const Run& run, const Region* region, PhysAddr ceiling, const Wish& wish,
                       Spot& spot) {
  spot.room_end = region + 1 == run.end() ? ceiling : min(ceiling, region[1].base);
  return wish.fits_above(region->end(), spot.room_end, spot.at);
}

/// Takes `range` out of the one region that holds all of it; returns the first region above the
/// range then, or the end. Null, and nothing done, if there is no such region.
/// Requires: spare() != 0.
[[gnu::always_inline]] inline Region* remove_alone(Run& run, PhysRange range) {
  if (run.count == 0) return nullptr;
  Region* at = last_from_soon(run.first, run.count, range.base);
  const PhysRange old = at->range();
  if (range.base < old.base || old.end < range.end) return nullptr;
  if (old.end == range.end) {
    if (old.base == range.base) {
      close_slots(run, at, at + 1);
      return at;
    }
    at->size = range.base - old.base;
    return at + 1;
  }
  if (old.base == range.base) {
    at->base = range.end;
    at->size = old.end - range.end;
    return at;
  }
  at = open_slot(run, at + 1);
  at[0] = at[-1];
  at[-1].size = range.base - old.base;
  at[0].base = range.end;
  at[0].size = old.end - range.end;
  return at;
}

/// Puts up to three regions into the place of regions `[from, to)`; returns the first of them.
/// Requires: the slots for it.
inline Region* replace(Run& run, Region* from, Region* to, const Region* pieces, size_t count) {
  const auto old = static_cast<size_t>(to - from);
  if (count > old) {
    const size_t index = static_cast<size_t>(from - run.first);
    make_above(run, count - old);
    from = run.first + index;
    move_regions(from + count, from + old, run.end());
    run.count += count - old;
    run.above -= count - old;
  } else if (count < old) {
    Region* rest = from + count;
    close_slots(run, rest, to);
  }
  for (size_t i = 0; i < count; ++i) from[i] = pieces[i];
  return from;
}

/// Changes the kind of `range`, which lies in one region, and makes it part of what it touches
/// then; returns the region that it is in. Null, and nothing done, if there is no such region, or
/// if what lies beyond the array might be touched: that begins at `upper`, and `has_lower` says
/// whether something lies below. Requires: spare() >= 2.
[[gnu::always_inline]] inline Region* change_alone(Run& run, PhysRange range,
                                                   const RegionChange& change, PhysAddr upper,
                                                   bool has_lower) {
  if (run.count == 0) return nullptr;
  // What is about more regions than one often begins with the first.
  Region* const at =
      range.base <= run.first->base ? run.first : last_from_soon(run.first, run.count, range.base);
  const PhysRange old = at->range();
  if (old == range) {  // Most are whole, and touch no other.
    const bool alone_below = at != run.first ? at[-1].end() != old.base : !has_lower;
    const bool alone_above = (at + 1 != run.end() ? at[1].base : upper) != old.end;
    if (alone_below && alone_above) {
      change.apply(*at);
      return at;
    }
  }
  if (range.base < old.base || old.end < range.end) return nullptr;
  Region inside = *at;
  change.apply(inside);
  if (inside.same_kind(*at)) return at;
  inside.base = range.base;
  inside.size = range.size();
  const bool keeps_below = old.base != range.base;
  const bool keeps_above = old.end != range.end;
  if ((!keeps_below && at == run.first && has_lower) ||
      (!keeps_above && at + 1 == run.end() && upper == range.end)) {
    return nullptr;
  }
  const bool joins_below = !keeps_below && at != run.first && joins(at[-1], inside);
  const bool joins_above = !keeps_above && at + 1 != run.end() && joins(inside, at[1]);
  if (!keeps_below && !keeps_above && !joins_below && !joins_above) {
    *at = inside;
    return at;
  }
  Region pieces[3];
  size_t count = 0;
  if (keeps_below) {
    pieces[count] = *at;
    pieces[count++].size = range.base - old.base;
  }
  if (joins_below) {
    inside.base = at[-1].base;
    inside.size += at[-1].size;
  }
  if (joins_above) inside.size += at[1].size;
  pieces[count++] = inside;
  if (keeps_above) {
    pieces[count] = *at;
    pieces[count].base = range.end;
    pieces[count++].size = old.end - range.end;
  }
  Region* const first = replace(run, at - static_cast<ptrdiff_t>(joins_below),
                                at + 1 + static_cast<ptrdiff_t>(joins_above), pieces, count);
  return first + static_cast<ptrdiff_t>(keeps_below);
}

}  // namespace memblock::detail
