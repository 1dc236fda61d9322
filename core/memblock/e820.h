// The firmware's memory map as x86 hands it over: table, edits, sanitising and queries.
#pragma once

#include <cstddef>
#include <span>

#include "memblock/status.h"

namespace memblock {

/// Entry types; the numbers are the firmware's and Linux's. Unknown numbers are kept as they are
/// and never taken for RAM.
enum class E820Type : uint32_t {
  None = 0,
  Ram = 1,
  Reserved = 2,
  Acpi = 3,
  Nvs = 4,
  Unusable = 5,
  Pmem = 7,
  Pram = 12,
  ReservedKern = 128,
  SoftReserved = 0xefffffff,
};

/// The kernel's words for a type, such as "usable"; "type" for numbers it has no words for, which
/// it prints after that.
const char* e820_type_text(E820Type type);

/// Bytes `[base, base + size)`. May end exactly at 2^64, which PhysRange cannot say.
struct E820Entry {
  PhysAddr base;
  uint64_t size = 0;
  E820Type type = E820Type::None;

  constexpr bool wraps() const { return size != 0 && base.value + (size - 1) < base.value; }
  /// The last byte. Requires: not empty, does not wrap.
  constexpr PhysAddr last() const { return base + (size - 1); }

  friend constexpr bool operator==(const E820Entry&, const E820Entry&) = default;
};

inline constexpr size_t kE820EntriesZeroPage = 128;        ///< What the boot protocol passes.
inline constexpr size_t kE820EntriesMax = 128 + 3 * 1024;  ///< The kernel's table, for 1024 nodes.

/// The map, in the order its entries came until sanitize() sorts them.
///
/// Invariants:
///   1. count() <= capacity()
///   2. no entry wraps; entries may overlap, be empty, or be in any order: they come from firmware
///
/// After sanitize(): sorted, disjoint, none empty or of type None, equal neighbours joined.
///
/// An error leaves the table as it was, the order of its entries too.
class E820Table {
 public:
  /// Slots of workspace for each slot of capacity: sanitize() and all_or_nothing() work there.
  static constexpr size_t kWorkspaceSlots = 3;

  E820Table() = default;

  /// Requires: `workspace` is at least kWorkspaceSlots times as large as `storage`. (Linux keeps as
  /// much besides its tables.)
  E820Table(std::span<E820Entry> storage, std::span<E820Entry> workspace)
      : storage_(storage), workspace_(workspace) {
    MEMBLOCK_ASSERT(workspace.size() / kWorkspaceSlots >= storage.size());
  }
  E820Table(const E820Table&) = delete;
  E820Table& operator=(const E820Table&) = delete;

  size_t count() const { return count_; }
  size_t capacity() const { return storage_.size(); }
  std::span<const E820Entry> entries() const { return {storage_.data(), count_}; }
  void clear() { count_ = 0; }

  /// Appends an entry, empty ones too. Errors: TableFull; Invalid if it wraps. Cost: O(1).
  /// Linux: e820__range_add().
  Status append(const E820Entry& entry);

  /// Turns what is `from` in `[base, base + size)` into `to`, splitting entries at the ends: what
  /// is cut off an entry is appended, as Linux does. `size` is cut at the top, 2^64. Returns the
  /// bytes changed, an overlap counted once for each entry; at most 2^64 - 1.
  /// Errors: TableFull; Invalid if `from` equals `to`. Cost: O(n). Linux: e820__range_update().
  Result<uint64_t> update(PhysAddr base, uint64_t size, E820Type from, E820Type to);

  /// Drops what is `type` (None: of any type) in `[base, base + size)`; the upper part of an entry
  /// that is split is appended. Returns the bytes dropped, counted as by update().
  /// Errors: TableFull. Cost: O(n). Linux: e820__range_remove().
  Result<uint64_t> remove(PhysAddr base, uint64_t size, E820Type type);

  /// Whether any byte of `range` is of `type` (None: in any entry). O(n). Linux:
  /// e820__mapped_any().
  bool mapped_any(PhysRange range, E820Type type) const;

  /// Whether every byte of `range` is of `type` (None: in some entry); true for an empty range.
  /// Sorted: O(n), else O(n^2). Linux: e820__mapped_all(), which answers so only on a sorted table.
  bool mapped_all(PhysRange range, E820Type type) const;

  /// The type of the last byte of `range` (the highest, if entries overlap there), if all of it is
  /// mapped. Errors: NotFound, also for an empty range. Cost: as mapped_all().
  /// Linux: e820__get_entry_type().
  Result<E820Type> type_of(PhysRange range) const;

  /// Sorts; where entries overlap the highest type wins; joins equal neighbours. Persistent RAM and
  /// soft-reserved pieces are not joined: they stay as the firmware cut them, and are cut wherever
  /// an entry below them begins or ends. (One entry cannot say 2^64 bytes: the last byte is then an
  /// entry of its own.)
  /// Errors: TableFull if the result has more entries than the table holds.
  /// Cost: O(n log n), in the workspace. Linux: e820__update_table().
  Status sanitize();

  /// One past the highest page frame below `limit_pfn` that lies wholly in one RAM entry; 0 if
  /// none. Cost: O(n). Linux: e820__end_of_ram_pfn(), e820__end_of_low_ram_pfn() with the frame of
  /// 4 GiB.
  uint64_t end_of_ram_pfn(uint64_t limit_pfn, unsigned page_shift = 12) const;

  /// The largest hole of at least 4 MiB between entries, or above the last, and below 4 GiB; the
  /// lowest among equals. Below the first entry there is no hole: nothing says that it is free.
  /// Errors: NotFound; Invalid if the entries are not in address order. Cost: O(n).
  /// Linux: e820_search_gap().
  Result<PhysRange> search_gap() const;

  /// Runs `steps`, a callable that changes this table and returns a Status. If they fail, the table
  /// is as it was before all of them. Requires: `steps` do not use this call themselves.
  template <class Steps>
  Status all_or_nothing(Steps&& steps) {
    const size_t count = save();
    const Status status = steps();
    if (status != Status::Ok) restore(count);
    return status;
  }

 private:
  size_t save();
  void restore(size_t count);
  size_t write_sanitised(bool count_only);

  std::span<E820Entry> storage_;
  std::span<E820Entry> workspace_;
  size_t count_ = 0;
};

}  // namespace memblock
