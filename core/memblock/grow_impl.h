// Growth: a full table doubles, with storage taken from memblock itself and reserved in it, or from
// the embedder's allocator once that is up. Placement and nesting are those of
// memblock_double_array(), so that addresses stay comparable across a growth.
#pragma once

#include "memblock/memblock.h"

namespace memblock {

/// The caller that the kernel names when storage of a table is freed and reserved.
inline constexpr const char* kGrowth = "memblock_double_array";

template <RegionTable Table>
bool BasicMemblock<Table>::grow(TableId id, PhysRange area) {
  if (!can_resize_ || table(id).capacity() == 0) return false;
  // After the handover free memory is no longer memblock's to take.
  const bool grown = late_allocator_up_ ? grow_from_late_allocator(id)
                     : handed_over_     ? false
                                        : grow_from_memblock(id, area);
  if (!grown) {
    print_growth_failure(id);
    warn(Warning::GrowthFailed);
  }
  return grown;
}

// As if the storage that a growth further out has chosen, and not reserved yet, were reserved.
// Linux has no such guard: there the inner table can land on the outer one.
template <RegionTable Table>
bool BasicMemblock<Table>::find_beside_pending(uint64_t bytes, PhysRange window, RegionFlags flags,
                                               PhysAddr& found) const {
  const auto find = [&](PhysAddr from, PhysAddr to) {
    const PhysRange part{from, max(from, to)};
    Passed passed;
    Found place;
    const bool fits =
        find_free({bytes, machine_.page_size()}, part, {kNoNode, flags, bottom_up_}, passed, place);
    found = place.at;
    return fits;
  };
  if (!window.overlaps(pending_growth_)) return find(window.base, window.end);
  const auto find_above = [&] { return find(pending_growth_.end, window.end); };
  const auto find_below = [&] { return find(window.base, pending_growth_.base); };
  return bottom_up_ ? find_below() || find_above() : find_above() || find_below();
}

template <RegionTable Table>
bool BasicMemblock<Table>::find_mirrored_first(uint64_t bytes, PhysRange window,
                                               PhysAddr& found) const {
  if (has_mirror_) {
    if (find_beside_pending(bytes, window, kMirror, found)) return true;
    warn(Warning::NotMirrored);
  }
  return find_beside_pending(bytes, window, kNoFlags, found);
}

// `area` is about to be reserved: storage for `reserved` must not land on it. Above it is tried
// first.
template <RegionTable Table>
bool BasicMemblock<Table>::find_growth_place(TableId id, uint64_t bytes, PhysRange area,
                                             PhysRange& place) {
  if (id != TableId::Reserved) area = PhysRange{};
  const PhysAddr lowest{machine_.page_size()};
  const auto window = [lowest](PhysAddr from, PhysAddr to) {
    const PhysAddr start = max(from, lowest);
    return PhysRange{start, max(start, to)};
  };
  PhysAddr found;
  if (!find_mirrored_first(bytes, window(area.end, limit_), found)) {
    if (area.empty()) return false;
    if (!find_mirrored_first(bytes, window(PhysAddr{0}, min(area.base, limit_)), found))
      return false;
  }
  place = PhysRange::from_size(found, bytes);
  return true;
}

template <RegionTable Table>
bool BasicMemblock<Table>::grow_from_memblock(TableId id, PhysRange area) {
  Table& table = mutable_table(id);
  const uint64_t used = Table::growth_bytes(table.capacity(), machine_.region_bytes);
  const uint64_t bytes = align_up(used, machine_.page_size());
  PhysRange place;
  if (platform_.phys_to_virt == nullptr || !find_growth_place(id, bytes, area, place)) return false;
  void* memory = platform_.phys_to_virt(platform_.context, place);
  if (memory == nullptr) return false;
  // The kernel names the bytes that the regions take, not the pages that they are given.
  trace_growth(id, PhysRange::from_size(place.base, used));

  const auto growth = table.grow({.memory = memory, .bytes = used, .place = place});
  if (swap_reservations(growth.left.place, place)) return true;
  table.undo(growth);
  return false;
}

// Frees the old storage, then reserves the new, as Linux does. Either can make `reserved` grow.
template <RegionTable Table>
bool BasicMemblock<Table>::swap_reservations(PhysRange old_place, PhysRange new_place) {
  bool freed = false;
  if (!old_place.empty()) {
    const PhysRange outer = pending_growth_;
    pending_growth_ = new_place;
    trace_range("memblock_phys_free", old_place, kGrowth);
    // Without a spare slot the old storage stays reserved: wasted, but never handed out twice.
    freed = erase(TableId::Reserved, old_place) == Status::Ok;
    pending_growth_ = outer;
  }
  trace_range("memblock_reserve", new_place, kGrowth);
  if (insert(TableId::Reserved, new_place, kNoFlags, kUnsetNode) == Status::Ok) return true;
  // As before the call, so there is room.
  if (freed) mutable_table(TableId::Reserved).insert(old_place, kNoFlags, kUnsetNode);
  return false;
}

template <RegionTable Table>
bool BasicMemblock<Table>::grow_from_late_allocator(TableId id) {
  if (platform_.late_alloc == nullptr) return false;
  Table& table = mutable_table(id);
  const uint64_t bytes = Table::growth_bytes(table.capacity(), sizeof(Region));
  void* memory = platform_.late_alloc(platform_.context, bytes);
  if (memory == nullptr) return false;
  give_back(table.grow({.memory = memory, .bytes = bytes, .place = {}, .late = true}).left);
  return true;
}

template <RegionTable Table>
void BasicMemblock<Table>::give_back(const Block& left) {
  if (left.late && platform_.late_free != nullptr) {
    platform_.late_free(platform_.context, left.memory, left.bytes);
  }
  if (left.place.empty()) return;
  trace_range("memblock_phys_free", left.place, kGrowth);
  if (erase(TableId::Reserved, left.place) == Status::Ok && handed_over_) {
    free_page_by_page(left.place);
  }
}

}  // namespace memblock
