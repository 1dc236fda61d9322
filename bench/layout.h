// The ranges that table benchmarks work on: as many slots as wanted, none touching another.
#pragma once

#include <vector>

#include "bench/measure.h"
#include "bench/subject.h"
#include "memblock/memblock.h"

namespace memblock::bench {

inline constexpr uint64_t kPage = 4096;
inline constexpr PhysAddr kLayoutBase{uint64_t{4} << 30};
inline constexpr uint64_t kSlotStride = 2 * kPage;

/// Page `i` of every second page from kLayoutBase up.
constexpr PhysRange slot(size_t i) {
  return PhysRange::from_size(kLayoutBase + i * kSlotStride, kPage);
}

inline std::vector<PhysRange> slots(size_t count) {
  std::vector<PhysRange> ranges;
  ranges.reserve(count);
  for (size_t i = 0; i < count; ++i) ranges.push_back(slot(i));
  return ranges;
}

/// All that `count` slots span, with one free page above the last.
constexpr PhysRange span_of_slots(size_t count) {
  return PhysRange::from_size(kLayoutBase, count * kSlotStride);
}

enum class Order { Ascending, Descending, Random };

inline const char* order_name(Order order) {
  switch (order) {
    case Order::Ascending: return "ascending";
    case Order::Descending: return "descending";
    case Order::Random: return "random";
  }
  return "";
}

inline std::vector<PhysRange> slots_in(Order order, size_t count) {
  std::vector<PhysRange> ranges = slots(count);
  if (order == Order::Descending) std::reverse(ranges.begin(), ranges.end());
  if (order == Order::Random) Random{count}.shuffle(ranges);
  return ranges;
}

/// All slots in memory, reserved or not as `take` says for each.
template <class S, class Take>
std::unique_ptr<S> with_reserved(size_t count, size_t capacity, Take&& take) {
  auto subject = std::make_unique<S>(Capacity{16, capacity});
  static_cast<void>(subject->add(span_of_slots(count), kUnsetNode, kNoFlags));
  for (size_t i = 0; i < count; ++i) {
    if (take(i)) static_cast<void>(subject->reserve(slot(i), kUnsetNode, kNoFlags));
  }
  return subject;
}

}  // namespace memblock::bench
