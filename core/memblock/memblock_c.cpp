// The C API's calls on a memblock. Walks are in c_walks.cpp, names and E820 in c_e820.cpp.
#include "memblock/c_convert.h"

using namespace memblock;     // NOLINT(google-build-using-namespace)
using namespace memblock::c;  // NOLINT(google-build-using-namespace)

// ---- Calls back: the core's types become those of C ---------------------------------------------

namespace {

Box& box_of(void* context) { return *static_cast<Box*>(context); }

void* call_phys_to_virt(void* context, PhysRange range) {
  const mbl_platform& platform = box_of(context).platform;
  return platform.phys_to_virt(platform.context, to_c(range));
}

PhysAddr call_virt_to_phys(void* context, const void* pointer) {
  const mbl_platform& platform = box_of(context).platform;
  return PhysAddr{platform.virt_to_phys(platform.context, pointer)};
}

void call_zero(void* context, PhysRange range) {
  const mbl_platform& platform = box_of(context).platform;
  platform.zero(platform.context, to_c(range));
}

void* call_late_alloc(void* context, uint64_t bytes) {
  const mbl_platform& platform = box_of(context).platform;
  return platform.late_alloc(platform.context, bytes);
}

void call_late_free(void* context, void* pointer, uint64_t bytes) {
  const mbl_platform& platform = box_of(context).platform;
  platform.late_free(platform.context, pointer, bytes);
}

void call_warn(void* context, Warning warning) {
  const mbl_platform& platform = box_of(context).platform;
  platform.warn(platform.context, static_cast<mbl_warning>(warning));
}

void call_print(void* context, const char* line, size_t length) {
  const mbl_platform& platform = box_of(context).platform;
  platform.print(platform.context, line, length);
}

void call_free_pages(void* context, uint64_t pfn, unsigned order) {
  const mbl_page_sink& sink = box_of(context).sink;
  sink.free_pages(sink.context, pfn, order);
}

void call_keep_pages(void* context, const PfnRange& pages) {
  const mbl_page_sink& sink = box_of(context).sink;
  sink.keep_pages(sink.context, to_c(pages));
}

// A call that the embedder left out stays out: the core knows what to do without it.
Platform wrapped(Box* box, const mbl_platform& asked) {
  Platform platform;
  platform.context = box;
  if (asked.phys_to_virt != nullptr) platform.phys_to_virt = call_phys_to_virt;
  if (asked.virt_to_phys != nullptr) platform.virt_to_phys = call_virt_to_phys;
  if (asked.zero != nullptr) platform.zero = call_zero;
  if (asked.late_alloc != nullptr) platform.late_alloc = call_late_alloc;
  if (asked.late_free != nullptr) platform.late_free = call_late_free;
  if (asked.warn != nullptr) platform.warn = call_warn;
  if (asked.print != nullptr) platform.print = call_print;
  return platform;
}

Storage spans(const mbl_storage& storage) {
  return {{from_c(storage.memory), storage.memory_count},
          {from_c(storage.reserved), storage.reserved_count},
          {from_c(storage.physmem), storage.physmem_count}};
}

Machine plain(const mbl_machine& machine) {
  return {machine.page_shift, machine.cache_line, machine.low_limit, machine.region_bytes};
}

}  // namespace

memblock::c::Box::Box(const mbl_storage& storage, const mbl_platform& asked,
                      const mbl_machine& machine)
    : platform(asked), sink{}, memblock(spans(storage), wrapped(this, asked), plain(machine)) {}

extern "C" {

const char* mbl_status_text(mbl_status status) { return status_text(static_cast<Status>(status)); }

mbl_range mbl_range_of_size(mbl_phys base, uint64_t size) {
  return to_c(PhysRange::from_size(PhysAddr{base}, size));
}

// ---- Making one ---------------------------------------------------------------------------------

mbl_machine mbl_default_machine() {
  const Machine machine;
  return {machine.page_shift, machine.cache_line, machine.low_limit, machine.region_bytes};
}

void mbl_init(mbl_memblock* m, const mbl_storage* storage, const mbl_platform* platform,
              const mbl_machine* machine) {
  static_assert(sizeof(Box) <= MBL_MEMBLOCK_BYTES && alignof(Box) <= alignof(mbl_memblock));
  new (Place{m->opaque}) Box(*storage, *platform, machine ? *machine : mbl_default_machine());
}

void mbl_adopt(mbl_memblock* m, mbl_table_id id, mbl_region* regions, size_t capacity, size_t count,
               uint64_t total_bytes, mbl_range place) {
  core(m).adopt(from_c(id), {from_c(regions), capacity}, count, total_bytes, from_c(place));
}

// ---- Registering, flags, nodes ------------------------------------------------------------------

mbl_status mbl_add(mbl_memblock* m, mbl_range range) { return to_c(core(m).add(from_c(range))); }

mbl_status mbl_add_node(mbl_memblock* m, mbl_range range, mbl_nid nid, mbl_flags flags) {
  return to_c(core(m).add(from_c(range), NodeId{nid}, RegionFlags{flags}));
}

mbl_status mbl_remove(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).remove(from_c(range)));
}

mbl_status mbl_reserve(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).reserve(from_c(range)));
}

mbl_status mbl_reserve_node(mbl_memblock* m, mbl_range range, mbl_nid nid, mbl_flags flags) {
  return to_c(core(m).reserve(from_c(range), NodeId{nid}, RegionFlags{flags}));
}

mbl_status mbl_free(mbl_memblock* m, mbl_range range) { return to_c(core(m).free(from_c(range))); }

mbl_status mbl_free_virt(mbl_memblock* m, const void* pointer, uint64_t size) {
  return to_c(core(m).free_virt(pointer, size));
}

mbl_status mbl_physmem_add(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).physmem_add(from_c(range)));
}

mbl_status mbl_mark_hotplug(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).mark_hotplug(from_c(range)));
}

mbl_status mbl_clear_hotplug(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).clear_hotplug(from_c(range)));
}

mbl_status mbl_mark_mirror(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).mark_mirror(from_c(range)));
}

mbl_status mbl_mark_nomap(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).mark_nomap(from_c(range)));
}

mbl_status mbl_clear_nomap(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).clear_nomap(from_c(range)));
}

mbl_status mbl_mark_reserved_noinit(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).mark_reserved_noinit(from_c(range)));
}

mbl_status mbl_set_node(mbl_memblock* m, mbl_range range, mbl_table_id id, mbl_nid nid) {
  return to_c(core(m).set_node(from_c(range), from_c(id), NodeId{nid}));
}

mbl_status mbl_search_pfn_nid(const mbl_memblock* m, uint64_t pfn, mbl_pfns* found) {
  return hand_out(core(m).search_pfn_nid(pfn),
                  [found](const PfnRange& pfns) { *found = to_c(pfns); });
}

uint64_t mbl_bytes_without_node(const mbl_memblock* m) { return core(m).bytes_without_node(); }

bool mbl_validate_numa_coverage(const mbl_memblock* m, uint64_t threshold_bytes) {
  return core(m).validate_numa_coverage(threshold_bytes);
}

// ---- Allocation ---------------------------------------------------------------------------------

mbl_status mbl_allocate(mbl_memblock* m, const mbl_request* request, mbl_phys* found) {
  return hand_out(core(m).allocate({.size = request->size,
                                    .align = request->align,
                                    .min = PhysAddr{request->min},
                                    .max = PhysAddr{request->max},
                                    .nid = NodeId{request->nid},
                                    .exact_nid = request->exact_nid,
                                    .within_limit = request->within_limit,
                                    .retry_below_min = request->retry_below_min,
                                    .zero = request->zero,
                                    .traced_as = request->traced_as}),
                  found);
}

mbl_status mbl_phys_alloc_range(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                                mbl_phys max, mbl_phys* found) {
  return hand_out(core(m).phys_alloc_range(size, align, PhysAddr{min}, PhysAddr{max}), found);
}

mbl_status mbl_phys_alloc(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys* found) {
  return hand_out(core(m).phys_alloc(size, align), found);
}

mbl_status mbl_phys_alloc_try_nid(mbl_memblock* m, uint64_t size, uint64_t align, mbl_nid nid,
                                  mbl_phys* found) {
  return hand_out(core(m).phys_alloc_try_nid(size, align, NodeId{nid}), found);
}

mbl_status mbl_alloc(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys* found) {
  return hand_out(core(m).alloc(size, align), found);
}

mbl_status mbl_alloc_raw(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys* found) {
  return hand_out(core(m).alloc_raw(size, align), found);
}

mbl_status mbl_alloc_from(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                          mbl_phys* found) {
  return hand_out(core(m).alloc_from(size, align, PhysAddr{min}), found);
}

mbl_status mbl_alloc_low(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys* found) {
  return hand_out(core(m).alloc_low(size, align), found);
}

mbl_status mbl_alloc_node(mbl_memblock* m, uint64_t size, uint64_t align, mbl_nid nid,
                          mbl_phys* found) {
  return hand_out(core(m).alloc_node(size, align, NodeId{nid}), found);
}

mbl_status mbl_alloc_try_nid(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                             mbl_phys max, mbl_nid nid, mbl_phys* found) {
  return hand_out(core(m).alloc_try_nid(size, align, PhysAddr{min}, PhysAddr{max}, NodeId{nid}),
                  found);
}

mbl_status mbl_alloc_try_nid_raw(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                                 mbl_phys max, mbl_nid nid, mbl_phys* found) {
  return hand_out(core(m).alloc_try_nid_raw(size, align, PhysAddr{min}, PhysAddr{max}, NodeId{nid}),
                  found);
}

mbl_status mbl_alloc_exact_nid_raw(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                                   mbl_phys max, mbl_nid nid, mbl_phys* found) {
  return hand_out(
      core(m).alloc_exact_nid_raw(size, align, PhysAddr{min}, PhysAddr{max}, NodeId{nid}), found);
}

// ---- Settings -----------------------------------------------------------------------------------

void mbl_set_bottom_up(mbl_memblock* m, bool on) { core(m).set_bottom_up(on); }
bool mbl_bottom_up(const mbl_memblock* m) { return core(m).bottom_up(); }
void mbl_set_limit(mbl_memblock* m, mbl_phys limit) { core(m).set_limit(PhysAddr{limit}); }
mbl_phys mbl_limit(const mbl_memblock* m) { return core(m).limit().value; }
void mbl_set_movable_node(mbl_memblock* m, bool on) { core(m).set_movable_node(on); }
bool mbl_movable_node(const mbl_memblock* m) { return core(m).movable_node(); }
void mbl_allow_resize(mbl_memblock* m) { core(m).allow_resize(); }
bool mbl_can_resize(const mbl_memblock* m) { return core(m).can_resize(); }
void mbl_set_late_allocator_up(mbl_memblock* m) { core(m).set_late_allocator_up(); }

// ---- Queries ------------------------------------------------------------------------------------

uint64_t mbl_phys_mem_size(const mbl_memblock* m) { return core(m).phys_mem_size(); }
uint64_t mbl_reserved_size(const mbl_memblock* m) { return core(m).reserved_size(); }
uint64_t mbl_estimated_free_pages(const mbl_memblock* m) { return core(m).estimated_free_pages(); }
mbl_phys mbl_start_of_dram(const mbl_memblock* m) { return core(m).start_of_dram().value; }
mbl_phys mbl_end_of_dram(const mbl_memblock* m) { return core(m).end_of_dram().value; }

bool mbl_is_memory(const mbl_memblock* m, mbl_phys address) {
  return core(m).is_memory(PhysAddr{address});
}

bool mbl_is_reserved(const mbl_memblock* m, mbl_phys address) {
  return core(m).is_reserved(PhysAddr{address});
}

bool mbl_is_map_memory(const mbl_memblock* m, mbl_phys address) {
  return core(m).is_map_memory(PhysAddr{address});
}

bool mbl_is_region_memory(const mbl_memblock* m, mbl_range range) {
  return core(m).is_region_memory(from_c(range));
}

bool mbl_is_region_reserved(const mbl_memblock* m, mbl_range range) {
  return core(m).is_region_reserved(from_c(range));
}

bool mbl_overlaps(const mbl_memblock* m, mbl_table_id id, mbl_range range) {
  return core(m).overlaps(from_c(id), from_c(range));
}

bool mbl_has_mirror(const mbl_memblock* m) { return core(m).has_mirror(); }

mbl_pfns mbl_memory_pfns(const mbl_memblock* m, const mbl_region* region) {
  return to_c(core(m).memory_pfns(*reinterpret_cast<const Region*>(region)));
}

mbl_pfns mbl_reserved_pfns(const mbl_memblock* m, const mbl_region* region) {
  return to_c(core(m).reserved_pfns(*reinterpret_cast<const Region*>(region)));
}

mbl_table mbl_table_of(const mbl_memblock* m, mbl_table_id id) {
  const FlatTable& table = core(m).table(from_c(id));
  return {to_c(table.regions().data()), table.count(), table.capacity(), table.total_bytes()};
}

mbl_machine mbl_machine_of(const mbl_memblock* m) {
  const Machine& machine = core(m).machine();
  return {machine.page_shift, machine.cache_line, machine.low_limit, machine.region_bytes};
}

// ---- Limits -------------------------------------------------------------------------------------

mbl_status mbl_enforce_memory_limit(mbl_memblock* m, uint64_t bytes) {
  return to_c(core(m).enforce_memory_limit(bytes));
}

mbl_status mbl_cap_memory_range(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).cap_memory_range(from_c(range)));
}

mbl_status mbl_mem_limit_remove_map(mbl_memblock* m, uint64_t bytes) {
  return to_c(core(m).mem_limit_remove_map(bytes));
}

void mbl_trim_memory(mbl_memblock* m, uint64_t align) { core(m).trim_memory(align); }

// ---- Handover -----------------------------------------------------------------------------------

uint64_t mbl_free_all(mbl_memblock* m, const mbl_page_sink* sink, uint64_t max_pfn) {
  Box& box = inside<Box>(m);
  // A second handover is refused, and what the first one's sink is still called for is its own.
  if (!box.memblock.handed_over() && !box.memblock.discarded()) box.sink = *sink;
  PageSink wrapped_sink{&box};
  if (sink->free_pages != nullptr) wrapped_sink.free_pages = call_free_pages;
  if (sink->keep_pages != nullptr) wrapped_sink.keep_pages = call_keep_pages;
  return box.memblock.free_all(wrapped_sink, max_pfn);
}

mbl_status mbl_free_late(mbl_memblock* m, mbl_range range) {
  return to_c(core(m).free_late(from_c(range)));
}

void mbl_discard(mbl_memblock* m) { core(m).discard(); }
bool mbl_handed_over(const mbl_memblock* m) { return core(m).handed_over(); }
bool mbl_discarded(const mbl_memblock* m) { return core(m).discarded(); }

// ---- Printing and checking ----------------------------------------------------------------------

void mbl_set_trace(mbl_memblock* m, bool on) { core(m).set_trace(on); }
void mbl_set_caller(mbl_memblock* m, const char* caller) { core(m).set_caller(caller); }
void mbl_dump(const mbl_memblock* m) { core(m).dump(); }
int mbl_first_broken_invariant(const mbl_memblock* m) { return core(m).first_broken_invariant(); }
bool mbl_is_valid(const mbl_memblock* m) { return core(m).is_valid(); }

mbl_status mbl_isolate(mbl_memblock* m, mbl_table_id id, mbl_range range, size_t* first,
                       size_t* last) {
  return hand_out(core(m).isolate(from_c(id), from_c(range)), [&](IndexRange positions) {
    *first = positions.first;
    *last = positions.last;
  });
}

}  // extern "C"
