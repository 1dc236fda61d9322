// Counts what operator new gives and delete takes back, where asked to: containers from libraries
// are weighed that way, without an allocator of ours in their types.
#pragma once

#include <cstdint>

namespace memblock::bench {

/// Bytes that malloc spends on what was allocated since it was made, headers and rounding included.
/// One at a time; not for timing.
class HeapCount {
 public:
  HeapCount();
  HeapCount(const HeapCount&) = delete;
  HeapCount& operator=(const HeapCount&) = delete;
  ~HeapCount();

  uint64_t live() const;
  uint64_t peak() const;
};

}  // namespace memblock::bench
