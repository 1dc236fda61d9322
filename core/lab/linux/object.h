/* What a kernel tree's memblock looks like once it is built into a shared object of its own: one
 * table of calls, filled by shim.c inside the object and used by LinuxBackend outside of it. Plain
 * C, because the kernel's file is. */
#ifndef MEMBLOCK_LAB_LINUX_OBJECT_H
#define MEMBLOCK_LAB_LINUX_OBJECT_H

/* NOLINTBEGIN(readability-identifier-naming): C has no scoped names. */
#ifdef __cplusplus
#include <cstddef>
#include <cstdint>
extern "C" {
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

enum { kLinuxObjectVersion = 3 };

/* Where ranges end: exclusive, as base and size, because the kernel has it so. */
struct LinuxRegion {
  uint64_t base;
  uint64_t size;
  uint32_t flags;
  int32_t nid;
};

enum LinuxTable { kLinuxMemory, kLinuxReserved, kLinuxPhysmem };

/* What kernel code asks for while a call runs; `context` comes back with each. */
struct LinuxHost {
  void* context;
  /* Memory for `bytes` of a grown table at physical `address`; null: there is none. */
  void* (*memory_at)(void* context, uint64_t address, uint64_t bytes);
  /* Physical address of a pointer that memory_at() gave, or the pointer's own value. */
  uint64_t (*address_of)(void* context, const void* pointer);
  /* For grown tables. */
  void* (*late_alloc)(void* context, size_t bytes);
  void (*late_free)(void* context, void* pointer);
  /* An allocation was passed on to the late allocator: whatever it gives is never touched. */
  void (*served_late)(void* context);
  void (*zeroed)(void* context, uint64_t address, uint64_t bytes);
  void (*free_pages)(void* context, uint64_t pfn, unsigned order);
  /* nid is kLinuxNodeNotSaid where the tree names none. */
  void (*keep_pages)(void* context, uint64_t base, uint64_t end, int nid);
  void (*print)(void* context, const char* line, size_t length);
  /* A WARN: the condition as it stands in the source. */
  void (*warn)(void* context, const char* condition);
};

enum {
  kLinuxNodeNotSaid = -1000,
  kLinuxImageAt = 16 << 20, /* Physical address of the kernel's static data. */
};

/* One answer of a walk: addresses or page frames. */
typedef void (*LinuxSeen)(void* to, uint64_t first, uint64_t last, int nid);

/* Calls that the tree does not have are null. Those that return int give 0 or a negative errno;
 * all give 0 when the kernel died in them, see died(). */
struct LinuxObject {
  unsigned version;
  const char* name;        /* As given to the build. */
  const char* release;     /* "6.12", as the tree itself says; empty: it does not. */
  unsigned region_bytes;   /* sizeof(struct memblock_region) */
  unsigned page_shift_fix; /* Page size that the object was built for, or 0 for any. */
  bool sentinel;           /* An empty table holds an empty region. */
  bool node_any_alike;     /* All numbers that are no node mean any node. */
  bool stamps_nodes;       /* The handover writes node ids into reserved. */
  uint64_t memory_max;     /* Largest first capacities. */
  uint64_t reserved_max;

  /* Forgets everything that happened since loading. Costs well under a microsecond. */
  void (*reset)(const struct LinuxHost* host, uint64_t memory_max, uint64_t reserved_max,
                uint64_t physmem_max, unsigned page_shift);
  /* Null, or what a call died of, "BUG: ..." or "panic: ...", since this was asked last. */
  const char* (*died)(void);
  /* For signal handlers: ends the running call as if it had panicked. False: none is running. */
  bool (*abort_call)(const char* why);
  /* The same, if the call that runs did so already when this was asked last. */
  bool (*abort_stuck_call)(const char* why);

  int (*add)(uint64_t base, uint64_t size, int nid, unsigned flags);
  int (*remove)(uint64_t base, uint64_t size);
  int (*reserve)(uint64_t base, uint64_t size, int nid, unsigned flags);
  int (*phys_free)(uint64_t base, uint64_t size);
  void (*free_virt)(void* pointer, uint64_t size);
  int (*physmem_add)(uint64_t base, uint64_t size);

  int (*mark_hotplug)(uint64_t base, uint64_t size);
  int (*clear_hotplug)(uint64_t base, uint64_t size);
  int (*mark_mirror)(uint64_t base, uint64_t size);
  int (*mark_nomap)(uint64_t base, uint64_t size);
  int (*clear_nomap)(uint64_t base, uint64_t size);
  int (*mark_reserved_noinit)(uint64_t base, uint64_t size);

  int (*set_node)(uint64_t base, uint64_t size, enum LinuxTable table, int nid);
  /* False: not found. */
  bool (*search_pfn_nid)(uint64_t pfn, uint64_t* first, uint64_t* last, int* nid);
  bool (*validate_numa_coverage)(uint64_t bytes);

  uint64_t (*alloc_range_nid)(uint64_t size, uint64_t align, uint64_t min, uint64_t max, int nid,
                              bool exact);
  uint64_t (*alloc_internal)(uint64_t size, uint64_t align, uint64_t min, uint64_t max, int nid,
                             bool exact);
  uint64_t (*phys_alloc_range)(uint64_t size, uint64_t align, uint64_t min, uint64_t max);
  uint64_t (*phys_alloc)(uint64_t size, uint64_t align);
  uint64_t (*phys_alloc_try_nid)(uint64_t size, uint64_t align, int nid);
  uint64_t (*alloc)(uint64_t size, uint64_t align);
  uint64_t (*alloc_raw)(uint64_t size, uint64_t align);
  uint64_t (*alloc_from)(uint64_t size, uint64_t align, uint64_t min);
  uint64_t (*alloc_low)(uint64_t size, uint64_t align);
  uint64_t (*alloc_node)(uint64_t size, uint64_t align, int nid);
  uint64_t (*alloc_try_nid)(uint64_t size, uint64_t align, uint64_t min, uint64_t max, int nid);
  uint64_t (*alloc_try_nid_raw)(uint64_t size, uint64_t align, uint64_t min, uint64_t max, int nid);
  uint64_t (*alloc_exact_nid_raw)(uint64_t size, uint64_t align, uint64_t min, uint64_t max,
                                  int nid);

  void (*set_bottom_up)(bool on);
  void (*set_limit)(uint64_t limit);
  uint64_t (*limit)(void);
  void (*set_movable_node)(bool on);
  void (*allow_resize)(void);
  void (*set_slab_up)(bool for_growth, bool for_allocations);
  void (*set_trace)(bool on);

  uint64_t (*phys_mem_size)(void);
  uint64_t (*reserved_size)(void);
  uint64_t (*estimated_free_pages)(void);
  uint64_t (*start_of_dram)(void);
  /* Where an empty table is read in front of its start, the answer is not 0. */
  uint64_t (*end_of_dram)(void);
  bool (*is_memory)(uint64_t address);
  bool (*is_reserved)(uint64_t address);
  bool (*is_map_memory)(uint64_t address);
  bool (*is_region_memory)(uint64_t base, uint64_t size);
  bool (*is_region_reserved)(uint64_t base, uint64_t size);
  bool (*overlaps)(enum LinuxTable table, uint64_t base, uint64_t size);
  bool (*has_mirror)(void);
  void (*region_pfns)(enum LinuxTable table, const struct LinuxRegion* region, uint64_t* first,
                      uint64_t* last);

  /* The array as it stands; `count` is the kernel's own, dummy entry included. */
  const struct LinuxRegion* (*regions)(enum LinuxTable table, uint64_t* count, uint64_t* capacity,
                                       uint64_t* total);
  /* Puts a table back to what it was; only where `capacity` did not change. */
  void (*restore)(enum LinuxTable table, const struct LinuxRegion* regions, uint64_t count,
                  uint64_t total);
  int (*isolate)(enum LinuxTable table, uint64_t base, uint64_t size, int* first, int* last);

  /* Walks stop with false after `most` answers: a walk that never ends is a finding. */
  bool (*walk_mem)(bool down, LinuxSeen seen, void* to, uint64_t most);
  bool (*walk_reserved)(bool down, LinuxSeen seen, void* to, uint64_t most);
  bool (*walk_free)(bool down, int nid, unsigned flags, LinuxSeen seen, void* to, uint64_t most);
  /* minus: -1 for none. */
  bool (*walk_physmem)(int minus, LinuxSeen seen, void* to, uint64_t most);
  /* The sum of all bases: the same walk for timing. */
  uint64_t (*sum_free)(bool down);
  bool (*walk_mem_pfns)(int nid, LinuxSeen seen, void* to, uint64_t most);
  bool (*walk_zone_pfns)(uint64_t first, uint64_t last, int nid, LinuxSeen seen, void* to,
                         uint64_t most);

  void (*enforce_memory_limit)(uint64_t bytes);
  void (*cap_memory_range)(uint64_t base, uint64_t size);
  void (*mem_limit_remove_map)(uint64_t bytes);
  void (*trim_memory)(uint64_t align);

  uint64_t (*free_all)(uint64_t max_pfn);
  void (*free_late)(uint64_t base, uint64_t size);
  void (*discard)(void);
  void (*dump)(void);

  int (*reserve_mem)(char* text);
  bool (*find_reserve_mem)(const char* name, uint64_t* base, uint64_t* size);

  const struct LinuxE820* e820; /* Null: the tree's e820.c is not part of the object. */
};

/* arch/x86/kernel/e820.c of the same tree, on the same memblock. */
struct LinuxE820 {
  uint32_t capacity;
  bool acpi_is_ram; /* ACPI tables count for the end of RAM. */
  void (*reset)(uint32_t capacity);
  uint32_t (*count)(void);
  void (*entry)(uint32_t index, uint64_t* base, uint64_t* size, uint32_t* type);
  void (*append)(uint64_t base, uint64_t size, uint32_t type);
  uint64_t (*update)(uint64_t base, uint64_t size, uint32_t from, uint32_t to);
  uint64_t (*remove)(uint64_t base, uint64_t size, uint32_t type, bool check);
  bool (*mapped_any)(uint64_t base, uint64_t end, uint32_t type);
  bool (*mapped_all)(uint64_t base, uint64_t end, uint32_t type);
  int (*type_of)(uint64_t base, uint64_t end);
  int (*sanitize)(void);
  uint64_t (*end_of_ram_pfn)(uint64_t limit_pfn);
  /* False: no gap. */
  bool (*search_gap)(uint64_t* base, uint64_t* size);
  int (*mem_option)(char* text);
  int (*memmap_option)(char* text);
  void (*finish_options)(void);
  void (*load)(void);
};

const struct LinuxObject* linux_object(void);

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming) */
#endif
