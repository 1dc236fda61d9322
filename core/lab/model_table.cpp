// Every edit goes through change(): take the address space piece by piece, from the bottom.
#include "lab/model_table.h"

#include <algorithm>

namespace memblock::lab {
namespace {

/// Builds the shortest list of regions from pieces in address order.
class Rebuild {
 public:
  /// Into `regions`, which is empty.
  explicit Rebuild(std::vector<Region>& regions) : regions_(regions) {}

  void put(PhysAddr base, PhysAddr end, MaybeKind kind) {
    if (base >= end || !kind) return;
    const Region piece{base, end - base, kind->flags, kind->nid};
    if (!regions_.empty() && regions_.back().end() == base && regions_.back().same_kind(piece)) {
      regions_.back().size += piece.size;
    } else {
      regions_.push_back(piece);
    }
  }

 private:
  std::vector<Region>& regions_;
};

}  // namespace

void ModelTable::change(PhysRange range, const std::function<MaybeKind(MaybeKind)>& change) {
  if (range.empty()) return;
  // Only what meets or touches the range can come out otherwise; the rest stays as it is.
  const auto first = std::find_if(regions_.begin(), regions_.end(),
                                  [&](const Region& region) { return region.end() >= range.base; });
  const auto last = std::find_if(first, regions_.end(),
                                 [&](const Region& region) { return region.base > range.end; });
  Rebuild result{changed_};
  const auto put_changed = [&](PhysAddr base, PhysAddr end, MaybeKind kind) {
    const auto inside = [&](PhysAddr address) {
      return std::clamp(address, range.base, range.end);
    };
    result.put(base, min(end, range.base), kind);
    if (inside(base) < inside(end)) result.put(inside(base), inside(end), change(kind));
    result.put(max(base, range.end), end, kind);
  };
  PhysAddr reached = first == regions_.begin() ? PhysAddr{0} : std::prev(first)->end();
  for (auto region = first; region != last; ++region) {
    put_changed(reached, region->base, std::nullopt);
    put_changed(region->base, region->end(), Kind{region->nid, region->flags});
    reached = region->end();
  }
  put_changed(reached, last == regions_.end() ? kPhysAddrMax : last->base, std::nullopt);
  regions_.insert(regions_.erase(first, last), changed_.begin(), changed_.end());
  changed_.clear();
}

uint64_t ModelTable::total_bytes() const {
  uint64_t sum = 0;
  for (const Region& region : regions_) sum += region.size;
  return sum;
}

const Region* ModelTable::at(PhysAddr address) const {
  for (const Region& region : regions_) {
    if (region.range().contains(address)) return &region;
  }
  return nullptr;
}

size_t ModelTable::gaps(PhysRange range) const {
  size_t pieces = 0;
  PhysAddr reached = range.base;
  for (const Region& region : regions_) {
    if (region.end() <= range.base || range.end <= region.base) continue;
    if (reached < region.base) ++pieces;
    reached = region.end();
  }
  return reached < range.end ? pieces + 1 : pieces;
}

IndexRange ModelTable::positions(PhysRange range) const {
  size_t below = 0;
  size_t inside = 0;
  for (const Region& region : regions_) {
    if (region.base < range.base) ++below;
    if (region.range().overlaps(range) && !range.empty()) ++inside;
  }
  return inside == 0 ? IndexRange{} : IndexRange{below, below + inside};
}

int ModelTable::first_broken_invariant() const {
  if (count() > capacity_) return 1;
  const Region* below = nullptr;
  for (const Region& region : regions_) {
    if (region.size == 0 || region.end() < region.base) return 2;
    if (below != nullptr && region.base < below->end()) return 3;
    if (below != nullptr && region.base == below->end() && region.same_kind(*below)) return 4;
    below = &region;
  }
  return 0;
}

}  // namespace memblock::lab
