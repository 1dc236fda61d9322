/* What is around a kernel's file: what around.h and the calls lead here goes to the host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/linux/shim.h"

unsigned lx_page_shift = 12;
unsigned long lx_pages_handed_over;
struct LinuxHost lx_host;
jmp_buf lx_die_here;
static volatile bool running;
static char died_of[160];
static const void* cleared_next; /* What phys_to_virt() gave last: no memory stands behind it. */
static unsigned pages_reported;
static volatile unsigned long calls, calls_seen; /* How many have begun. */
static bool slab_for_growth, slab_for_allocations;

void lx_print(const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  size_t length = lx_format(line, sizeof line, format, arguments);
  va_end(arguments);
  while (length > 0 && line[length - 1] == '\n') --length;
  if (line[0] == 1 && length >= 2) { /* A level in front, KERN_DEBUG. */
    memmove(line, line + 2, length -= 2);
  }
  lx_host.print(lx_host.context, line, length);
}

void lx_enter(void) {
  cleared_next = NULL;
  pages_reported = 0;
  ++calls;
}
void lx_running(bool on) { running = on; }

void lx_warn(const char* condition) { lx_host.warn(lx_host.context, condition); }

void lx_died(const char* kind, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  size_t length = (size_t)snprintf(died_of, sizeof died_of, "%s: ", kind);
  length += lx_format(died_of + length, sizeof died_of - length, format, arguments);
  va_end(arguments);
  while (length > 0 && died_of[length - 1] == '\n') died_of[--length] = 0;
#ifdef LX_TIMING
  fprintf(stderr, "the kernel died in a timing run: %s\n", died_of);
  abort();
#else
  running = false;
  _longjmp(lx_die_here, 1);
#endif
}

void* lx_phys_to_virt(uint64_t address) {
  cleared_next = (const void*)address;
  return (void*)address;
}

/* Clearing an allocation is reported, not done: the memory is a matter of the lx_host. */
void* lx_memset(void* to, int byte, size_t bytes) {
  if (to != cleared_next || to == NULL) return memset(to, byte, bytes);
  lx_host.zeroed(lx_host.context, (uint64_t)to, bytes);
  return to;
}

/* Late memory serves array growth before it serves allocations: a trace may bring the late
 * allocator up before the handover. */
bool lx_slab_is_up(bool for_growth) { return for_growth ? slab_for_growth : slab_for_allocations; }

void lx_set_slab_up(bool for_growth, bool for_allocations) {
  slab_for_growth = for_growth;
  slab_for_allocations = for_allocations;
}

void* lx_kmalloc(size_t bytes) { return lx_host.late_alloc(lx_host.context, bytes); }
void* lx_serve_late(void) {
  lx_host.served_late(lx_host.context);
  cleared_next = lx_host.context;
  return lx_host.context;
}
void lx_kfree(const void* pointer) { lx_host.late_free(lx_host.context, (void*)pointer); }

/* A count that has wrapped hands over pages for hours. */
void lx_free_pages(unsigned long pfn, unsigned order) {
  if (++pages_reported > 1u << 20) lx_died("runaway", "hands over pages without end");
  lx_host.free_pages(lx_host.context, pfn, order);
}
void lx_keep_pages(uint64_t base, uint64_t end, int nid) {
  lx_host.keep_pages(lx_host.context, base, end, nid);
}

void lx_start(const struct LinuxHost* host, unsigned page_shift) {
  lx_host = *host;
  lx_page_shift = page_shift;
  lx_pages_handed_over = pages_reported = 0;
  slab_for_growth = slab_for_allocations = false;
  died_of[0] = 0;
  running = false;
}

/* Said once. */
const char* lx_died_of(void) {
  static char said[sizeof died_of];
  if (died_of[0] == 0) return NULL;
  strcpy(said, died_of);
  died_of[0] = 0;
  return said;
}

bool lx_abort_call(const char* why) {
  if (!running) return false;
  lx_died("stopped", "%s", why);
}

bool lx_abort_stuck_call(const char* why) {
  const bool stuck = calls_seen == calls;
  calls_seen = calls;
  return stuck && lx_abort_call(why);
}
