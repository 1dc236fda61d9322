// The ranges that jobs work on: as many slots as wanted, none touching another.
#pragma once

#include <algorithm>
#include <vector>

#include "bench/random.h"
#include "memblock/memblock.h"

namespace memblock::bench {

inline constexpr uint64_t kPage = 4096;
inline constexpr PhysAddr kLayoutBase{uint64_t{4} << 30};
inline constexpr uint64_t kSlotStride = 2 * kPage;

/// Page `i` of every second page from kLayoutBase up.
constexpr PhysRange slot(size_t i) {
  return PhysRange::from_size(kLayoutBase + i * kSlotStride, kPage);
}

/// All that `count` slots span, with one free page above the last.
constexpr PhysRange span_of_slots(size_t count) {
  return PhysRange::from_size(kLayoutBase, count * kSlotStride);
}

inline Region plain_region(PhysRange range, RegionFlags flags = kNoFlags, NodeId nid = kUnsetNode) {
  return {range.base, range.size(), flags, nid};
}

/// The numbers below `count`, shuffled.
inline std::vector<uint32_t> shuffled(size_t count, uint64_t seed) {
  std::vector<uint32_t> numbers(count);
  for (size_t i = 0; i < count; ++i) numbers[i] = static_cast<uint32_t>(i);
  Random{seed}.shuffle(numbers);
  return numbers;
}

/// Those of `count` slots that `take` wants, as regions in random order.
template <class Take>
std::vector<Region> some_slots(size_t count, Take&& take) {
  std::vector<Region> regions;
  for (const uint32_t i : shuffled(count, count)) {
    if (take(i)) regions.push_back(plain_region(slot(i)));
  }
  return regions;
}

inline std::vector<Region> all_slots(size_t count) {
  return some_slots(count, [](size_t) { return true; });
}

enum class Order { Ascending, Descending, Random };

}  // namespace memblock::bench
