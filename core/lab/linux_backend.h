// LinuxBackend: the memblock of a kernel tree, as a backend.
//
// What it makes alike, because it says nothing about the kernel's work:
//   - an empty table holds nothing, also where the tree keeps an empty entry in it
//   - a panic because a table may not grow is Status::TableFull (6.7 and later panic, earlier fail)
//   - allocations answer AfterHandover when the late allocator is asked instead
//   - calls that a kernel makes in one order only are answered like the core outside of it: nothing
//     is freed late before the handover, nothing is called after discard()
//   - node ids that the handover writes into `reserved` are taken out again
// Everything else a comparison has to deal with: see linux_compare.h.
#pragma once

#include <optional>

#include "lab/apply.h"
#include "lab/linux_tree.h"

namespace memblock::lab {

/// What a walk over kernel tables gave, one after the other.
template <class T>
class LinuxWalk {
 public:
  std::vector<T> list;
  bool saw_nothing = false;  ///< An empty range was given.
  bool next(T& out) {
    if (at_ == list.size()) return false;
    out = list[at_++];
    return true;
  }

 private:
  size_t at_ = 0;
};

/// A table as the kernel has it now.
class LinuxTableView {
 public:
  LinuxTableView(RegionView regions, uint64_t capacity) : regions_(regions), capacity_(capacity) {}
  size_t count() const { return regions_.size(); }
  size_t capacity() const { return capacity_; }
  /// How many regions an insertion of `range` would add: nothing of Linux's, counted here.
  size_t gaps(PhysRange range) const;

 private:
  RegionView regions_;
  uint64_t capacity_;
};

class LinuxBackend;

/// The tree's E820 table.
class LinuxE820Map {
 public:
  LinuxE820Map(const struct LinuxE820* calls, uint32_t capacity);
  Status append(const E820Entry& entry);
  Result<uint64_t> update(PhysAddr base, uint64_t size, E820Type from, E820Type to);
  Result<uint64_t> remove(PhysAddr base, uint64_t size, E820Type type);
  bool mapped_any(PhysRange range, E820Type type) const;
  bool mapped_all(PhysRange range, E820Type type) const;
  Result<E820Type> type_of(PhysRange range) const;
  Status sanitize();
  uint64_t end_of_ram_pfn(uint64_t limit_pfn, unsigned page_shift) const;
  Result<PhysRange> search_gap() const;
  std::vector<E820Entry> entries() const;
  const struct LinuxE820* calls() const { return calls_; }

 private:
  const struct LinuxE820* calls_;
};

class LinuxE820Options {
 public:
  explicit LinuxE820Options(LinuxE820Map& map) : map_(map) {}
  Status mem(std::string_view value);
  Status memmap(std::string_view value);
  Status finish();

 private:
  LinuxE820Map& map_;
};

class LinuxNamed {
 public:
  explicit LinuxNamed(const LinuxObject& object) : object_(object) {}
  Result<PhysRange> add(LinuxBackend& backend, std::string_view text);
  Result<PhysRange> find(std::string_view name) const;

 private:
  const LinuxObject& object_;
};

/// One boot of the tree. Only one may live at a time for each LinuxTree.
class LinuxBackend {
 public:
  LinuxBackend(LinuxTree& tree, const Limits& limits);
  LinuxBackend(const LinuxBackend&) = delete;
  LinuxBackend& operator=(const LinuxBackend&) = delete;
  ~LinuxBackend();

  /// Tables of this tree begin with no less.
  static uint32_t least_capacity(const LinuxTree& tree);
  /// Whether this tree can run under such limits at all, and whether it has what `op` calls.
  static bool supports(const LinuxTree& tree, const Limits& limits);
  bool supports(const Op& op) const;

  /// What kernel code died of, or a walk that did not end: the boot is over then. Else empty.
  const std::string& dead() const {
    if (!panicked_) note_death(false);
    return dead_;
  }
  /// WARNs that stand for nothing in Warning.
  const std::vector<std::string>& other_warnings() const { return other_warnings_; }
  /// A panic of the last op because a table may not grow.
  bool panicked() const { return panicked_; }
  /// The handover wrote node ids into `reserved` and that took more than there was room for.
  bool grew_at_handover() const { return grew_at_handover_; }
  /// Whether an array lies in the window, and its caller has given up the memory: whatever is put
  /// there next overwrites it, as it would in a kernel.
  bool array_given_up() const;
  /// A walk of the last op gave the empty entry of an empty table.
  bool saw_dummy() const { return saw_dummy_; }
  bool after_handover() const { return handed_over_; }
  bool late_allocator_up() const { return late_up_; }
  /// Whether during the last op the array of a table was put onto that of another, or its own.
  bool arrays_met() const { return arrays_met_; }
  /// Where the array of memory or reserved was before the last op; empty: static, or late memory.
  PhysRange array_before(TableId id) const { return places_before_[static_cast<size_t>(id)]; }
  /// Ends the sum of a table where the tree no longer keeps it right.
  void correct_totals();
  LinuxTree& tree() { return tree_; }

  void begin_op();
  Observed& observed() { return observed_; }
  const std::vector<PhysRange>& zeroed() const { return zeroed_; }
  void forget_zeroed() { zeroed_.clear(); }
  const Machine& machine() const { return machine_; }
  void set_trace(bool on) { object_.set_trace(on); }

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
  Result<PfnRange> search_pfn_nid(uint64_t pfn) const;
  uint64_t bytes_without_node() const;
  bool validate_numa_coverage(uint64_t bytes) const;

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

  void set_bottom_up(bool on) { object_.set_bottom_up(on); }
  void set_limit(PhysAddr limit) { object_.set_limit(limit.value); }
  void set_movable_node(bool on) { object_.set_movable_node(on); }
  void allow_resize() { object_.allow_resize(); }
  void set_late_allocator_up();

  uint64_t phys_mem_size() const;
  uint64_t reserved_size() const;
  uint64_t estimated_free_pages() const;
  PhysAddr start_of_dram() const;
  PhysAddr end_of_dram() const;
  bool is_memory(PhysAddr address) const;
  bool is_reserved(PhysAddr address) const;
  bool is_map_memory(PhysAddr address) const;
  bool is_region_memory(PhysRange range) const;
  bool is_region_reserved(PhysRange range) const;
  bool overlaps(TableId table, PhysRange range) const;
  bool has_mirror() const;
  PfnRange memory_pfns(const Region& region) const;
  PfnRange reserved_pfns(const Region& region) const;

  RegionView memory() const { return view(TableId::Memory); }
  RegionView reserved() const { return view(TableId::Reserved); }
  RegionView physmem() const { return view(TableId::Physmem); }
  LinuxTableView table(TableId id) const;
  Result<IndexRange> isolate(TableId table, PhysRange range);

  LinuxWalk<WalkedRange> mem_ranges(Direction direction = Direction::Up) const;
  LinuxWalk<WalkedRange> reserved_ranges(Direction direction = Direction::Up) const;
  LinuxWalk<WalkedRange> free_ranges(NodeId nid = kNoNode, RegionFlags flags = kNoFlags,
                                     Direction direction = Direction::Up,
                                     PhysRange window = kAllMemory) const;
  LinuxWalk<WalkedRange> physmem_ranges(TableId minus) const;
  LinuxWalk<WalkedRange> physmem_ranges() const;
  LinuxWalk<PfnRange> mem_pfns(NodeId nid = kNoNode) const;
  LinuxWalk<PfnRange> free_pfns_in_zone(PfnRange zone) const;

  Status enforce_memory_limit(uint64_t bytes);
  Status cap_memory_range(PhysRange range);
  Status mem_limit_remove_map(uint64_t bytes);
  void trim_memory(uint64_t align);

  uint64_t free_all(const PageSink& sink, uint64_t max_pfn = ~uint64_t{0});
  Status free_late(PhysRange range);
  void discard();
  bool handed_over() const { return handed_over_; }
  bool discarded() const { return discarded_; }
  void dump() const;

  /// 0, or which of the invariants of memory (1 to 5) or reserved (11 to 15) is broken.
  int first_broken_invariant() const;

  LinuxE820Map& e820() { return map_; }
  const LinuxE820Map& e820() const { return map_; }
  LinuxE820Options& options() { return options_; }
  LinuxNamed& named() { return named_; }

 private:
  friend class LinuxNamed;
  struct Block {
    void* memory;
    uint64_t address;
  };

  LinuxHost host();
  void* memory_at(uint64_t address, uint64_t bytes);
  uint64_t address_of(const void* pointer) const;
  void* late_alloc(size_t bytes);
  void late_free(void* pointer);
  void print(std::string_view line);
  void warn(std::string_view condition);
  RegionView view(TableId table) const;
  /// What became of the call that just came back.
  void note_death(bool may_panic) const;
  /// Where the array of a table lies, if it came from memblock.
  PhysRange array_place(TableId id) const;
  Status changed(int result);
  template <class Call>
  Status change(Call call);
  template <class Call>
  Status limit(Call call);
  template <class Call>
  Result<PhysAddr> allocated(Call call);
  uint64_t as_asked(const AllocRequest& request);
  template <class Call>
  bool walked(Call call, const char* what) const;
  template <class Walk>
  void complete(Walk& walk, TableId table, bool with_nid) const;

  LinuxTree& tree_;
  const LinuxObject& object_;
  Machine machine_;
  mutable Observed observed_;
  std::vector<PhysRange> zeroed_;
  std::vector<Block> blocks_;
  std::vector<void*> late_blocks_;
  PageSink sink_;
  mutable std::string dead_;
  mutable std::vector<std::string> other_warnings_;
  mutable bool panicked_ = false;
  mutable bool saw_dummy_ = false;
  bool arrays_met_ = false;
  PhysRange places_before_[2];
  bool no_memory_said_ = false;
  bool served_late_ = false;
  bool late_up_ = false;
  bool handed_over_ = false;
  bool discarded_ = false;
  bool grew_at_handover_ = false;
  LinuxE820Map map_;
  LinuxE820Options options_{map_};
  LinuxNamed named_{object_};
};

/// The boot steps of apply(), on the tree's own code where it has them.
Status load_e820(LinuxBackend& backend, const LinuxE820Map& map);
Status early_reserve(LinuxBackend& backend, const X86BootLayout& layout);
Status trim_bios_range(LinuxE820Map& map);
Status add_kernel_range(LinuxE820Map& map, PhysRange kernel);

/// LinuxBackend with the tree of a slot, for code that takes backends as types.
template <int kSlot>
class LinuxSlot : public LinuxBackend {
 public:
  explicit LinuxSlot(const Limits& limits) : LinuxBackend(*tree, limits) {}
  static const char* name() { return tree->object().name; }
  static inline LinuxTree* tree = nullptr;  ///< To be set before one is made.
};

}  // namespace memblock::lab
