// RangeWalk keeps what is left of the current region and cuts the excluded ranges from its near
// end.
#include "memblock/walk.h"

namespace memblock {

namespace {

PhysRange clip(PhysRange range, PhysRange window) {
  const PhysAddr base = max(range.base, window.base);
  return PhysRange{base, max(base, min(range.end, window.end))};
}

}  // namespace

RangeWalk::RangeWalk(const FlatTable& from, const FlatTable* minus, const RegionFilter& filter,
                     Direction direction, PhysRange window)
    : from_(&from),
      minus_(minus),
      filter_(filter),
      direction_(direction),
      window_(window),
      index_(direction == Direction::Up ? from.first_ending_after(window.base)
                                        : from.first_starting_from(window.end)) {
  if (minus_ == nullptr) return;
  minus_index_ = direction == Direction::Up ? minus->first_ending_after(window.base)
                                            : minus->first_starting_from(window.end);
}

bool RangeWalk::next(WalkedRange& out) {
  return direction_ == Direction::Up ? next_up(out) : next_down(out);
}

// Makes the next region that passes the filter the current one.
bool RangeWalk::take_region_up() {
  while (index_ < from_->count() && (*from_)[index_].base < window_.end) {
    const Region& region = (*from_)[index_++];
    if (filter_.skips(region)) continue;
    rest_ = clip(region.range(), window_);
    current_ = WalkedRange{rest_, region.nid, region.flags};
    if (!rest_.empty()) return true;
  }
  return false;
}

bool RangeWalk::take_region_down() {
  while (index_ != 0 && window_.base < (*from_)[index_ - 1].end()) {
    const Region& region = (*from_)[--index_];
    if (filter_.skips(region)) continue;
    rest_ = clip(region.range(), window_);
    current_ = WalkedRange{rest_, region.nid, region.flags};
    if (!rest_.empty()) return true;
  }
  return false;
}

bool RangeWalk::next_up(WalkedRange& out) {
  while (!rest_.empty() || take_region_up()) {
    PhysAddr stop = rest_.end;
    PhysAddr resume = rest_.end;
    if (minus_ != nullptr) {
      while (minus_index_ < minus_->count() && (*minus_)[minus_index_].end() <= rest_.base) {
        ++minus_index_;
      }
      if (minus_index_ < minus_->count() && (*minus_)[minus_index_].base < rest_.end) {
        stop = max(rest_.base, (*minus_)[minus_index_].base);
        resume = min(rest_.end, (*minus_)[minus_index_].end());
      }
    }
    const PhysRange found{rest_.base, stop};
    rest_ = PhysRange{resume, rest_.end};
    if (found.empty()) continue;
    out = WalkedRange{found, current_.nid, current_.flags};
    return true;
  }
  return false;
}

bool RangeWalk::next_down(WalkedRange& out) {
  while (!rest_.empty() || take_region_down()) {
    PhysAddr stop = rest_.base;
    PhysAddr resume = rest_.base;
    if (minus_ != nullptr) {
      while (minus_index_ != 0 && rest_.end <= (*minus_)[minus_index_ - 1].base) --minus_index_;
      if (minus_index_ != 0 && rest_.base < (*minus_)[minus_index_ - 1].end()) {
        stop = min(rest_.end, (*minus_)[minus_index_ - 1].end());
        resume = max(rest_.base, (*minus_)[minus_index_ - 1].base);
      }
    }
    const PhysRange found{stop, rest_.end};
    rest_ = PhysRange{rest_.base, resume};
    if (found.empty()) continue;
    out = WalkedRange{found, current_.nid, current_.flags};
    return true;
  }
  return false;
}

PfnRange whole_pages(PhysRange range, unsigned page_shift) {
  const uint64_t mask = (uint64_t{1} << page_shift) - 1;
  // Rounds up after the shift: adding the mask first would wrap near the top.
  const uint64_t first =
      (range.base.value >> page_shift) + static_cast<uint64_t>((range.base.value & mask) != 0);
  return PfnRange{first, range.end.value >> page_shift, kNoNode};
}

PfnRange touched_pages(PhysRange range, unsigned page_shift) {
  const uint64_t mask = (uint64_t{1} << page_shift) - 1;
  const uint64_t last =
      (range.end.value >> page_shift) + static_cast<uint64_t>((range.end.value & mask) != 0);
  return PfnRange{range.base.value >> page_shift, last, kNoNode};
}

bool PfnWalk::next(PfnRange& out) {
  while (index_ < memory_->count()) {
    const Region& region = (*memory_)[index_++];
    if (is_node(nid_) && nid_ != region.nid) continue;
    out = whole_pages(region.range(), page_shift_);
    out.nid = region.nid;
    if (out.first < out.last) return true;
  }
  return false;
}

namespace {

PhysAddr address_of(uint64_t pfn, unsigned page_shift) {
  return pfn > (kPhysAddrMax.value >> page_shift) ? kPhysAddrMax : PhysAddr{pfn << page_shift};
}

PhysRange window_of(const PfnRange& zone, unsigned page_shift) {
  const PhysAddr base = address_of(zone.first, page_shift);
  return PhysRange{base, max(base, address_of(zone.last, page_shift))};
}

}  // namespace

ZoneWalk::ZoneWalk(const FlatTable& memory, const FlatTable& reserved, const RegionFilter& filter,
                   PfnRange zone, unsigned page_shift)
    : walk_(memory, &reserved, filter, Direction::Up, window_of(zone, page_shift)),
      page_shift_(page_shift) {}

bool ZoneWalk::next(PfnRange& out) {
  WalkedRange free;
  while (walk_.next(free)) {
    out = whole_pages(free.range, page_shift_);
    out.nid = free.nid;
    if (out.first < out.last) return true;
  }
  return false;
}

}  // namespace memblock
