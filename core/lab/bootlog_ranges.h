// RangeSet: a set of addresses as sorted, disjoint, separate ranges. Small and plain: it serves to
// compare what a log shows with what it should show.
#pragma once

#include <algorithm>
#include <vector>

#include "memblock/phys.h"

namespace memblock::lab {

class RangeSet {
 public:
  const std::vector<PhysRange>& ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }

  void add(PhysRange range) {
    if (range.empty()) return;
    const auto first =
        std::lower_bound(ranges_.begin(), ranges_.end(), range.base,
                         [](const PhysRange& r, PhysAddr address) { return r.end < address; });
    auto last = first;
    while (last != ranges_.end() && last->base <= range.end) {
      range = PhysRange{min(range.base, last->base), max(range.end, last->end)};
      ++last;
    }
    ranges_.insert(ranges_.erase(first, last), range);
  }

  void subtract(PhysRange range) {
    if (range.empty()) return;
    auto at = first_ending_after(range.base);
    while (at != ranges_.end() && at->base < range.end) {
      const PhysRange old = *at;
      at = ranges_.erase(at);
      if (old.base < range.base) at = ranges_.insert(at, PhysRange{old.base, range.base}) + 1;
      if (range.end < old.end) {
        ranges_.insert(at, PhysRange{range.end, old.end});
        return;
      }
    }
  }

  /// The parts of `range` that are not in the set.
  std::vector<PhysRange> missing(PhysRange range) const {
    std::vector<PhysRange> gaps;
    for (auto at = first_ending_after(range.base); at != ranges_.end() && at->base < range.end;
         ++at) {
      if (range.base < at->base) gaps.push_back(PhysRange{range.base, at->base});
      range.base = min(at->end, range.end);
    }
    if (!range.empty()) gaps.push_back(range);
    return gaps;
  }

  bool overlaps(PhysRange range) const {
    const auto at = first_ending_after(range.base);
    return at != ranges_.end() && at->base < range.end && !range.empty();
  }

 private:
  std::vector<PhysRange>::const_iterator first_ending_after(PhysAddr address) const {
    return std::upper_bound(ranges_.begin(), ranges_.end(), address,
                            [](PhysAddr a, const PhysRange& r) { return a < r.end; });
  }
  std::vector<PhysRange>::iterator first_ending_after(PhysAddr address) {
    return std::upper_bound(ranges_.begin(), ranges_.end(), address,
                            [](PhysAddr a, const PhysRange& r) { return a < r.end; });
  }

  std::vector<PhysRange> ranges_;
};

}  // namespace memblock::lab
