/* What arch/x86/kernel/e820.c finds around it in a kernel, as far as it is compiled: read before it
 * (-include), while the headers it names are empty. Only asm/e820/ is the tree's own. */
#ifndef MEMBLOCK_LAB_LINUX_X86_H
#define MEMBLOCK_LAB_LINUX_X86_H

#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/slab.h>
#include <stdlib.h>

/* The boot protocol's part of it. */
#define E820_MAX_ENTRIES_ZEROPAGE 128
#define SETUP_NONE 0
#define SETUP_E820_EXT 1
#define SETUP_EFI 4
#define SETUP_IMA 8
#define SETUP_RNG_SEED 9
#define SETUP_INDIRECT (1u << 31)
struct boot_e820_entry {
  u64 addr;
  u64 size;
  u32 type;
} __attribute__((packed));
struct setup_data {
  u64 next;
  u32 type;
  u32 len;
  unsigned char data[];
};
struct setup_indirect {
  u32 type;
  u32 reserved;
  u64 len;
  u64 addr;
};
struct lx_boot_params {
  struct {
    u64 setup_data;
  } hdr;
  struct {
    u32 ext_mem_k;
  } screen_info;
  u32 alt_mem_k;
  u8 e820_entries;
  struct boot_e820_entry e820_table[E820_MAX_ENTRIES_ZEROPAGE];
};
extern struct lx_boot_params boot_params;
struct lx_x86_init {
  struct {
    char* (*memory_setup)(void);
  } resources;
};
extern struct lx_x86_init x86_init;

#include <asm/e820/types.h>

typedef u64 resource_size_t;
struct resource {
  resource_size_t start, end;
  const char* name;
  unsigned long flags, desc;
  struct resource* parent;
};
extern struct resource iomem_resource;
enum {
  IORESOURCE_MEM = 1,
  IORESOURCE_SYSTEM_RAM = 2,
  IORESOURCE_BUSY = 4,
  IORES_DESC_NONE = 0,
  IORES_DESC_ACPI_TABLES,
  IORES_DESC_ACPI_NV_STORAGE,
  IORES_DESC_PERSISTENT_MEMORY,
  IORES_DESC_PERSISTENT_MEMORY_LEGACY,
  IORES_DESC_RESERVED,
  IORES_DESC_SOFT_RESERVED
};

/* Never reached by what the lab calls. */
#define insert_resource(...) ((void)0)
#define insert_resource_expand_to_fit(...) ((void)0)
#define reserve_region_with_split(...) ((void)0)
#define firmware_map_add_early(...) ((void)0)
#define register_nosave_region(...) ((void)0)
#define early_memremap(...) NULL
#define early_memunmap(...) ((void)0)
#define kmemdup(...) NULL
#define LOWMEMSIZE() 0x9f000

#define early_printk(...) ((void)0)
#define sort(array, count, size, compare, swap) qsort(array, count, size, compare)
#define MAXMEM (~0ul)
#ifndef ULLONG_MAX
#define ULLONG_MAX (~0ull)
#endif
#ifndef KERN_DEBUG
#define KERN_DEBUG ""
#endif
#ifndef BUILD_BUG_ON
#define BUILD_BUG_ON(condition) ((void)0)
#endif
#ifndef IS_ENABLED
#define IS_ENABLED(option) 0
#endif
#undef EXPORT_SYMBOL
#undef EXPORT_SYMBOL_GPL
#undef core_initcall
#undef early_param
#define EXPORT_SYMBOL(symbol)
#define EXPORT_SYMBOL_GPL(symbol)
#define core_initcall(function)
#define early_param(name, function)
#ifndef __init
#define __init
#endif
#ifndef __initdata
#define __initdata
#endif
#ifndef __refdata
#define __refdata
#endif

unsigned long long memparse(const char* text, char** end);
unsigned long long simple_strtoull(const char* text, char** end, unsigned base);

#include "lab/linux/around.h"

/* The table is as large as a trace says. */
extern unsigned lx_e820_capacity;
#undef ARRAY_SIZE
#define ARRAY_SIZE(array) \
  (sizeof(array) > sizeof boot_params.e820_table ? lx_e820_capacity : E820_MAX_ENTRIES_ZEROPAGE)

#endif
