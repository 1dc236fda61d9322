// FlatTable: cached binary search, and edits that move each element at most once or twice.
#include "memblock/flat_table.h"

namespace memblock {

namespace {

void move_regions(Region* to, const Region* from, size_t count) {
  if (count != 0) __builtin_memmove(to, from, count * sizeof(Region));
}

}  // namespace

// How many regions start at or below `address`. Asks the remembered position and its neighbours
// first; the search itself has no branch that depends on the data.
size_t FlatTable::search(PhysAddr address) const {
  const auto fits = [&](size_t index) {
    return index <= count_ && (index == 0 || storage_[index - 1].base <= address) &&
           (index == count_ || address < storage_[index].base);
  };
  const size_t hint = hint_.load(std::memory_order_relaxed);
  if (fits(hint)) return hint;
  size_t found = 0;
  if (fits(hint + 1)) {
    found = hint + 1;
  } else if (hint != 0 && fits(hint - 1)) {
    found = hint - 1;
  } else if (count_ != 0) {
    const Region* low = storage_.data();
    for (size_t length = count_; length > 1;) {
      const size_t half = length / 2;
      low += static_cast<size_t>(low[half - 1].base <= address) * half;
      length -= half;
    }
    found = static_cast<size_t>(low - storage_.data()) + static_cast<size_t>(low->base <= address);
  }
  hint_.store(found, std::memory_order_relaxed);
  return found;
}

size_t FlatTable::first_ending_after(PhysAddr address) const {
  const size_t above = search(address);
  return above != 0 && address < storage_[above - 1].end() ? above - 1 : above;
}

size_t FlatTable::first_starting_from(PhysAddr address) const {
  return address == PhysAddr{0} ? 0 : search(address - 1);
}

// The regions that share at least one byte with `range`.
IndexRange FlatTable::overlapping(PhysRange range) const {
  const size_t first = first_ending_after(range.base);
  const size_t last = first_starting_from(range.end);
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

void FlatTable::open_gap(size_t index, size_t slots) {
  MEMBLOCK_ASSERT(count_ + slots <= capacity());
  move_regions(&storage_[index] + slots, &storage_[index], count_ - index);
  count_ += slots;
}

void FlatTable::close_gap(size_t index, size_t slots) {
  if (slots == 0) return;
  move_regions(&storage_[index], &storage_[index] + slots, count_ - index - slots);
  count_ -= slots;
}

void FlatTable::insert(PhysRange range, RegionFlags flags, NodeId nid) {
  if (range.empty()) return;
  const IndexRange old = overlapping(range);
  if (old.empty()) {
    insert_one(old.first, range, flags, nid);
  } else if (const size_t pieces = gaps(range); pieces != 0) {
    insert_around(old, pieces, Region{range.base, range.size(), flags, nid});
  }
}

// The common case: nothing overlaps, so only the two neighbours matter.
void FlatTable::insert_one(size_t index, PhysRange range, RegionFlags flags, NodeId nid) {
  const Region added{range.base, range.size(), flags, nid};
  const bool joins_below = index != 0 && joins(storage_[index - 1], added);
  const bool joins_above = index != count_ && joins(added, storage_[index]);
  total_bytes_ += added.size;
  if (joins_below && joins_above) {
    storage_[index - 1].size += added.size + storage_[index].size;
    close_gap(index, 1);
  } else if (joins_below) {
    storage_[index - 1].size += added.size;
  } else if (joins_above) {
    storage_[index].base = added.base;
    storage_[index].size += added.size;
  } else {
    open_gap(index, 1);
    storage_[index] = added;
  }
}

// Writes old regions and new pieces in address order over the slots of both, joining as it goes.
void FlatTable::insert_around(IndexRange old, size_t pieces, const Region& added) {
  open_gap(old.last, pieces);
  move_regions(&storage_[old.first] + pieces, &storage_[old.first], old.size());
  size_t written = old.first;
  const auto write = [&](const Region& region) {
    if (written != 0 && joins(storage_[written - 1], region)) {
      storage_[written - 1].size += region.size;
    } else {
      storage_[written++] = region;
    }
  };
  PhysAddr reached = added.base;
  const auto write_gap_below = [&](PhysAddr next) {
    if (next <= reached) return;
    write(Region{reached, next - reached, added.flags, added.nid});
    total_bytes_ += next - reached;
  };
  const size_t end = old.last + pieces;
  for (size_t i = old.first + pieces; i < end; ++i) {
    const Region region = storage_[i];
    write_gap_below(region.base);
    reached = region.end();
    write(region);
  }
  write_gap_below(added.end());
  close_gap(written, end - written);
  if (written < count_ && joins(storage_[written - 1], storage_[written])) {
    storage_[written - 1].size += storage_[written].size;
    close_gap(written, 1);
  }
}

void FlatTable::change(PhysRange range, const RegionChange& change) {
  const IndexRange inside = isolate(range);
  for (size_t i = inside.first; i < inside.last; ++i) change.apply(storage_[i]);
  merge(inside);
}

// Splits regions at both ends of `range`; returns those now inside. Breaks invariant 4 until
// merge() is called on what it returned.
IndexRange FlatTable::isolate(PhysRange range) {
  if (range.empty()) return {};
  const auto split = [&](size_t index, PhysAddr at) {
    open_gap(index, 1);
    storage_[index].size = at - storage_[index].base;
    storage_[index + 1].size -= storage_[index].size;
    storage_[index + 1].base = at;
  };
  size_t first = first_ending_after(range.base);
  if (first < count_ && storage_[first].base < range.base) split(first++, range.base);
  const size_t last = first_starting_from(range.end);
  if (last > first && range.end < storage_[last - 1].end()) split(last - 1, range.end);
  return first < last ? IndexRange{first, last} : IndexRange{};
}

// Joins equal neighbours that touch, among `touched` and one region to each side of it.
void FlatTable::merge(IndexRange touched) {
  if (touched.empty()) return;
  const size_t first = touched.first == 0 ? 0 : touched.first - 1;
  const size_t end = touched.last < count_ ? touched.last + 1 : count_;
  size_t kept = first;
  for (size_t i = first + 1; i < end; ++i) {
    if (joins(storage_[kept], storage_[i])) {
      storage_[kept].size += storage_[i].size;
    } else if (++kept != i) {
      storage_[kept] = storage_[i];
    }
  }
  close_gap(kept + 1, end - kept - 1);
}

void FlatTable::remove(PhysRange range) {
  if (range.empty()) return;
  IndexRange gone = overlapping(range);
  if (gone.empty()) return;
  const Region lowest = storage_[gone.first];
  const Region highest = storage_[gone.last - 1];
  const bool keeps_below = lowest.base < range.base;
  const bool keeps_above = range.end < highest.end();
  if (keeps_below && keeps_above && gone.size() == 1) {
    open_gap(gone.first + 1, 1);
    storage_[gone.first].size = range.base - storage_[gone.first].base;
    storage_[gone.first + 1] =
        Region{range.end, highest.end() - range.end, highest.flags, highest.nid};
    total_bytes_ -= range.size();
    return;
  }
  if (keeps_below) {
    cut(gone.first++, PhysRange{lowest.base, range.base});
  }
  if (keeps_above) {
    cut(gone.last - 1, PhysRange{range.end, highest.end()});
    --gone.last;
  }
  erase(gone);
}

void FlatTable::erase(IndexRange positions) {
  for (size_t i = positions.first; i < positions.last; ++i) total_bytes_ -= storage_[i].size;
  close_gap(positions.first, positions.size());
}

void FlatTable::cut(size_t index, PhysRange kept) {
  total_bytes_ -= storage_[index].size - kept.size();
  storage_[index].base = kept.base;
  storage_[index].size = kept.size();
}

void FlatTable::trim(uint64_t align) {
  MEMBLOCK_ASSERT(is_power_of_two(align));
  size_t kept = 0;
  total_bytes_ = 0;
  for (size_t i = 0; i < count_; ++i) {
    Region region = storage_[i];
    const uint64_t base = align_up(region.base.value, align);
    const uint64_t end = align_down(region.end().value, align);
    // Rounding up wraps where no multiple is left below the top.
    if (base < region.base.value || base >= end) continue;
    region.base = PhysAddr{base};
    region.size = PhysAddr{end} - region.base;
    total_bytes_ += region.size;
    storage_[kept++] = region;
  }
  count_ = kept;
}

void FlatTable::keep(PhysRange range, RegionFlags flags) {
  const IndexRange inside = isolate(range);
  size_t kept = 0;
  total_bytes_ = 0;
  for (size_t i = 0; i < count_; ++i) {
    const bool is_inside = inside.first <= i && i < inside.last;
    if (!is_inside && !storage_[i].flags.has(flags)) continue;
    total_bytes_ += storage_[i].size;
    storage_[kept++] = storage_[i];
  }
  count_ = kept;
  merge({0, count_});
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
  move_regions(storage.data(), storage_.data(), count_);
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
