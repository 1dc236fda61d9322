// The core as a subject: its verbs are called directly.
#pragma once

#include <algorithm>
#include <new>
#include <type_traits>

#include "bench/subject.h"

namespace memblock::bench {

/// Storage that must exist before the memblock that uses it. A table says how much it takes for so
/// many regions; an array takes what it holds.
template <class Table>
class CoreStorage {
 protected:
  explicit CoreStorage(Capacity capacity)
      : memory_storage_(Table::storage_for(capacity.memory)),
        reserved_storage_(Table::storage_for(capacity.reserved)) {}

  Storage spans() { return {memory_storage_, reserved_storage_, {}}; }

 private:
  std::vector<Region> memory_storage_;
  std::vector<Region> reserved_storage_;
};

/// The memblock on one of the core's tables.
template <class Table>
class CoreSubject : private CoreStorage<Table>, public BasicMemblock<Table> {
  using M = BasicMemblock<Table>;
  /// Whether the order in which regions came shows in the table. An array is filled in address
  /// order, which it does fastest.
  static constexpr bool kOrderShows = !std::is_same_v<Table, FlatTable>;

 public:
  /// An array in any table.
  static constexpr size_t kFirstBytes = Capacity{}.reserved * sizeof(Region);

  explicit CoreSubject(Capacity capacity)
      : CoreStorage<Table>(capacity), M(CoreStorage<Table>::spans(), platform()) {
    M::allow_resize();
    M::set_late_allocator_up();
  }
  CoreSubject(const CoreSubject&) = delete;
  CoreSubject& operator=(const CoreSubject&) = delete;
  ~CoreSubject() { M::discard(); }

  uint64_t sum_free(Direction direction) const {
    uint64_t sum = 0;
    M::free_ranges(kNoNode, kNoFlags, direction).each([&](const WalkedRange& found) {
      sum += found.range.base.value;
    });
    return sum;
  }

  std::vector<PhysRange> free_list(Direction direction) const {
    std::vector<PhysRange> list;
    auto walk = M::free_ranges(kNoNode, kNoFlags, direction);
    for (WalkedRange found; walk.next(found);) list.push_back(found.range);
    return list;
  }

  std::vector<Region> regions(TableId table) const {
    std::vector<Region> out;
    for (const Region& region : M::table(table).regions()) out.push_back(region);
    return out;
  }

  void fill(TableId table, std::vector<Region> regions) {
    if constexpr (!kOrderShows) {
      std::sort(regions.begin(), regions.end(),
                [](const Region& a, const Region& b) { return a.base < b.base; });
    }
    for (const Region& region : regions) {
      if (table == TableId::Memory) {
        static_cast<void>(M::add(region.range(), region.nid, region.flags));
      } else {
        static_cast<void>(M::reserve(region.range(), region.nid, region.flags));
      }
    }
  }

 private:
  static Platform platform() {
    Platform platform;
    platform.late_alloc = [](void*, uint64_t bytes) { return operator new(bytes); };
    platform.late_free = [](void*, void* pointer, uint64_t) { operator delete(pointer); };
    return platform;
  }
};

}  // namespace memblock::bench
