// The C API as a backend: every verb through memblock_c.h, so that traces run on it as on the core.
#pragma once

#include "lab/core_backend.h"
#include "memblock/memblock_c.h"

namespace memblock::lab {

inline mbl_range to_c(PhysRange range) { return {range.base.value, range.end.value}; }
inline PhysRange from_c(mbl_range range) {
  return PhysRange{PhysAddr{range.base}, PhysAddr{range.end}};
}
inline Status from_c(mbl_status status) { return static_cast<Status>(status); }
inline PfnRange from_c(const mbl_pfns& pages) {
  return PfnRange{pages.first, pages.last, NodeId{pages.nid}};
}
inline WalkedRange from_c(const mbl_walked& walked) {
  return WalkedRange{from_c(walked.range), NodeId{walked.nid}, RegionFlags{walked.flags}};
}
inline mbl_table_id to_c(TableId id) { return static_cast<mbl_table_id>(id); }
inline mbl_direction to_c(Direction direction) { return static_cast<mbl_direction>(direction); }

/// `value` if the call wrote it, which it does if and only if it succeeds.
template <class Value, class Written>
Result<Value> written_if_ok(mbl_status status, const Written& written, const Written& untouched,
                            Value value) {
  const bool touched = __builtin_memcmp(&written, &untouched, sizeof written) != 0;
  MEMBLOCK_ASSERT(status == MBL_OK || !touched);
  if (status != MBL_OK) return from_c(status);
  return value;
}

/// A walk of C as apply() wants it.
template <class Answer, class Walk, class Answered, bool (*next_of)(Walk*, Answered*)>
class CWalk {
 public:
  explicit CWalk(const Walk& walk) : walk_(walk) {}

  bool next(Answer& out) {
    Answered answer;
    if (!next_of(&walk_, &answer)) return false;
    out = from_c(answer);
    return true;
  }

 private:
  Walk walk_;
};
using CRangeWalk = CWalk<WalkedRange, mbl_range_walk, mbl_walked, mbl_next_range>;
using CPfnWalk = CWalk<PfnRange, mbl_pfn_walk, mbl_pfns, mbl_next_pfns>;
using CZoneWalk = CWalk<PfnRange, mbl_zone_walk, mbl_pfns, mbl_next_zone_pfns>;

/// A table as C shows it.
class CTable {
 public:
  explicit CTable(const mbl_table& table) : table_(table) {}

  size_t count() const { return table_.count; }
  size_t capacity() const { return table_.capacity; }
  uint64_t total_bytes() const { return table_.total_bytes; }
  RegionView regions() const {
    return {reinterpret_cast<const Region*>(table_.regions), table_.count};
  }
  /// C has no such call: counted here, piece by piece.
  size_t gaps(PhysRange range) const;

 private:
  mbl_table table_;
};

/// The firmware map in C.
class CMap {
 public:
  explicit CMap(const Limits& limits, std::span<E820Entry> storage, std::span<E820Entry> workspace);
  CMap(const CMap&) = delete;
  CMap& operator=(const CMap&) = delete;

  std::span<const E820Entry> entries() const;
  Status append(const E820Entry& entry);
  Result<uint64_t> update(PhysAddr base, uint64_t size, E820Type from, E820Type to);
  Result<uint64_t> remove(PhysAddr base, uint64_t size, E820Type type);
  bool mapped_any(PhysRange range, E820Type type) const;
  bool mapped_all(PhysRange range, E820Type type) const;
  Result<E820Type> type_of(PhysRange range) const;
  Status sanitize() { return from_c(mbl_e820_sanitize(&map_)); }
  uint64_t end_of_ram_pfn(uint64_t limit_pfn, unsigned page_shift) const {
    return mbl_e820_end_of_ram_pfn(&map_, limit_pfn, page_shift);
  }
  Result<PhysRange> search_gap() const;

  mbl_e820* c() { return &map_; }

 private:
  mbl_e820 map_;
};

inline Status trim_bios_range(CMap& map) { return from_c(mbl_e820_trim_bios_range(map.c())); }
inline Status add_kernel_range(CMap& map, PhysRange kernel) {
  return from_c(mbl_e820_add_kernel_range(map.c(), to_c(kernel)));
}

/// `mem=` and `memmap=` in C.
class COptions {
 public:
  explicit COptions(CMap& map) : map_(map) {}

  Status mem(std::string_view value) {
    return from_c(mbl_e820_mem_option(map_.c(), std::string{value}.c_str(), &user_defined_));
  }
  Status memmap(std::string_view value) {
    return from_c(mbl_e820_memmap_option(map_.c(), std::string{value}.c_str(), &user_defined_));
  }
  Status finish() { return from_c(mbl_e820_finish_options(map_.c(), user_defined_)); }

 private:
  CMap& map_;
  bool user_defined_ = false;
};

class CBackend;

/// `reserve_mem=` in C.
class CNames {
 public:
  CNames() { mbl_names_init(&names_); }

  Result<PhysRange> add(CBackend& backend, std::string_view option);
  Result<PhysRange> find(std::string_view name) const;
  const mbl_names* c() const { return &names_; }

 private:
  mbl_names names_;
};

class CBackend : private CoreStorage, private CorePlatform {
 public:
  explicit CBackend(const Limits& limits);
  CBackend(const CBackend&) = delete;
  CBackend& operator=(const CBackend&) = delete;

  static constexpr const char* name() { return "c"; }
  mbl_memblock* c() { return &m_; }
  const mbl_memblock* c() const { return &m_; }
  /// As FlatBackend: storage that tables have left is released.
  void begin_op();

  CMap& e820() { return map_; }
  const CMap& e820() const { return map_; }
  COptions& options() { return options_; }
  CNames& named() { return names_; }
  using CorePlatform::forget_zeroed;
  using CorePlatform::observed;
  using CorePlatform::zeroed;

  // ---- Registering, flags, nodes
  Status add(PhysRange range, NodeId nid, RegionFlags flags);
  Status remove(PhysRange range) { return from_c(mbl_remove(&m_, to_c(range))); }
  Status reserve(PhysRange range, NodeId nid, RegionFlags flags);
  Status free(PhysRange range) { return from_c(mbl_free(&m_, to_c(range))); }
  Status free_virt(const void* at, uint64_t size) { return from_c(mbl_free_virt(&m_, at, size)); }
  Status physmem_add(PhysRange range) { return from_c(mbl_physmem_add(&m_, to_c(range))); }
  Status mark_hotplug(PhysRange range) { return from_c(mbl_mark_hotplug(&m_, to_c(range))); }
  Status clear_hotplug(PhysRange range) { return from_c(mbl_clear_hotplug(&m_, to_c(range))); }
  Status mark_mirror(PhysRange range) { return from_c(mbl_mark_mirror(&m_, to_c(range))); }
  Status mark_nomap(PhysRange range) { return from_c(mbl_mark_nomap(&m_, to_c(range))); }
  Status clear_nomap(PhysRange range) { return from_c(mbl_clear_nomap(&m_, to_c(range))); }
  Status mark_reserved_noinit(PhysRange range) {
    return from_c(mbl_mark_reserved_noinit(&m_, to_c(range)));
  }
  Status set_node(PhysRange range, TableId table, NodeId nid) {
    return from_c(mbl_set_node(&m_, to_c(range), to_c(table), nid.value));
  }
  Result<IndexRange> isolate(TableId table, PhysRange range);

  // ---- Allocation
  Result<PhysAddr> allocate(const AllocRequest& request);
  Result<PhysAddr> phys_alloc_range(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max);
  Result<PhysAddr> phys_alloc(uint64_t size, uint64_t align);
  Result<PhysAddr> phys_alloc_try_nid(uint64_t size, uint64_t align, NodeId nid);
  Result<PhysAddr> alloc(uint64_t size, uint64_t align);
  Result<PhysAddr> alloc_raw(uint64_t size, uint64_t align);
  Result<PhysAddr> alloc_from(uint64_t size, uint64_t align, PhysAddr min);
  Result<PhysAddr> alloc_low(uint64_t size, uint64_t align);
  Result<PhysAddr> alloc_node(uint64_t size, uint64_t align, NodeId nid);
  Result<PhysAddr> alloc_try_nid(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                 NodeId nid);
  Result<PhysAddr> alloc_try_nid_raw(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                     NodeId nid);
  Result<PhysAddr> alloc_exact_nid_raw(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                       NodeId nid);

  // ---- Settings
  void set_bottom_up(bool on) { mbl_set_bottom_up(&m_, on); }
  void set_limit(PhysAddr limit) { mbl_set_limit(&m_, limit.value); }
  void set_movable_node(bool on) { mbl_set_movable_node(&m_, on); }
  void allow_resize() { mbl_allow_resize(&m_); }
  void set_late_allocator_up() { mbl_set_late_allocator_up(&m_); }

  // ---- Queries
  uint64_t phys_mem_size() const { return mbl_phys_mem_size(&m_); }
  uint64_t reserved_size() const { return mbl_reserved_size(&m_); }
  uint64_t estimated_free_pages() const { return mbl_estimated_free_pages(&m_); }
  PhysAddr start_of_dram() const { return PhysAddr{mbl_start_of_dram(&m_)}; }
  PhysAddr end_of_dram() const { return PhysAddr{mbl_end_of_dram(&m_)}; }
  bool is_memory(PhysAddr address) const { return mbl_is_memory(&m_, address.value); }
  bool is_reserved(PhysAddr address) const { return mbl_is_reserved(&m_, address.value); }
  bool is_map_memory(PhysAddr address) const { return mbl_is_map_memory(&m_, address.value); }
  bool is_region_memory(PhysRange range) const { return mbl_is_region_memory(&m_, to_c(range)); }
  bool is_region_reserved(PhysRange range) const {
    return mbl_is_region_reserved(&m_, to_c(range));
  }
  bool overlaps(TableId table, PhysRange range) const {
    return mbl_overlaps(&m_, to_c(table), to_c(range));
  }
  bool has_mirror() const { return mbl_has_mirror(&m_); }
  Result<PfnRange> search_pfn_nid(uint64_t pfn) const;
  uint64_t bytes_without_node() const { return mbl_bytes_without_node(&m_); }
  bool validate_numa_coverage(uint64_t threshold) const {
    return mbl_validate_numa_coverage(&m_, threshold);
  }
  PfnRange memory_pfns(const Region& region) const;
  PfnRange reserved_pfns(const Region& region) const;
  CTable table(TableId id) const { return CTable{mbl_table_of(&m_, to_c(id))}; }
  RegionView memory() const { return table(TableId::Memory).regions(); }
  RegionView reserved() const { return table(TableId::Reserved).regions(); }
  RegionView physmem() const { return table(TableId::Physmem).regions(); }
  mbl_machine machine() const { return mbl_machine_of(&m_); }
  int first_broken_invariant() const { return mbl_first_broken_invariant(&m_); }

  // ---- Walks
  CRangeWalk mem_ranges(Direction direction) const {
    return CRangeWalk{mbl_mem_ranges(&m_, to_c(direction))};
  }
  CRangeWalk reserved_ranges(Direction direction) const {
    return CRangeWalk{mbl_reserved_ranges(&m_, to_c(direction))};
  }
  CRangeWalk free_ranges(NodeId nid, RegionFlags flags, Direction direction,
                         PhysRange window) const {
    return CRangeWalk{mbl_free_ranges(&m_, nid.value, flags.bits, to_c(direction), to_c(window))};
  }
  CRangeWalk physmem_ranges() const { return CRangeWalk{mbl_physmem_ranges(&m_)}; }
  CRangeWalk physmem_ranges(TableId minus) const {
    return CRangeWalk{mbl_physmem_ranges_minus(&m_, to_c(minus))};
  }
  CPfnWalk mem_pfns(NodeId nid) const { return CPfnWalk{mbl_mem_pfns(&m_, nid.value)}; }
  CZoneWalk free_pfns_in_zone(PfnRange zone) const {
    return CZoneWalk{mbl_free_pfns_in_zone(&m_, {zone.first, zone.last, zone.nid.value})};
  }

  // ---- Limits, handover, printing
  Status enforce_memory_limit(uint64_t bytes) {
    return from_c(mbl_enforce_memory_limit(&m_, bytes));
  }
  Status cap_memory_range(PhysRange range) {
    return from_c(mbl_cap_memory_range(&m_, to_c(range)));
  }
  Status mem_limit_remove_map(uint64_t bytes) {
    return from_c(mbl_mem_limit_remove_map(&m_, bytes));
  }
  void trim_memory(uint64_t align) { mbl_trim_memory(&m_, align); }
  uint64_t free_all(const PageSink& sink, uint64_t max_pfn);
  Status free_late(PhysRange range) { return from_c(mbl_free_late(&m_, to_c(range))); }
  void discard() { mbl_discard(&m_); }
  void dump() const { mbl_dump(&m_); }

 private:
  static mbl_platform callbacks();

  Platform platform_;  // Of the fake machine: what the callbacks of C hand on to.
  PageSink sink_;
  mbl_memblock m_;
  CMap map_;
  COptions options_;
  CNames names_;
};

Status load_e820(CBackend& backend, CMap& map);
Status early_reserve(CBackend& backend, const X86BootLayout& layout);

static_assert(Backend<CBackend>);

}  // namespace memblock::lab
