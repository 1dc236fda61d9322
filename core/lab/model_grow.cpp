// The model: a full table doubles. It tracks where the storage of a grown table lies in memory, as
// that memory is reserved, and so moves every later allocation.
#include <algorithm>
#include <utility>

#include "lab/model.h"

namespace memblock::lab {

// `area` is what the caller is about to reserve.
bool Model::grow(TableId id, PhysRange area) {
  if (!now_.can_resize || table(id).capacity() == 0) return false;
  bool grown = false;
  if (now_.late_allocator_up) {
    grown = grow_late(id);
  } else if (!now_.handed_over) {
    grown = grow_inside_memory(id, area);
  }
  if (grown) return true;
  const char* const names[] = {"memory", "reserved", "physmem"};
  const size_t capacity = table(id).capacity();
  print("memblock: Failed to double " + std::string(names[static_cast<size_t>(id)]) +
        " array from " + std::to_string(capacity) + " to " + std::to_string(2 * capacity) +
        " entries !");
  warn(Warning::GrowthFailed);
  return false;
}

// Mirrored memory first, then any; above the area first, then below it.
std::optional<PhysRange> Model::find_growth_place(TableId id, uint64_t bytes, PhysRange area) {
  std::vector<std::pair<PhysAddr, PhysAddr>> windows;
  if (id == TableId::Reserved && !area.empty()) {
    windows = {{area.end, now_.limit}, {PhysAddr{0}, min(area.base, now_.limit)}};
  } else {
    windows = {{PhysAddr{0}, now_.limit}};
  }
  for (const auto& [from, to] : windows) {
    const PhysAddr start = max(from, PhysAddr{machine_.page_size()});
    const PhysRange window{start, max(start, to)};
    if (now_.has_mirror) {
      const auto found = find_storage(bytes, window, kMirror);
      if (found) return PhysRange::from_size(*found, bytes);
      warn(Warning::NotMirrored);
    }
    const auto found = find_storage(bytes, window, kNoFlags);
    if (found) return PhysRange::from_size(*found, bytes);
  }
  return std::nullopt;
}

// What an outer growth has chosen counts as taken, though it is not reserved yet. (In Linux it does
// not, and the two tables can come to lie on the same memory.)
std::optional<PhysAddr> Model::find_storage(uint64_t bytes, PhysRange window, RegionFlags flags) {
  std::vector<PhysRange> parts{window};
  if (window.overlaps(pending_)) {
    parts.clear();
    if (window.base < pending_.base) parts.push_back({window.base, pending_.base});
    if (pending_.end < window.end) parts.push_back({pending_.end, window.end});
    if (!now_.bottom_up) std::reverse(parts.begin(), parts.end());
  }
  for (const PhysRange part : parts) {
    const auto found = find(bytes, machine_.page_size(), part, kNoNode, flags);
    if (found) return found;
  }
  return std::nullopt;
}

bool Model::grow_inside_memory(TableId id, PhysRange area) {
  const uint64_t page = machine_.page_size();
  const size_t old_capacity = table(id).capacity();
  const uint64_t used = storage_.growth_bytes(old_capacity, machine_.region_bytes);
  const auto range = find_growth_place(id, (used + page - 1) / page * page, area);
  if (!range || !can_touch(*range)) return false;
  const char* const names[] = {"memory", "reserved", "physmem"};
  trace("memblock: " + std::string(names[static_cast<size_t>(id)]) + " is doubled to " +
        std::to_string(2 * old_capacity) + " at " +
        kernel_range(PhysRange::from_size(range->base, used)));

  const Place old_place = place(id);
  const std::vector<Place> old_kept = kept(id);
  const PhysRange left = leave(id);
  mutable_table(id).set_capacity(2 * old_capacity);
  place(id) = Place{*range, false};
  if (protect(left, *range)) return true;
  mutable_table(id).set_capacity(old_capacity);
  place(id) = old_place;
  kept(id) = old_kept;
  return false;
}

PhysRange Model::leave(TableId id) {
  if (table(id).capacity() <= storage_.moves_max) return place(id).range;
  kept(id).push_back(place(id));
  return {};
}

// Frees the old storage, then reserves the new one, as Linux does. Either can itself make
// `reserved` grow. Where the old storage cannot be freed it stays reserved, wasted but safe.
bool Model::protect(PhysRange old_range, PhysRange new_range) {
  bool freed = false;
  if (!old_range.empty()) {
    const PhysRange outer = std::exchange(pending_, new_range);
    freed = free_array(old_range) == Status::Ok;
    pending_ = outer;
  }
  trace_call("memblock_reserve", new_range, "memblock_double_array");
  if (cover(TableId::Reserved, new_range, Kind{}) == Status::Ok) return true;
  // As before the call, so there is room.
  if (freed) static_cast<void>(cover(TableId::Reserved, old_range, Kind{}));
  return false;
}

Status Model::free_array(PhysRange range) {
  trace_call("memblock_phys_free", range, "memblock_double_array");
  return uncover(TableId::Reserved, range);
}

// The late allocator never fails here, and nothing is reserved for what it gives.
bool Model::grow_late(TableId id) {
  const PhysRange left = leave(id);
  mutable_table(id).set_capacity(2 * table(id).capacity());
  place(id) = Place{PhysRange{}, true};
  if (left.empty()) return true;
  if (free_array(left) == Status::Ok && now_.handed_over) free_page_by_page(left);
  return true;
}

}  // namespace memblock::lab
