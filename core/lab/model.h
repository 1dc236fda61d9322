// The model: what every verb of a memblock is meant to do, written to be read and believed in one
// sitting. Obvious and slow; shares no code with the core but the words (Region, PhysRange,
// Status).
//
// A table is a function from addresses to kinds (model_table.h); registering, flags and nodes
// change that function on a range. The rest is bookkeeping that Linux makes visible: how many
// regions a table has room for, and where in memory a grown table lies.
#pragma once

#include <array>

#include "lab/backend.h"
#include "lab/model_e820.h"
#include "lab/model_table.h"

namespace memblock::lab {

/// All answers of a walk, made in advance.
template <class T>
class ListWalk {
 public:
  explicit ListWalk(std::vector<T> answers) : answers_(std::move(answers)) {}

  bool next(T& out) {
    if (next_ == answers_.size()) return false;
    out = answers_[next_++];
    return true;
  }

 private:
  std::vector<T> answers_;
  size_t next_ = 0;
};

/// `[first-last]`, as the kernel prints a range.
std::string kernel_range(PhysRange range);

/// How the storage of tables grows, as far as memory shows it. The kernel's arrays, unless said
/// otherwise.
struct StorageRule {
  /// What doubling takes at so many bytes a region.
  uint64_t (*growth_bytes)(size_t capacity, uint64_t region_bytes) =
      [](size_t capacity, uint64_t region_bytes) { return 2 * capacity * region_bytes; };
  /// What first storage for so many regions has room for.
  size_t (*first_capacity)(size_t capacity) = [](size_t capacity) { return capacity; };
  /// Above this capacity a table keeps what it has when it doubles.
  size_t moves_max = ~size_t{0};
};

/// As a table of the core's has it.
template <RegionTable Table>
StorageRule storage_rule_of() {
  StorageRule rule;
  rule.growth_bytes = Table::growth_bytes;
  rule.first_capacity = [](size_t capacity) {
    return Table::capacity_in(Table::storage_for(capacity));
  };
  if constexpr (requires { Table::kArrayMax; }) rule.moves_max = Table::kArrayMax;
  return rule;
}

/// Memblock's verbs with its arguments and answers; their meaning is told there and not again here.
class Model {
 public:
  explicit Model(const Limits& limits, const StorageRule& storage = {});
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  static constexpr const char* name() { return "model"; }

  /// Where a grown table lies: in memory that `reserved` covers, or with the late allocator.
  struct Place {
    PhysRange range;
    bool late = false;
  };

  /// All that memblock's verbs change, to come back to it later. E820 and names are not in it.
  struct State {
    ModelTable memory;
    ModelTable reserved;
    ModelTable physmem;
    std::array<Place, 3> places{};
    std::array<std::vector<Place>, 3> kept{};  ///< Where tables lie besides; the oldest first.
    PhysAddr limit = kPhysAddrMax;
    bool bottom_up = false;
    bool movable_node = false;
    bool has_mirror = false;
    bool can_resize = false;
    bool late_allocator_up = false;
    bool handed_over = false;
    bool discarded = false;
  };
  const State& state() const { return now_; }
  void restore(const State& state) { now_ = state; }

  // ---- Registering, flags, nodes: model.cpp
  Status add(PhysRange range, NodeId nid = kUnsetNode, RegionFlags flags = kNoFlags);
  Status remove(PhysRange range);
  Status reserve(PhysRange range, NodeId nid = kUnsetNode, RegionFlags flags = kNoFlags);
  Status free(PhysRange range);
  Status free_virt(const void* pointer, uint64_t size);
  Status physmem_add(PhysRange range);
  Status mark_hotplug(PhysRange range);
  Status clear_hotplug(PhysRange range);
  Status mark_mirror(PhysRange range);
  Status mark_nomap(PhysRange range);
  Status clear_nomap(PhysRange range);
  Status mark_reserved_noinit(PhysRange range);
  Status set_node(PhysRange range, TableId table, NodeId nid);
  Result<IndexRange> isolate(TableId table, PhysRange range);

  // ---- Allocation: model_alloc.cpp
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
  /// Ranges that allocations asked to be cleared since the last forget_zeroed(), in order.
  const std::vector<PhysRange>& zeroed() const { return zeroed_; }
  void forget_zeroed() { zeroed_.clear(); }

  // ---- Settings
  void set_bottom_up(bool on) { now_.bottom_up = on; }
  bool bottom_up() const { return now_.bottom_up; }
  void set_limit(PhysAddr limit) { now_.limit = limit; }
  PhysAddr limit() const { return now_.limit; }
  void set_movable_node(bool on) { now_.movable_node = on; }
  bool movable_node() const { return now_.movable_node; }
  void allow_resize() { now_.can_resize = true; }
  bool can_resize() const { return now_.can_resize; }
  void set_late_allocator_up() { now_.late_allocator_up = true; }

  // ---- Queries: model_query.cpp
  uint64_t phys_mem_size() const { return now_.memory.total_bytes(); }
  uint64_t reserved_size() const { return now_.reserved.total_bytes(); }
  uint64_t estimated_free_pages() const;
  PhysAddr start_of_dram() const;
  PhysAddr end_of_dram() const;
  bool is_memory(PhysAddr address) const { return now_.memory.at(address) != nullptr; }
  bool is_reserved(PhysAddr address) const { return now_.reserved.at(address) != nullptr; }
  bool is_map_memory(PhysAddr address) const;
  bool is_region_memory(PhysRange range) const;
  bool is_region_reserved(PhysRange range) const { return overlaps(TableId::Reserved, range); }
  bool overlaps(TableId table, PhysRange range) const;
  bool has_mirror() const { return now_.has_mirror; }
  Result<PfnRange> search_pfn_nid(uint64_t pfn) const;
  uint64_t bytes_without_node() const;
  bool validate_numa_coverage(uint64_t threshold_bytes) const;
  PfnRange memory_pfns(const Region& region) const;
  PfnRange reserved_pfns(const Region& region) const;
  RegionView memory() const { return now_.memory.regions(); }
  RegionView reserved() const { return now_.reserved.regions(); }
  RegionView physmem() const { return now_.physmem.regions(); }
  const ModelTable& table(TableId id) const;
  const Machine& machine() const { return machine_; }
  int first_broken_invariant() const;
  bool is_valid() const { return first_broken_invariant() == 0; }

  // ---- Walks: model_query.cpp
  ListWalk<WalkedRange> mem_ranges(Direction direction = Direction::Up) const;
  ListWalk<WalkedRange> reserved_ranges(Direction direction = Direction::Up) const;
  ListWalk<WalkedRange> free_ranges(NodeId nid = kNoNode, RegionFlags flags = kNoFlags,
                                    Direction direction = Direction::Up,
                                    PhysRange window = kAllMemory) const;
  ListWalk<WalkedRange> physmem_ranges(TableId minus) const;
  ListWalk<WalkedRange> physmem_ranges() const;
  ListWalk<PfnRange> mem_pfns(NodeId nid = kNoNode) const;
  ListWalk<PfnRange> free_pfns_in_zone(PfnRange zone) const;

  // ---- Limits, handover: model_handover.cpp
  Status enforce_memory_limit(uint64_t bytes);
  Status cap_memory_range(PhysRange range);
  Status mem_limit_remove_map(uint64_t bytes);
  void trim_memory(uint64_t align);
  uint64_t free_all(const PageSink& sink, uint64_t max_pfn = ~uint64_t{0});
  Status free_late(PhysRange range);
  void discard();
  bool handed_over() const { return now_.handed_over; }
  bool discarded() const { return now_.discarded; }

  // ---- Printing: model_print.cpp
  void set_trace(bool on) { trace_ = on; }
  void set_caller(const char* caller) { caller_ = caller; }
  void dump();

  // ---- E820 and named reservations: model_e820.h
  ModelE820& e820() { return e820_; }
  const ModelE820& e820() const { return e820_; }
  ModelE820Options& options() { return options_; }
  ModelNamed& named() { return named_; }

  Observed& observed() { return observed_; }

 private:
  ModelTable& mutable_table(TableId id);
  Place& place(TableId id) { return now_.places[static_cast<size_t>(id)]; }
  std::vector<Place>& kept(TableId id) { return now_.kept[static_cast<size_t>(id)]; }
  void warn(Warning warning) { observed_.warnings |= 1u << static_cast<unsigned>(warning); }

  Status cover(TableId id, PhysRange range, Kind kind);
  Status uncover(TableId id, PhysRange range);
  Status change_kinds(TableId id, PhysRange range, const std::function<Kind(Kind)>& change);
  Status set_flags(TableId id, PhysRange range, RegionFlags flags, bool on);
  Status make_spare_slots(TableId id, PhysRange area);
  void warn_of_overlap(const ModelTable& table, PhysRange range, Kind kind);

  // Allocation and growth: model_alloc.cpp, model_grow.cpp
  std::optional<PhysAddr> find(uint64_t size, uint64_t align, PhysRange window, NodeId nid,
                               RegionFlags flags) const;
  PhysRange window_of(PhysAddr min, PhysAddr max, bool within_limit) const;
  bool grow(TableId id, PhysRange area);
  bool grow_inside_memory(TableId id, PhysRange area);
  bool grow_late(TableId id);
  /// Where a table that grows leaves; nowhere, if it keeps what it has.
  PhysRange leave(TableId id);
  std::optional<PhysRange> find_growth_place(TableId id, uint64_t bytes, PhysRange area);
  std::optional<PhysAddr> find_storage(uint64_t bytes, PhysRange window, RegionFlags flags);
  bool protect(PhysRange old_range, PhysRange new_range);
  Status free_array(PhysRange range);

  // Walks
  bool skips(const Region& region, NodeId nid, RegionFlags flags, bool movable_node) const;
  std::vector<WalkedRange> free_list(NodeId nid, RegionFlags flags, bool movable_node,
                                     PhysRange window) const;

  // Limits and handover
  PhysAddr address_of_amount(uint64_t bytes) const;
  void cut_reserved(PhysRange range);
  uint64_t free_chunks(PhysRange range, uint64_t max_pfn);
  void free_page_by_page(PhysRange range);
  void keep_pages(PfnRange pages);
  void keep_reserved(const Region& region);

  // Printing
  void print(std::string line) const { observed_.lines.push_back(std::move(line)); }
  void trace(const std::string& line);
  void trace_call(const char* call, PhysRange range, const char* caller);
  void trace_call(const char* call, PhysRange range, Kind kind);
  void trace_alloc(const AllocRequest& request);
  void dump_table(const char* name, const ModelTable& table);

  Machine machine_;
  StorageRule storage_;
  State now_;
  PhysRange pending_;  ///< Storage that a growth has chosen and not reserved yet.
  ModelE820 e820_;
  ModelE820Options options_{e820_};
  ModelNamed named_;
  mutable Observed observed_;  // Not part of the state: what the embedder saw.
  std::vector<PhysRange> zeroed_;
  PageSink sink_;
  const char* caller_ = "memblock";
  bool trace_ = false;
};

static_assert(Backend<Model>);

/// The model beside a memblock on one of the core's tables.
template <RegionTable Table>
class ModelOf : public Model {
 public:
  explicit ModelOf(const Limits& limits) : Model(limits, storage_rule_of<Table>()) {}
};

}  // namespace memblock::lab
