// What an allocation looks at, found the slow way: one region and one gap after the other.
#pragma once

#include "fuzz/cost_bound.h"

namespace memblock::fuzz {

class CostSearch {
 public:
  CostSearch(const CostState& state, Extent& extent) : state_(state), extent_(extent) {}

  /// Goes the way of an allocation that knows nothing of those before, and counts.
  void allocate(const lab::Op& op);

 private:
  /// Gaps between reservations: each is named by the one above it, the last by how many there are.
  struct Gaps {
    size_t first;
    size_t last;
  };
  Gaps gaps_in(PhysRange range) const;
  PhysRange gap_below(size_t index) const;

  bool attempt(PhysRange window, const RegionSieve& sieve, const Wish& wish);
  bool try_window(PhysRange window, const AllocRequest& request);
  bool find_region(PhysRange window, const RegionSieve& sieve, const Wish& wish,
                   PhysRange& region) const;
  bool find_gap(PhysRange window, const Wish& wish, PhysRange& gap) const;
  bool fits(PhysRange free, const Wish& wish) const;
  /// Of a search in `window` that has ended: what lies in the part that it has seen.
  void count_passed(PhysRange window, PhysRange seen, const RegionSieve& sieve, const Wish& wish);

  const CostState& state_;
  Extent& extent_;
};

}  // namespace memblock::fuzz
