// Subject: a memblock that is timed. The core is one; another table or another kernel's memblock
// joins by meeting the same concept and one line in lab_bench_main.cpp.
#pragma once

#include <concepts>
#include <vector>

#include "memblock/memblock.h"

namespace memblock::bench {

/// Regions each table has room for, so that building a table times the table and not its growth.
struct Capacity {
  size_t memory = 16;
  size_t reserved = 16;
};

/// What the benchmarks call.
template <class S>
concept Subject = std::constructible_from<S, Capacity> &&
    requires(S s, const S& c, PhysRange range, PhysAddr address, NodeId nid, RegionFlags flags,
             const AllocRequest& request, const PageSink& sink) {
  { s.add(range, nid, flags) } -> std::same_as<Status>;
  { s.remove(range) } -> std::same_as<Status>;
  { s.reserve(range, nid, flags) } -> std::same_as<Status>;
  { s.free(range) } -> std::same_as<Status>;
  { s.allocate(request) } -> std::same_as<Result<PhysAddr>>;
  { s.mark_hotplug(range) } -> std::same_as<Status>;
  { s.clear_hotplug(range) } -> std::same_as<Status>;
  { s.set_node(range, TableId::Memory, nid) } -> std::same_as<Status>;
  { s.free_all(sink) } -> std::same_as<uint64_t>;
  s.set_bottom_up(true);
  { c.is_reserved(address) } -> std::same_as<bool>;
  { c.is_region_reserved(range) } -> std::same_as<bool>;
  { c.is_memory(address) } -> std::same_as<bool>;
  { c.memory() } -> std::convertible_to<RegionView>;
  { c.reserved() } -> std::convertible_to<RegionView>;
  c.each_free_range(Direction::Up, [](PhysRange) {});
  { S::name() } -> std::convertible_to<const char*>;
};

/// Storage that must exist before the Memblock that uses it.
class CoreStorage {
 protected:
  explicit CoreStorage(Capacity capacity)
      : memory_storage_(capacity.memory), reserved_storage_(capacity.reserved) {}

  Storage spans() { return {memory_storage_, reserved_storage_, {}}; }

 private:
  std::vector<Region> memory_storage_;
  std::vector<Region> reserved_storage_;
};

/// The core itself: its verbs are called directly.
class CoreSubject : private CoreStorage, public Memblock {
 public:
  explicit CoreSubject(Capacity capacity)
      : CoreStorage(capacity), Memblock(CoreStorage::spans(), Platform{}) {}

  static const char* name() { return "core"; }

  template <class F>
  void each_free_range(Direction direction, F&& visit) const {
    RangeWalk walk = free_ranges(kNoNode, kNoFlags, direction);
    for (WalkedRange found; walk.next(found);) visit(found.range);
  }
};

static_assert(Subject<CoreSubject>);

}  // namespace memblock::bench
