/* Random calls to a tree's memblock, everything visible printed after each: built once with the
 * tree's own mm/memblock.c and once with the drop-in, the two must print the same.
 *
 *   drive SEEDS CALLS FILE
 *
 * Left out is only what Linux is known to get wrong (corpora/divergences) and what no caller may
 * do: freeing the arrays themselves.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 1024
#define WINDOW ((phys_addr_t)0x50000000)
#define WINDOW_BYTES ((phys_addr_t)PAGES * PAGE_SIZE)

extern bool mirrored_kernelcore;
#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
extern struct memblock_type physmem;
#endif
extern bool movable_node_enabled;
bool movable_node_enabled;

static FILE* out; /* Not stdout: the simulator warns there. */
static u64 state;
static unsigned long empty_count; /* What this tree counts in an empty table. */

static unsigned draw(unsigned below) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)(state >> 33) % below;
}

/* ---- Addresses: pages, odd bytes, and the edges of what is there
 * ---------------------------------- */

static phys_addr_t draw_address(void) {
  const struct memblock_type* type = draw(2) ? &memblock.memory : &memblock.reserved;
  if (draw(3) == 0 && type->cnt != 0) {
    const struct memblock_region* region = &type->regions[draw(type->cnt)];
    const phys_addr_t edge = draw(2) ? region->base : region->base + region->size;
    const phys_addr_t off = draw(4) == 0 ? (draw(2) ? PAGE_SIZE : draw(64)) : 0;
    /* Below the window there is no memory to clear. */
    if (edge > WINDOW + PAGE_SIZE && edge < WINDOW + WINDOW_BYTES)
      return draw(2) ? edge + off : edge - off;
  }
  return WINDOW + draw(PAGES) * PAGE_SIZE + (draw(6) == 0 ? draw(PAGE_SIZE) : 0);
}

static phys_addr_t draw_size(void) {
  switch (draw(10)) {
    case 0: return 0;
    case 1: return draw(PAGES) * PAGE_SIZE;
    case 2:
    case 3: return draw(20000);
    default: return (1 + draw(8)) * PAGE_SIZE;
  }
}

static int draw_nid(void) {
  return IS_ENABLED(CONFIG_NUMA) && draw(3) != 0 ? (int)draw(3) : MAX_NUMNODES;
}

/* ---- The arrays themselves
 * ------------------------------------------------------------------------ */

static bool in_window(const void* array) {
  const phys_addr_t at = (phys_addr_t)(unsigned long)array;
  return at >= WINDOW && at < WINDOW + 2 * WINDOW_BYTES;
}

static bool grew(void) {
  return in_window(memblock.memory.regions) || in_window(memblock.reserved.regions);
}

static bool holds_array(phys_addr_t base, phys_addr_t size) {
  const struct memblock_type* types[] = {&memblock.memory, &memblock.reserved};
  for (int i = 0; i < 2; ++i) {
    const phys_addr_t at = (phys_addr_t)(unsigned long)types[i]->regions;
    const phys_addr_t bytes = PAGE_ALIGN(types[i]->max * sizeof(struct memblock_region));
    if (in_window(types[i]->regions) && base < at + bytes && at < base + size) return true;
  }
  return false;
}

/* Linux loses an array when memory grows a second time while reserved has no two slots left. */
static bool memory_may_grow_badly(void) {
  return in_window(memblock.memory.regions) && memblock.reserved.cnt + 2 > memblock.reserved.max;
}

/* ---- What is seen
 * ---------------------------------------------------------------------------------- */

static void print_type(const struct memblock_type* type) {
  fprintf(out, " %s %lu/%lu %llx@%lx:", type->name, type->cnt, type->max,
          (unsigned long long)type->total_size,
          in_window(type->regions) ? (unsigned long)type->regions : 0);
  for (unsigned long i = 0; i < type->cnt; ++i) {
    const struct memblock_region* region = &type->regions[i];
    fprintf(out, " %llx+%llx/%x/%d", (unsigned long long)region->base,
            (unsigned long long)region->size, region->flags, memblock_get_region_node(region));
  }
}

static void print_walks(void) {
  phys_addr_t start = 0, end = 0;
  unsigned long first = 0, last = 0;
  int nid = 0, pfn_index;
  const int asked = IS_ENABLED(CONFIG_NUMA) && draw(2) ? (int)draw(3) : NUMA_NO_NODE;
  const enum memblock_flags flags = draw(2) ? MEMBLOCK_NONE : 1u << draw(4);
  u64 i;
  fprintf(out, " walks");
/* Where reservations of two kinds touch, Linux yields the nothing between them. */
#define ONE                                                                            \
  if (start != end || start == 0)                                                      \
  fprintf(out, " %llx:%llx-%llx/%d", (unsigned long long)i, (unsigned long long)start, \
          (unsigned long long)end, nid)
  for_each_free_mem_range(i, asked, flags, &start, &end, &nid) ONE;
  for_each_free_mem_range_reverse(i, asked, flags, &start, &end, &nid) ONE;
  nid = 0; /* The rest give none. */
  for_each_mem_range(i, &start, &end) ONE;
  for_each_mem_range_rev(i, &start, &end) ONE;
  for_each_reserved_mem_range(i, &start, &end) ONE;
#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
  struct memblock_type* const minus = draw(2) ? &memblock.memory : NULL;
  for_each_physmem_range(i, minus, &start, &end) ONE;
#endif
#undef ONE
#ifdef CONFIG_DEFERRED_STRUCT_PAGE_INIT
  const unsigned long zone_first = PFN_DOWN(draw_address());
  const struct zone zone = {
      .zone_start_pfn = zone_first, .last_pfn = zone_first + draw(PAGES), .nid = draw(3)};
  i = 0;
  __next_mem_pfn_range_in_zone(&i, (struct zone*)&zone, &first, &last);
  for_each_free_mem_pfn_range_in_zone_from(i, (struct zone*)&zone, &first, &last) {
    fprintf(out, " %llx:%lx-%lx", (unsigned long long)i, first, last);
  }
  fprintf(out, " %lx-%lx", first, last);
#endif
  for_each_mem_pfn_range(pfn_index, asked == NUMA_NO_NODE ? MAX_NUMNODES : asked, &first, &last,
                         &nid) {
    fprintf(out, " %d:%lx-%lx/%d", pfn_index, first, last, nid);
  }
}

static void print_queries(phys_addr_t at, phys_addr_t size) {
  unsigned long first = 0, last = 0;
  const int nid = memblock_search_pfn_nid(PFN_DOWN(at), &first, &last);
  fprintf(out, " %d%d%d%d%d%d%d %d:%lx-%lx %llx %llx %llx", memblock_is_memory(at),
          memblock_is_reserved(at), memblock_is_map_memory(at), memblock_is_region_memory(at, size),
          memblock_is_region_reserved(at, size),
          memblock_overlaps_region(&memblock.memory, at, size),
          (int)memblock_addrs_overlap(at, size, WINDOW + WINDOW_BYTES / 2, PAGE_SIZE), nid, first,
          last, (unsigned long long)memblock_start_of_DRAM(),
          (unsigned long long)(memblock.memory.cnt ? memblock_end_of_DRAM() : 0),
          (unsigned long long)(memblock_phys_mem_size() ^ memblock_reserved_size()));
}

/* ---- Calls
 * ------------------------------------------------------------------------------------------- */

static unsigned long long allocate(void) {
  const phys_addr_t size = 1 + draw(draw(2) ? 30000 : 5000);
  const phys_addr_t align = (phys_addr_t)1 << draw(draw(2) ? 14 : 21);
  const phys_addr_t min = draw(2) ? 0 : draw_address();
  const phys_addr_t max = draw(2) ? draw(2) : draw(2) ? MEMBLOCK_ALLOC_ANYWHERE : draw_address();
  const int nid = IS_ENABLED(CONFIG_NUMA) && draw(2) ? (int)draw(4) : NUMA_NO_NODE;
  switch (draw(8)) {
    case 0: return memblock_phys_alloc_range(size, align, min, max);
    case 1: return memblock_phys_alloc_try_nid(size, align, nid);
    case 2: return memblock_alloc_range_nid(size, align, min, max, nid, draw(2));
    case 3: return (unsigned long)memblock_alloc_try_nid(size, align, min, max, nid);
    case 4: return (unsigned long)memblock_alloc_exact_nid_raw(size, align, min, max, nid);
    case 5: return (unsigned long)memblock_alloc_low(size, align);
    case 6: return (unsigned long)memblock_alloc_from(size, align, min);
    default: return (unsigned long)memblock_alloc_try_nid_raw(size, align, min, max, nid);
  }
}

/* What a caller outside does to the visible struct. */
static void edit(void) {
  struct memblock_type* type = draw(2) ? &memblock.memory : &memblock.reserved;
  if (grew()) return;
  if (draw(20) == 0) { /* As the tests of the tree reset it. */
    memset(type->regions, 0, type->cnt * sizeof(*type->regions));
    type->cnt = empty_count;
    type->total_size = 0;
  } else if (type->cnt != 0 && type->regions[0].size > PAGE_SIZE) {
    struct memblock_region* region = &type->regions[draw(type->cnt)];
    if (region->size <= 1) return;
    type->total_size -= region->size / 2;
    region->size -= region->size / 2;
  }
}

static void limit(phys_addr_t base, phys_addr_t size) {
  struct memblock_region* region;
  phys_addr_t total = 0;
  if (draw(4) != 0 || grew()) return;
  for_each_mem_region(region) {
    if (memblock_is_nomap(region)) return;
  }
  switch (draw(4)) {
    case 0:
      memblock_enforce_memory_limit(draw(PAGES) * PAGE_SIZE + draw(2) * draw(PAGE_SIZE));
      break;
    case 1: memblock_cap_memory_range(base, size + WINDOW_BYTES / 2); break;
    case 2: memblock_mem_limit_remove_map(draw(PAGES) * PAGE_SIZE); break;
    default:
      memblock_trim_memory(PAGE_SIZE);
      for_each_mem_region(region) total += region->size;
      memblock.memory.total_size = total; /* Linux forgets to. */
  }
}

static long long call(void) {
  const phys_addr_t base = draw_address();
  const phys_addr_t size = draw_size();
  const unsigned kind = draw(100);
  const bool on_memory = (kind >= 40 && kind < 62) || kind >= 96;
  if (on_memory && memory_may_grow_badly()) return 0;
  if (kind < 28) return memblock_reserve(base, draw(2) ? size : PAGE_SIZE / 2);
  if (kind < 40) return holds_array(base, size) ? 0 : memblock_phys_free(base, size);
  if (kind < 44) return memblock_add(base, size);
  if (kind < 47) return memblock_add_node(base, size, draw_nid(), draw(3) ? 0 : 1u << draw(4));
  if (kind < 50) return memblock_remove(base, size > 64 * PAGE_SIZE ? PAGE_SIZE : size);
  if (kind < 52) return memblock_mark_hotplug(base, size);
  if (kind < 53) return memblock_clear_hotplug(base, size);
  if (kind < 54) return memblock_mark_mirror(base, size);
  if (kind < 55) return memblock_mark_nomap(base, size);
  if (kind < 57) return memblock_clear_nomap(base, size);
  if (kind < 62) return memblock_set_node(base, size, &memblock.memory, draw_nid());
  if (kind < 64) return memblock_set_node(base, size, &memblock.reserved, draw_nid());
  if (kind < 66)
    memblock_set_bottom_up(draw(3) == 0);
  else if (kind < 68)
    memblock_set_current_limit(draw(3) ? MEMBLOCK_ALLOC_ANYWHERE : draw_address());
  else if (kind < 69)
    movable_node_enabled = draw(2);
#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
  else if (kind < 70 && physmem.cnt + 2 <= physmem.max)
    return memblock_physmem_add(base, size);
#endif
  else if (kind < 94)
    return allocate();
  else if (kind < 96)
    print_queries(base, size);
  else if (kind < 98)
    edit();
  else
    limit(base, size);
  return 0;
}

/* ---- The page allocator's side, where the build lets us stand in for it
 * ---------------------------- */

#ifdef CONFIG_DEFERRED_STRUCT_PAGE_INIT
static u64 freed; /* Whatever the order: discard may begin with either table. */

void memblock_free_pages(struct page* page, unsigned long pfn, unsigned int order) {
  freed += (u64)pfn * (2 * order + 1);
  if (!memblock_is_reserved(PFN_PHYS(pfn))) fprintf(out, " free %lx:%u", pfn, order);
}

#ifdef TREE_KEEPS_NODE
void reserve_bootmem_region(phys_addr_t start, phys_addr_t end, int nid) {
  fprintf(out, " keep %llx-%llx/%d", (unsigned long long)start, (unsigned long long)end, nid);
}
#else
void reserve_bootmem_region(phys_addr_t start, phys_addr_t end) {
  fprintf(out, " keep %llx-%llx", (unsigned long long)start, (unsigned long long)end);
}
#endif

static void hand_over_and_discard(void) {
  memblock_free_all();
  memblock_free_late(draw_address(), draw_size());
  memblock_discard();
  fprintf(out, " freed %llx\n", (unsigned long long)freed);
}
#else
static void hand_over_and_discard(void) {
  memblock_free_all();
  print_type(&memblock.memory);
  print_type(&memblock.reserved);
  fprintf(out, "\n");
}
#endif

static void print_all(void) {
  print_type(&memblock.memory);
  print_type(&memblock.reserved);
#ifdef CONFIG_HAVE_MEMBLOCK_PHYS_MAP
  print_type(&physmem);
#endif
  if (draw(8) == 0) print_walks();
  fprintf(out, "\n");
}

static void run(unsigned seed, unsigned calls) {
  state = seed * 0x9e3779b97f4a7c15ull;
  draw(2);
  empty_count = memblock.memory.cnt;
  mirrored_kernelcore = true;
  memblock_allow_resize();
  if (draw(2)) memblock.memory.max = 4 + draw(12); /* Small tables grow more than once. */
  if (draw(2)) memblock.reserved.max = 4 + draw(12);
  memblock_add(WINDOW, WINDOW_BYTES);
  for (unsigned i = 0; i < calls; ++i) {
    fprintf(out, "%u.%u %llx", seed, i, (unsigned long long)call());
    print_all();
  }
  fprintf(out, "%u.end", seed);
  max_low_pfn = PFN_DOWN(WINDOW + WINDOW_BYTES);
  /* Where stamping nodes doubles reserved, Linux 6.12 keeps nomap pages twice. */
  if (memory_may_grow_badly() ||
      memblock.reserved.cnt + 2 * memblock.memory.cnt + 2 > memblock.reserved.max) {
    print_all();
  } else {
    hand_over_and_discard();
  }
}

int main(int argc, char** argv) {
  const unsigned seeds = argc == 4 ? atoi(argv[1]) : 0;
  const unsigned calls = argc == 4 ? atoi(argv[2]) : 0;
  void* window = mmap((void*)(unsigned long)WINDOW, 2 * WINDOW_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  out = argc == 4 ? fopen(argv[3], "w") : NULL;
  if (out == NULL) {
    perror("drive SEEDS CALLS FILE");
    return 2;
  }
  if (window == MAP_FAILED) {
    perror("drive: no room for memory");
    return 2;
  }
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    int status = 0;
    pid_t child;
    fflush(out);
    child = fork();
    if (child == 0) {
      run(seed, calls);
      fflush(out);
      _exit(0);
    }
    waitpid(child, &status, 0);
    if (status != 0) fprintf(out, "seed %u: status %x\n", seed, status);
  }
  return 0;
}
