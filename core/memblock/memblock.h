// Memblock: which physical memory exists, which of it is taken, and early allocations from the
// rest. Start reading here; the architecture is in core/README.md.
#pragma once

#include "memblock/alloc_request.h"
#include "memblock/flat_table.h"
#include "memblock/status.h"
#include "memblock/trail.h"
#include "memblock/tree_table.h"
#include "memblock/walk.h"

namespace memblock {

/// Something Linux would WARN about: the call still does what its documentation says.
enum class Warning : uint8_t {
  OverlapOtherNode,   ///< add over memory of another node: that memory keeps its node.
  OverlapOtherFlags,  ///< add over memory with other flags: that memory keeps its flags.
  NotMirrored,        ///< Mirrored memory did not suffice; plain memory is tried.
  AlignZero,          ///< Alignment 0 was taken as a cache line.
  GrowthFailed,       ///< A table could not be doubled.
};

/// What the core asks of the kernel or program that links it. Any pointer but phys_to_virt may be
/// null. `context` is handed back to every call.
struct Platform {
  void* context = nullptr;

  /// Where the core can read and write `range`: for grown tables and for zeroing. Null means that
  /// this memory cannot be touched: a table is then not grown there. Without it tables never grow
  /// from memblock itself and nothing is zeroed.
  void* (*phys_to_virt)(void* context, PhysRange range) = nullptr;

  /// The inverse, for free_virt().
  PhysAddr (*virt_to_phys)(void* context, const void* pointer) = nullptr;

  /// Clears an allocation. Null: memset through phys_to_virt.
  void (*zero)(void* context, PhysRange range) = nullptr;

  /// The allocator that takes over tables once set_late_allocator_up() was called.
  void* (*late_alloc)(void* context, uint64_t bytes) = nullptr;
  void (*late_free)(void* context, void* pointer, uint64_t bytes) = nullptr;

  void (*warn)(void* context, Warning warning) = nullptr;

  /// Receives each line of the call trace and of dump(), without a newline.
  void (*print)(void* context, const char* line, size_t length) = nullptr;
};

/// Properties of the machine that do not change while it boots.
struct Machine {
  unsigned page_shift = 12;                ///< 12 to 16: pages of 4 to 64 KiB.
  uint64_t cache_line = 64;                ///< Alignment when a caller names none.
  uint64_t low_limit = 0xffffffff;         ///< Upper bound of alloc_low() (ARCH_LOW_ADDRESS_LIMIT).
  uint64_t region_bytes = sizeof(Region);  ///< What one region of a grown table accounts for.

  constexpr uint64_t page_size() const { return uint64_t{1} << page_shift; }
};

/// First storage of the three tables. Linux starts with 128, 128 and 4.
struct Storage {
  std::span<Region> memory;
  std::span<Region> reserved;
  std::span<Region> physmem;
};

/// The page allocator's side of the handover. Both calls may be null.
struct PageSink {
  void* context = nullptr;
  /// `1 << order` free pages from `pfn`, naturally aligned.
  void (*free_pages)(void* context, uint64_t pfn, unsigned order) = nullptr;
  /// Pages `[first, last)` are in use or cannot be mapped; rounded outwards.
  void (*keep_pages)(void* context, const PfnRange& pages) = nullptr;
};

/// Largest chunk of the handover: `1 << 10` pages, as MAX_ORDER of Linux 5.17 has it.
inline constexpr unsigned kOrderMax = 10;

/// The boot-time allocator. No global instance: make one where your boot code keeps its state.
///
/// Invariants, checked in this order by first_broken_invariant(), beyond those of each table
/// (1 to 5: memory, 11 to 15: reserved, 21 to 25: physmem):
///   31. without the permission to grow, every table is where it began
///
/// Storage of a grown table is reserved like anything else, and like anything else free() gives it
/// up when asked to: who frees what he did not take breaks his own memory, as in Linux.
///
/// Ranges are half-open and in bytes. Sizes that would wrap are cut at kPhysAddrMax.
/// Threads: queries and walks may run at the same time; anything else needs the caller's lock.
///
/// Which table keeps the regions is a choice of memory and speed, not of answers.
template <RegionTable Table>
class BasicMemblock {
 public:
  using RangeWalk = BasicRangeWalk<Table>;
  using PfnWalk = BasicPfnWalk<Table>;
  using ZoneWalk = BasicZoneWalk<Table>;

  BasicMemblock(const Storage& storage, const Platform& platform, const Machine& machine = {});
  BasicMemblock(const BasicMemblock&) = delete;
  BasicMemblock& operator=(const BasicMemblock&) = delete;

  // ---- Registering -----------------------------------------------------------------------------

  /// Registers `range` as existing memory. What is registered already keeps its node and flags.
  /// Errors: TableFull. Cost: O(log n + k) and a shift. Linux: memblock_add(), memblock_add_node().
  Status add(PhysRange range, NodeId nid = kUnsetNode, RegionFlags flags = kNoFlags);

  /// Forgets memory in `range`; none there is fine.
  /// Errors: TableFull (a hole makes two regions of one). Cost: as add. Linux: memblock_remove().
  Status remove(PhysRange range);

  /// Takes `range`, in memory or not; what is taken already stays as it is.
  /// Errors: TableFull. Cost: as add. Linux: memblock_reserve().
  Status reserve(PhysRange range, NodeId nid = kUnsetNode, RegionFlags flags = kNoFlags);

  /// Gives `range` back, whoever took it. Errors: TableFull. Cost: as add.
  /// Linux: memblock_phys_free().
  Status free(PhysRange range);

  /// free() by pointer; null is ignored. Errors: Invalid without Platform::virt_to_phys.
  /// Linux: memblock_free().
  Status free_virt(const void* pointer, uint64_t size);

  /// Registers memory as the machine has it, whatever limits apply later (s390).
  /// Errors: TableFull. Cost: as add. Linux: memblock_physmem_add().
  Status physmem_add(PhysRange range);

  /// Makes a table of regions that the caller keeps in view of others, who may edit them between
  /// calls, as Linux's `struct memblock` is edited: hand over before each call what stands there
  /// now, and afterwards show what table() says. `place` is where storage that came from memblock
  /// lies, empty for any other: growth gives that back. Ignored once discarded. O(1).
  /// Requires: as FlatTable::adopt().
  void adopt(TableId id, std::span<Region> storage, size_t count, uint64_t total_bytes,
             PhysRange place) requires std::same_as<Table, FlatTable>;

  // ---- Flags -----------------------------------------------------------------------------------
  // Only memory that exists in `range` changes; regions split and merge as needed.
  // Errors: TableFull (two spare slots are asked for even when no split is needed, as in Linux).
  // Cost: O(log n + k) and a shift. Linux: memblock_mark_hotplug() and its siblings.

  Status mark_hotplug(PhysRange range);
  Status clear_hotplug(PhysRange range);
  /// Also makes allocations prefer mirrored memory from now on.
  Status mark_mirror(PhysRange range);
  Status mark_nomap(PhysRange range);
  Status clear_nomap(PhysRange range);
  /// On reserved: free_all() does not report these pages (memblock_reserved_mark_noinit).
  Status mark_reserved_noinit(PhysRange range);

  // ---- NUMA ------------------------------------------------------------------------------------

  /// Stamps `nid` on what `table` holds in `range`. Errors, cost: as the flags.
  /// Linux: memblock_set_node().
  Status set_node(PhysRange range, TableId table, NodeId nid);

  /// The memory region that holds page frame `pfn`: its frames (start and end rounded down) and
  /// node. Errors: NotFound. Cost: one lookup. Linux: memblock_search_pfn_nid().
  Result<PfnRange> search_pfn_nid(uint64_t pfn) const;

  /// Bytes of whole pages that belong to no node. Cost: O(n).
  uint64_t bytes_without_node() const;

  /// False if more than `threshold_bytes` of memory belong to no node; prints a line then.
  /// Cost: O(n). Linux: memblock_validate_numa_coverage().
  bool validate_numa_coverage(uint64_t threshold_bytes) const;

  // ---- Allocation ------------------------------------------------------------------------------

  /// Finds free memory and reserves it. Tried in this order, the first that fits wins: the node,
  /// then any node (unless exact); both again without mirroring; all of it again without `min` (if
  /// retry_below_min). Highest address first, or lowest with bottom-up. A result never straddles
  /// two memory regions and is never page 0.
  /// Errors: NoFit; TableFull when free memory was found but could not be reserved; Invalid (size
  /// 0); AfterHandover; Discarded.
  /// Cost: O(log n + g) for g memory regions and gaps between reservations in the window that are
  /// too small; and O(log n) for each pair of them that both hold the block, but not in what they
  /// share. Linux: memblock_alloc_range_nid(), memblock_alloc_internal().
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

  // ---- Settings --------------------------------------------------------------------------------

  void set_bottom_up(bool on) {
    bottom_up_ = on;
    trails_.forget();
  }
  bool bottom_up() const { return bottom_up_; }
  /// Upper bound of allocations that name none. Linux: memblock_set_current_limit().
  void set_limit(PhysAddr limit) {
    limit_ = limit;
    trails_.leave_neighbour();
  }
  PhysAddr limit() const { return limit_; }
  /// The `movable_node` boot option: hotplug memory is not allocated from.
  void set_movable_node(bool on) {
    movable_node_ = on;
    trails_.forget();
  }
  bool movable_node() const { return movable_node_; }
  /// From now on full tables double. Call it when all firmware reservations are in place.
  void allow_resize() { can_resize_ = true; }
  bool can_resize() const { return can_resize_; }
  /// Tables grow through Platform::late_alloc from now on.
  void set_late_allocator_up() { late_allocator_up_ = true; }

  // ---- Queries: one lookup each, unless said otherwise

  uint64_t phys_mem_size() const { return memory_.total_bytes(); }
  uint64_t reserved_size() const { return reserved_.total_bytes(); }
  /// Pages of memory beyond what is reserved; 0 if reservations exceed memory. O(1).
  uint64_t estimated_free_pages() const;
  PhysAddr start_of_dram() const;  ///< 0 when there is no memory.
  PhysAddr end_of_dram() const;    ///< 0 when there is no memory.
  bool is_memory(PhysAddr address) const;
  bool is_reserved(PhysAddr address) const;
  /// In memory and not nomap. Linux: memblock_is_map_memory().
  bool is_map_memory(PhysAddr address) const;
  /// Whether a single memory region holds all of `range`; for an empty one, its base.
  bool is_region_memory(PhysRange range) const;
  /// Whether any of `range` is reserved; an empty range inside a reservation is.
  bool is_region_reserved(PhysRange range) const;
  bool overlaps(TableId table, PhysRange range) const;
  bool has_mirror() const { return has_mirror_; }

  /// Whole pages inside a memory region, and all pages a reserved one touches. O(1).
  PfnRange memory_pfns(const Region& region) const;
  PfnRange reserved_pfns(const Region& region) const;

  /// The regions of a table as they stand, to be iterated over. A RegionView for the flat table.
  auto memory() const { return memory_.regions(); }
  auto reserved() const { return reserved_.regions(); }
  auto physmem() const { return physmem_.regions(); }
  const Table& table(TableId id) const;
  const Machine& machine() const { return machine_; }

  // ---- Walks: see walk.h -----------------------------------------------------------------------

  /// All memory but nomap. Linux: for_each_mem_range(), _rev().
  RangeWalk mem_ranges(Direction direction = Direction::Up) const;
  /// Linux: for_each_reserved_mem_range().
  RangeWalk reserved_ranges(Direction direction = Direction::Up) const;
  /// Memory minus reserved. Linux: for_each_free_mem_range(), _reverse().
  RangeWalk free_ranges(NodeId nid = kNoNode, RegionFlags flags = kNoFlags,
                        Direction direction = Direction::Up, PhysRange window = kAllMemory) const;
  /// What the machine has minus what `minus` holds. Linux: for_each_physmem_range().
  RangeWalk physmem_ranges(TableId minus) const;
  RangeWalk physmem_ranges() const;
  /// Linux: for_each_mem_pfn_range().
  PfnWalk mem_pfns(NodeId nid = kNoNode) const;
  /// Linux: for_each_free_mem_pfn_range_in_zone().
  ZoneWalk free_pfns_in_zone(PfnRange zone) const;

  // ---- Limits. Cost: O(n). Errors: TableFull.

  /// Keeps the first `bytes` of memory, forgets what lies above, and reservations there; 0 keeps
  /// all. Cutting reserved asks for two spare slots too, but goes on without them.
  /// Linux: memblock_enforce_memory_limit().
  Status enforce_memory_limit(uint64_t bytes);
  /// Keeps memory in `range` and nomap memory anywhere; reservations only in `range`. An empty
  /// range keeps all. Errors: NoMemoryYet. Linux: memblock_cap_memory_range().
  Status cap_memory_range(PhysRange range);
  /// cap_memory_range() to the first `bytes` of memory. Linux: memblock_mem_limit_remove_map().
  Status mem_limit_remove_map(uint64_t bytes);
  /// Shrinks each memory region to whole multiples of `align`, dropping what becomes empty.
  /// Requires: a power of two. Linux: memblock_trim_memory().
  void trim_memory(uint64_t align);

  // ---- Handover: see handover_impl.h

  /// Reports every page once: free chunks below `max_pfn`, then pages that stay in use, with their
  /// node. Hotplug marks go first. Returns how many pages were freed. The sink is kept for
  /// free_late() and discard(). Cost: O(m + r + chunks). Linux: memblock_free_all().
  uint64_t free_all(const PageSink& sink, uint64_t max_pfn = ~uint64_t{0});

  /// Hands the whole pages of `range` to the page allocator one by one; reserved stays as it is.
  /// Errors: Invalid before free_all(). Linux: memblock_free_late().
  Status free_late(PhysRange range);

  /// Gives the storage of grown tables back and empties all tables.
  /// Linux: memblock_discard().
  void discard();

  bool handed_over() const { return handed_over_; }
  bool discarded() const { return discarded_; }

  // ---- Printing: see print_impl.h

  /// Turns the call trace on (memblock=debug). Lines name `set_caller()`'s text as the caller.
  void set_trace(bool on) {
    trace_ = on;
    trails_.leave_neighbour();
  }
  void set_caller(const char* caller) { caller_ = caller; }
  /// Prints the tables in the kernel's format. Linux: __memblock_dump_all().
  void dump() const;

  // ---- Checking

  /// 0 when all hold, else the number of the first that does not. Cost: O(n).
  int first_broken_invariant() const;
  bool is_valid() const { return first_broken_invariant() == 0; }

  /// Splits regions at both ends of `range`, says which positions are inside, and merges again:
  /// what the range-changing calls do first, made observable. Errors: TableFull.
  Result<IndexRange> isolate(TableId table, PhysRange range);

 private:
  /// To be changed in any way: allocation forgets what it knew of it.
  Table& mutable_table(TableId id);
  /// To be changed by who says what that means for allocation.
  Table& known_table(TableId id);
  void warn(Warning warning) const;

  // Registering and flags
  [[gnu::always_inline]] inline Status insert(TableId id, PhysRange range, RegionFlags flags,
                                              NodeId nid);
  [[gnu::always_inline]] inline Status erase(TableId id, PhysRange range);
  [[gnu::always_inline]] inline Status change_inside(TableId id, PhysRange range,
                                                     const RegionChange& change);
  // What takes more than that. Kept out of the calls, which are shorter for it.
  [[gnu::noinline]] Status add_anywhere(PhysRange range, NodeId nid, RegionFlags flags);
  [[gnu::noinline]] Status reserve_anywhere(PhysRange range, NodeId nid, RegionFlags flags);
  [[gnu::noinline]] Status insert_pieces(TableId id, PhysRange range, RegionFlags flags,
                                         NodeId nid);
  [[gnu::noinline]] Status erase_pieces(TableId id, PhysRange range);
  [[gnu::noinline]] Status change_pieces(TableId id, PhysRange range, const RegionChange& change);
  /// Grows until two regions can be split, as Linux does even when none will be.
  Status make_spare_slots(TableId id, PhysRange range);
  void warn_of_overlap(const Table& table, PhysRange range, RegionFlags flags, NodeId nid) const;

  // Allocation: alloc_impl.h
  RegionFilter filter(NodeId nid, RegionFlags flags) const;
  bool find_free(const Wish& wish, PhysRange window, SearchKind kind, Passed& passed,
                 Found& found) const;
  PhysRange window_of(const AllocRequest& request, PhysAddr min) const;
  [[gnu::always_inline]] inline bool take_next(const Trail& trail, PhysRange window,
                                               const Wish& wish, SearchKind kind, PhysAddr& at);
  bool put_found(PhysRange place, const Found& found, bool up);
  bool may_go_on() const;
  void stand_beside(Region* region, PhysAddr room_end);
  [[gnu::noinline]] Result<PhysAddr> allocate_near(const AllocRequest& request);
  [[gnu::noinline]] Result<PhysAddr> search_and_reserve(const AllocRequest& request);
  [[gnu::noinline]] Status try_with_less(const AllocRequest& request, const Wish& wish,
                                         PhysRange window, Status status, PhysAddr& found);
  Status find_and_reserve(const Wish& wish, PhysRange window, SearchKind kind, PhysAddr& found);
  /// What is tried first: mirrored memory, where there is any.
  RegionFlags first_flags() const { return has_mirror_ ? kMirror : kNoFlags; }
  bool clears(const AllocRequest& request) const { return request.zero && can_clear_; }
  /// Clears what was allocated at `at`, if that is asked for; returns it.
  Result<PhysAddr> given(const AllocRequest& request, PhysAddr at);
  [[gnu::noinline]] Result<PhysAddr> zeroed(PhysAddr at, uint64_t size);

  // Growth: grow_impl.h
  bool grow(TableId id, PhysRange area);
  bool grow_from_memblock(TableId id, PhysRange area);
  bool grow_from_late_allocator(TableId id);
  bool find_growth_place(TableId id, uint64_t bytes, PhysRange area, PhysRange& place);
  bool find_mirrored_first(uint64_t bytes, PhysRange window, PhysAddr& found) const;
  bool find_beside_pending(uint64_t bytes, PhysRange window, RegionFlags flags,
                           PhysAddr& found) const;
  bool swap_reservations(PhysRange old_place, PhysRange new_place);
  void give_back(const Block& left);

  // Limits: limits_impl.h
  PhysAddr address_of_amount(uint64_t bytes) const;
  void cut_reserved(PhysRange range);

  // Handover: handover_impl.h
  uint64_t free_pages(PhysRange range, uint64_t max_pfn);
  void free_page_by_page(PhysRange range);
  void keep_nomap_pages();
  void keep_reserved_pages();
  void keep_pages(const PfnRange& pages);

  // Printing: print_impl.h
  void trace_range(const char* call, PhysRange range, const char* caller) const {
    if (trace_) print_range(call, range, caller);
  }
  void trace_region(const char* call, const char* plain_call, PhysRange range, NodeId nid,
                    RegionFlags flags) const {
    if (trace_) print_region(call, plain_call, range, nid, flags);
  }
  void trace_alloc(const AllocRequest& request) const {
    if (trace_) print_alloc(request);
  }
  [[gnu::noinline]] void print_range(const char* call, PhysRange range, const char* caller) const;
  [[gnu::noinline]] void print_region(const char* call, const char* plain_call, PhysRange range,
                                      NodeId nid, RegionFlags flags) const;
  [[gnu::noinline]] void print_alloc(const AllocRequest& request) const;
  void trace_growth(TableId id, PhysRange used) const;
  void print_growth_failure(TableId id) const;
  void print_table(const char* name, const Table& table) const;
  void print_no_node_coverage(uint64_t bytes) const;
  void print_no_memory_yet() const;

  Platform platform_;
  bool can_clear_;  ///< What is handed out can be cleared.
  Machine machine_;
  Table memory_;
  Table reserved_;
  Table physmem_;
  PhysRange pending_growth_;  ///< Chosen for a table that grows, not reserved yet.
  Trails trails_;
  PageSink sink_;
  PhysAddr limit_ = kPhysAddrMax;
  const char* caller_ = "memblock";
  bool bottom_up_ = false;
  bool movable_node_ = false;
  bool has_mirror_ = false;
  bool can_resize_ = false;
  bool late_allocator_up_ = false;
  bool handed_over_ = false;
  bool discarded_ = false;
  bool trace_ = false;
};

/// On the tree table: for whoever links the core.
using Memblock = BasicMemblock<TreeTable>;
/// On the flat table: what a kernel has, and what its own code may read and edit.
using FlatMemblock = BasicMemblock<FlatTable>;

extern template class BasicRangeWalk<TreeTable>;
extern template class BasicPfnWalk<TreeTable>;
extern template class BasicZoneWalk<TreeTable>;
extern template class BasicMemblock<TreeTable>;
extern template class BasicRangeWalk<FlatTable>;
extern template class BasicPfnWalk<FlatTable>;
extern template class BasicZoneWalk<FlatTable>;
extern template class BasicMemblock<FlatTable>;

}  // namespace memblock
