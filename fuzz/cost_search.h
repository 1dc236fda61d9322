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
  bool attempt(PhysRange window, const RegionFilter& filter, const Wish& wish);
  bool try_window(PhysRange window, const AllocRequest& request);
  bool find_region(PhysRange window, const RegionFilter& filter, const Wish& wish,
                   PhysRange& region);
  bool find_gap(PhysRange window, const Wish& wish, PhysRange& gap);
  bool fits(PhysRange free, const Wish& wish) const;
  void pass(PhysRange free, const Wish& wish);

  const CostState& state_;
  Extent& extent_;
};

}  // namespace memblock::fuzz
