// Allocation: where free memory is looked for, in which order the wishes of a request are given up,
// and the named calls.
#pragma once

#include "memblock/memblock.h"
#include "memblock/search_runs.h"

// In front of a return: the caller leaves the stack to whom it calls, and so needs none. gcc sees
// by itself where it can; clang does not where two registers are returned, and must where it is
// told.
#if MEMBLOCK_X86 && defined(__clang__)
#define MEMBLOCK_TAIL_CALL [[clang::musttail]]
#else
#define MEMBLOCK_TAIL_CALL
#endif

namespace memblock {

/// The caller that the kernel names when an allocation reserves what it has found.
inline constexpr const char* kAllocator = "memblock_alloc_range_nid";

// The first free range that fits wins; inside it the aligned place nearest to where the search
// began. Memory regions and gaps between reservations are looked for in turn, each beyond where the
// other was found, until two of them meet.
template <RegionTable Table>
bool BasicMemblock<Table>::find_free(const Wish& wish, PhysRange window, SearchKind kind,
                                     Passed& passed, Found& found) const {
  const RegionSieve wanted{filter(kind.nid(), kind.flags())};
  while (true) {
    Ahead memory, reserved;
    const Region* const region =
        kind.bottom_up() ? memory_.find_region_up(window, wanted, wish, passed, memory)
                         : memory_.find_region_down(window, wanted, wish, passed, memory);
    if (region == nullptr) return false;
    found.memory = region->range();
    if (kind.bottom_up()) {
      window.base = max(window.base, region->base);
      if (!reserved_.find_gap_up(window, wish, passed, found.gap, reserved)) return false;
    } else {
      window.end = min(window.end, region->end());
      if (!reserved_.find_gap_down(window, wish, passed, found.gap, reserved)) return false;
    }
    const PhysRange gap = found.gap;
    found.above = kind.bottom_up() ? reserved.first : reserved.end;
    found.gap = cut_to(gap, found.memory);
    if (kind.bottom_up() ? wish.fits_low(found.gap, found.at)
                         : wish.fits_high(found.gap, found.at)) {
      return true;
    }
    passed.add(found.gap);
    if (kind.bottom_up()) {
      window.base = min(window.end, max(gap.base, found.memory.end));
    } else {
      window.end = max(window.base, min(gap.end, found.memory.base));
    }
    if (reserved.first == nullptr) continue;
    if (kind.bottom_up()
            ? detail::find_in_runs_up(memory, reserved, window, wanted, wish, passed, found)
            : detail::find_in_runs_down(memory, reserved, window, wanted, wish, passed, found)) {
      return true;
    }
  }
}

template <RegionTable Table>
PhysRange BasicMemblock<Table>::window_of(const AllocRequest& request, PhysAddr min) const {
  PhysAddr end = request.max;
  if (request.within_limit && end > limit_) end = limit_;
  if (end == kUpToLimit || end == kUpToLimitNoLeakTrace) end = limit_;
  // Address 0 reads as failure to callers, so the first page is never handed out.
  const PhysAddr start = max(min, PhysAddr{machine_.page_size()});
  return PhysRange{start, max(start, end)};
}

template <RegionTable Table>
Status BasicMemblock<Table>::find_and_reserve(const Wish& wish, PhysRange window, SearchKind kind,
                                              PhysAddr& at) {
  if (window.empty()) return Status::NoFit;
  Trail* trail = trails_.leading_on(window, wish, kind);
  PhysRange rest = window;
  if (trail != nullptr) {
    rest = trail->rest_of(window, wish);
    if (rest.empty()) return Status::NoFit;
    if (take_next(*trail, window, wish, kind, at)) {
      trace_range("memblock_reserve", PhysRange::from_size(at, wish.size), kAllocator);
      return Status::Ok;
    }
  } else {
    trail = &trails_.start(window, kind);
  }
  Passed passed;
  Found found;
  if (!find_free(wish, rest, kind, passed, found)) {
    trails_.failed(window, wish, passed.largest);
    return Status::NoFit;
  }
  trail->found(wish, passed.largest, found);
  at = found.at;
  const PhysRange place{at, at + wish.size};
  trace_range("memblock_reserve", place, kAllocator);
  return put_found(place, found, kind.bottom_up())
             ? Status::Ok
             : insert(TableId::Reserved, place, kNoFlags, kUnsetNode);
}

// Where the search ended the block is put at once, if it need not be joined with what lies behind.
template <RegionTable Table>
bool BasicMemblock<Table>::put_found(PhysRange place, const Found& found, bool up) {
  if (found.above == nullptr || (up ? place.end == found.gap.end : found.gap.base == place.base)) {
    return false;
  }
  Region* const region = reserved_.put_in_gap(found.above, place.base, place.size(), up);
  if (region == nullptr) return false;
  stand_beside(region, up ? found.gap.end : found.gap.base);
  return true;
}

// Whether the next block may go beside the last one. Not where it has to come to where it is
// printed, and not when the table is full: it grows at the next allocation, as Linux has it, even
// where that would be joined.
template <RegionTable Table>
bool BasicMemblock<Table>::may_go_on() const {
  return !trace_ && reserved_.count() != reserved_.capacity();
}

template <RegionTable Table>
void BasicMemblock<Table>::stand_beside(Region* region, PhysAddr room_end) {
  if (!may_go_on()) return trails_.leave_neighbour();
  trails_.stand_beside(region, room_end);
}

// Where the last allocation of this kind ended, if the block fits there without further ado.
template <RegionTable Table>
bool BasicMemblock<Table>::take_next(const Trail& trail, PhysRange window, const Wish& wish,
                                     SearchKind kind, PhysAddr& at) {
  const bool up = kind.bottom_up();
  const PhysAddr edge = trail.edge(up), reach = trail.reach(up);
  Spot spot;
  const bool taken = up ? reserved_.take_above(edge, min(reach, window.end), wish, spot)
                        : reserved_.take_below(edge, max(reach, window.base), wish, spot);
  if (!taken) return false;
  trails_.took(spot.at, wish.size, up);
  stand_beside(spot.region, spot.room_end);
  at = spot.at;
  return true;
}

// Gives up the node before mirroring, as Linux does. `status` is what the attempt with all that the
// request wishes for came to; nearly always that is enough.
template <RegionTable Table>
Status BasicMemblock<Table>::try_with_less(const AllocRequest& request, const Wish& wish,
                                           PhysRange window, Status status, PhysAddr& found) {
  SearchKind kind{request.nid, first_flags(), bottom_up_};
  bool was_full = status == Status::TableFull;
  while (true) {
    if (is_node(kind.nid()) && !request.exact_nid) {
      kind = {kNoNode, kind.flags(), kind.bottom_up()};
    } else if (kind.flags() != kNoFlags) {
      warn(Warning::NotMirrored);
      kind = {request.nid, kNoFlags, kind.bottom_up()};
    } else {
      return was_full ? Status::TableFull : Status::NoFit;
    }
    status = find_and_reserve(wish, window, kind, found);
    if (status == Status::Ok) return status;
    was_full = was_full || status == Status::TableFull;
  }
}

// Most allocations go right beside the last one, and ask for the same but for the size. They need
// none of the checks that the others do, nor a register more than a caller leaves them. Whoever
// clears what is handed out has more to do than that: it goes the longer way.
template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::allocate(const AllocRequest& request) {
  if (trails_.take_again(request, bottom_up_)) {
    Region* const region = trails_.neighbour();
    return bottom_up_ ? reserved_.extend_up(region, request.size)
                      : reserved_.extend_down(region, request.size);
  }
  MEMBLOCK_TAIL_CALL return allocate_near(request);
}

// The others mostly go near the last one.
template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::allocate_near(const AllocRequest& request) {
  PhysAddr at;
  if (!trails_.next(request, bottom_up_, at)) return search_and_reserve(request);
  const Region* const above = trails_.neighbour() + static_cast<size_t>(bottom_up_);
  Region* const region = reserved_.put_in_gap(above, at, request.size, bottom_up_);
  if (region == nullptr) return search_and_reserve(request);
  trails_.took_next(region, at, request.size, bottom_up_);
  if (!may_go_on()) trails_.leave_neighbour();
  return given(request, at);
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::given(const AllocRequest& request, PhysAddr at) {
  return clears(request) ? zeroed(at, request.size) : Result<PhysAddr>{at};
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::search_and_reserve(const AllocRequest& request) {
  trace_alloc(request);
  if (discarded_) return Status::Discarded;
  if (handed_over_) return Status::AfterHandover;
  if (request.size == 0) return Status::Invalid;
  Wish wish{request.size, request.align};
  if (wish.align == 0) {
    warn(Warning::AlignZero);
    wish.align = machine_.cache_line;
  }
  MEMBLOCK_ASSERT(is_power_of_two(wish.align));

  const SearchKind kind{request.nid, first_flags(), bottom_up_};
  PhysRange window = window_of(request, request.min);
  bool may_retry = request.retry_below_min && request.min != PhysAddr{0};
  // Some callers name a lower bound above all memory, and always get their block below it.
  if (may_retry && (window.empty() || end_of_dram() <= window.base) && kind.flags() == kNoFlags) {
    window = window_of(request, PhysAddr{0});
    may_retry = false;
  }
  PhysAddr found;
  Status status = find_and_reserve(wish, window, kind, found);
  if (status == Status::Ok) {
    trails_.granted(request, window, bottom_up_, clears(request));
    return given(request, found);
  }
  status = try_with_less(request, wish, window, status, found);
  if (status != Status::Ok && may_retry) {
    const PhysRange wider = window_of(request, PhysAddr{0});
    Status second = find_and_reserve(wish, wider, kind, found);
    if (second != Status::Ok) second = try_with_less(request, wish, wider, second, found);
    if (second != Status::NoFit) status = second;
  }
  return status == Status::Ok ? given(request, found) : Result<PhysAddr>{status};
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::zeroed(PhysAddr at, uint64_t size) {
  const PhysRange range = PhysRange::from_size(at, size);
  if (platform_.zero != nullptr) {
    platform_.zero(platform_.context, range);
  } else {
    void* memory = platform_.phys_to_virt(platform_.context, range);
    if (memory != nullptr) __builtin_memset(memory, 0, static_cast<size_t>(size));
  }
  return at;
}

// ---- Named calls

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::phys_alloc_range(uint64_t size, uint64_t align, PhysAddr min,
                                                        PhysAddr max) {
  return allocate({.size = size,
                   .align = align,
                   .min = min,
                   .max = max,
                   .traced_as = "memblock_phys_alloc_range"});
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::phys_alloc(uint64_t size, uint64_t align) {
  return phys_alloc_range(size, align, PhysAddr{0}, kUpToLimit);
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::phys_alloc_try_nid(uint64_t size, uint64_t align,
                                                          NodeId nid) {
  return allocate({.size = size, .align = align, .nid = nid});
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::alloc(uint64_t size, uint64_t align) {
  return alloc_try_nid(size, align, PhysAddr{0}, kUpToLimit, kNoNode);
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::alloc_raw(uint64_t size, uint64_t align) {
  return alloc_try_nid_raw(size, align, PhysAddr{0}, kUpToLimit, kNoNode);
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::alloc_from(uint64_t size, uint64_t align, PhysAddr min) {
  return alloc_try_nid(size, align, min, kUpToLimit, kNoNode);
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::alloc_low(uint64_t size, uint64_t align) {
  return alloc_try_nid(size, align, PhysAddr{0}, PhysAddr{machine_.low_limit}, kNoNode);
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::alloc_node(uint64_t size, uint64_t align, NodeId nid) {
  return alloc_try_nid(size, align, PhysAddr{0}, kUpToLimit, nid);
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::alloc_try_nid(uint64_t size, uint64_t align, PhysAddr min,
                                                     PhysAddr max, NodeId nid) {
  return allocate({.size = size,
                   .align = align,
                   .min = min,
                   .max = max,
                   .nid = nid,
                   .within_limit = true,
                   .retry_below_min = true,
                   .zero = true,
                   .traced_as = "memblock_alloc_try_nid"});
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::alloc_try_nid_raw(uint64_t size, uint64_t align,
                                                         PhysAddr min, PhysAddr max, NodeId nid) {
  return allocate({.size = size,
                   .align = align,
                   .min = min,
                   .max = max,
                   .nid = nid,
                   .within_limit = true,
                   .retry_below_min = true,
                   .traced_as = "memblock_alloc_try_nid_raw"});
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::alloc_exact_nid_raw(uint64_t size, uint64_t align,
                                                           PhysAddr min, PhysAddr max, NodeId nid) {
  return allocate({.size = size,
                   .align = align,
                   .min = min,
                   .max = max,
                   .nid = nid,
                   .exact_nid = true,
                   .within_limit = true,
                   .retry_below_min = true,
                   .traced_as = "memblock_alloc_exact_nid_raw"});
}

}  // namespace memblock
