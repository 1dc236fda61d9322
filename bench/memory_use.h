// How much memory a subject's table takes.
#pragma once

#include "bench/candidate.h"
#include "bench/heap_count.h"
#include "bench/table_jobs.h"

namespace memblock::bench {

/// `reserved` with so many regions, made in random order. What a table has before it holds anything
/// is S::kFirstBytes: 128 regions that are part of a kernel's image, or a container itself.
template <Subject S>
MemoryUse memory_of(size_t regions) {
  const std::vector<Region> all = all_slots(regions);
  S subject{Capacity{}};
  const HeapCount heap;
  for (const Region& region : all) use(subject.reserve(region.range(), kUnsetNode, kNoFlags));
  return {S::kFirstBytes + heap.live(), S::kFirstBytes + heap.peak()};
}

}  // namespace memblock::bench
