// What an allocation asks for.
#pragma once

#include "memblock/region.h"

namespace memblock {

/// Upper bounds that stand for the current limit (MEMBLOCK_ALLOC_ACCESSIBLE, _NOLEAKTRACE).
inline constexpr PhysAddr kUpToLimit{0};
inline constexpr PhysAddr kUpToLimitNoLeakTrace{1};
/// No upper bound (MEMBLOCK_ALLOC_ANYWHERE).
inline constexpr PhysAddr kAnywhere = kPhysAddrMax;

/// What to allocate. The named calls of Memblock fill this in.
struct AllocRequest {
  uint64_t size = 0;                ///< Bytes; 0 is Invalid.
  uint64_t align = 0;               ///< A power of two; 0 means a cache line, with a warning.
  PhysAddr min{0};                  ///< Lower bound; page 0 is never handed out all the same.
  PhysAddr max = kUpToLimit;        ///< Exclusive upper bound, or one of the constants above.
  NodeId nid = kNoNode;             ///< The node to prefer.
  bool exact_nid = false;           ///< No other node will do.
  bool within_limit = false;        ///< The current limit holds even against a higher `max`.
  bool retry_below_min = false;     ///< When nothing fits, try again without `min`.
  bool zero = false;                ///< Clear it.
  const char* traced_as = nullptr;  ///< Name in the call trace; null: no line of its own.
};

/// Whether two requests ask for the same in all but size. Word by word, each as callers write it:
/// member by member takes twice as long, and this is what most allocations do most of. What has
/// just been written in two words cannot be read as one before both have left the store buffer.
inline bool alike(const AllocRequest& a, const AllocRequest& b) {
  static_assert(
      offsetof(AllocRequest, traced_as) == offsetof(AllocRequest, nid) + 2 * sizeof(uint32_t),
      "there are no bytes between the members");
  const auto differ = [&]<class Word>(size_t at, Word) {
    Word one, other;
    __builtin_memcpy(&one, reinterpret_cast<const char*>(&a) + at, sizeof(one));
    __builtin_memcpy(&other, reinterpret_cast<const char*>(&b) + at, sizeof(other));
    asm("" : "+r"(one));  // Nor does the compiler make one of two.
    return one ^ other;
  };
  return (differ(offsetof(AllocRequest, align), uint64_t{}) |
          differ(offsetof(AllocRequest, min), PhysInt{}) |
          differ(offsetof(AllocRequest, max), PhysInt{}) |
          differ(offsetof(AllocRequest, nid), uint32_t{}) |
          differ(offsetof(AllocRequest, exact_nid), uint32_t{})) == 0;
}

}  // namespace memblock
