// How a search for free memory goes on where a memory region and a gap between reservations have
// been found that do not share enough: through what lies beside the two in storage, both at once.
#pragma once

#include "memblock/region_array.h"

namespace memblock::detail {

/// Whether what `region` and `gap` share holds the block and passes the sieve; `found` then says
/// where.
inline bool shares_enough(const Region& region, PhysRange gap, RegionSieve sieve, Wish wish,
                          bool high, Passed& passed, Found& found) {
  if (sieve.skips(region)) return false;
  found.gap = cut_to(region.range(), gap);
  found.memory = region.range();
  if (high ? wish.fits_high(found.gap, found.at) : wish.fits_low(found.gap, found.at)) return true;
  passed.add(found.gap);
  return false;
}

/// How many of one table are passed by while the other stands still: a search of the table leaps.
inline constexpr int kIdle = 6;

/// The highest free range below `window.end` that holds the block, as far as the regions of memory
/// and the gaps go that are `ahead`. `window.end` becomes where it gave up.
/// Requires: below it begins the part of the first gap that is to be looked at.
/// Cost: O(1) for each region and gap that is passed by in turn.
inline bool find_in_runs_down(const Ahead& memory, const Ahead& reserved, PhysRange& window,
                              RegionSieve sieve, Wish wish, Passed& passed, Found& found) {
  const Region* region = memory.end;  // One above those that are left.
  const Region* below = reserved.end;
  PhysAddr top = window.end;
  int idle = 0;
  while (window.base < top && idle < kIdle) {
    ++idle;
    const bool is_last = below == reserved.first;
    const PhysRange gap{max(window.base, is_last ? reserved.before : below[-1].end()), top};
    if (gap.base < gap.end && gap.size() >= wish.size) {
      for (int passed_by = 0;
           region != memory.first && (top <= region[-1].base || sieve.skips(region[-1]));
           --region) {
        if (++passed_by > kIdle) {
          window.end = top;
          return false;
        }
        idle = 0;
      }
      for (; region != memory.first && gap.base < region[-1].end(); --region) {
        if (shares_enough(region[-1], gap, sieve, wish, true, passed, found)) {
          found.above = below;
          return true;
        }
        idle = 0;
        if (region[-1].base <= gap.base) break;  // It may share something with the next gap too.
      }
      if (region == memory.first) {
        window.end = max(window.base, min(top, memory.first->base));
        return false;
      }
    } else if (gap.base < gap.end) {
      passed.add(gap);
    }
    if (is_last) {
      top = gap.base;
      break;
    }
    top = (--below)->base;
  }
  window.end = max(window.base, min(window.end, top));
  return false;
}

/// The lowest one above `window.base`, which becomes where it gave up.
/// Requires: from it on begins the part of the first gap that is to be looked at.
inline bool find_in_runs_up(const Ahead& memory, const Ahead& reserved, PhysRange& window,
                            RegionSieve sieve, Wish wish, Passed& passed, Found& found) {
  const Region* region = memory.first;
  PhysAddr bottom = window.base;
  int idle = 0;
  for (const Region* above = reserved.first;
       above != reserved.end && bottom < window.end && idle < kIdle; ++above) {
    ++idle;
    const PhysRange gap{bottom, min(window.end, above->base)};
    if (gap.base < gap.end && gap.size() >= wish.size) {
      for (int passed_by = 0;
           region != memory.end && (region->end() <= bottom || sieve.skips(*region)); ++region) {
        if (++passed_by > kIdle) {
          window.base = bottom;
          return false;
        }
        idle = 0;
      }
      for (; region != memory.end && region->base < gap.end; ++region) {
        if (shares_enough(*region, gap, sieve, wish, false, passed, found)) {
          found.above = above;
          return true;
        }
        idle = 0;
        if (gap.end <= region->end()) break;
      }
      if (region == memory.end) {
        bottom = max(bottom, region[-1].end());
        break;
      }
    } else if (gap.base < gap.end) {
      passed.add(gap);
    }
    bottom = above->end();
  }
  window.base = min(window.end, max(window.base, bottom));
  return false;
}

}  // namespace memblock::detail
