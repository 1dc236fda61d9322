// Subject: a memblock that is timed. The core, kernels and peers meet the same concept; each is a
// source file of its own, so that one's code does not change how another's is compiled.
#pragma once

#include <concepts>
#include <vector>

#include "memblock/memblock.h"

namespace memblock::bench {

/// Regions that the first storage of each table has room for, in subjects that keep arrays. Growth
/// is part of the work: with memory from malloc, as an allocator is there where tables get large.
struct Capacity {
  size_t memory = 128;
  size_t reserved = 128;
};

/// The capacity that an array has after growing to `regions`: a kernel's begin with 128.
constexpr size_t grown_capacity(size_t regions) {
  size_t capacity = 128;
  while (capacity < regions) capacity *= 2;
  return capacity;
}

/// What the benchmarks call.
template <class S>
concept Subject = std::constructible_from<S, Capacity> &&
    requires(S s, const S& c, PhysRange range, PhysAddr address, NodeId nid, RegionFlags flags,
             TableId table, const AllocRequest& request, const std::vector<Region>& regions) {
  { s.add(range, nid, flags) } -> std::same_as<Status>;
  { s.remove(range) } -> std::same_as<Status>;
  { s.reserve(range, nid, flags) } -> std::same_as<Status>;
  { s.free(range) } -> std::same_as<Status>;
  { s.allocate(request) } -> std::same_as<Result<PhysAddr>>;
  { s.mark_hotplug(range) } -> std::same_as<Status>;
  { s.clear_hotplug(range) } -> std::same_as<Status>;
  { s.mark_mirror(range) } -> std::same_as<Status>;
  { s.mark_nomap(range) } -> std::same_as<Status>;
  { s.clear_nomap(range) } -> std::same_as<Status>;
  { s.set_node(range, TableId::Memory, nid) } -> std::same_as<Status>;
  s.trim_memory(uint64_t{4096});
  s.set_bottom_up(true);
  s.set_movable_node(true);
  s.set_limit(address);
  { c.is_reserved(address) } -> std::same_as<bool>;
  { c.is_region_reserved(range) } -> std::same_as<bool>;
  { c.is_memory(address) } -> std::same_as<bool>;
  /// Sum of the bases of all free ranges: a walk whose loop a compiler may see through.
  { c.sum_free(Direction::Up) } -> std::same_as<uint64_t>;
  { c.free_list(Direction::Up) } -> std::same_as<std::vector<PhysRange>>;
  /// A copy of the table.
  { c.regions(table) } -> std::same_as<std::vector<Region>>;
  /// Puts disjoint regions into an empty table, in whatever way is fastest; where the order in
  /// which they came shows in the structure, in the order given.
  s.fill(table, regions);
};

/// Subjects that can also hand over to a page allocator.
template <class S>
concept HandsOver = requires(S s, const PageSink& sink) {
  { s.free_all(sink) } -> std::same_as<uint64_t>;
};

}  // namespace memblock::bench
