// The search in sorted arrays: regions in a table, keys in a node of a tree. Without branches that
// depend on what they hold.
#pragma once

#include <bit>

#include "memblock/region_table.h"

// MEMBLOCK_PORTABLE: what other processors have, on x86-64 too.
#if defined(__x86_64__) && MEMBLOCK_PHYS_ADDR_BITS == 64 && !defined(MEMBLOCK_PORTABLE)
#define MEMBLOCK_X86 1
#else
#define MEMBLOCK_X86 0
#endif

namespace memblock::detail {

/// The largest power of two up to `count`. Requires: count != 0.
inline size_t bit_floor(size_t count) {
#if MEMBLOCK_X86
  // Into the register it comes from: the instruction waits for what its target held before, which
  // would be the end of the last search.
  asm("bsr %[count], %[count]" : [count] "+r"(count) : : "cc");
  return size_t{1} << count;
#else
  return std::bit_floor(count);
#endif
}

/// Moves `at` to `bytes` behind `from` if the number there is no higher than `address`. Never by a
/// branch: half of those in a search are mispredicted, whatever a compiler thinks it knows.
inline void step_over(const char*& at, const char* from, size_t bytes, PhysAddr address) {
  const char* const there = from + bytes;
#if MEMBLOCK_X86
  // In this order the carry alone tells: a move that asks for more takes twice as long. And
  // compared where it lies: a search is as quick as its instructions are few.
  asm("cmp %[base], %[address]\n\tcmovae %[there], %[at]"
      : [at] "+r"(at)
      : [there] "r"(there), [address] "r"(address.value),
        [base] "m"(*reinterpret_cast<const PhysInt*>(there))
      : "cc");
#else
  PhysInt base;
  __builtin_memcpy(&base, there, sizeof(base));
  size_t mask = size_t{0} - static_cast<size_t>(base <= address.value);
  asm("" : "+r"(mask));  // What the compiler cannot see through it cannot make a branch of.
  at += mask & static_cast<size_t>(there - at);
#endif
}

/// The same for the first three multiples of `bytes`, whose reads do not wait for one another.
inline void step_over_three(const char*& at, const char* from, size_t bytes, PhysAddr address) {
  step_over(at, from, bytes, address);
  step_over(at, from, 2 * bytes, address);
  step_over(at, from, 3 * bytes, address);
}

/// Two halvings at a time, down from quarters of `bytes`.
template <class Element>
const Element* last_in_quarters(const char* at, size_t bytes, PhysAddr address) {
  for (; bytes >= sizeof(Element); bytes /= 4) step_over_three(at, at, bytes, address);
  if (bytes >= sizeof(Element) / 2) step_over(at, at, sizeof(Element), address);
  return reinterpret_cast<const Element*>(at);
}

/// The same where a quarter is known to be so many elements: without a loop.
template <class Element, size_t kQuarter>
const Element* last_in_quarters(const char* at, PhysAddr address) {
  if constexpr (kQuarter != 0) {
    step_over_three(at, at, kQuarter * sizeof(Element), address);
    if constexpr (kQuarter == 2) step_over(at, at, sizeof(Element), address);
    return last_in_quarters<Element, kQuarter / 4>(at, address);
  }
  return reinterpret_cast<const Element*>(at);
}

/// last_from() for counts from `kWindow` up to twice as many.
template <class Element, size_t kWindow>
const Element* last_from_window(const Element* elements, size_t count, PhysAddr address) {
  const char* at = reinterpret_cast<const char*>(elements);
  step_over(at, at, (count - kWindow) * sizeof(Element), address);
  return last_in_quarters<Element, kWindow / 4>(at, address);
}

/// last_from() for any count: with a loop.
template <class Element>
const Element* last_from_any(const Element* elements, size_t count, PhysAddr address) {
  const size_t window = bit_floor(count);
  const char* at = reinterpret_cast<const char*>(elements);
  step_over(at, at, (count - window) * sizeof(Element), address);
  return last_in_quarters<Element>(at, window * sizeof(Element) / 4, address);
}

/// last_from() for fewer than 32. The smallest tables hold 8 or a few more.
template <class Element>
const Element* last_from_few(const Element* elements, size_t count, PhysAddr address) {
  return count - 8 < 8 ? last_from_window<Element, 8>(elements, count, address)
                       : last_from_any(elements, count, address);
}

/// The last of `count` elements that begins with a number no higher than `address`, or the first if
/// there is none. Requires: count != 0, ascending. Cost: O(log n) without a branch that depends on
/// them.
template <class Element>
const Element* last_from(const Element* elements, size_t count, PhysAddr address) {
  // Most leaves and nodes of a tree have so many.
  if (count - 64 < 64) return last_from_window<Element, 64>(elements, count, address);
  if (count - 32 < 32) return last_from_window<Element, 32>(elements, count, address);
  return last_from_any(elements, count, address);
}

/// last_from_soon() for counts from `kWindow` up to twice as many.
template <class Element, size_t kWindow>
const Element* last_from_window_soon(const Element* elements, size_t count, PhysAddr address) {
  constexpr size_t kQuarter = kWindow / 4 * sizeof(Element);
  // As many from the first and as many up to the last hold it, or both: they are quartered at once.
  const char* const low = reinterpret_cast<const char*>(elements);
  const char* const high = low + (count - kWindow) * sizeof(Element);
  const char* in_low = low;
  step_over_three(in_low, low, kQuarter, address);
  const char* in_high = low;
  step_over(in_high, high, 0, address);
  step_over_three(in_high, high, kQuarter, address);
  return last_in_quarters<Element, kWindow / 16>(in_low < in_high ? in_high : in_low, address);
}

/// last_from() and last_from_soon() where there are `kCount`, without a look at how many.
template <size_t kCount, class Element>
const Element* last_from_all(const Element* elements, PhysAddr address) {
  return last_from_window<Element, std::bit_floor(kCount)>(elements, kCount, address);
}
template <size_t kCount, class Element>
const Element* last_from_all_soon(const Element* elements, PhysAddr address) {
  if constexpr (kCount < 32) return last_from_all<kCount>(elements, address);
  return last_from_window_soon<Element, std::bit_floor(kCount)>(elements, kCount, address);
}

/// A function of its own, or its callers would be short of registers.
template <class Element>
[[gnu::noinline]] const Element* last_from_many_soon(const Element* elements, size_t count,
                                                     PhysAddr address) {
  if (count - 64 < 64) return last_from_window_soon<Element, 64>(elements, count, address);
  if (count - 32 < 32) return last_from_window_soon<Element, 32>(elements, count, address);
  return last_from_any(elements, count, address);
}

/// last_from() for edits, which wait for it: one round of reads fewer, but more of them. Lookups
/// overlap one another, and pay for each read.
template <class Element>
const Element* last_from_soon(const Element* elements, size_t count, PhysAddr address) {
  return count < 32 ? last_from_few(elements, count, address)
                    : last_from_many_soon(elements, count, address);
}

inline Region* last_from_soon(Region* regions, size_t count, PhysAddr address) {
  static_assert(offsetof(Region, base) == 0);
  return const_cast<Region*>(last_from_soon(static_cast<const Region*>(regions), count, address));
}

}  // namespace memblock::detail
