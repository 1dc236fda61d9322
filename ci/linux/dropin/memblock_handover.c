/* Part of memblock.c: the handover to the page allocator, and named reservations. */

/* ---- Handover
 * ------------------------------------------------------------------------------------ */

/* Two trees, two signatures: the node came with 6.5. */
static void __init keep_without_node(void* call, phys_addr_t start, phys_addr_t end, int nid) {
  ((void (*)(phys_addr_t, phys_addr_t))call)(start, end);
}

static void __init keep_with_node(void* call, phys_addr_t start, phys_addr_t end, int nid) {
  ((void (*)(phys_addr_t, phys_addr_t, int))call)(start, end, nid);
}

#define KEEPS_NODE                                                          \
  _Generic(&reserve_bootmem_region, void (*)(phys_addr_t, phys_addr_t) : 0, \
           void (*)(phys_addr_t, phys_addr_t, int) : 1)

static void __init keep(const struct memblock_region* region, int nid) {
  (KEEPS_NODE ? keep_with_node : keep_without_node)(reserve_bootmem_region, region->base,
                                                    region->base + region->size, nid);
}

/* Reserved memory takes the node of the memory that it lies in. Each stamp may split regions, and
 * so move or double the table: then stamp again from the start. */
static void __init stamp_nodes(void) {
  unsigned long max;
  if (!KEEPS_NODE) return;
  do {
    struct memblock_region* region;
    max = memblock.reserved.max;
    for_each_mem_region(region) {
      memblock_set_node(region->base, region->size, &memblock.reserved,
                        memblock_get_region_node(region));
    }
  } while (max != memblock.reserved.max);
}

static void __init keep_nomap(void) {
  struct memblock_region* region;
  for_each_mem_region(region) {
    if (memblock_is_nomap(region)) keep(region, memblock_get_region_node(region));
  }
}

static void __init keep_reserved(void) {
  struct memblock_region* region;
  for_each_reserved_mem_region(region) {
    int nid = memblock_get_region_node(region);
    if (region->size == 0) continue;
#ifdef TREE_HAS_memblock_reserved_mark_noinit
    if (memblock_is_reserved_noinit(region)) continue;
#endif
#ifdef TREE_HAS_early_pfn_to_nid
    if (!names_a_node(nid)) nid = early_pfn_to_nid(PFN_DOWN(region->base));
#endif
    keep(region, nid);
  }
}

/* The pages that stay in use must be known as such before their neighbours are freed. With 6.5 the
 * order of the two changed, too. */
static void __init keep_pages(void) {
  if (KEEPS_NODE) keep_nomap();
  keep_reserved();
  if (!KEEPS_NODE) keep_nomap();
}

/* memblock_free_all() counts its pages at once; what comes later is counted page by page. */
static void on_free_pages(void* context, uint64_t pfn, unsigned order) {
  memblock_free_pages(pfn_to_page(pfn), pfn, order);
  if (mbl_handed_over(&core)) totalram_pages_inc();
}

#ifndef TREE_HAS_reset_node_managed_pages
static
#endif
    void __init
    reset_node_managed_pages(pg_data_t* pgdat) {
  for (size_t i = 0; i < MAX_NR_ZONES; ++i) {
    atomic_long_set(&pgdat->node_zones[i].managed_pages, 0);
  }
}

void __init reset_all_zones_managed_pages(void) {
  static bool done __initdata;
  struct pglist_data* pgdat;
  if (done) return;
  done = true;
  for_each_online_pgdat(pgdat) reset_node_managed_pages(pgdat);
}

void __init memblock_free_all(void) {
  const mbl_page_sink sink = {.free_pages = on_free_pages};
  unsigned long pages;
  reset_all_zones_managed_pages();
  memblock_clear_hotplug(0, -1);
  stamp_nodes();
  keep_pages();
  pages = mbl_free_all(begin(_RET_IP_), &sink, max_low_pfn);
  show_all();
  totalram_pages_add(pages);
}

/* Before the handover there is nobody to free pages to. */
void __init memblock_free_late(phys_addr_t base, phys_addr_t size) {
  kmemleak_free_part_phys(base, size);
  WARN_ON(mbl_free_late(begin(_RET_IP_), mbl_range_of_size(base, size)) != MBL_OK);
}

#ifndef CONFIG_ARCH_KEEP_MEMBLOCK
void __init memblock_discard(void) {
  mbl_discard(begin(_RET_IP_));
  memblock.memory.regions = first_memory;
  memblock.memory.cnt = 0;
  memblock.reserved.regions = first_reserved;
  memblock.reserved.cnt = 0;
  filtered = NULL;
}
#endif

/* ---- Named reservations
 * -------------------------------------------------------------------------- */

#ifdef TREE_HAS_reserve_mem_find_by_name
static mbl_names names; /* All zero is an empty one. */

int reserve_mem_find_by_name(const char* name, phys_addr_t* start, phys_addr_t* size) {
  mbl_range range;
  if (mbl_names_find(&names, name, &range) != MBL_OK) return 0;
  *start = range.base;
  *size = range.end - range.base;
  return 1;
}
EXPORT_SYMBOL_GPL(reserve_mem_find_by_name);

static int __init reserve_mem(char* text) {
  mbl_range range;
  mbl_status status;
  if (text == NULL) return -EINVAL;
  status = mbl_names_add(&names, begin(_RET_IP_), text, &range);
  if (status == MBL_OK) {
    kmemleak_alloc_phys(range.base, range.end - range.base, 0);
    accept_range(range.base, range.end - range.base);
  }
  return status == MBL_OK ? (show_all(), 1) : finish(status, &memblock.reserved);
}
__setup("reserve_mem=", reserve_mem);
#endif
