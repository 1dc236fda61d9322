/* Stands where mm/memblock.c looks for its "internal.h", as the last header that it reads: takes
 * the tree's own simulator header, and then leads what kernel code does to its surroundings to
 * shim.c. */
#ifndef MEMBLOCK_LAB_LINUX_INTERNAL_H
#define MEMBLOCK_LAB_LINUX_INTERNAL_H

#define memblock_free_pages lx_free_pages_of_the_tree
#include LX_TREE_INTERNAL_H
#undef memblock_free_pages

#include "lab/linux/around.h"

#endif
