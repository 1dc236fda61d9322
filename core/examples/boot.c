/* A boot in C99: firmware map, command line, reservations, allocations, handover. Static storage
 * only, as in a kernel; prints what it does, and returns 1 if anything is not as it should be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memblock/memblock_c.h"

#define MIB ((uint64_t)1 << 20)

void memblock_panic(const char* expression, const char* file, int line) {
  fprintf(stderr, "%s:%d: %s does not hold\n", file, line, expression);
  abort();
}

/* ---- The machine: 64 MiB of pretended memory, for what the core itself must touch ---------------
 */

static unsigned char ram[64 << 20];

static void* phys_to_virt(void* context, mbl_range range) {
  (void)context;
  return range.end <= sizeof(ram) ? ram + range.base : NULL;
}

static mbl_phys virt_to_phys(void* context, const void* pointer) {
  (void)context;
  return (mbl_phys)((const unsigned char*)pointer - ram);
}

static void print(void* context, const char* line, size_t length) {
  (void)context;
  printf("%.*s\n", (int)length, line);
}

static mbl_region memory_regions[8];
static mbl_region reserved_regions[8];
static mbl_e820_entry map_entries[MBL_E820_ENTRIES_ZERO_PAGE];
static mbl_e820_entry map_workspace[MBL_E820_WORKSPACE_SLOTS * MBL_E820_ENTRIES_ZERO_PAGE];

static mbl_memblock memblock;
static mbl_e820 map;
static mbl_names names;

/* ---- Checking
 * ------------------------------------------------------------------------------------ */

static int failures;

static void expect(int condition, const char* what) {
  if (condition) return;
  printf("not so: %s\n", what);
  ++failures;
}

static void expect_ok(mbl_status status, const char* what) {
  if (status == MBL_OK) return;
  printf("%s: %s\n", what, mbl_status_text(status));
  ++failures;
}

static mbl_range range(uint64_t base, uint64_t end) {
  mbl_range made;
  made.base = base;
  made.end = end;
  return made;
}

/* ---- The boot
 * ------------------------------------------------------------------------------------ */

static void take_map_from_firmware(void) {
  const mbl_e820_entry firmware[] = {
      {0, 0x9fc00, MBL_E820_RAM},
      {0x9fc00, 0x400, MBL_E820_RESERVED},
      {MIB, 63 * MIB, MBL_E820_RAM},
      {60 * MIB, MIB, MBL_E820_ACPI}, /* Lies in RAM: the higher type wins. */
  };
  bool user_defined = false;
  size_t i;
  mbl_e820_init(&map, map_entries, MBL_E820_ENTRIES_ZERO_PAGE, map_workspace);
  for (i = 0; i < sizeof(firmware) / sizeof(firmware[0]); ++i) {
    expect_ok(mbl_e820_append(&map, &firmware[i]), "append");
  }
  expect_ok(mbl_e820_sanitize(&map), "sanitize");
  expect(mbl_e820_memmap_option(&map, "1M$16M,nonsense", &user_defined) == MBL_INVALID,
         "memmap= reports the item that does not parse, and takes the others");
  expect_ok(mbl_e820_finish_options(&map, user_defined), "finish");
  expect_ok(mbl_e820_trim_bios_range(&map), "trim the BIOS range");
  for (i = 0; i < mbl_e820_count(&map); ++i) {
    const mbl_e820_entry* entry = &mbl_e820_entries(&map)[i];
    printf("%#10llx + %#9llx %s\n", (unsigned long long)entry->base,
           (unsigned long long)entry->size, mbl_e820_type_text(entry->type));
  }
  expect(mbl_e820_mapped_all(&map, range(16 * MIB, 17 * MIB), MBL_E820_RESERVED), "16M reserved");
}

static void load_it(void) {
  mbl_storage storage;
  mbl_platform platform;
  mbl_boot_layout layout;
  memset(&storage, 0, sizeof(storage));
  storage.memory = memory_regions;
  storage.memory_count = sizeof(memory_regions) / sizeof(memory_regions[0]);
  storage.reserved = reserved_regions;
  storage.reserved_count = sizeof(reserved_regions) / sizeof(reserved_regions[0]);
  memset(&platform, 0, sizeof(platform));
  platform.phys_to_virt = phys_to_virt;
  platform.virt_to_phys = virt_to_phys;
  platform.print = print;
  mbl_init(&memblock, &storage, &platform, NULL);

  memset(&layout, 0, sizeof(layout));
  layout.kernel_image = range(2 * MIB, 10 * MIB);
  layout.initrd = range(32 * MIB, 36 * MIB + 123);
  expect_ok(mbl_early_reserve(&memblock, &layout), "early_reserve");
  expect_ok(mbl_load_e820(&memblock, &map), "load_e820");
  expect(mbl_is_reserved(&memblock, 36 * MIB), "the initrd reaches the end of its page");
  expect_ok(mbl_set_node(&memblock, range(0, 32 * MIB), MBL_MEMORY, 0), "set_node");
  expect_ok(mbl_set_node(&memblock, range(32 * MIB, 64 * MIB), MBL_MEMORY, 1), "set_node");
}

static void allocate_some(void) {
  mbl_phys found = 0;
  mbl_range log;
  int i;
  mbl_request request;
  ram[30 * MIB] = 1;
  expect_ok(mbl_alloc_node(&memblock, MIB, 4096, 0, &found), "alloc_node");
  expect(found == 31 * MIB && ram[30 * MIB] == 1, "the top of node 0");
  expect_ok(mbl_names_add(&names, &memblock, "64K:4096:log", NULL), "reserve_mem=");
  expect_ok(mbl_names_find(&names, "log", &log), "find log");
  expect(log.end - log.base == 64 << 10, "the log's size");

  /* Every second page: the table is full after a few, and grows out of memblock itself. */
  for (i = 0; i < 100; ++i) {
    expect_ok(mbl_reserve(&memblock, mbl_range_of_size(40 * MIB + 0x2000 * (mbl_phys)i, 0x1000)),
              "reserve");
  }
  expect(mbl_table_of(&memblock, MBL_RESERVED).capacity >= 100, "reserved has grown");

  memset(&request, 0, sizeof(request));
  request.size = 128 * MIB;
  request.align = 4096;
  request.nid = MBL_NO_NODE;
  expect(mbl_allocate(&memblock, &request, &found) == MBL_NO_FIT, "128 MiB do not fit in 64");
  expect_ok(mbl_free_virt(&memblock, ram + 31 * MIB, MIB), "free_virt");
  expect(mbl_is_valid(&memblock), "all invariants hold");
  mbl_dump(&memblock);
}

static uint64_t walked_bytes(mbl_direction direction) {
  mbl_range_walk walk =
      mbl_free_ranges(&memblock, MBL_NO_NODE, MBL_NO_FLAGS, direction, range(0, MBL_PHYS_MAX));
  mbl_walked free_range;
  uint64_t bytes = 0;
  while (mbl_next_range(&walk, &free_range)) {
    bytes += free_range.range.end - free_range.range.base;
  }
  return bytes;
}

static uint64_t freed_pages;

static void free_pages(void* context, uint64_t pfn, unsigned order) {
  (void)context;
  (void)pfn;
  freed_pages += (uint64_t)1 << order;
}

int main(void) {
  mbl_page_sink sink;
  mbl_phys found;
  take_map_from_firmware();
  load_it();
  allocate_some();
  expect(walked_bytes(MBL_UP) == walked_bytes(MBL_DOWN), "a walk down gives what a walk up gives");

  memset(&sink, 0, sizeof(sink));
  sink.free_pages = free_pages;
  expect(mbl_free_all(&memblock, &sink, ~(uint64_t)0) == freed_pages, "free_all counts its pages");
  expect(mbl_alloc(&memblock, 64, 64, &found) == MBL_AFTER_HANDOVER, "no allocation any more");
  printf("%llu pages handed over\n", (unsigned long long)freed_pages);
  return failures == 0 ? 0 : 1;
}
