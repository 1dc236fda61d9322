/* The tree's own for_each macros, as calls. */
#include <limits.h>
#include <linux/kernel.h>
#include <linux/memblock.h>

#include "lab/linux/shim.h"

#define SEE(first, last, nid)   \
  {                             \
    if (most-- == 0) break;     \
    seen(to, first, last, nid); \
  }

bool lx_walk_mem(bool down, LX_WALK) {
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

bool lx_walk_reserved(bool down, LX_WALK) {
  BEGIN(false);
  phys_addr_t first, last;
  u64 i;
  if (down) {
    __for_each_mem_range_rev(i, &memblock.reserved, NULL, NUMA_NO_NODE, MEMBLOCK_NONE, &first,
                             &last, NULL) SEE(first, last, 0)
  } else {
    for_each_reserved_mem_range(i, &first, &last) SEE(first, last, 0)
  }
  END();
  return i == (u64)ULLONG_MAX;
}

bool lx_walk_free(bool down, int nid, unsigned flags, LX_WALK) {
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
uint64_t lx_sum_free(bool down) {
  phys_addr_t first, last;
  uint64_t sum = 0;
  u64 i;
  if (down) {
    for_each_free_mem_range_reverse(i, NUMA_NO_NODE, MEMBLOCK_NONE, &first, &last, NULL) sum +=
        first;
  } else {
    for_each_free_mem_range(i, NUMA_NO_NODE, MEMBLOCK_NONE, &first, &last, NULL) sum += first;
  }
  return sum;
}

bool lx_walk_mem_pfns(int nid, LX_WALK) {
  BEGIN(false);
  unsigned long first, last;
  int node, i;
  for_each_mem_pfn_range(i, nid, &first, &last, &node) SEE(first, last, node) END();
  return i < 0;
}

#ifdef LX_HAS_physmem
bool lx_walk_physmem(int minus, LX_WALK) {
  BEGIN(false);
  phys_addr_t first, last;
  u64 i;
  struct memblock_type* const without = minus < 0 ? NULL : lx_type_of(minus);
  for_each_physmem_range(i, without, &first, &last) SEE(first, last, 0) END();
  return i == (u64)ULLONG_MAX;
}
#endif

#ifdef LX_HAS_walk_zone
bool lx_walk_zone_pfns(uint64_t from, uint64_t until, int nid, LX_WALK) {
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
