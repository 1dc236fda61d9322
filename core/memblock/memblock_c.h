/* The whole of core/memblock for programs in C: memblock, walks, handover, named reservations,
 * E820. One header, C99, nothing but fixed-width integers; link with the same library.
 *
 * Objects live where the caller puts them (static storage will do) and are never freed: nothing
 * here allocates. Pass them by address only, except walks, which may be copied. All calls begin
 * with mbl_, ranges are half-open and in bytes, and a call that returns mbl_status leaves the
 * regions as they were unless it returns MBL_OK. The comments of memblock.h, walk.h and e820.h hold
 * for the calls of the same name; here stands what C needs to know beyond them.
 */
/* NOLINTBEGIN: the names and idioms are those of C. */
#ifndef MEMBLOCK_MEMBLOCK_C_H
#define MEMBLOCK_MEMBLOCK_C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Settings of the build: the library must have been built with the same ones ---------------
 */

#ifndef MEMBLOCK_PHYS_ADDR_BITS
#define MEMBLOCK_PHYS_ADDR_BITS 64 /* Or 32: no large physical addresses, and no E820. */
#endif
#ifndef MEMBLOCK_NODES_MAX
#define MEMBLOCK_NODES_MAX 1024 /* 1: no NUMA; regions then have no node. */
#endif

#if MEMBLOCK_PHYS_ADDR_BITS == 64
typedef uint64_t mbl_phys;
#else
typedef uint32_t mbl_phys;
#endif

/* Bytes of the objects below; their alignment is that of uint64_t. */
#define MBL_MEMBLOCK_BYTES 1024
#define MBL_RANGE_WALK_BYTES 160
#define MBL_PFN_WALK_BYTES 64
#define MBL_ZONE_WALK_BYTES 192
#define MBL_NAMES_BYTES 384
#define MBL_E820_BYTES 64

typedef struct mbl_memblock {
  uint64_t opaque[MBL_MEMBLOCK_BYTES / 8];
} mbl_memblock;
typedef struct mbl_range_walk {
  uint64_t opaque[MBL_RANGE_WALK_BYTES / 8];
} mbl_range_walk;
typedef struct mbl_pfn_walk {
  uint64_t opaque[MBL_PFN_WALK_BYTES / 8];
} mbl_pfn_walk;
typedef struct mbl_zone_walk {
  uint64_t opaque[MBL_ZONE_WALK_BYTES / 8];
} mbl_zone_walk;
typedef struct mbl_names {
  uint64_t opaque[MBL_NAMES_BYTES / 8];
} mbl_names;

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Words
 * --------------------------------------------------------------------------------------- */

/* Provided by you: called on a broken contract (an inverted range, an alignment that is no power
 * of two, an object that is too small). Must not return. */
#ifdef __cplusplus
[[noreturn]]
#endif
void memblock_panic(const char* expression, const char* file, int line);

typedef enum mbl_status {
  MBL_OK,
  MBL_TABLE_FULL,     /* More regions than the table holds, and it may not or could not grow. */
  MBL_NO_FIT,         /* No free range satisfies the request. */
  MBL_INVALID,        /* An argument that no call can satisfy, or text that does not parse. */
  MBL_NOT_FOUND,      /* The thing asked for is not there. */
  MBL_BUSY,           /* The name is taken, or there is no more room for names. */
  MBL_NO_MEMORY_YET,  /* The call needs registered memory, and there is none. */
  MBL_AFTER_HANDOVER, /* The free memory belongs to the page allocator now: ask that one. */
  MBL_DISCARDED       /* The tables were given back with mbl_discard(). */
} mbl_status;

/* One lower-case phrase for people, such as "table full". */
const char* mbl_status_text(mbl_status status);

/* Bytes [base, end). */
typedef struct mbl_range {
  mbl_phys base;
  mbl_phys end;
} mbl_range;

#define MBL_PHYS_MAX ((mbl_phys)-1) /* No region contains it: ends are exclusive. */

/* `size` bytes from `base`, cut short at MBL_PHYS_MAX. */
mbl_range mbl_range_of_size(mbl_phys base, uint64_t size);

typedef int32_t mbl_nid;
#define MBL_NO_NODE ((mbl_nid)-1)                    /* "Any node" in a request. */
#define MBL_UNSET_NODE ((mbl_nid)MEMBLOCK_NODES_MAX) /* What new regions hold. */

typedef uint32_t mbl_flags; /* A sum of: */
#define MBL_NO_FLAGS 0x0u
#define MBL_HOTPLUG 0x1u          /* May be unplugged: see mbl_set_movable_node(). */
#define MBL_MIRROR 0x2u           /* Mirrored by the hardware: preferred. */
#define MBL_NOMAP 0x4u            /* Not in the direct map: never allocated. */
#define MBL_DRIVER_MANAGED 0x8u   /* Added by a driver: never allocated. */
#define MBL_RESERVED_NOINIT 0x10u /* On reserved: pages are not reported. */

/* One element of a table, laid out as Linux lays out struct memblock_region. */
typedef struct mbl_region {
  mbl_phys base;
  mbl_phys size;
  mbl_flags flags;
#if MEMBLOCK_NODES_MAX > 1
  mbl_nid nid;
#endif
} mbl_region;

typedef enum mbl_table_id { MBL_MEMORY, MBL_RESERVED, MBL_PHYSMEM } mbl_table_id;

/* Regions in address order: a table of a memblock as it stands right now, or somebody else's. */
typedef struct mbl_table {
  const mbl_region* regions;
  size_t count;
  size_t capacity;
  uint64_t total_bytes;
} mbl_table;

/* Page frames [first, last). */
typedef struct mbl_pfns {
  uint64_t first;
  uint64_t last;
  mbl_nid nid;
} mbl_pfns;

/* ---- Making one -------------------------------------------------------------------------------
 */

/* Something Linux would WARN about: the call still does what it says. */
typedef enum mbl_warning {
  MBL_OVERLAP_OTHER_NODE,
  MBL_OVERLAP_OTHER_FLAGS,
  MBL_NOT_MIRRORED,
  MBL_ALIGN_ZERO,
  MBL_GROWTH_FAILED
} mbl_warning;

/* What memblock asks of you. Each pointer may be null; `context` is handed back to every call. */
typedef struct mbl_platform {
  void* context;
  /* Where `range` can be read and written; null for a place that cannot. Without this call tables
   * never grow from memblock itself, and nothing is zeroed. */
  void* (*phys_to_virt)(void* context, mbl_range range);
  mbl_phys (*virt_to_phys)(void* context, const void* pointer);
  /* Clears an allocation; null: memset through phys_to_virt. */
  void (*zero)(void* context, mbl_range range);
  /* The allocator that takes over tables after mbl_set_late_allocator_up(). */
  void* (*late_alloc)(void* context, uint64_t bytes);
  void (*late_free)(void* context, void* pointer, uint64_t bytes);
  void (*warn)(void* context, mbl_warning warning);
  /* One line of trace or dump, without a newline and not terminated. */
  void (*print)(void* context, const char* line, size_t length);
} mbl_platform;

/* Properties of the machine that do not change. */
typedef struct mbl_machine {
  unsigned page_shift;   /* 12 to 16. */
  uint64_t cache_line;   /* Alignment when a caller names none. */
  uint64_t low_limit;    /* Upper bound of mbl_alloc_low(). */
  uint64_t region_bytes; /* What one region of a grown table accounts for. */
} mbl_machine;

/* 4 KiB pages, 64-byte lines, 0xffffffff, sizeof(mbl_region). */
mbl_machine mbl_default_machine(void);

/* First storage of the tables. Linux starts with 128, 128 and 4 regions. */
typedef struct mbl_storage {
  mbl_region* memory;
  size_t memory_count;
  mbl_region* reserved;
  size_t reserved_count;
  mbl_region* physmem; /* May be null with count 0. */
  size_t physmem_count;
} mbl_storage;

/* Makes `*m` an empty memblock, whatever was there before. `machine` may be null. All three
 * arguments are copied; the storage itself must live as long as `*m`. */
void mbl_init(mbl_memblock* m, const mbl_storage* storage, const mbl_platform* platform,
              const mbl_machine* machine);

/* For owners of tables that others see and edit: from now on table `id` is these regions. Call it
 * before each call that follows an edit. `place`: where storage that came from memblock lies, empty
 * for any other. Requires: count <= capacity; regions sorted, disjoint, not empty. */
void mbl_adopt(mbl_memblock* m, mbl_table_id id, mbl_region* regions, size_t capacity, size_t count,
               uint64_t total_bytes, mbl_range place);

/* ---- Registering, flags, nodes ----------------------------------------------------------------
 */

mbl_status mbl_add(mbl_memblock* m, mbl_range range);
mbl_status mbl_add_node(mbl_memblock* m, mbl_range range, mbl_nid nid, mbl_flags flags);
mbl_status mbl_remove(mbl_memblock* m, mbl_range range);
mbl_status mbl_reserve(mbl_memblock* m, mbl_range range);
mbl_status mbl_reserve_node(mbl_memblock* m, mbl_range range, mbl_nid nid, mbl_flags flags);
mbl_status mbl_free(mbl_memblock* m, mbl_range range);
mbl_status mbl_free_virt(mbl_memblock* m, const void* pointer, uint64_t size);
mbl_status mbl_physmem_add(mbl_memblock* m, mbl_range range);

mbl_status mbl_mark_hotplug(mbl_memblock* m, mbl_range range);
mbl_status mbl_clear_hotplug(mbl_memblock* m, mbl_range range);
mbl_status mbl_mark_mirror(mbl_memblock* m, mbl_range range);
mbl_status mbl_mark_nomap(mbl_memblock* m, mbl_range range);
mbl_status mbl_clear_nomap(mbl_memblock* m, mbl_range range);
mbl_status mbl_mark_reserved_noinit(mbl_memblock* m, mbl_range range);

mbl_status mbl_set_node(mbl_memblock* m, mbl_range range, mbl_table_id id, mbl_nid nid);
/* Errors: MBL_NOT_FOUND; `*found` is then not written. */
mbl_status mbl_search_pfn_nid(const mbl_memblock* m, uint64_t pfn, mbl_pfns* found);
uint64_t mbl_bytes_without_node(const mbl_memblock* m);
bool mbl_validate_numa_coverage(const mbl_memblock* m, uint64_t threshold_bytes);

/* ---- Allocation: physical addresses, in `*found`, which is written only with MBL_OK
 * -------------- */

#define MBL_UP_TO_LIMIT ((mbl_phys)0)               /* As `max`: the current limit. */
#define MBL_UP_TO_LIMIT_NO_LEAK_TRACE ((mbl_phys)1) /* The same. */
#define MBL_ANYWHERE MBL_PHYS_MAX

/* Start from {0}: 0 and false are the defaults, but `nid`, whose default is MBL_NO_NODE. */
typedef struct mbl_request {
  uint64_t size;
  uint64_t align; /* A power of two; 0 is a cache line, with a warning. */
  mbl_phys min;
  mbl_phys max; /* Exclusive, or one of the words above. */
  mbl_nid nid;
  bool exact_nid;        /* No other node will do. */
  bool within_limit;     /* The current limit holds even against a higher `max`. */
  bool retry_below_min;  /* When nothing fits, try again without `min`. */
  bool zero;             /* Clear it. */
  const char* traced_as; /* Name in the call trace; null: no line of its own. */
} mbl_request;

mbl_status mbl_allocate(mbl_memblock* m, const mbl_request* request, mbl_phys* found);

mbl_status mbl_phys_alloc_range(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                                mbl_phys max, mbl_phys* found);
mbl_status mbl_phys_alloc(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys* found);
mbl_status mbl_phys_alloc_try_nid(mbl_memblock* m, uint64_t size, uint64_t align, mbl_nid nid,
                                  mbl_phys* found);
mbl_status mbl_alloc(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys* found);
mbl_status mbl_alloc_raw(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys* found);
mbl_status mbl_alloc_from(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                          mbl_phys* found);
mbl_status mbl_alloc_low(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys* found);
mbl_status mbl_alloc_node(mbl_memblock* m, uint64_t size, uint64_t align, mbl_nid nid,
                          mbl_phys* found);
mbl_status mbl_alloc_try_nid(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                             mbl_phys max, mbl_nid nid, mbl_phys* found);
mbl_status mbl_alloc_try_nid_raw(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                                 mbl_phys max, mbl_nid nid, mbl_phys* found);
mbl_status mbl_alloc_exact_nid_raw(mbl_memblock* m, uint64_t size, uint64_t align, mbl_phys min,
                                   mbl_phys max, mbl_nid nid, mbl_phys* found);

/* ---- Settings ---------------------------------------------------------------------------------
 */

void mbl_set_bottom_up(mbl_memblock* m, bool on);
bool mbl_bottom_up(const mbl_memblock* m);
void mbl_set_limit(mbl_memblock* m, mbl_phys limit);
mbl_phys mbl_limit(const mbl_memblock* m);
void mbl_set_movable_node(mbl_memblock* m, bool on);
bool mbl_movable_node(const mbl_memblock* m);
void mbl_allow_resize(mbl_memblock* m);
bool mbl_can_resize(const mbl_memblock* m);
void mbl_set_late_allocator_up(mbl_memblock* m);

/* ---- Queries ----------------------------------------------------------------------------------
 */

uint64_t mbl_phys_mem_size(const mbl_memblock* m);
uint64_t mbl_reserved_size(const mbl_memblock* m);
uint64_t mbl_estimated_free_pages(const mbl_memblock* m);
mbl_phys mbl_start_of_dram(const mbl_memblock* m);
mbl_phys mbl_end_of_dram(const mbl_memblock* m);
bool mbl_is_memory(const mbl_memblock* m, mbl_phys address);
bool mbl_is_reserved(const mbl_memblock* m, mbl_phys address);
bool mbl_is_map_memory(const mbl_memblock* m, mbl_phys address);
bool mbl_is_region_memory(const mbl_memblock* m, mbl_range range);
bool mbl_is_region_reserved(const mbl_memblock* m, mbl_range range);
bool mbl_overlaps(const mbl_memblock* m, mbl_table_id id, mbl_range range);
bool mbl_has_mirror(const mbl_memblock* m);
mbl_pfns mbl_memory_pfns(const mbl_memblock* m, const mbl_region* region);
mbl_pfns mbl_reserved_pfns(const mbl_memblock* m, const mbl_region* region);
mbl_table mbl_table_of(const mbl_memblock* m, mbl_table_id id);
mbl_machine mbl_machine_of(const mbl_memblock* m);

/* Whether `table`, of a memblock or not, has any of `range`. */
bool mbl_table_overlaps(const mbl_table* table, mbl_range range);

/* ---- Walks ------------------------------------------------------------------------------------
 */

typedef enum mbl_direction { MBL_UP, MBL_DOWN } mbl_direction;

/* One answer: never empty, inside a single region of the walked table. */
typedef struct mbl_walked {
  mbl_range range;
  mbl_nid nid;
  mbl_flags flags;
} mbl_walked;

/* A walk over tables of `*m`, which must not change while the walk is used. */
mbl_range_walk mbl_mem_ranges(const mbl_memblock* m, mbl_direction direction);
mbl_range_walk mbl_reserved_ranges(const mbl_memblock* m, mbl_direction direction);
mbl_range_walk mbl_free_ranges(const mbl_memblock* m, mbl_nid nid, mbl_flags flags,
                               mbl_direction direction, mbl_range window);
mbl_range_walk mbl_physmem_ranges(const mbl_memblock* m);
mbl_range_walk mbl_physmem_ranges_minus(const mbl_memblock* m, mbl_table_id minus);
/* False at the end, and from then on. */
bool mbl_next_range(mbl_range_walk* walk, mbl_walked* out);

mbl_pfn_walk mbl_mem_pfns(const mbl_memblock* m, mbl_nid nid);
bool mbl_next_pfns(mbl_pfn_walk* walk, mbl_pfns* out);

/* `zone.nid` names the node. */
mbl_zone_walk mbl_free_pfns_in_zone(const mbl_memblock* m, mbl_pfns zone);
bool mbl_next_zone_pfns(mbl_zone_walk* walk, mbl_pfns* out);

/* Which regions of a table a walk looks at. */
typedef struct mbl_filter {
  mbl_nid nid;       /* Only this node; anything that is no node means all. */
  mbl_flags flags;   /* Asked for, as in mbl_free_ranges(). */
  bool movable_node; /* Whether hotplug memory is kept for movable pages. */
  bool everything;   /* All regions: reserved and physmem have no filter. */
} mbl_filter;

/* Where a walk over tables of any owner goes on: positions in both, as Linux keeps them in the
 * `u64` of its iterators. A value of its own remains good while the tables stay as they are. */
typedef uint64_t mbl_cursor;
#define MBL_CURSOR_UP ((mbl_cursor)0)   /* Begins a walk up. */
#define MBL_CURSOR_END (~(mbl_cursor)0) /* No more; also begins a walk down. */

/* The next range of `from` without `minus` (may be null) behind `*cursor`; false, with
 * MBL_CURSOR_END, if there is none. Cost: O(log n) in both tables. */
bool mbl_walk_on(const mbl_table* from, const mbl_table* minus, const mbl_filter* filter,
                 mbl_direction direction, mbl_cursor* cursor, mbl_walked* out);

/* ---- Limits -----------------------------------------------------------------------------------
 */

mbl_status mbl_enforce_memory_limit(mbl_memblock* m, uint64_t bytes);
mbl_status mbl_cap_memory_range(mbl_memblock* m, mbl_range range);
mbl_status mbl_mem_limit_remove_map(mbl_memblock* m, uint64_t bytes);
void mbl_trim_memory(mbl_memblock* m, uint64_t align);

/* ---- Handover ---------------------------------------------------------------------------------
 */

#define MBL_ORDER_MAX 10 /* Largest chunk: 1 << 10 pages. */

/* The page allocator's side. Both calls may be null. */
typedef struct mbl_page_sink {
  void* context;
  void (*free_pages)(void* context, uint64_t pfn, unsigned order);
  void (*keep_pages)(void* context, mbl_pfns pages);
} mbl_page_sink;

uint64_t mbl_free_all(mbl_memblock* m, const mbl_page_sink* sink, uint64_t max_pfn);
mbl_status mbl_free_late(mbl_memblock* m, mbl_range range);
void mbl_discard(mbl_memblock* m);
bool mbl_handed_over(const mbl_memblock* m);
bool mbl_discarded(const mbl_memblock* m);

/* ---- Printing and checking --------------------------------------------------------------------
 */

void mbl_set_trace(mbl_memblock* m, bool on);
/* The text must live until the next call of this. */
void mbl_set_caller(mbl_memblock* m, const char* caller);
void mbl_dump(const mbl_memblock* m);

/* 0 when all invariants hold, else the number of the first that does not (see Memblock). */
int mbl_first_broken_invariant(const mbl_memblock* m);
bool mbl_is_valid(const mbl_memblock* m);
/* Positions [*first, *last) of the regions inside `range` once it is split at both ends. */
mbl_status mbl_isolate(mbl_memblock* m, mbl_table_id id, mbl_range range, size_t* first,
                       size_t* last);

/* ---- Named reservations (reserve_mem=) ---------------------------------------------------------
 */

#define MBL_NAMES_MAX 8
#define MBL_NAME_BYTES 16 /* With the terminating zero. */

/* An object of zero bytes is an empty one, too. */
void mbl_names_init(mbl_names* names);
/* Carries out one `size:align:name`; `*range`, which may be null, is what it got. */
mbl_status mbl_names_add(mbl_names* names, mbl_memblock* m, const char* option, mbl_range* range);
mbl_status mbl_names_find(const mbl_names* names, const char* name, mbl_range* range);
size_t mbl_names_count(const mbl_names* names);
/* The name and range of entry `index`. Requires: index < mbl_names_count(). */
const char* mbl_names_entry(const mbl_names* names, size_t index, mbl_range* range);

#if MEMBLOCK_PHYS_ADDR_BITS == 64
/* ---- E820: the firmware's map ------------------------------------------------------------------
 */

typedef struct mbl_e820 {
  uint64_t opaque[MBL_E820_BYTES / 8];
} mbl_e820;

typedef uint32_t mbl_e820_type; /* The firmware's numbers; any other is kept as it is. */
#define MBL_E820_NONE 0u
#define MBL_E820_RAM 1u
#define MBL_E820_RESERVED 2u
#define MBL_E820_ACPI 3u
#define MBL_E820_NVS 4u
#define MBL_E820_UNUSABLE 5u
#define MBL_E820_PMEM 7u
#define MBL_E820_PRAM 12u
#define MBL_E820_RESERVED_KERN 128u
#define MBL_E820_SOFT_RESERVED 0xefffffffu

typedef struct mbl_e820_entry {
  mbl_phys base;
  uint64_t size;
  mbl_e820_type type;
} mbl_e820_entry;

#define MBL_E820_ENTRIES_ZERO_PAGE 128
#define MBL_E820_ENTRIES_MAX (128 + 3 * 1024)
#define MBL_E820_WORKSPACE_SLOTS 3 /* For each slot of capacity. */

const char* mbl_e820_type_text(mbl_e820_type type);

/* Makes `*table` an empty map of `capacity` entries. `workspace` has room for
 * MBL_E820_WORKSPACE_SLOTS * capacity entries. Both must live as long as `*table`. */
void mbl_e820_init(mbl_e820* table, mbl_e820_entry* storage, size_t capacity,
                   mbl_e820_entry* workspace);
size_t mbl_e820_count(const mbl_e820* table);
size_t mbl_e820_capacity(const mbl_e820* table);
const mbl_e820_entry* mbl_e820_entries(const mbl_e820* table);
void mbl_e820_clear(mbl_e820* table);
mbl_status mbl_e820_append(mbl_e820* table, const mbl_e820_entry* entry);
/* `*bytes`, which may be null, is how many were changed or dropped. */
mbl_status mbl_e820_update(mbl_e820* table, mbl_phys base, uint64_t size, mbl_e820_type from,
                           mbl_e820_type to, uint64_t* bytes);
mbl_status mbl_e820_remove(mbl_e820* table, mbl_phys base, uint64_t size, mbl_e820_type type,
                           uint64_t* bytes);
bool mbl_e820_mapped_any(const mbl_e820* table, mbl_range range, mbl_e820_type type);
bool mbl_e820_mapped_all(const mbl_e820* table, mbl_range range, mbl_e820_type type);
mbl_status mbl_e820_type_of(const mbl_e820* table, mbl_range range, mbl_e820_type* type);
mbl_status mbl_e820_sanitize(mbl_e820* table);
uint64_t mbl_e820_end_of_ram_pfn(const mbl_e820* table, uint64_t limit_pfn, unsigned page_shift);
mbl_status mbl_e820_search_gap(const mbl_e820* table, mbl_range* gap);
/* Runs `steps`; if they fail, the table is as it was before. They must not call this themselves. */
mbl_status mbl_e820_all_or_nothing(mbl_e820* table,
                                   mbl_status (*steps)(void* context, mbl_e820* table),
                                   void* context);

/* The value of mem= or memmap=. `*user_defined` becomes true if the map was changed by it; start it
 * with false, and hand it to mbl_e820_finish_options() after the last option. */
mbl_status mbl_e820_mem_option(mbl_e820* table, const char* value, bool* user_defined);
mbl_status mbl_e820_memmap_option(mbl_e820* table, const char* value, bool* user_defined);
mbl_status mbl_e820_finish_options(mbl_e820* table, bool user_defined);

/* What the boot loader placed and the firmware keeps. Empty ranges are left out. */
typedef struct mbl_boot_layout {
  mbl_range kernel_image;
  mbl_range initrd;
  const mbl_range* setup_data;
  size_t setup_data_count;
  mbl_range bios;
} mbl_boot_layout;

mbl_status mbl_early_reserve(mbl_memblock* m, const mbl_boot_layout* layout);
mbl_status mbl_e820_trim_bios_range(mbl_e820* table);
mbl_status mbl_e820_add_kernel_range(mbl_e820* table, mbl_range kernel);
mbl_status mbl_load_e820(mbl_memblock* m, const mbl_e820* table);
#endif

/* A number as kernel command lines write it, without and with a suffix of K M G T P E. `*rest`,
 * which may be null, is where it ends. Errors: MBL_INVALID; nothing is written then. */
mbl_status mbl_parse_number(const char* text, uint64_t* value, const char** rest);
mbl_status mbl_parse_size(const char* text, uint64_t* value, const char** rest);

#ifdef __cplusplus
}
#endif

#endif
/* NOLINTEND */
