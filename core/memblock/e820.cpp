// The E820 table: edits and queries. They work on maps as the firmware wrote them, in any order and
// overlapping; only search_gap() asks for order. Sanitising is in e820_sanitize.cpp.
//
// Everything here thinks in last bytes, because an entry may end exactly at 2^64.
#include "memblock/e820.h"

namespace memblock {
namespace {

constexpr uint64_t kTop = ~uint64_t{0};

/// Bytes from `first` to `last`, both included. Never empty.
struct Window {
  uint64_t first;
  uint64_t last;
};

/// Requires: `size` is not 0.
Window window_of(PhysAddr base, uint64_t size) {
  const uint64_t room = kTop - base.value;
  return {base.value, size - 1 < room ? base.value + (size - 1) : kTop};
}

bool is_type(const E820Entry& entry, E820Type type) {
  return type == E820Type::None || entry.type == type;
}

/// What an edit of `window` does to an entry.
struct Cut {
  bool touched = false;  ///< They share a byte; the rest of this says how.
  Window shared{};
  uint64_t below = 0;  ///< Bytes of the entry under the window, and above it.
  uint64_t above = 0;

  bool covered() const { return touched && below == 0 && above == 0; }
  uint64_t bytes() const { return shared.last - shared.first + 1; }
};

Cut cut_of(const E820Entry& entry, const Window& window) {
  if (entry.size == 0) return {};
  const uint64_t last = entry.last().value;
  if (entry.base.value > window.last || last < window.first) return {};
  Cut cut{.touched = true, .shared = window, .below = 0, .above = 0};
  if (entry.base.value < window.first) {
    cut.below = window.first - entry.base.value;
  } else {
    cut.shared.first = entry.base.value;
  }
  if (last > window.last) {
    cut.above = last - window.last;
  } else {
    cut.shared.last = last;
  }
  return cut;
}

/// Takes the shared bytes out of an entry that is not covered: what lies above the window is left
/// if nothing lies below it.
void keep_rest(E820Entry& entry, const Cut& cut) {
  if (cut.below != 0) {
    entry.size = cut.below;
    return;
  }
  entry.base = PhysAddr{cut.shared.last + 1};
  entry.size = cut.above;
}

uint64_t add_saturating(uint64_t a, uint64_t b) { return b > kTop - a ? kTop : a + b; }

}  // namespace

const char* e820_type_text(E820Type type) {
  switch (type) {
    case E820Type::Ram:
    case E820Type::ReservedKern: return "usable";
    case E820Type::Reserved: return "reserved";
    case E820Type::SoftReserved: return "soft reserved";
    case E820Type::Acpi: return "ACPI data";
    case E820Type::Nvs: return "ACPI NVS";
    case E820Type::Unusable: return "unusable";
    case E820Type::Pmem: return "persistent (type 7)";
    case E820Type::Pram: return "persistent (type 12)";
    default: return "type";
  }
}

Status E820Table::append(const E820Entry& entry) {
  if (entry.wraps()) return Status::Invalid;
  if (count_ == capacity()) return Status::TableFull;
  storage_[count_++] = entry;
  return Status::Ok;
}

Result<uint64_t> E820Table::update(PhysAddr base, uint64_t size, E820Type from, E820Type to) {
  if (from == to) return Status::Invalid;
  if (size == 0) return uint64_t{0};
  const Window window = window_of(base, size);

  size_t pieces = 0;
  uint64_t changed = 0;
  for (const E820Entry& entry : entries()) {
    const Cut cut = cut_of(entry, window);
    if (entry.type != from || !cut.touched) continue;
    pieces += size_t{cut.below != 0} + size_t{cut.above != 0};
    changed = add_saturating(changed, cut.bytes());
  }
  if (pieces > capacity() - count_) return Status::TableFull;

  const size_t old_count = count_;
  for (size_t i = 0; i < old_count; ++i) {
    E820Entry& entry = storage_[i];
    const Cut cut = cut_of(entry, window);
    if (entry.type != from || !cut.touched) continue;
    if (cut.covered()) {
      entry.type = to;
      continue;
    }
    storage_[count_++] = {PhysAddr{cut.shared.first}, cut.bytes(), to};
    if (cut.below != 0 && cut.above != 0) {
      storage_[count_++] = {PhysAddr{window.last + 1}, cut.above, from};
    }
    keep_rest(entry, cut);
  }
  return changed;
}

Result<uint64_t> E820Table::remove(PhysAddr base, uint64_t size, E820Type type) {
  if (size == 0) return uint64_t{0};
  const Window window = window_of(base, size);

  size_t pieces = 0;
  size_t covered = 0;
  uint64_t dropped = 0;
  for (const E820Entry& entry : entries()) {
    const Cut cut = cut_of(entry, window);
    if (!is_type(entry, type) || !cut.touched) continue;
    covered += size_t{cut.covered()};
    pieces += size_t{cut.below != 0 && cut.above != 0};
    dropped = add_saturating(dropped, cut.bytes());
  }
  if (count_ - covered + pieces > capacity()) return Status::TableFull;

  // First make room, then append: the table may be full until the covered entries are gone.
  size_t kept = 0;
  for (const E820Entry& entry : entries()) {
    if (!is_type(entry, type) || !cut_of(entry, window).covered()) storage_[kept++] = entry;
  }
  count_ = kept;
  for (size_t i = 0; i < kept; ++i) {
    E820Entry& entry = storage_[i];
    const Cut cut = cut_of(entry, window);
    if (!is_type(entry, type) || !cut.touched) continue;
    if (cut.below != 0 && cut.above != 0) {
      storage_[count_++] = {PhysAddr{window.last + 1}, cut.above, entry.type};
    }
    keep_rest(entry, cut);
  }
  return dropped;
}

bool E820Table::mapped_any(PhysRange range, E820Type type) const {
  if (range.empty()) return false;
  const Window window = window_of(range.base, range.size());
  for (const E820Entry& entry : entries()) {
    if (is_type(entry, type) && cut_of(entry, window).touched) return true;
  }
  return false;
}

bool E820Table::mapped_all(PhysRange range, E820Type type) const {
  // Everything below `next` is known to be mapped. One pass does for a sorted table.
  PhysAddr next = range.base;
  bool moved = true;
  while (moved) {
    if (next >= range.end) return true;
    moved = false;
    for (const E820Entry& entry : entries()) {
      if (!is_type(entry, type) || entry.size == 0) continue;
      if (entry.base > next || entry.last() < next) continue;
      if (entry.last() == kPhysAddrMax) return true;
      next = entry.last() + 1;
      moved = true;
    }
  }
  return false;
}

Result<E820Type> E820Table::type_of(PhysRange range) const {
  if (range.empty() || !mapped_all(range, E820Type::None)) return Status::NotFound;
  const Window last_byte = window_of(range.end - 1, 1);
  E820Type type = E820Type::None;
  for (const E820Entry& entry : entries()) {
    if (entry.type > type && cut_of(entry, last_byte).touched) type = entry.type;
  }
  return type;
}

uint64_t E820Table::end_of_ram_pfn(uint64_t limit_pfn, unsigned page_shift) const {
  const uint64_t offset_bits = (uint64_t{1} << page_shift) - 1;
  uint64_t end_pfn = 0;
  for (const E820Entry& entry : entries()) {
    if (entry.type != E820Type::Ram || entry.size == 0) continue;
    const uint64_t base = entry.base.value;
    const uint64_t last = entry.last().value;
    const uint64_t first_pfn = (base >> page_shift) + uint64_t{(base & offset_bits) != 0};
    uint64_t past_pfn = (last >> page_shift) + uint64_t{(last & offset_bits) == offset_bits};
    past_pfn = past_pfn < limit_pfn ? past_pfn : limit_pfn;
    if (first_pfn < past_pfn && past_pfn > end_pfn) end_pfn = past_pfn;
  }
  return end_pfn;
}

Result<PhysRange> E820Table::search_gap() const {
  constexpr PhysAddr kEnd{uint64_t{1} << 32};
  constexpr uint64_t kGapMin = uint64_t{4} << 20;

  PhysRange gap;
  PhysAddr previous{0};
  PhysAddr hole = kEnd;  // Where the highest entry so far ends; none before the first.
  bool mapped = false;
  const auto consider = [&gap](PhysAddr first, PhysAddr past) {
    if (first < past && past - first > gap.size()) gap = PhysRange{first, past};
  };
  for (const E820Entry& entry : entries()) {
    if (entry.size == 0) continue;
    if (entry.base < previous) return Status::Invalid;
    previous = entry.base;
    consider(hole, min(entry.base, kEnd));
    const PhysAddr end = entry.last() < kEnd ? entry.last() + 1 : kEnd;
    hole = mapped ? max(hole, end) : end;
    mapped = true;
  }
  consider(hole, kEnd);
  if (gap.size() < kGapMin) return Status::NotFound;
  return gap;
}

size_t E820Table::save() {
  const std::span<E820Entry> saved = workspace_.last(capacity());
  for (size_t i = 0; i < count_; ++i) saved[i] = storage_[i];
  return count_;
}

void E820Table::restore(size_t count) {
  const std::span<E820Entry> saved = workspace_.last(capacity());
  for (size_t i = 0; i < count; ++i) storage_[i] = saved[i];
  count_ = count;
}

}  // namespace memblock
