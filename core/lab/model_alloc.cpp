// The model: where an allocation lands, and which wishes are given up in which order.
#include <algorithm>

#include "lab/model.h"

namespace memblock::lab {
namespace {

uint64_t round_down(uint64_t value, uint64_t align) { return value / align * align; }

/// Nothing where no multiple is left below 2^64.
std::optional<uint64_t> round_up(uint64_t value, uint64_t align) {
  const uint64_t down = round_down(value, align);
  if (down == value) return value;
  if (down + align < down) return std::nullopt;
  return down + align;
}

/// The lowest or highest aligned place for `size` bytes in `free`.
std::optional<PhysAddr> place_in(PhysRange free, uint64_t size, uint64_t align, bool lowest) {
  if (free.size() < size) return std::nullopt;
  const PhysAddr last_start = free.end - size;
  const std::optional<uint64_t> start = lowest ? round_up(free.base.value, align)
                                               : std::optional{round_down(last_start.value, align)};
  if (!start || PhysAddr{*start} < free.base || last_start < PhysAddr{*start}) return std::nullopt;
  return PhysAddr{*start};
}

}  // namespace

// The nearest free range that fits wins, seen from the top or from the bottom of the window.
std::optional<PhysAddr> Model::find(uint64_t size, uint64_t align, PhysRange window, NodeId nid,
                                    RegionFlags flags) const {
  std::vector<WalkedRange> free = free_list(nid, flags, now_.movable_node, window);
  if (!now_.bottom_up) std::reverse(free.begin(), free.end());
  for (const WalkedRange& candidate : free) {
    if (const auto found = place_in(candidate.range, size, align, now_.bottom_up)) return found;
  }
  return std::nullopt;
}

PhysRange Model::window_of(PhysAddr min, PhysAddr max, bool within_limit) const {
  const bool names_no_bound = max == kUpToLimit || max == kUpToLimitNoLeakTrace;
  const PhysAddr end = names_no_bound || (within_limit && now_.limit < max) ? now_.limit : max;
  const PhysAddr start = std::max(min, PhysAddr{machine_.page_size()});
  return PhysRange{start, std::max(start, end)};
}

Result<PhysAddr> Model::allocate(const AllocRequest& request) {
  trace_alloc(request);
  if (now_.discarded) return Status::Discarded;
  if (now_.handed_over) return Status::AfterHandover;
  if (request.size == 0) return Status::Invalid;
  if (request.align == 0) warn(Warning::AlignZero);
  const uint64_t align = request.align == 0 ? machine_.cache_line : request.align;

  std::vector<PhysAddr> lower_bounds{request.min};
  if (request.retry_below_min && request.min != PhysAddr{0}) lower_bounds.push_back(PhysAddr{0});
  std::vector<RegionFlags> mirroring{kNoFlags};
  if (now_.has_mirror) mirroring.insert(mirroring.begin(), kMirror);
  std::vector<NodeId> nodes{request.nid};
  if (is_node(request.nid) && !request.exact_nid) nodes.push_back(kNoNode);

  bool was_full = false;
  for (const PhysAddr min : lower_bounds) {
    const PhysRange window = window_of(min, request.max, request.within_limit);
    for (const RegionFlags flags : mirroring) {
      for (const NodeId nid : nodes) {
        const auto found = find(request.size, align, window, nid, flags);
        if (!found) continue;
        const PhysRange range = PhysRange::from_size(*found, request.size);
        trace_call("memblock_reserve", range, "memblock_alloc_range_nid");
        if (cover(TableId::Reserved, range, Kind{}) == Status::Ok) {
          if (request.zero) zeroed_.push_back(range);
          return *found;
        }
        was_full = true;
      }
      if (flags == kMirror) warn(Warning::NotMirrored);
    }
  }
  return was_full ? Status::TableFull : Status::NoFit;
}

Result<PhysAddr> Model::phys_alloc_range(uint64_t size, uint64_t align, PhysAddr min,
                                         PhysAddr max) {
  AllocRequest request;
  request.size = size;
  request.align = align;
  request.min = min;
  request.max = max;
  request.traced_as = "memblock_phys_alloc_range";
  return allocate(request);
}

Result<PhysAddr> Model::phys_alloc(uint64_t size, uint64_t align) {
  return phys_alloc_range(size, align, PhysAddr{0}, kUpToLimit);
}

Result<PhysAddr> Model::phys_alloc_try_nid(uint64_t size, uint64_t align, NodeId nid) {
  AllocRequest request;
  request.size = size;
  request.align = align;
  request.nid = nid;
  return allocate(request);
}

namespace {

AllocRequest virtual_request(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                             NodeId nid) {
  AllocRequest request;
  request.size = size;
  request.align = align;
  request.min = min;
  request.max = max;
  request.nid = nid;
  request.within_limit = true;
  request.retry_below_min = true;
  return request;
}

}  // namespace

Result<PhysAddr> Model::alloc_try_nid(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                      NodeId nid) {
  AllocRequest request = virtual_request(size, align, min, max, nid);
  request.zero = true;
  request.traced_as = "memblock_alloc_try_nid";
  return allocate(request);
}

Result<PhysAddr> Model::alloc_try_nid_raw(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                          NodeId nid) {
  AllocRequest request = virtual_request(size, align, min, max, nid);
  request.traced_as = "memblock_alloc_try_nid_raw";
  return allocate(request);
}

Result<PhysAddr> Model::alloc_exact_nid_raw(uint64_t size, uint64_t align, PhysAddr min,
                                            PhysAddr max, NodeId nid) {
  AllocRequest request = virtual_request(size, align, min, max, nid);
  request.exact_nid = true;
  request.traced_as = "memblock_alloc_exact_nid_raw";
  return allocate(request);
}

Result<PhysAddr> Model::alloc(uint64_t size, uint64_t align) {
  return alloc_try_nid(size, align, PhysAddr{0}, kUpToLimit, kNoNode);
}

Result<PhysAddr> Model::alloc_raw(uint64_t size, uint64_t align) {
  return alloc_try_nid_raw(size, align, PhysAddr{0}, kUpToLimit, kNoNode);
}

Result<PhysAddr> Model::alloc_from(uint64_t size, uint64_t align, PhysAddr min) {
  return alloc_try_nid(size, align, min, kUpToLimit, kNoNode);
}

Result<PhysAddr> Model::alloc_low(uint64_t size, uint64_t align) {
  return alloc_try_nid(size, align, PhysAddr{0}, PhysAddr{machine_.low_limit}, kNoNode);
}

Result<PhysAddr> Model::alloc_node(uint64_t size, uint64_t align, NodeId nid) {
  return alloc_try_nid(size, align, PhysAddr{0}, kUpToLimit, nid);
}

}  // namespace memblock::lab
