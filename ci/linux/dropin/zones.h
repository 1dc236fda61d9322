/* Gives the simulator of a tree what its own files leave out: zones that lie somewhere, so that the
 * walk over free pages of a zone can be built and compared; and a page allocator that looks, where
 * the simulator's own calls do nothing. Included before all else. */
#ifndef DROPIN_ZONES_H
#define DROPIN_ZONES_H

#include <limits.h>

#define zone zone_without_place /* The simulator's own. */
#include <linux/mmzone.h>
#undef zone

#ifndef U64_MAX
#define U64_MAX ((u64)~0ull)
#endif

#pragma weak memblock_free_pages
#pragma weak reserve_bootmem_region

struct zone {
  atomic_long_t managed_pages;
  unsigned long zone_start_pfn;
  unsigned long last_pfn;
  int nid;
};

static inline unsigned long zone_end_pfn(const struct zone* zone) { return zone->last_pfn; }
static inline int zone_to_nid(const struct zone* zone) { return zone->nid; }

#endif
