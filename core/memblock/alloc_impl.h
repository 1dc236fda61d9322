// Allocation: where free memory is looked for, in which order the wishes of a request are given up,
// and the named calls.
#pragma once

#include "memblock/memblock.h"

namespace memblock {

// The first free range that fits wins; inside it the aligned place nearest to where the search
// began.
template <RegionTable Table>
bool BasicMemblock<Table>::find_free(uint64_t size, uint64_t align, PhysRange window, NodeId nid,
                                     RegionFlags flags, PhysAddr& found) const {
  const Direction direction = bottom_up_ ? Direction::Up : Direction::Down;
  BasicRangeWalk<Table> walk{memory_, &reserved_, filter(nid, flags), direction, window};
  WalkedRange free;
  while (walk.next(free)) {
    if (free.range.size() < size) continue;
    if (bottom_up_) {
      found = PhysAddr{align_up(free.range.base.value, align)};
      // Rounding up wraps to 0 near the top of the address space.
      if (found < free.range.base || free.range.end <= found) continue;
      if (size <= free.range.end - found) return true;
    } else {
      found = PhysAddr{align_down((free.range.end - size).value, align)};
      if (free.range.base <= found) return true;
    }
  }
  return false;
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
Status BasicMemblock<Table>::find_and_reserve(const AllocRequest& request, PhysRange window,
                                              NodeId nid, RegionFlags flags, PhysAddr& found) {
  if (!find_free(request.size, request.align, window, nid, flags, found)) return Status::NoFit;
  const PhysRange place = PhysRange::from_size(found, request.size);
  trace_range("memblock_reserve", place, "memblock_alloc_range_nid");
  return insert(TableId::Reserved, place, kNoFlags, kUnsetNode);
}

// Gives up the node before mirroring, as Linux does.
template <RegionTable Table>
Status BasicMemblock<Table>::try_allocate(const AllocRequest& request, PhysRange window,
                                          PhysAddr& found) {
  const bool other_nodes = is_node(request.nid) && !request.exact_nid;
  RegionFlags flags = has_mirror_ ? kMirror : kNoFlags;
  bool was_full = false;
  while (true) {
    for (int attempt = 0; attempt <= static_cast<int>(other_nodes); ++attempt) {
      const NodeId nid = attempt == 0 ? request.nid : kNoNode;
      const Status status = find_and_reserve(request, window, nid, flags, found);
      if (status == Status::Ok) return status;
      was_full = was_full || status == Status::TableFull;
    }
    if (flags == kNoFlags) return was_full ? Status::TableFull : Status::NoFit;
    warn(Warning::NotMirrored);
    flags = kNoFlags;
  }
}

template <RegionTable Table>
Result<PhysAddr> BasicMemblock<Table>::allocate(const AllocRequest& asked) {
  trace_alloc(asked);
  if (discarded_) return Status::Discarded;
  if (handed_over_) return Status::AfterHandover;
  if (asked.size == 0) return Status::Invalid;
  AllocRequest request = asked;
  if (request.align == 0) {
    warn(Warning::AlignZero);
    request.align = machine_.cache_line;
  }
  MEMBLOCK_ASSERT(is_power_of_two(request.align));

  PhysAddr found;
  Status status = try_allocate(request, window_of(request, request.min), found);
  if (status != Status::Ok && request.retry_below_min && request.min != PhysAddr{0}) {
    const Status second = try_allocate(request, window_of(request, PhysAddr{0}), found);
    if (second != Status::NoFit) status = second;
  }
  if (status != Status::Ok) return status;
  if (request.zero) zero(PhysRange::from_size(found, request.size));
  return found;
}

template <RegionTable Table>
void BasicMemblock<Table>::zero(PhysRange range) {
  if (platform_.zero != nullptr) {
    platform_.zero(platform_.context, range);
  } else if (platform_.phys_to_virt != nullptr) {
    void* memory = platform_.phys_to_virt(platform_.context, range);
    if (memory != nullptr) __builtin_memset(memory, 0, static_cast<size_t>(range.size()));
  }
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
