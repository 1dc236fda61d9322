// The kernel's allocations and walks as the backend's verbs, and what a tree has of them.
#include <algorithm>
#include <string>

#include "lab/linux_backend.h"

namespace memblock::lab {

uint32_t LinuxBackend::least_capacity(const LinuxTree& tree) {
  // An empty entry counts, which in smaller tables is one too many.
  return tree.object().sentinel ? 3 : 1;
}

bool LinuxBackend::supports(const LinuxTree& tree, const Limits& limits) {
  const LinuxObject& object = tree.object();
  if (limits.region_bytes != object.region_bytes) return false;
  if (object.page_shift_fix != 0 && limits.page_shift != object.page_shift_fix) return false;
  const uint32_t least = least_capacity(tree);
  if (limits.memory < least || limits.reserved < least || limits.physmem < least) return false;
  return limits.memory <= object.memory_max && limits.reserved <= object.reserved_max;
}

bool LinuxBackend::supports(const Op& op) const {
  if (op.flags.has(kReservedNoinit) && object_.mark_reserved_noinit == nullptr) return false;
  switch (op.code) {
    case OpCode::PhysmemAdd: return object_.physmem_add != nullptr;
    case OpCode::PhysmemRanges: return object_.walk_physmem != nullptr;
    case OpCode::MarkReservedNoinit: return object_.mark_reserved_noinit != nullptr;
    case OpCode::ValidateNumaCoverage: return object_.validate_numa_coverage != nullptr;
    case OpCode::EstimatedFreePages: return object_.estimated_free_pages != nullptr;
    case OpCode::HasMirror: return object_.has_mirror != nullptr;
    case OpCode::FreePfnsInZone: return object_.walk_zone_pfns != nullptr;
    case OpCode::Dump: return !discarded_;
    case OpCode::FreeLate: return object_.free_late != nullptr;
    case OpCode::Discard: return object_.discard != nullptr;
    case OpCode::ReserveMem:
    case OpCode::FindReserveMem:
      // A command-line option: after the handover it would name what slab gave.
      return object_.reserve_mem != nullptr && !handed_over_ && !discarded_;
    case OpCode::Allocate:
      // Alike in all trees; one of the two alone is no call of Linux's.
      return op.within_limit == op.retry_below_min;
    case OpCode::EarlyReserve: return !discarded_;
    case OpCode::E820Load: return !discarded_ && object_.e820 != nullptr;
    case OpCode::SetNode:
    case OpCode::Overlaps:
    case OpCode::Isolate: return op.table != TableId::Physmem || object_.physmem_add != nullptr;
    default: return op.code < OpCode::E820Append || object_.e820 != nullptr;
  }
}

// ---- Allocation
// -----------------------------------------------------------------------------------------

template <class Call>
Result<PhysAddr> LinuxBackend::allocated(Call call) {
  if (discarded_) return Status::Discarded;
  served_late_ = false;
  const uint64_t address = call();
  note_death(true);
  if (served_late_) return Status::AfterHandover;
  if (panicked_) return Status::TableFull;
  if (address == 0) return handed_over_ ? Status::AfterHandover : Status::NoFit;
  return PhysAddr{address};
}

uint64_t LinuxBackend::as_asked(const AllocRequest& r) {
  const auto call = r.within_limit && object_.alloc_internal != nullptr ? object_.alloc_internal
                                                                        : object_.alloc_range_nid;
  return call(r.size, r.align, r.min.value, r.max.value, r.nid.value, r.exact_nid);
}

Result<PhysAddr> LinuxBackend::allocate(const AllocRequest& request) {
  const Result<PhysAddr> out = allocated([&] { return as_asked(request); });
  if (out.ok() && request.zero) zeroed_.push_back(PhysRange::from_size(out.value(), request.size));
  return out;
}
Result<PhysAddr> LinuxBackend::phys_alloc_range(uint64_t size, uint64_t align, PhysAddr min,
                                                PhysAddr max) {
  return allocated([&] { return object_.phys_alloc_range(size, align, min.value, max.value); });
}
Result<PhysAddr> LinuxBackend::phys_alloc(uint64_t size, uint64_t align) {
  return allocated([&] { return object_.phys_alloc(size, align); });
}
Result<PhysAddr> LinuxBackend::phys_alloc_try_nid(uint64_t size, uint64_t align, NodeId nid) {
  return allocated([&] { return object_.phys_alloc_try_nid(size, align, nid.value); });
}
Result<PhysAddr> LinuxBackend::alloc(uint64_t size, uint64_t align) {
  return allocated([&] { return object_.alloc(size, align); });
}
Result<PhysAddr> LinuxBackend::alloc_raw(uint64_t size, uint64_t align) {
  return allocated([&] { return object_.alloc_raw(size, align); });
}
Result<PhysAddr> LinuxBackend::alloc_from(uint64_t size, uint64_t align, PhysAddr min) {
  return allocated([&] { return object_.alloc_from(size, align, min.value); });
}
Result<PhysAddr> LinuxBackend::alloc_low(uint64_t size, uint64_t align) {
  return allocated([&] { return object_.alloc_low(size, align); });
}
Result<PhysAddr> LinuxBackend::alloc_node(uint64_t size, uint64_t align, NodeId nid) {
  return allocated([&] { return object_.alloc_node(size, align, nid.value); });
}
Result<PhysAddr> LinuxBackend::alloc_try_nid(uint64_t size, uint64_t align, PhysAddr min,
                                             PhysAddr max, NodeId nid) {
  return allocated(
      [&] { return object_.alloc_try_nid(size, align, min.value, max.value, nid.value); });
}
Result<PhysAddr> LinuxBackend::alloc_try_nid_raw(uint64_t size, uint64_t align, PhysAddr min,
                                                 PhysAddr max, NodeId nid) {
  return allocated(
      [&] { return object_.alloc_try_nid_raw(size, align, min.value, max.value, nid.value); });
}
Result<PhysAddr> LinuxBackend::alloc_exact_nid_raw(uint64_t size, uint64_t align, PhysAddr min,
                                                   PhysAddr max, NodeId nid) {
  return allocated(
      [&] { return object_.alloc_exact_nid_raw(size, align, min.value, max.value, nid.value); });
}

// ---- Walks
// ----------------------------------------------------------------------------------------------

namespace {

void see_range(void* to, uint64_t first, uint64_t last, int nid) {
  auto& walk = *static_cast<LinuxWalk<WalkedRange>*>(to);
  if (first == last) {  // The dummy entry of an empty table.
    walk.saw_nothing = true;
    return;
  }
  // What a kernel gives the wrong way round cannot be a PhysRange; it is kept as an empty one.
  const PhysRange range = first < last ? PhysRange{PhysAddr{first}, PhysAddr{last}}
                                       : PhysRange{PhysAddr{first}, PhysAddr{first}};
  walk.list.push_back({range, NodeId{nid}, kNoFlags});
}

void see_pfns(void* to, uint64_t first, uint64_t last, int nid) {
  static_cast<LinuxWalk<PfnRange>*>(to)->list.push_back({first, last, NodeId{nid}});
}

}  // namespace

template <class Call>
bool LinuxBackend::walked(Call call, const char* what) const {
  const uint64_t most = 4 * (uint64_t{memory().size()} + reserved().size() + physmem().size()) + 16;
  const bool ended = call(most);
  note_death(false);
  if (!ended && dead_.empty()) dead_ = std::string{what} + " does not end";
  return ended;
}

// Macros of the kernel that give no node or flags: those of the region.
template <class Walk>
void LinuxBackend::complete(Walk& walk, TableId table, bool with_nid) const {
  const RegionView all = view(table);
  for (WalkedRange& range : walk.list) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Region& region) {
      return region.range().contains(range.range.base);
    });
    if (found == all.end()) continue;
    range.flags = found->flags;
    if (!with_nid) range.nid = found->nid;
  }
}

LinuxWalk<WalkedRange> LinuxBackend::mem_ranges(Direction direction) const {
  LinuxWalk<WalkedRange> out;
  if (discarded_) return out;
  const bool down = direction == Direction::Down;
  walked([&](uint64_t most) { return object_.walk_mem(down, see_range, &out, most); },
         "for_each_mem_range");
  complete(out, TableId::Memory, false);
  saw_dummy_ = saw_dummy_ || out.saw_nothing;
  return out;
}

LinuxWalk<WalkedRange> LinuxBackend::reserved_ranges(Direction direction) const {
  LinuxWalk<WalkedRange> out;
  if (discarded_) return out;
  const bool down = direction == Direction::Down;
  walked([&](uint64_t most) { return object_.walk_reserved(down, see_range, &out, most); },
         "for_each_reserved_mem_range");
  complete(out, TableId::Reserved, false);
  return out;
}

LinuxWalk<WalkedRange> LinuxBackend::free_ranges(NodeId nid, RegionFlags flags, Direction direction,
                                                 PhysRange window) const {
  LinuxWalk<WalkedRange> out;
  if (discarded_) return out;
  const bool down = direction == Direction::Down;
  walked(
      [&](uint64_t most) {
        return object_.walk_free(down, nid.value, flags.bits, see_range, &out, most);
      },
      "for_each_free_mem_range");
  complete(out, TableId::Memory, true);
  for (WalkedRange& range : out.list) {
    const PhysAddr base = max(range.range.base, window.base);
    range.range = PhysRange{base, max(base, min(range.range.end, window.end))};
  }
  std::erase_if(out.list, [](const WalkedRange& range) { return range.range.empty(); });
  return out;
}

LinuxWalk<WalkedRange> LinuxBackend::physmem_ranges(TableId minus) const {
  LinuxWalk<WalkedRange> out;
  if (discarded_) return out;
  const int table = minus == TableId::Memory     ? kLinuxMemory
                    : minus == TableId::Reserved ? kLinuxReserved
                                                 : -1;
  walked([&](uint64_t most) { return object_.walk_physmem(table, see_range, &out, most); },
         "for_each_physmem_range");
  complete(out, TableId::Physmem, false);
  return out;
}

LinuxWalk<WalkedRange> LinuxBackend::physmem_ranges() const {
  return physmem_ranges(TableId::Physmem);
}

LinuxWalk<PfnRange> LinuxBackend::mem_pfns(NodeId nid) const {
  LinuxWalk<PfnRange> out;
  if (discarded_) return out;
  walked([&](uint64_t most) { return object_.walk_mem_pfns(nid.value, see_pfns, &out, most); },
         "for_each_mem_pfn_range");
  return out;
}

LinuxWalk<PfnRange> LinuxBackend::free_pfns_in_zone(PfnRange zone) const {
  LinuxWalk<PfnRange> out;
  if (discarded_) return out;
  walked(
      [&](uint64_t most) {
        return object_.walk_zone_pfns(zone.first, zone.last, zone.nid.value, see_pfns, &out, most);
      },
      "for_each_free_mem_pfn_range_in_zone");
  const RegionView all = memory();
  for (PfnRange& pages : out.list) {
    const PhysAddr first{pages.first << machine_.page_shift};
    const auto found = std::find_if(all.begin(), all.end(), [first](const Region& region) {
      return region.range().contains(first);
    });
    if (found != all.end()) pages.nid = found->nid;
  }
  return out;
}

// ---- Named reservations
// ---------------------------------------------------------------------------------

Result<PhysRange> LinuxNamed::add(LinuxBackend& backend, std::string_view text) {
  std::string copy{text};
  int answer = 0;
  const Result<PhysAddr> died = backend.allocated([&] {
    answer = object_.reserve_mem(copy.data());
    return uint64_t{1};
  });
  if (!died.ok()) return died.status();
  constexpr int kBusy = -16, kInvalid = -22;
  if (answer == kBusy) return Status::Busy;
  if (answer == kInvalid) return Status::Invalid;
  if (answer < 0) return backend.handed_over() ? Status::AfterHandover : Status::NoFit;
  return find(text.substr(text.find(':', text.find(':') + 1) + 1));
}

Result<PhysRange> LinuxNamed::find(std::string_view name) const {
  uint64_t base = 0, size = 0;
  if (!object_.find_reserve_mem(std::string{name}.c_str(), &base, &size)) return Status::NotFound;
  return PhysRange::from_size(PhysAddr{base}, size);
}

}  // namespace memblock::lab
