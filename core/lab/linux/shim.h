/* What the parts of a kernel object share with each other. */
#ifndef MEMBLOCK_LAB_LINUX_SHIM_H
#define MEMBLOCK_LAB_LINUX_SHIM_H

#include <stdarg.h>
#include <stddef.h>

#include "lab/linux/object.h"

/* The kernel's printf: %pa, %pap, %pS and %#x of zero differ from the C library's. Returns the
 * length written, always less than `room`. */
size_t lx_format(char* to, size_t room, const char* format, va_list arguments);

/* Set up by e820_shim.c. */
const struct LinuxE820* lx_e820(void);

#endif
