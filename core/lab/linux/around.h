/* Leads what kernel code does to its surroundings (printing, warning, dying, touching memory,
 * handing pages over) to shim.c. Read after all headers of the tree. */
#ifndef MEMBLOCK_LAB_LINUX_AROUND_H
#define MEMBLOCK_LAB_LINUX_AROUND_H

void lx_print(const char* format, ...);
void lx_warn(const char* condition);
void lx_died(const char* kind, const char* format, ...) __attribute__((noreturn));
void* lx_va(phys_addr_t* address, phys_addr_t bytes);
phys_addr_t lx_pa(const void* pointer);
void* lx_phys_to_virt(phys_addr_t address);
void* lx_memset(void* to, int byte, size_t bytes);
bool lx_slab_is_up(bool for_growth);
void* lx_kmalloc(size_t bytes);
void* lx_serve_late(void);
void lx_kfree(const void* pointer);
void lx_free_pages(unsigned long pfn, unsigned order);
void lx_keep_pages(phys_addr_t base, phys_addr_t end, int nid);
int lx_early_pfn_to_nid(unsigned long pfn);
extern unsigned long lx_pages_handed_over;

#undef printk
#undef pr_info
#undef pr_debug
#undef pr_cont
#undef pr_err
#undef pr_warn
#undef pr_warn_ratelimited
#undef pr_err_ratelimited
#undef pr_info_ratelimited
#define printk(...) lx_print(__VA_ARGS__)
#define pr_info(...) lx_print(__VA_ARGS__)
#define pr_debug(...) lx_print(__VA_ARGS__)
#define pr_cont(...) lx_print(__VA_ARGS__)
#define pr_err(...) lx_print(__VA_ARGS__)
#define pr_warn(...) lx_print(__VA_ARGS__)
#define pr_warn_ratelimited(...) lx_print(__VA_ARGS__)
#define pr_err_ratelimited(...) lx_print(__VA_ARGS__)
#define pr_info_ratelimited(...) lx_print(__VA_ARGS__)

/* "Once" is once in a boot: every trace is a boot, so each time counts. */
#define LX_WARN_IF(condition, text)     \
  ({                                    \
    const bool lx_true = !!(condition); \
    if (lx_true) lx_warn(text);         \
    lx_true;                            \
  })
#undef WARN
#undef WARN_ON
#undef WARN_ONCE
#undef WARN_ON_ONCE
#define WARN(condition, ...) LX_WARN_IF(condition, #condition)
#define WARN_ON(condition) LX_WARN_IF(condition, #condition)
#define WARN_ONCE(condition, ...) LX_WARN_IF(condition, #condition)
#define WARN_ON_ONCE(condition) LX_WARN_IF(condition, #condition)

#undef BUG
#undef BUG_ON
#undef assert
#undef panic
#undef exit
#undef abort
#define BUG() lx_died("BUG", "%s:%d", __func__, __LINE__)
#define BUG_ON(condition)                                          \
  do {                                                             \
    if (condition) lx_died("BUG", "%s: %s", __func__, #condition); \
  } while (0)
#define assert(condition) BUG_ON(!(condition))
#define panic(...) lx_died("panic", __VA_ARGS__)
#define exit(code) lx_died("exit", "%d", code)
#define abort() lx_died("abort", "%s", __func__)

#undef dump_stack
#define dump_stack() lx_warn("dump_stack")

#undef __va
#undef __pa
#undef phys_to_virt
#undef virt_to_phys
/* Only array growth maps memory. Where there is none, the address becomes 0: the kernel's own sign
 * that nothing was found. */
#if defined(LX_VA_SIZED)
#define __va(address) lx_va(&(address), new_size)
#elif defined(LX_VA_PLACE)
#define __va(address) lx_va(&(address), 0)
#else
#define __va(address)                 \
  ({                                  \
    phys_addr_t lx_place = (address); \
    lx_va(&lx_place, 0);              \
  })
#endif
#define __pa(pointer) lx_pa(pointer)
#define phys_to_virt(address) lx_phys_to_virt(address)
#define virt_to_phys(pointer) lx_pa((const void*)(pointer))

#undef memset
#define memset(to, byte, bytes) lx_memset(to, byte, bytes)

#undef slab_is_available
/* Who asks is known to the compiler: allocations are timed. */
#define slab_is_available() lx_slab_is_up(__builtin_strstr(__func__, "double_array") != NULL)
#undef kmalloc
#undef kzalloc
#undef kzalloc_node
#undef kfree
#define kmalloc(bytes, flags) lx_kmalloc(bytes)
#define kzalloc(bytes, flags) lx_serve_late()
#define kzalloc_node(bytes, flags, node) lx_serve_late()
#define kfree(pointer) lx_kfree(pointer)

#define memblock_free_pages(page, pfn, order) lx_free_pages(pfn, order)
#undef reserve_bootmem_region
#define LX_KEEP(base, end, nid, ...) lx_keep_pages(base, end, nid)
#define reserve_bootmem_region(...) LX_KEEP(__VA_ARGS__, kLinuxNodeNotSaid, 0)
#undef early_pfn_to_nid
#define early_pfn_to_nid(pfn) lx_early_pfn_to_nid(pfn)
#undef totalram_pages_add
#undef totalram_pages_inc
#define totalram_pages_add(pages) ((void)(lx_pages_handed_over += (unsigned long)(pages)))
#define totalram_pages_inc() ((void)++lx_pages_handed_over)

#endif
