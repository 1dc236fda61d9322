/* Read before anything of the tree (-include): what must be in place before its headers are. */
#ifndef MEMBLOCK_LAB_LINUX_BEFORE_H
#define MEMBLOCK_LAB_LINUX_BEFORE_H

/* The simulator's zones have no extent, and the walk over a zone's free pages needs one. */
#define zone lx_zone_of_the_tree
#include <linux/mmzone.h>
#undef zone
struct zone {
  atomic_long_t managed_pages;
  unsigned long zone_start_pfn;
  unsigned long lx_end_pfn;
  int lx_nid;
};
#define zone_end_pfn(z) ((z)->lx_end_pfn)
#define zone_to_nid(z) ((z)->lx_nid)

#include <linux/mm.h>

/* The page size is a setting of a trace, except where it costs time. */
#ifndef LX_TIMING
extern unsigned lx_page_shift;
#undef PAGE_SHIFT
#define PAGE_SHIFT lx_page_shift
#endif

#ifndef U64_MAX
#define U64_MAX ((u64)~0ull)
#endif

#include <linux/cache.h>
#undef SMP_CACHE_BYTES
#define SMP_CACHE_BYTES 64

#endif
