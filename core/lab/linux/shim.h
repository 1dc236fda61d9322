/* What the parts of a kernel object share with each other. */
#ifndef MEMBLOCK_LAB_LINUX_SHIM_H
#define MEMBLOCK_LAB_LINUX_SHIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lab/linux/object.h"

/* The kernel's printf: %pa, %pap, %pS and %#x of zero differ from the C library's. Returns the
 * length written, always less than `room`. */
size_t lx_format(char* to, size_t room, const char* format, va_list arguments);

/* Who asked for this boot; set by lx_start(). */
extern struct LinuxHost lx_host;
void lx_start(const struct LinuxHost* host, unsigned page_shift);
/* Of struct LinuxObject. */
const char* lx_died_of(void);
bool lx_abort_call(const char* why);
bool lx_abort_stuck_call(const char* why);
void lx_set_slab_up(bool for_growth, bool for_allocations);

/* BEGIN(what a call answers whose code died), then END(). */
extern jmp_buf lx_die_here;
void lx_enter(void);
void lx_running(bool on);
#ifdef LX_TIMING
#define BEGIN(dead) ((void)0)
#define END() ((void)0)
#else
#define BEGIN(dead)                             \
  do {                                          \
    lx_enter();                                 \
    if (_setjmp(lx_die_here) != 0) return dead; \
    lx_running(true);                           \
  } while (0)
#define END() lx_running(false)
#endif

#define CALL(result, name, parameters, expression) \
  static result name parameters {                  \
    BEGIN((result)0);                              \
    const result answer = (result)(expression);    \
    END();                                         \
    return answer;                                 \
  }
#define CALL_VOID(name, parameters, statement) \
  static void name parameters {                \
    BEGIN();                                   \
    statement;                                 \
    END();                                     \
  }

/* The tree's table of this number. */
struct memblock_type* lx_type_of(int table);

/* Walks: see struct LinuxObject. */
#define LX_WALK LinuxSeen seen, void *to, uint64_t most
bool lx_walk_mem(bool down, LX_WALK);
bool lx_walk_reserved(bool down, LX_WALK);
bool lx_walk_free(bool down, int nid, unsigned flags, LX_WALK);
uint64_t lx_sum_free(bool down);
bool lx_walk_mem_pfns(int nid, LX_WALK);
bool lx_walk_physmem(int minus, LX_WALK);
bool lx_walk_zone_pfns(uint64_t from, uint64_t until, int nid, LX_WALK);

/* Set up by e820_shim.c. */
const struct LinuxE820* lx_e820(void);

#endif
