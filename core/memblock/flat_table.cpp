// FlatTable: lookups that remember, searches for gaps, and edits of more than one region.
#include "memblock/flat_table.h"

namespace memblock {

// Asks the remembered region and the one behind it first.
const Region* FlatTable::find_near_hint(PhysAddr address) const {
  const auto is_it = [&](size_t index) {
    return index < count_ && storage_[index].base <= address &&
           (index + 1 == count_ || address < storage_[index + 1].base);
  };
  const size_t hint = hint_.load(std::memory_order_relaxed);
  if (is_it(hint)) return &storage_[hint];
  const Region* const found =
      is_it(hint + 1) ? &storage_[hint + 1] : detail::last_from(storage_.data(), count_, address);
  hint_.store(index_of(found), std::memory_order_relaxed);
  return found;
}

// The regions that share at least one byte with `range`.
IndexRange FlatTable::overlapping(PhysRange range) const {
  const size_t first = first_ending_after(range.base);
  const size_t last = past_starting_below(range.end);
  return {first, first < last ? last : first};
}

size_t FlatTable::gaps(PhysRange range) const {
  if (range.empty()) return 0;
  const IndexRange covered = overlapping(range);
  size_t pieces = 0;
  PhysAddr reached = range.base;
  for (size_t i = covered.first; i < covered.last; ++i) {
    pieces += static_cast<size_t>(reached < storage_[i].base);
    reached = storage_[i].end();
  }
  return pieces + static_cast<size_t>(reached < range.end);
}

IndexRange FlatTable::positions(PhysRange range) const {
  if (range.empty()) return {};
  const IndexRange touched = overlapping(range);
  if (touched.empty()) return {};
  // A region that begins below the range leaves a part of itself there.
  const size_t below = static_cast<size_t>(storage_[touched.first].base < range.base);
  return {touched.first + below, touched.last + below};
}

bool FlatTable::take_below(PhysAddr edge, PhysAddr floor, const Wish& wish, Spot& spot) {
  if (count_ == 0 || count_ == capacity()) return false;
  const detail::Run run = all();
  Region* const region = detail::beginning_at(run, taken_, edge);
  if (region == nullptr || !detail::fits_below(run, region, floor, wish, spot)) return false;
  spot.region = put_in_gap(region, spot.at, wish.size, false);
  return true;
}

bool FlatTable::take_above(PhysAddr edge, PhysAddr ceiling, const Wish& wish, Spot& spot) {
  if (count_ == 0 || count_ == capacity()) return false;
  const detail::Run run = all();
  Region* const region = detail::ending_at(run, taken_, edge);
  if (region == nullptr || !detail::fits_above(run, region, ceiling, wish, spot)) return false;
  spot.region = put_in_gap(region + 1, spot.at, wish.size, true);
  return true;
}

Region* FlatTable::put_in_gap(const Region* above, PhysAddr at, uint64_t bytes, bool up) {
  if (count_ == capacity()) return nullptr;
  detail::Run run = all();
  Region* const region = detail::put_in_gap(run, const_cast<Region*>(above), at, bytes, up, false);
  count_ = run.count;
  total_bytes_ += bytes;
  taken_ = detail::bytes_between(run.first, region);
  return region;
}

// `touched` and one region behind it, which may join, go through the edit.
template <class Edit>
void FlatTable::edit(IndexRange touched, size_t extra, Edit edit) {
  MEMBLOCK_ASSERT(count_ + extra <= capacity());
  if (touched.last < count_) ++touched.last;
  detail::Run run = all();
  total_bytes_ += detail::edit_run(run, touched, extra, edit);
  place(run);
}

void FlatTable::insert(PhysRange range, RegionFlags flags, NodeId nid) {
  if (range.empty()) return;
  edit(overlapping(range), gaps(range), detail::Insertion{range, flags, nid});
}

void FlatTable::change(PhysRange range, const RegionChange& change) {
  detail::Run run = all();
  detail::change_run(run, range, change);
  count_ = run.count;
}

void FlatTable::remove(PhysRange range) {
  const IndexRange gone = range.empty() ? IndexRange{} : overlapping(range);
  if (gone.empty()) return;
  const Region& lowest = storage_[gone.first];
  const bool splits = gone.size() == 1 && lowest.base < range.base && range.end < lowest.end();
  edit(gone, static_cast<size_t>(splits), detail::Removal{range});
}

void FlatTable::trim(uint64_t align) {
  MEMBLOCK_ASSERT(is_power_of_two(align));
  edit({0, count_}, 0, detail::Trimming{align});
}

// Each region is cut or goes; none is split.
void FlatTable::keep(PhysRange range, RegionFlags flags) {
  edit({0, count_}, 0, detail::Keeping{range, flags});
}

void FlatTable::adopt(std::span<Region> storage, size_t count, uint64_t total_bytes,
                      PhysRange place) {
  MEMBLOCK_ASSERT(count <= storage.size());
  const bool same_storage = storage.data() == storage_.data();
  if (!same_storage) block_ = Block{.memory = nullptr, .bytes = 0, .place = place};
  if (same_storage && storage.size() == storage_.size() && count == count_ &&
      total_bytes == total_bytes_) {
    return;
  }
  storage_ = storage;
  count_ = count;
  total_bytes_ = total_bytes;
}

FlatTable::Growth FlatTable::grow(const Block& block) {
  const Growth before{block_, storage_};
  move_to({static_cast<Region*>(block.memory), 2 * capacity()});
  block_ = block;
  return before;
}

void FlatTable::undo(const Growth& growth) {
  move_to(growth.storage);
  block_ = growth.left;
}

void FlatTable::move_to(std::span<Region> storage) {
  MEMBLOCK_ASSERT(count_ <= storage.size());
  if (count_ != 0) __builtin_memcpy(storage.data(), storage_.data(), count_ * sizeof(Region));
  storage_ = storage;
}

void FlatTable::reset() {
  storage_ = {};
  count_ = 0;
  total_bytes_ = 0;
  block_ = {};
}

int FlatTable::first_broken_invariant() const {
  if (count_ > capacity()) return 1;
  uint64_t sum = 0;
  for (const Region& region : regions()) {
    if (region.size == 0 || region.size > kPhysAddrMax - region.base) return 2;
    sum += region.size;
  }
  for (size_t i = 1; i < count_; ++i) {
    if (storage_[i].base < storage_[i - 1].end()) return 3;
  }
  for (size_t i = 1; i < count_; ++i) {
    if (joins(storage_[i - 1], storage_[i])) return 4;
  }
  return sum == total_bytes_ ? 0 : 5;
}

}  // namespace memblock
