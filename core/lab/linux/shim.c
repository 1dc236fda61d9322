/* Adapts one kernel tree's mm/memblock.c, unmodified, to object.h. Built by ci/linux/build, which
 * finds out what the tree has (LX_HAS_...) by compiling a line with each name. */
#include "lab/linux/object.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/linux/shim.h"

/* ---- What is around the kernel's file ----------------------------------------------------------- */

unsigned lx_page_shift = 12;
unsigned long lx_pages_handed_over;
static struct LinuxHost host;
jmp_buf lx_die_here;
static volatile bool running;
static char died_of[160];
static const void* cleared_next; /* What phys_to_virt() gave last: no memory stands behind it. */
static unsigned pages_reported;
static volatile unsigned long calls, calls_seen; /* How many have begun. */
static bool slab_for_growth, slab_for_allocations;
static uint64_t memory_max = 1, reserved_max = 1, physmem_max = 1;

void lx_print(const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  size_t length = lx_format(line, sizeof line, format, arguments);
  va_end(arguments);
  while (length > 0 && line[length - 1] == '\n') --length;
  if (line[0] == 1 && length >= 2) { /* A level in front, KERN_DEBUG. */
    memmove(line, line + 2, length -= 2);
  }
  host.print(host.context, line, length);
}

void lx_enter(void) {
  cleared_next = NULL;
  pages_reported = 0;
  ++calls;
}
void lx_running(bool on) { running = on; }

void lx_warn(const char* condition) { host.warn(host.context, condition); }

void lx_died(const char* kind, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  size_t length = (size_t)snprintf(died_of, sizeof died_of, "%s: ", kind);
  length += lx_format(died_of + length, sizeof died_of - length, format, arguments);
  va_end(arguments);
  while (length > 0 && died_of[length - 1] == '\n') died_of[--length] = 0;
#ifdef LX_TIMING
  fprintf(stderr, "the kernel died in a timing run: %s\n", died_of);
  abort();
#else
  running = false;
  _longjmp(lx_die_here, 1);
#endif
}

void* lx_phys_to_virt(uint64_t address) {
  cleared_next = (const void*)address;
  return (void*)address;
}

/* Clearing an allocation is reported, not done: the memory is a matter of the host. */
void* lx_memset(void* to, int byte, size_t bytes) {
  if (to != cleared_next || to == NULL) return memset(to, byte, bytes);
  host.zeroed(host.context, (uint64_t)to, bytes);
  return to;
}

/* Late memory serves array growth before it serves allocations: a trace may bring the late allocator
 * up before the handover. */
bool lx_slab_is_up(bool for_growth) { return for_growth ? slab_for_growth : slab_for_allocations; }

void* lx_kmalloc(size_t bytes) { return host.late_alloc(host.context, bytes); }
void* lx_serve_late(void) {
  host.served_late(host.context);
  cleared_next = host.context;
  return host.context;
}
void lx_kfree(const void* pointer) { host.late_free(host.context, (void*)pointer); }

/* A count that has wrapped hands over pages for hours. */
void lx_free_pages(unsigned long pfn, unsigned order) {
  if (++pages_reported > 1u << 20) lx_died("runaway", "hands over pages without end");
  host.free_pages(host.context, pfn, order);
}
void lx_keep_pages(uint64_t base, uint64_t end, int nid) {
  host.keep_pages(host.context, base, end, nid);
}

/* ---- The kernel's file -------------------------------------------------------------------------- */

#include <linux/kernel.h>
#include <linux/memblock.h>

#ifdef LX_BIG_TABLES
/* Room for any first capacity a trace asks for; apart from the rest, which reset() copies. */
static struct memblock_region memblock_memory_init_regions[INIT_MEMBLOCK_MEMORY_REGIONS]
    __attribute__((section(".bss.lx_tables")));
static struct memblock_region memblock_reserved_init_regions[INIT_MEMBLOCK_RESERVED_REGIONS]
    __attribute__((section(".bss.lx_tables")));
#endif

#pragma clang section bss = "lx_bss" data = "lx_data"
#include "memblock.c"
bool movable_node_enabled;
#pragma clang section bss = "" data = ""

#ifdef LX_PROBE
void lx_probe(void) { LX_PROBE; }
#else

_Static_assert(sizeof(struct memblock_region) == sizeof(struct LinuxRegion), "built without NUMA");
_Static_assert(offsetof(struct memblock_region, nid) == offsetof(struct LinuxRegion, nid), "layout");

#define ROOM(array) (sizeof(array) / sizeof((array)[0]))

#ifdef LX_HAS_physmem
static struct memblock_region more_physmem[1u << 20] __attribute__((section(".bss.lx_tables")));
#endif

static struct memblock_type* type_of(int table) {
#ifdef LX_HAS_physmem
  if (table == kLinuxPhysmem) return &physmem;
#endif
  return table == kLinuxReserved ? &memblock.reserved : &memblock.memory;
}

/* Null: the host has no memory there, and the address says so. */
void* lx_va(phys_addr_t* address, phys_addr_t bytes) {
  if (bytes == 0) {
    for (int table = 0; table < 3; ++table) {
      const phys_addr_t doubled = 2 * type_of(table)->max * sizeof(struct memblock_region);
      if (doubled > bytes) bytes = doubled;
    }
  }
  void* memory = host.memory_at(host.context, *address, bytes);
  if (memory == NULL) *address = 0;
  return memory;
}

/* The static physmem array, which growth takes for one of memblock's, lies where kernels lie. */
uint64_t lx_pa(const void* pointer) {
#ifdef LX_HAS_physmem
  if (pointer == memblock_physmem_init_regions || pointer == more_physmem) return kLinuxImageAt;
#endif
  return host.address_of(host.context, pointer);
}

/* As early_pfn_to_nid() of mm/, but a page without memory has no node instead of the first one. */
int lx_early_pfn_to_nid(unsigned long pfn) {
  unsigned long first, last;
  return memblock_search_pfn_nid(pfn, &first, &last);
}

/* ---- Starting again ------------------------------------------------------------------------------ */

extern unsigned char __start_lx_bss[] __attribute__((weak, visibility("hidden")));
extern unsigned char __stop_lx_bss[] __attribute__((weak, visibility("hidden")));
extern unsigned char __start_lx_data[] __attribute__((weak, visibility("hidden")));
extern unsigned char __stop_lx_data[] __attribute__((weak, visibility("hidden")));
static unsigned char *first_bss, *first_data;
static size_t bss_bytes, data_bytes;

/* memcpy(), also over what sanitizers put between variables. */
__attribute__((no_sanitize("address"), no_builtin)) static void copy_raw(unsigned char* to,
                                                                      const unsigned char* from,
                                                                      size_t bytes) {
  for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t)) {
    *(uint64_t*)to = *(const uint64_t*)from;
    to += sizeof(uint64_t);
    from += sizeof(uint64_t);
  }
  while (bytes-- > 0) *to++ = *from++;
}

/* What the kernel's variables are at the start of a boot. */
__attribute__((constructor)) static void remember_start(void) {
  bss_bytes = (size_t)(__stop_lx_bss - __start_lx_bss);
  data_bytes = (size_t)(__stop_lx_data - __start_lx_data);
  first_bss = malloc(bss_bytes + 1);
  first_data = malloc(data_bytes + 1);
  if (first_bss == NULL || first_data == NULL) abort();
  copy_raw(first_bss, __start_lx_bss, bss_bytes);
  copy_raw(first_data, __start_lx_data, data_bytes);
}

__attribute__((destructor)) static void forget_start(void) {
  free(first_bss);
  free(first_data);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define CLOSE(from, bytes) ASAN_POISON_MEMORY_REGION(from, bytes)
#define OPEN(from, bytes) ASAN_UNPOISON_MEMORY_REGION(from, bytes)
#endif
#endif
#ifndef CLOSE
#define CLOSE(from, bytes) ((void)0)
#define OPEN(from, bytes) ((void)0)
#endif

/* A static table with `max` regions; what lies behind them is out of bounds. */
static void start_table(struct memblock_region* array, size_t room, uint64_t* now, uint64_t max) {
  const size_t fence = *now + 64 < room ? 64 : room - *now;
  OPEN(array + *now, fence * sizeof *array);
  memset(array, 0, *now * sizeof *array);
  *now = max < room ? max : room;
  CLOSE(array + *now, (*now + 64 < room ? 64 : room - *now) * sizeof *array);
}

static void reset(const struct LinuxHost* to, uint64_t memory, uint64_t reserved, uint64_t physmems,
                  unsigned page_shift) {
  host = *to;
  lx_page_shift = page_shift;
  copy_raw(__start_lx_bss, first_bss, bss_bytes);
  copy_raw(__start_lx_data, first_data, data_bytes);
  start_table(memblock_memory_init_regions, ROOM(memblock_memory_init_regions), &memory_max, memory);
  start_table(memblock_reserved_init_regions, ROOM(memblock_reserved_init_regions), &reserved_max,
              reserved);
  memblock.memory.max = memory_max;
  memblock.reserved.max = reserved_max;
#ifdef LX_HAS_physmem
  memset(memblock_physmem_init_regions, 0, sizeof memblock_physmem_init_regions);
  start_table(more_physmem, ROOM(more_physmem), &physmem_max, physmems);
  if (physmems > ROOM(memblock_physmem_init_regions)) physmem.regions = more_physmem;
  physmem.max = physmems;
#endif
#ifdef LX_HAS_mirrored_kernelcore
  mirrored_kernelcore = true;
#endif
  slab_for_growth = slab_for_allocations = false;
  lx_pages_handed_over = 0;
  died_of[0] = 0;
  running = false;
  pages_reported = 0;
}

/* Said once. */
static const char* died(void) {
  static char said[sizeof died_of];
  if (died_of[0] == 0) return NULL;
  strcpy(said, died_of);
  died_of[0] = 0;
  return said;
}

static bool abort_call(const char* why) {
  if (!running) return false;
  lx_died("stopped", "%s", why);
}

static bool abort_stuck_call(const char* why) {
  const bool stuck = calls_seen == calls;
  calls_seen = calls;
  return stuck && abort_call(why);
}

/* ---- The calls ------------------------------------------------------------------------------------ */

#define RANGE uint64_t base, uint64_t size

CALL(int, add, (RANGE, int nid, unsigned flags),
     nid == MAX_NUMNODES && flags == 0
         ? memblock_add(base, size)
         : memblock_add_node(base, size, nid, (enum memblock_flags)flags))
CALL(int, remove_, (RANGE), memblock_remove(base, size))
CALL(int, reserve, (RANGE, int nid, unsigned flags),
     nid == MAX_NUMNODES && flags == 0
         ? memblock_reserve(base, size)
         : memblock_add_range(&memblock.reserved, base, size, nid, (enum memblock_flags)flags))
CALL(int, phys_free, (RANGE), memblock_phys_free(base, size))
CALL_VOID(free_virt, (void* pointer, uint64_t size), memblock_free(pointer, size))
CALL(int, mark_hotplug, (RANGE), memblock_mark_hotplug(base, size))
CALL(int, clear_hotplug, (RANGE), memblock_clear_hotplug(base, size))
CALL(int, mark_mirror, (RANGE), memblock_mark_mirror(base, size))
CALL(int, mark_nomap, (RANGE), memblock_mark_nomap(base, size))
CALL(int, clear_nomap, (RANGE), memblock_clear_nomap(base, size))
CALL(int, set_node, (RANGE, enum LinuxTable table, int nid),
     memblock_set_node(base, size, type_of(table), nid))

#define ALLOC_SIZE uint64_t size, uint64_t align
#define ALLOC_WINDOW ALLOC_SIZE, uint64_t min, uint64_t max
CALL(uint64_t, alloc_range_nid, (ALLOC_WINDOW, int nid, bool exact),
     memblock_alloc_range_nid(size, align, min, max, nid, exact))
CALL(uint64_t, phys_alloc_range, (ALLOC_WINDOW), memblock_phys_alloc_range(size, align, min, max))
CALL(uint64_t, phys_alloc, (ALLOC_SIZE), memblock_phys_alloc(size, align))
CALL(uint64_t, phys_alloc_try_nid, (ALLOC_SIZE, int nid),
     memblock_phys_alloc_try_nid(size, align, nid))
CALL(uint64_t, alloc_, (ALLOC_SIZE), memblock_alloc(size, align))
CALL(uint64_t, alloc_raw, (ALLOC_SIZE), memblock_alloc_raw(size, align))
CALL(uint64_t, alloc_from, (ALLOC_SIZE, uint64_t min), memblock_alloc_from(size, align, min))
CALL(uint64_t, alloc_low, (ALLOC_SIZE), memblock_alloc_low(size, align))
CALL(uint64_t, alloc_node, (ALLOC_SIZE, int nid), memblock_alloc_node(size, align, nid))
CALL(uint64_t, alloc_try_nid, (ALLOC_WINDOW, int nid),
     memblock_alloc_try_nid(size, align, min, max, nid))
CALL(uint64_t, alloc_try_nid_raw, (ALLOC_WINDOW, int nid),
     memblock_alloc_try_nid_raw(size, align, min, max, nid))
CALL(uint64_t, alloc_exact_nid_raw, (ALLOC_WINDOW, int nid),
     memblock_alloc_exact_nid_raw(size, align, min, max, nid))

CALL_VOID(set_bottom_up, (bool on), memblock_set_bottom_up(on))
CALL_VOID(set_limit, (uint64_t limit), memblock_set_current_limit(limit))
CALL(uint64_t, limit_, (void), memblock_get_current_limit())
static void set_movable_node(bool on) { movable_node_enabled = on; }
CALL_VOID(allow_resize, (void), memblock_allow_resize())
static void set_slab_up(bool for_growth, bool for_allocations) {
  slab_for_growth = for_growth;
  slab_for_allocations = for_allocations;
}
static void set_trace(bool on) { memblock_debug = on; }

CALL(uint64_t, phys_mem_size, (void), memblock_phys_mem_size())
CALL(uint64_t, reserved_size, (void), memblock_reserved_size())
CALL(uint64_t, start_of_dram, (void), memblock_start_of_DRAM())
CALL(bool, is_memory, (uint64_t address), memblock_is_memory(address))
CALL(bool, is_reserved, (uint64_t address), memblock_is_reserved(address))
CALL(bool, is_map_memory, (uint64_t address), memblock_is_map_memory(address))
CALL(bool, is_region_memory, (RANGE), memblock_is_region_memory(base, size))
CALL(bool, is_region_reserved, (RANGE), memblock_is_region_reserved(base, size))
CALL(bool, overlaps, (enum LinuxTable table, RANGE),
     memblock_overlaps_region(type_of(table), base, size))

/* A table without entries is read in front of its first one: something stands there that shows. */
static uint64_t end_of_dram(void) {
  BEGIN(0);
  struct memblock_region around[2] = {{.base = 1, .size = 1}, {.base = 0, .size = 0}};
  struct memblock_region* const regions = memblock.memory.regions;
  if (memblock.memory.cnt == 0) memblock.memory.regions = &around[1];
  const uint64_t end = memblock_end_of_DRAM();
  memblock.memory.regions = regions;
  END();
  return end;
}

static bool search_pfn_nid(uint64_t pfn, uint64_t* first, uint64_t* last, int* nid) {
  BEGIN(false);
  unsigned long from = 1, to = 0; /* Untouched where nothing is found. */
  *nid = memblock_search_pfn_nid(pfn, &from, &to);
  END();
  *first = from;
  *last = to;
  return from <= to;
}

static void region_pfns(enum LinuxTable table, const struct LinuxRegion* region, uint64_t* first,
                        uint64_t* last) {
  const struct memblock_region* const r = (const struct memblock_region*)region;
  *first = table == kLinuxReserved ? memblock_region_reserved_base_pfn(r)
                                   : memblock_region_memory_base_pfn(r);
  *last = table == kLinuxReserved ? memblock_region_reserved_end_pfn(r)
                                  : memblock_region_memory_end_pfn(r);
}

static const struct LinuxRegion* regions_(enum LinuxTable table, uint64_t* count, uint64_t* capacity,
                                          uint64_t* total) {
  const struct memblock_type* const type = type_of(table);
  *count = type->cnt;
  *capacity = type->max;
  *total = type->total_size;
  return (const struct LinuxRegion*)type->regions;
}

static void restore(enum LinuxTable table, const struct LinuxRegion* regions, uint64_t count,
                    uint64_t total) {
  struct memblock_type* const type = type_of(table);
  memmove(type->regions, regions, count * sizeof *regions);
  type->cnt = count;
  type->total_size = total;
}

static int isolate(enum LinuxTable table, RANGE, int* first, int* last) {
  BEGIN(0);
  struct memblock_type* const type = type_of(table);
  const int result = memblock_isolate_range(type, base, size, first, last);
  if (result == 0) {
#ifdef LX_MERGES_A_RANGE
    memblock_merge_regions(type, *first, *last);
#else
    memblock_merge_regions(type);
#endif
  }
  END();
  return result;
}

/* ---- Walks ------------------------------------------------------------------------------------------ */

#define SEE(first, last, nid)                \
  {                                          \
    if (most-- == 0) break;                  \
    seen(to, first, last, nid);              \
  }
#define WALK LinuxSeen seen, void *to, uint64_t most

static bool walk_mem(bool down, WALK) {
  BEGIN(false);
  phys_addr_t first, last;
  u64 i;
  if (down) {
    for_each_mem_range_rev(i, &first, &last) SEE(first, last, 0)
  } else {
    for_each_mem_range(i, &first, &last) SEE(first, last, 0)
  }
  END();
  return i == (u64)ULLONG_MAX;
}

static bool walk_reserved(bool down, WALK) {
  BEGIN(false);
  phys_addr_t first, last;
  u64 i;
  if (down) {
    __for_each_mem_range_rev(i, &memblock.reserved, NULL, NUMA_NO_NODE, MEMBLOCK_NONE, &first, &last,
                             NULL) SEE(first, last, 0)
  } else {
    for_each_reserved_mem_range(i, &first, &last) SEE(first, last, 0)
  }
  END();
  return i == (u64)ULLONG_MAX;
}

static bool walk_free(bool down, int nid, unsigned flags, WALK) {
  BEGIN(false);
  const enum memblock_flags wanted = (enum memblock_flags)flags;
  phys_addr_t first, last;
  int node;
  u64 i;
  if (down) {
    for_each_free_mem_range_reverse(i, nid, wanted, &first, &last, &node) SEE(first, last, node)
  } else {
    for_each_free_mem_range(i, nid, wanted, &first, &last, &node) SEE(first, last, node)
  }
  END();
  return i == (u64)ULLONG_MAX;
}

/* What a caller's own loop costs, without a call for each range. */
static uint64_t sum_free(bool down) {
  phys_addr_t first, last;
  uint64_t sum = 0;
  u64 i;
  if (down) {
    for_each_free_mem_range_reverse(i, NUMA_NO_NODE, MEMBLOCK_NONE, &first, &last, NULL) sum += first;
  } else {
    for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &first, &last, NULL) sum += first;
  }
  return sum;
}

static bool walk_mem_pfns(int nid, WALK) {
  BEGIN(false);
  unsigned long first, last;
  int node, i;
  for_each_mem_pfn_range(i, nid, &first, &last, &node) SEE(first, last, node)
  END();
  return i < 0;
}

/* ---- Limits, handover, printing --------------------------------------------------------------------- */

CALL_VOID(enforce_memory_limit, (uint64_t bytes), memblock_enforce_memory_limit(bytes))
CALL_VOID(cap_memory_range, (RANGE), memblock_cap_memory_range(base, size))
CALL_VOID(mem_limit_remove_map, (uint64_t bytes), memblock_mem_limit_remove_map(bytes))
CALL_VOID(trim_memory, (uint64_t align), memblock_trim_memory(align))

static uint64_t free_all(uint64_t max_pages) {
  BEGIN(0);
  max_low_pfn = max_pages;
  lx_pages_handed_over = 0;
  memblock_free_all();
  END();
  return lx_pages_handed_over;
}

static void dump(void) {
  BEGIN();
  const int debug = memblock_debug;
  memblock_debug = 1;
  memblock_dump_all();
  memblock_debug = debug;
  END();
}

/* ---- What not every tree has --------------------------------------------------------------------------- */

#ifdef LX_HAS_physmem
CALL(int, physmem_add, (RANGE), memblock_physmem_add(base, size))
static bool walk_physmem(int minus, WALK) {
  BEGIN(false);
  phys_addr_t first, last;
  u64 i;
  struct memblock_type* const without = minus < 0 ? NULL : type_of(minus);
  for_each_physmem_range(i, without, &first, &last) SEE(first, last, 0)
  END();
  return i == (u64)ULLONG_MAX;
}
#endif
#ifdef LX_HAS_memblock_reserved_mark_noinit
CALL(int, mark_reserved_noinit, (RANGE), memblock_reserved_mark_noinit(base, size))
#endif
#ifdef LX_HAS_memblock_validate_numa_coverage
CALL(bool, validate_numa_coverage, (uint64_t bytes), memblock_validate_numa_coverage(bytes))
#endif
#ifdef LX_HAS_memblock_estimated_nr_free_pages
CALL(uint64_t, estimated_free_pages, (void), memblock_estimated_nr_free_pages())
#endif
#ifdef LX_HAS_memblock_has_mirror
CALL(bool, has_mirror, (void), memblock_has_mirror())
#endif
#ifdef LX_HAS_memblock_alloc_internal
CALL(uint64_t, alloc_internal, (ALLOC_WINDOW, int nid, bool exact),
     memblock_alloc_internal(size, align, min, max, nid, exact))
#endif
#ifdef LX_HAS_walk_zone
static bool walk_zone_pfns(uint64_t from, uint64_t until, int nid, WALK) {
  BEGIN(false);
  struct zone zone = {.zone_start_pfn = from, .lx_end_pfn = until, .lx_nid = nid};
  unsigned long first, last;
  u64 i = 0;
  for (__next_mem_pfn_range_in_zone(&i, &zone, &first, &last); i != U64_MAX;
       __next_mem_pfn_range_in_zone(&i, &zone, &first, &last))
    SEE(first, last, NUMA_NO_NODE)
  END();
  return i == U64_MAX;
}
#endif
#ifdef LX_HAS_memblock_free_late
CALL_VOID(free_late, (RANGE), memblock_free_late(base, size))
#endif
#ifdef LX_HAS_memblock_discard
CALL_VOID(discard, (void), memblock_discard())
#endif
#ifdef LX_HAS_reserve_mem
CALL(int, reserve_mem_, (char* text), reserve_mem(text))
static bool find_reserve_mem(const char* name, uint64_t* base, uint64_t* size) {
  BEGIN(false);
  const bool found = reserve_mem_find_by_name(name, base, size);
  END();
  return found;
}
#endif

static struct LinuxObject object = {
    .version = kLinuxObjectVersion,
    .name = LX_NAME,
    .release = LX_RELEASE,
    .region_bytes = sizeof(struct memblock_region),
#ifdef LX_TIMING
    .page_shift_fix = PAGE_SHIFT,
#endif
#ifdef LX_HAS_numa_valid_node
    .node_any_alike = true,
#endif
    .memory_max = ROOM(memblock_memory_init_regions),
    .reserved_max = ROOM(memblock_reserved_init_regions),
    .reset = reset,
    .died = died,
    .abort_call = abort_call,
    .abort_stuck_call = abort_stuck_call,
    .add = add,
    .remove = remove_,
    .reserve = reserve,
    .phys_free = phys_free,
    .free_virt = free_virt,
    .mark_hotplug = mark_hotplug,
    .clear_hotplug = clear_hotplug,
    .mark_mirror = mark_mirror,
    .mark_nomap = mark_nomap,
    .clear_nomap = clear_nomap,
    .set_node = set_node,
    .search_pfn_nid = search_pfn_nid,
    .alloc_range_nid = alloc_range_nid,
    .phys_alloc_range = phys_alloc_range,
    .phys_alloc = phys_alloc,
    .phys_alloc_try_nid = phys_alloc_try_nid,
    .alloc = alloc_,
    .alloc_raw = alloc_raw,
    .alloc_from = alloc_from,
    .alloc_low = alloc_low,
    .alloc_node = alloc_node,
    .alloc_try_nid = alloc_try_nid,
    .alloc_try_nid_raw = alloc_try_nid_raw,
    .alloc_exact_nid_raw = alloc_exact_nid_raw,
    .set_bottom_up = set_bottom_up,
    .set_limit = set_limit,
    .limit = limit_,
    .set_movable_node = set_movable_node,
    .allow_resize = allow_resize,
    .set_slab_up = set_slab_up,
    .set_trace = set_trace,
    .phys_mem_size = phys_mem_size,
    .reserved_size = reserved_size,
    .start_of_dram = start_of_dram,
    .end_of_dram = end_of_dram,
    .is_memory = is_memory,
    .is_reserved = is_reserved,
    .is_map_memory = is_map_memory,
    .is_region_memory = is_region_memory,
    .is_region_reserved = is_region_reserved,
    .overlaps = overlaps,
    .region_pfns = region_pfns,
    .regions = regions_,
    .restore = restore,
    .isolate = isolate,
    .walk_mem = walk_mem,
    .walk_reserved = walk_reserved,
    .walk_free = walk_free,
    .sum_free = sum_free,
    .walk_mem_pfns = walk_mem_pfns,
    .enforce_memory_limit = enforce_memory_limit,
    .cap_memory_range = cap_memory_range,
    .mem_limit_remove_map = mem_limit_remove_map,
    .trim_memory = trim_memory,
    .free_all = free_all,
    .dump = dump,
#ifdef LX_HAS_physmem
    .physmem_add = physmem_add,
    .walk_physmem = walk_physmem,
#endif
#ifdef LX_HAS_memblock_reserved_mark_noinit
    .mark_reserved_noinit = mark_reserved_noinit,
#endif
#ifdef LX_HAS_memblock_validate_numa_coverage
    .validate_numa_coverage = validate_numa_coverage,
#endif
#ifdef LX_HAS_memblock_estimated_nr_free_pages
    .estimated_free_pages = estimated_free_pages,
#endif
#ifdef LX_HAS_memblock_has_mirror
    .has_mirror = has_mirror,
#endif
#ifdef LX_HAS_memblock_alloc_internal
    .alloc_internal = alloc_internal,
#endif
#ifdef LX_HAS_walk_zone
    .walk_zone_pfns = walk_zone_pfns,
#endif
#ifdef LX_HAS_memblock_free_late
    .free_late = free_late,
#endif
#ifdef LX_HAS_memblock_discard
    .discard = discard,
#endif
#ifdef LX_HAS_reserve_mem
    .reserve_mem = reserve_mem_,
    .find_reserve_mem = find_reserve_mem,
#endif
};

/* A small boot, to see what the handover does to reserved. */
static uint64_t no_address(void* context, const void* pointer) { return (uint64_t)pointer; }
static void no_pages(void* context, uint64_t pfn, unsigned order) {}
static void no_kept(void* context, uint64_t base, uint64_t end, int nid) {}
static void no_print(void* context, const char* line, size_t length) {}
static void no_warn(void* context, const char* condition) {}

static bool stamps_nodes(void) {
  const struct LinuxHost nobody = {.address_of = no_address,
                                   .free_pages = no_pages,
                                   .keep_pages = no_kept,
                                   .print = no_print,
                                   .warn = no_warn};
  reset(&nobody, 16, 16, 4, 12);
  add(1 << 20, 1 << 20, 0, 0);
  reserve(1 << 20, 4096, MAX_NUMNODES, 0);
  free_all(1 << 20);
  return memblock.reserved.regions[0].nid != MAX_NUMNODES;
}

__attribute__((visibility("default"))) const struct LinuxObject* linux_object(void) {
  static bool known;
  if (known) return &object;
  known = true;
  object.sentinel = memblock.memory.cnt == 1 && memblock.memory.regions[0].size == 0;
  object.stamps_nodes = stamps_nodes();
#ifdef LX_HAS_e820
  object.e820 = lx_e820();
#endif
  return &object;
}
#endif
