/* Part of memblock.c: walks, allocation, limits and printing. */

/* ---- Walks
 * --------------------------------------------------------------------------------------- */

static void hand_out(const mbl_walked* walked, phys_addr_t* out_start, phys_addr_t* out_end,
                     int* out_nid) {
  if (out_start != NULL) *out_start = walked->range.base;
  if (out_end != NULL) *out_end = walked->range.end;
  if (out_nid != NULL) *out_nid = node_of_tree(walked->nid);
}

/* With the sentinel, an empty table that nothing is taken from shows one empty range. */
static bool shows_sentinel(u64 cursor, mbl_direction direction, const struct memblock_type* type_a,
                           const struct memblock_type* type_b) {
  return TREE_SENTINEL != 0 && type_b == NULL && type_a->cnt != 0 && count_of(type_a) == 0 &&
         cursor == (direction == MBL_UP ? MBL_CURSOR_UP : MBL_CURSOR_END);
}

static void walk_on(u64* idx, mbl_direction direction, int nid, enum memblock_flags flags,
                    const struct memblock_type* type_a, const struct memblock_type* type_b,
                    phys_addr_t* out_start, phys_addr_t* out_end, int* out_nid) {
  const mbl_table from = seen(type_a);
  const mbl_table minus = type_b != NULL ? seen(type_b) : (mbl_table){0};
  const mbl_filter filter = {.nid = node_of_core(nid),
                             .flags = flags,
                             .movable_node = movable_node_is_enabled(),
                             .everything = type_a != filtered};
  mbl_walked walked = {.nid = memblock_get_region_node(&type_a->regions[0])};
  /* The gap in front of the sentinel counts, too, though nothing can lie in it. */
  const bool counts_gap = TREE_SENTINEL != 0 && type_b != NULL && minus.count == 0;
  mbl_cursor cursor = counts_gap && *idx != MBL_CURSOR_END ? (u32)*idx : *idx;
  if (shows_sentinel(cursor, direction, type_a, type_b)) {
    *idx = direction == MBL_UP ? 1 : (u32)-1; /* Region 0 is behind us. */
    hand_out(&walked, out_start, out_end, out_nid);
    return;
  }
  if (mbl_walk_on(&from, type_b != NULL ? &minus : NULL, &filter, direction, &cursor, &walked)) {
    hand_out(&walked, out_start, out_end, out_nid);
    if (counts_gap) cursor |= (u64)1 << 32;
  }
  *idx = cursor;
}

void __next_mem_range(u64* idx, int nid, enum memblock_flags flags, struct memblock_type* type_a,
                      struct memblock_type* type_b, phys_addr_t* out_start, phys_addr_t* out_end,
                      int* out_nid) {
  walk_on(idx, MBL_UP, nid, flags, type_a, type_b, out_start, out_end, out_nid);
}

void __init_memblock __next_mem_range_rev(u64* idx, int nid, enum memblock_flags flags,
                                          struct memblock_type* type_a,
                                          struct memblock_type* type_b, phys_addr_t* out_start,
                                          phys_addr_t* out_end, int* out_nid) {
  walk_on(idx, MBL_DOWN, nid, flags, type_a, type_b, out_start, out_end, out_nid);
}

void __init_memblock __next_mem_pfn_range(int* idx, int nid, unsigned long* out_start_pfn,
                                          unsigned long* out_end_pfn, int* out_nid) {
  const mbl_table table = seen(&memblock.memory);
  for (size_t i = *idx + 1; i < table.count; ++i) {
    const int region_nid = memblock_get_region_node(&memblock.memory.regions[i]);
    const mbl_pfns pages = mbl_memory_pfns(look(), &table.regions[i]);
    if (pages.first >= pages.last || (names_a_node(nid) && nid != region_nid)) continue;
    if (out_start_pfn != NULL) *out_start_pfn = pages.first;
    if (out_end_pfn != NULL) *out_end_pfn = pages.last;
    if (out_nid != NULL) *out_nid = region_nid;
    *idx = i;
    return;
  }
  *idx = -1;
}

#ifdef CONFIG_DEFERRED_STRUCT_PAGE_INIT
void __init_memblock __next_mem_pfn_range_in_zone(u64* idx, struct zone* zone,
                                                  unsigned long* out_spfn,
                                                  unsigned long* out_epfn) {
  unsigned long first = ULONG_MAX;
  unsigned long last = 0;
  for (;;) {
    phys_addr_t start, end;
    walk_on(idx, MBL_UP, zone_to_nid(zone), MEMBLOCK_NONE, &memblock.memory, &memblock.reserved,
            &start, &end, NULL);
    if (*idx == U64_MAX) break;
    first = max(zone->zone_start_pfn, PFN_UP(start));
    last = min(zone_end_pfn(zone), PFN_DOWN(end));
    if (first < last) break;
    if (PFN_UP(start) >= zone_end_pfn(zone)) *idx = U64_MAX; /* Nothing further up is inside. */
    first = ULONG_MAX;
    last = 0;
    if (*idx == U64_MAX) break;
  }
  if (out_spfn != NULL) *out_spfn = first;
  if (out_epfn != NULL) *out_epfn = last;
}
#endif

/* ---- Allocation
 * ---------------------------------------------------------------------------------- */

static phys_addr_t __init take(const mbl_request* request, unsigned long caller) {
  mbl_phys found = 0;
  if (finish(mbl_allocate(begin(caller), request, &found), &memblock.reserved) != 0) return 0;
  if (request->max != MEMBLOCK_ALLOC_NOLEAKTRACE) kmemleak_alloc_phys(found, request->size, 0);
  accept_range(found, request->size);
  return found;
}

/* Once slab is up, memblock may be gone. */
static void* __init take_from_slab(phys_addr_t size, int nid) {
  return kzalloc_node(size, GFP_NOWAIT, nid);
}

static phys_addr_t __init take_phys(const mbl_request* request, unsigned long caller) {
#ifdef TREE_HAS_virt_to_phys /* Up to 6.10 only the calls that return pointers turn to slab. */
  if (WARN_ON_ONCE(slab_is_available())) {
    void* memory = take_from_slab(request->size, node_of_tree(request->nid));
    return memory != NULL ? virt_to_phys(memory) : 0;
  }
#endif
  return take(request, caller);
}

static void* __init take_virt(const char* call, phys_addr_t size, phys_addr_t align,
                              phys_addr_t min_addr, phys_addr_t max_addr, int nid, bool exact,
                              unsigned long caller) {
  const mbl_request request = {.size = size,
                               .align = align,
                               .min = min_addr,
                               .max = max_addr,
                               .nid = node_of_core(nid),
                               .exact_nid = exact,
                               .within_limit = true,
                               .retry_below_min = true,
                               .traced_as = call};
  phys_addr_t found;
  if (WARN_ON_ONCE(slab_is_available())) return take_from_slab(size, nid);
  found = take(&request, caller);
  return found != 0 ? phys_to_virt(found) : NULL;
}

phys_addr_t __init memblock_alloc_range_nid(phys_addr_t size, phys_addr_t align, phys_addr_t start,
                                            phys_addr_t end, int nid, bool exact_nid) {
  const mbl_request request = {.size = size,
                               .align = align,
                               .min = start,
                               .max = end,
                               .nid = node_of_core(nid),
                               .exact_nid = exact_nid};
  return take_phys(&request, _RET_IP_);
}

phys_addr_t __init memblock_phys_alloc_range(phys_addr_t size, phys_addr_t align, phys_addr_t start,
                                             phys_addr_t end) {
  const mbl_request request = {.size = size,
                               .align = align,
                               .min = start,
                               .max = end,
                               .nid = MBL_NO_NODE,
                               .traced_as = "memblock_phys_alloc_range"};
  return take_phys(&request, _RET_IP_);
}

phys_addr_t __init memblock_phys_alloc_try_nid(phys_addr_t size, phys_addr_t align, int nid) {
  const mbl_request request = {.size = size, .align = align, .nid = node_of_core(nid)};
  return take_phys(&request, _RET_IP_);
}

void* __init memblock_alloc_try_nid(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
                                    phys_addr_t max_addr, int nid) {
  void* memory = take_virt(__func__, size, align, min_addr, max_addr, nid, false, _RET_IP_);
  /* Not left to the core: the memory must have been accepted before it is touched. */
  if (memory != NULL) memset(memory, 0, size);
  return memory;
}

void* __init memblock_alloc_try_nid_raw(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
                                        phys_addr_t max_addr, int nid) {
  return take_virt(__func__, size, align, min_addr, max_addr, nid, false, _RET_IP_);
}

void* __init memblock_alloc_exact_nid_raw(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
                                          phys_addr_t max_addr, int nid) {
  return take_virt(__func__, size, align, min_addr, max_addr, nid, true, _RET_IP_);
}

/* ---- Limits
 * -------------------------------------------------------------------------------------- */

void __init memblock_enforce_memory_limit(phys_addr_t memory_limit) {
  CHANGE(memblock.memory, mbl_enforce_memory_limit, memory_limit);
}

void __init memblock_cap_memory_range(phys_addr_t base, phys_addr_t size) {
  CHANGE(memblock.memory, mbl_cap_memory_range, mbl_range_of_size(base, size));
}

void __init memblock_mem_limit_remove_map(phys_addr_t limit) {
  CHANGE(memblock.memory, mbl_mem_limit_remove_map, limit);
}

void __init_memblock memblock_trim_memory(phys_addr_t align) {
  mbl_trim_memory(begin(_RET_IP_), align);
  show_all();
}

/* ---- Printing
 * ------------------------------------------------------------------------------------ */

void __init_memblock memblock_dump_all(void) {
  if (memblock_debug) mbl_dump(look());
}

static int __init set_debug(char* text) {
  if (text != NULL && strstr(text, "debug") != NULL) memblock_debug = 1;
  return 0;
}
early_param("memblock", set_debug);
