/* Stands in for mm/memblock.c of a Linux tree: the same symbols, the same visible `struct
 * memblock`, carried out by core/memblock through its C API. Built inside a tree only, in the place
 * of that file; everything of Linux that it needs comes from the tree's own headers.
 *
 * The tables are the visible arrays themselves. Each call hands over what stands there now, so
 * edits from outside count, and shows afterwards what has become of it (look() and show()).
 *
 * What the tree does that no header tells comes from the build (see ci/linux/simulator):
 *   TREE_SENTINEL            cnt of an empty table: 1 up to 6.10, 0 since
 *   TREE_PANICS_WHEN_FULL    a full table that may not grow is fatal (since 6.7)
 *   TREE_HAS_<symbol>        the tree has this symbol
 *
 * On purpose not the same: size 0 is not allocated, nothing is after the handover, and the unused
 * part of a flat memmap is not freed.
 */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/memblock.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "internal.h"
#include "memblock/memblock_c.h"

#ifndef INIT_MEMBLOCK_REGIONS
#define INIT_MEMBLOCK_REGIONS 128
#endif
#ifndef INIT_MEMBLOCK_MEMORY_REGIONS
#define INIT_MEMBLOCK_MEMORY_REGIONS INIT_MEMBLOCK_REGIONS
#endif
#ifndef INIT_MEMBLOCK_RESERVED_REGIONS
#define INIT_MEMBLOCK_RESERVED_REGIONS INIT_MEMBLOCK_REGIONS
#endif
#ifndef INIT_PHYSMEM_REGIONS
#define INIT_PHYSMEM_REGIONS 4
#endif

_Static_assert(sizeof(phys_addr_t) == sizeof(mbl_phys),
               "MEMBLOCK_PHYS_ADDR_BITS is not the tree's");
_Static_assert(MAX_NUMNODES == MEMBLOCK_NODES_MAX, "MEMBLOCK_NODES_MAX is not the tree's");
_Static_assert(sizeof(struct memblock_region) == sizeof(mbl_region), "the regions differ");
_Static_assert(__builtin_offsetof(struct memblock_region, flags) ==
                   __builtin_offsetof(mbl_region, flags),
               "the regions differ");

/* ---- What the tree sees ------------------------------------------------------------------------
 */

#ifndef CONFIG_NUMA
struct pglist_data __refdata contig_page_data;
EXPORT_SYMBOL(contig_page_data);
#endif

unsigned long max_low_pfn;
unsigned long min_low_pfn;
unsigned long max_pfn;
unsigned long long max_possible_pfn;

static struct memblock_region first_memory[INIT_MEMBLOCK_MEMORY_REGIONS] __initdata_memblock;
static struct memblock_region first_reserved[INIT_MEMBLOCK_RESERVED_REGIONS] __initdata_memblock;

struct memblock memblock __initdata_memblock = {
    .bottom_up = false,
    .current_limit = MEMBLOCK_ALLOC_ANYWHERE,
    .memory = {.cnt = TREE_SENTINEL,
               .max = INIT_MEMBLOCK_MEMORY_REGIONS,
               .regions = first_memory,
               .name = "memory"},
    .reserved = {.cnt = TREE_SENTINEL,
                 .max = INIT_MEMBLOCK_RESERVED_REGIONS,
                 .regions = first_reserved,
                 .name = "reserved"},
};

#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
static struct memblock_region first_physmem[INIT_PHYSMEM_REGIONS];
struct memblock_type physmem = {
    .cnt = TREE_SENTINEL, .max = INIT_PHYSMEM_REGIONS, .regions = first_physmem, .name = "physmem"};
#endif

/* The table whose flags and nodes walks respect; none any more once memblock is discarded. */
static __refdata struct memblock_type* filtered = &memblock.memory;

static int memblock_debug __initdata_memblock;

void memblock_panic(const char* expression, const char* file, int line) {
  panic("memblock: %s does not hold (%s:%d)\n", expression, file, line);
  __builtin_trap();
}

/* ---- What the core asks of the tree
 * -------------------------------------------------------------- */

static mbl_memblock core __initdata_memblock;
static bool core_is_made __initdata_memblock;

static void accept_range(phys_addr_t base, phys_addr_t size) {
#ifdef TREE_HAS_accept_memory
  accept_memory(base, size);
#endif
}

static void* on_phys_to_virt(void* context, mbl_range range) {
  accept_range(range.base, range.end - range.base);
  return __va(range.base);
}

static void* on_late_alloc(void* context, uint64_t bytes) { return kmalloc(bytes, GFP_KERNEL); }

static void on_late_free(void* context, void* pointer, uint64_t bytes) { kfree(pointer); }

static void on_warn(void* context, mbl_warning warning) {
  switch (warning) {
    case MBL_OVERLAP_OTHER_NODE:
    case MBL_OVERLAP_OTHER_FLAGS: WARN_ON(1); break;
    case MBL_NOT_MIRRORED:
      pr_warn_ratelimited("memblock: not enough mirrored memory, taking other\n");
      break;
    case MBL_ALIGN_ZERO: /* Too early for a WARN on some machines. */ dump_stack(); break;
    case MBL_GROWTH_FAILED: /* The core has printed what failed. */ break;
  }
}

static void on_print(void* context, const char* line, size_t length) {
  pr_info("%.*s\n", (int)length, line);
}

/* ---- Between the visible tables and the core
 * ----------------------------------------------------- */

static int node_of_tree(mbl_nid nid) { return IS_ENABLED(CONFIG_NUMA) ? nid : 0; }
static mbl_nid node_of_core(int nid) { return IS_ENABLED(CONFIG_NUMA) ? nid : MBL_NO_NODE; }
static bool names_a_node(int nid) { return nid >= 0 && nid < MAX_NUMNODES; }

/* An empty table has an empty first region, whatever it counts. */
static size_t count_of(const struct memblock_type* type) {
  return type->cnt != 0 && type->regions[0].size != 0 ? type->cnt : 0;
}

static mbl_table seen(const struct memblock_type* type) {
  return (mbl_table){(const mbl_region*)type->regions, count_of(type), type->max,
                     count_of(type) != 0 ? type->total_size : 0};
}

static void look_at(mbl_table_id id, struct memblock_type* type,
                    const struct memblock_region* first_storage) {
  const mbl_table table = seen(type);
  mbl_range place = {0, 0};
  if (type->regions != first_storage) {
    place = mbl_range_of_size(__pa(type->regions), PAGE_ALIGN(type->max * sizeof(*type->regions)));
  }
  mbl_adopt(&core, id, (mbl_region*)type->regions, table.capacity, table.count, table.total_bytes,
            place);
}

static void make_core(void) {
  const mbl_storage storage = {0};
  const mbl_platform platform = {.phys_to_virt = on_phys_to_virt,
                                 .late_alloc = on_late_alloc,
                                 .late_free = on_late_free,
                                 .warn = on_warn,
                                 .print = on_print};
  const mbl_machine machine = {.page_shift = PAGE_SHIFT,
                               .cache_line = SMP_CACHE_BYTES,
                               .low_limit = ARCH_LOW_ADDRESS_LIMIT,
                               .region_bytes = sizeof(struct memblock_region)};
  mbl_init(&core, &storage, &platform, &machine);
  core_is_made = true;
}

/* Before a query: writes nothing unless the tables were edited. */
static const mbl_memblock* __init_memblock look(void) {
  if (!core_is_made) make_core();
  look_at(MBL_MEMORY, &memblock.memory, first_memory);
  look_at(MBL_RESERVED, &memblock.reserved, first_reserved);
#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
  look_at(MBL_PHYSMEM, &physmem, first_physmem);
#endif
  return &core;
}

/* Before a change: the settings, too, are visible and may have been edited. */
static mbl_memblock* __init_memblock begin(unsigned long caller) {
  static char caller_text[64] __initdata_memblock;
  look();
  mbl_set_bottom_up(&core, memblock.bottom_up);
  mbl_set_limit(&core, memblock.current_limit);
  mbl_set_movable_node(&core, movable_node_is_enabled());
  if (slab_is_available()) mbl_set_late_allocator_up(&core);
  if (memblock_debug) {
    mbl_set_trace(&core, true);
    snprintf(caller_text, sizeof(caller_text), "%pS", (void*)caller);
    mbl_set_caller(&core, caller_text);
  }
  return &core;
}

static void show(mbl_table_id id, struct memblock_type* type) {
  const mbl_table table = mbl_table_of(&core, id);
  type->regions = (struct memblock_region*)table.regions;
  type->max = table.capacity;
  type->total_size = table.total_bytes;
  if (table.count == 0 && count_of(type) != 0) {
    type->regions[0].base = 0;
    type->regions[0].size = 0;
    type->regions[0].flags = MEMBLOCK_NONE;
    memblock_set_region_node(&type->regions[0], MAX_NUMNODES);
  }
  type->cnt = table.count != 0 ? table.count : TREE_SENTINEL;
}

static void __init_memblock show_all(void) {
  show(MBL_MEMORY, &memblock.memory);
  show(MBL_RESERVED, &memblock.reserved);
#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
  show(MBL_PHYSMEM, &physmem);
#endif
}

/* After a change of `type`: shows it, and says what Linux says for this status. */
static int __init_memblock finish(mbl_status status, const struct memblock_type* type) {
  show_all();
  if (TREE_PANICS_WHEN_FULL && status == MBL_TABLE_FULL && !mbl_can_resize(&core)) {
    panic("memblock: cannot resize %s array\n", type->name);
  }
  switch (status) {
    case MBL_OK: return 0;
    case MBL_INVALID: return -EINVAL;
    case MBL_BUSY: return -EBUSY;
    default: return -ENOMEM;
  }
}

/* `_RET_IP_` must be taken in the function that was called from outside. */
#define CHANGE(type, call, ...) finish(call(begin(_RET_IP_), __VA_ARGS__), &(type))

/* ---- Registering, flags, nodes
 * ------------------------------------------------------------------- */

int __init_memblock memblock_add(phys_addr_t base, phys_addr_t size) {
  return CHANGE(memblock.memory, mbl_add, mbl_range_of_size(base, size));
}

int __init_memblock memblock_add_node(phys_addr_t base, phys_addr_t size, int nid,
                                      enum memblock_flags flags) {
  return CHANGE(memblock.memory, mbl_add_node, mbl_range_of_size(base, size), nid, flags);
}

int __init_memblock memblock_remove(phys_addr_t base, phys_addr_t size) {
  return CHANGE(memblock.memory, mbl_remove, mbl_range_of_size(base, size));
}

int __init_memblock memblock_reserve(phys_addr_t base, phys_addr_t size) {
  return CHANGE(memblock.reserved, mbl_reserve, mbl_range_of_size(base, size));
}

int __init_memblock memblock_phys_free(phys_addr_t base, phys_addr_t size) {
  kmemleak_free_part_phys(base, size);
  return CHANGE(memblock.reserved, mbl_free, mbl_range_of_size(base, size));
}

void __init_memblock memblock_free(void* ptr, size_t size) {
  if (ptr != NULL) memblock_phys_free(__pa(ptr), size);
}

#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
int __init_memblock memblock_physmem_add(phys_addr_t base, phys_addr_t size) {
  return CHANGE(physmem, mbl_physmem_add, mbl_range_of_size(base, size));
}
#endif

int __init_memblock memblock_mark_hotplug(phys_addr_t base, phys_addr_t size) {
  return CHANGE(memblock.memory, mbl_mark_hotplug, mbl_range_of_size(base, size));
}

int __init_memblock memblock_clear_hotplug(phys_addr_t base, phys_addr_t size) {
  return CHANGE(memblock.memory, mbl_clear_hotplug, mbl_range_of_size(base, size));
}

int __init_memblock memblock_mark_mirror(phys_addr_t base, phys_addr_t size) {
#ifdef TREE_HAS_mirrored_kernelcore
  if (!mirrored_kernelcore) return 0;
#endif
  return CHANGE(memblock.memory, mbl_mark_mirror, mbl_range_of_size(base, size));
}

int __init_memblock memblock_mark_nomap(phys_addr_t base, phys_addr_t size) {
  return CHANGE(memblock.memory, mbl_mark_nomap, mbl_range_of_size(base, size));
}

int __init_memblock memblock_clear_nomap(phys_addr_t base, phys_addr_t size) {
  return CHANGE(memblock.memory, mbl_clear_nomap, mbl_range_of_size(base, size));
}

#ifdef TREE_HAS_memblock_reserved_mark_noinit
int __init_memblock memblock_reserved_mark_noinit(phys_addr_t base, phys_addr_t size) {
  return CHANGE(memblock.reserved, mbl_mark_reserved_noinit, mbl_range_of_size(base, size));
}
#endif

int __init_memblock memblock_set_node(phys_addr_t base, phys_addr_t size,
                                      struct memblock_type* type, int nid) {
  mbl_table_id id = MBL_PHYSMEM;
  if (!IS_ENABLED(CONFIG_NUMA)) return 0;
  if (type == &memblock.memory) id = MBL_MEMORY;
  if (type == &memblock.reserved) id = MBL_RESERVED;
#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
  if (id == MBL_PHYSMEM && WARN_ON(type != &physmem)) return -EINVAL;
#else
  if (WARN_ON(id == MBL_PHYSMEM)) return -EINVAL;
#endif
  return CHANGE(*type, mbl_set_node, mbl_range_of_size(base, size), id, nid);
}

int __init_memblock memblock_search_pfn_nid(unsigned long pfn, unsigned long* start_pfn,
                                            unsigned long* end_pfn) {
  mbl_pfns found;
  if (mbl_search_pfn_nid(look(), pfn, &found) != MBL_OK) return -1;
  *start_pfn = found.first;
  *end_pfn = found.last;
  return node_of_tree(found.nid);
}

#ifdef TREE_HAS_memblock_validate_numa_coverage
bool __init_memblock memblock_validate_numa_coverage(unsigned long threshold_bytes) {
  return mbl_validate_numa_coverage(look(), threshold_bytes);
}
#endif

/* ---- Settings and queries
 * ------------------------------------------------------------------------ */

void __init memblock_allow_resize(void) { mbl_allow_resize(begin(_RET_IP_)); }

void __init_memblock memblock_set_current_limit(phys_addr_t limit) {
  memblock.current_limit = limit;
}

phys_addr_t __init_memblock memblock_get_current_limit(void) { return memblock.current_limit; }

#ifdef TREE_HAS_memblock_has_mirror
bool __init_memblock memblock_has_mirror(void) { return mbl_has_mirror(look()); }
#endif

phys_addr_t __init_memblock memblock_phys_mem_size(void) { return mbl_phys_mem_size(look()); }

phys_addr_t __init_memblock memblock_reserved_size(void) { return mbl_reserved_size(look()); }

#ifdef TREE_HAS_memblock_estimated_nr_free_pages
unsigned long __init memblock_estimated_nr_free_pages(void) {
  return mbl_estimated_free_pages(look());
}
#endif

phys_addr_t __init_memblock memblock_start_of_DRAM(void) { return mbl_start_of_dram(look()); }

phys_addr_t __init_memblock memblock_end_of_DRAM(void) { return mbl_end_of_dram(look()); }

bool __init_memblock memblock_is_memory(phys_addr_t addr) { return mbl_is_memory(look(), addr); }

bool __init_memblock memblock_is_map_memory(phys_addr_t addr) {
  return mbl_is_map_memory(look(), addr);
}

bool __init_memblock memblock_is_reserved(phys_addr_t addr) {
  return mbl_is_reserved(look(), addr);
}

bool __init_memblock memblock_is_region_memory(phys_addr_t base, phys_addr_t size) {
  return mbl_is_region_memory(look(), mbl_range_of_size(base, size));
}

bool __init_memblock memblock_is_region_reserved(phys_addr_t base, phys_addr_t size) {
  return mbl_is_region_reserved(look(), mbl_range_of_size(base, size));
}

bool __init_memblock memblock_overlaps_region(struct memblock_type* type, phys_addr_t base,
                                              phys_addr_t size) {
  const mbl_table table = seen(type);
  return mbl_table_overlaps(&table, mbl_range_of_size(base, size));
}

unsigned long __init_memblock memblock_addrs_overlap(phys_addr_t base1, phys_addr_t size1,
                                                     phys_addr_t base2, phys_addr_t size2) {
  const mbl_range a = mbl_range_of_size(base1, size1);
  const mbl_range b = mbl_range_of_size(base2, size2);
  return a.base < b.end && b.base < a.end;
}

/* Walks, allocation, limits and the handover; one file to the compiler, as the tree expects. */
#include "memblock_alloc.c"
#include "memblock_handover.c"
