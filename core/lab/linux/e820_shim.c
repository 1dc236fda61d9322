/* Adapts one kernel tree's arch/x86/kernel/e820.c, unmodified, to object.h. */
#include "lab/linux/shim.h"

struct lx_boot_params boot_params;
struct lx_x86_init x86_init;
struct resource iomem_resource;
unsigned lx_e820_capacity = 128;

#include "e820.c"

#ifdef LX_PROBE
void lx_probe(void) { LX_PROBE; }
#else

static void reset(uint32_t capacity) {
  lx_e820_capacity = capacity < E820_MAX_ENTRIES ? capacity : E820_MAX_ENTRIES;
  e820_table = &e820_table_init;
  e820_table_kexec = &e820_table_kexec_init;
  e820_table_firmware = &e820_table_firmware_init;
  e820_table->nr_entries = e820_table_kexec->nr_entries = e820_table_firmware->nr_entries = 0;
  userdef = 0;
}

static uint32_t count(void) { return e820_table->nr_entries; }

static void entry_at(uint32_t index, uint64_t* base, uint64_t* size, uint32_t* type) {
  *base = e820_table->entries[index].addr;
  *size = e820_table->entries[index].size;
  *type = e820_table->entries[index].type;
}

#define RANGE uint64_t base, uint64_t size
CALL_VOID(append, (RANGE, uint32_t type), e820__range_add(base, size, (enum e820_type)type))
CALL(uint64_t, update, (RANGE, uint32_t from, uint32_t to),
     e820__range_update(base, size, (enum e820_type)from, (enum e820_type)to))
CALL(uint64_t, remove_, (RANGE, uint32_t type, bool check),
     e820__range_remove(base, size, (enum e820_type)type, check))
CALL(bool, mapped_any, (uint64_t base, uint64_t end, uint32_t type),
     e820__mapped_any(base, end, (enum e820_type)type))
CALL(bool, mapped_all, (uint64_t base, uint64_t end, uint32_t type),
     e820__mapped_all(base, end, (enum e820_type)type))
CALL(int, type_of, (uint64_t base, uint64_t end), e820__get_entry_type(base, end))
CALL(int, sanitize, (void), e820__update_table(e820_table))
#ifdef LX_COUNTS_ONE_TYPE
CALL(uint64_t, end_of_ram_pfn, (uint64_t limit), e820_end_pfn(limit, E820_TYPE_RAM))
#else
CALL(uint64_t, end_of_ram_pfn, (uint64_t limit), e820__end_ram_pfn(limit))
#endif
static bool search_gap(uint64_t* base, uint64_t* size) {
  BEGIN(false);
  unsigned long from = 0, bytes = 4ul << 20; /* As e820__setup_pci_gap() has it. */
  const bool found = e820_search_gap(&from, &bytes);
  END();
  *base = from;
  *size = bytes;
  return found;
}
CALL(int, mem_option, (char* text), parse_memopt(text))
CALL(int, memmap_option, (char* text), parse_memmap_opt(text))
CALL_VOID(finish_options, (void), e820__finish_early_params())
CALL_VOID(load, (void), e820__memblock_setup())

static const struct LinuxE820 calls = {
    .capacity = E820_MAX_ENTRIES,
#ifndef LX_COUNTS_ONE_TYPE
    .acpi_is_ram = true,
#endif
    .reset = reset,
    .count = count,
    .entry = entry_at,
    .append = append,
    .update = update,
    .remove = remove_,
    .mapped_any = mapped_any,
    .mapped_all = mapped_all,
    .type_of = type_of,
    .sanitize = sanitize,
    .end_of_ram_pfn = end_of_ram_pfn,
    .search_gap = search_gap,
    .mem_option = mem_option,
    .memmap_option = memmap_option,
    .finish_options = finish_options,
    .load = load,
};

const struct LinuxE820* lx_e820(void) { return &calls; }
#endif
