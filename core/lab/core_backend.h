// The core as a backend, on each of its tables and a fake machine.
#pragma once

#include <array>
#include <memory>

#include "lab/apply.h"
#include "lab/kernel_sized.h"
#include "memblock/e820_options.h"
#include "memblock/named_reservations.h"

namespace memblock::lab {

/// First storage of the tables, exactly as large as the limits say, so that ASan sees any access
/// past an end. The contents begin undefined.
class CoreStorage {
 public:
  /// `storage_for`: what a table takes for so many regions, in regions.
  CoreStorage(const Limits& limits, size_t (*storage_for)(size_t));

  Storage tables();
  std::span<E820Entry> map();
  std::span<E820Entry> map_workspace();

 private:
  size_t memory_regions_, reserved_regions_, physmem_regions_, map_entries_;
  std::unique_ptr<std::byte[]> memory_, reserved_, physmem_, map_, map_workspace_;
};

Machine machine_of(const Limits& limits);

/// What the core asks of its platform, answered by the heap. Grown tables get a heap block of their
/// own, with room for as many regions as the growth paid for, released before the next op once no
/// table lives there any more.
class CorePlatform {
 public:
  explicit CorePlatform(const Limits& limits) : region_bytes_(limits.region_bytes) {}
  CorePlatform(const CorePlatform&) = delete;
  CorePlatform& operator=(const CorePlatform&) = delete;
  ~CorePlatform();

  Platform callbacks();
  Observed& observed() { return observed_; }

  /// Ranges cleared for allocations since the last forget_zeroed(), in order.
  const std::vector<PhysRange>& zeroed() const { return zeroed_; }
  void forget_zeroed() { zeroed_.clear(); }

  bool has_blocks() const { return !blocks_.empty(); }
  /// Releases all blocks but these.
  void keep_only(std::span<const void* const> used);

 private:
  struct LateBlock {
    void* memory;
    uint64_t bytes;
  };

  void* block_at(PhysRange range);
  void* late_alloc(uint64_t bytes);
  void late_free(void* pointer, uint64_t bytes);

  uint64_t region_bytes_;
  Observed observed_;
  std::vector<PhysRange> zeroed_;
  std::vector<void*> blocks_;
  std::vector<LateBlock> late_blocks_;
};

/// The core on one of its tables, its map and its fake machine. Cheap to make: nothing is cleared
/// beforehand.
template <RegionTable Table>
class TableBackend : private CoreStorage, private CorePlatform, public BasicMemblock<Table> {
  using M = BasicMemblock<Table>;

 public:
  explicit TableBackend(const Limits& limits)
      : CoreStorage(limits, Table::storage_for),
        CorePlatform(limits),
        M(CoreStorage::tables(), CorePlatform::callbacks(), machine_of(limits)),
        e820_(CoreStorage::map(), CoreStorage::map_workspace()),
        options_(e820_) {}

  E820Table& e820() { return e820_; }
  const E820Table& e820() const { return e820_; }
  E820Options& options() { return options_; }
  NamedReservations& named() { return named_; }
  using CorePlatform::forget_zeroed;
  using CorePlatform::observed;
  using CorePlatform::zeroed;

  /// The tables' regions side by side. Of a table that is no array, a copy; good until the next
  /// call.
  RegionView memory() const { return view(TableId::Memory); }
  RegionView reserved() const { return view(TableId::Reserved); }
  RegionView physmem() const { return view(TableId::Physmem); }

  /// Called by apply() before each op: storage that tables have left is released, so that a later
  /// access to it is seen.
  void begin_op() {
    if (!has_blocks()) return;
    std::vector<const void*> used;
    for (const TableId id : {TableId::Memory, TableId::Reserved, TableId::Physmem}) {
      M::table(id).each_block([&used](const Block& block) { used.push_back(block.memory); });
    }
    keep_only(used);
  }

 private:
  RegionView view(TableId id) const {
    const auto& regions = M::table(id).regions();
    if constexpr (std::convertible_to<decltype(regions), RegionView>) {
      return regions;
    } else {
      std::vector<Region>& copy = copies_[static_cast<size_t>(id)];
      copy.clear();
      for (const Region& region : regions) copy.push_back(region);
      return copy;
    }
  }

  E820Table e820_;
  E820Options options_;
  NamedReservations named_;
  mutable std::array<std::vector<Region>, 3> copies_;
};

/// On the flat table, which is laid out and grows as the kernel's arrays do.
class FlatBackend : public TableBackend<FlatTable> {
 public:
  using TableBackend::TableBackend;
  static constexpr const char* name() { return "flat"; }
};

/// On the tree table, in nodes of the usual size and in small ones, of which a few regions need
/// many. To memblock it looks as if it grew as the kernel's arrays do.
class TreeBackend : public TableBackend<KernelSized<TreeTable>> {
 public:
  using TableBackend::TableBackend;
  static constexpr const char* name() { return "tree"; }
};
class SmallTreeBackend : public TableBackend<KernelSized<SmallTreeTable>> {
 public:
  using TableBackend::TableBackend;
  static constexpr const char* name() { return "small-tree"; }
};

/// On the tree table in storage of its own: beside ModelOf the same table.
class TreeNodesBackend : public TableBackend<TreeTable> {
 public:
  using TableBackend::TableBackend;
  static constexpr const char* name() { return "tree-nodes"; }
};
class SmallTreeNodesBackend : public TableBackend<SmallTreeTable> {
 public:
  using TableBackend::TableBackend;
  static constexpr const char* name() { return "small-tree-nodes"; }
};

static_assert(Backend<FlatBackend> && Backend<TreeBackend> && Backend<TreeNodesBackend>);

}  // namespace memblock::lab
