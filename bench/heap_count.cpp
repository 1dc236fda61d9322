#include "bench/heap_count.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

// Plain variables: lab-bench has one thread. Outside of a HeapCount, one branch is all they cost.
bool counting = false;
int64_t live_bytes = 0;
int64_t peak_bytes = 0;
constexpr int64_t kHeader = 8;  // Of a chunk of glibc's malloc.

[[maybe_unused]] void count(void* pointer, int sign) {
  if (pointer == nullptr) return;
  live_bytes += sign * (static_cast<int64_t>(malloc_usable_size(pointer)) + kHeader);
  if (live_bytes > peak_bytes) peak_bytes = live_bytes;
}

}  // namespace

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LAB_BENCH_OTHER_HEAP
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LAB_BENCH_OTHER_HEAP
#endif

// The sanitizer's heap watches more forms of new and delete than are counted here: its builds weigh
// nothing.
#ifndef LAB_BENCH_OTHER_HEAP
void* operator new(size_t bytes) {
  void* const pointer = std::malloc(bytes);
  if (pointer == nullptr) throw std::bad_alloc{};
  if (counting) count(pointer, 1);
  return pointer;
}
void operator delete(void* pointer) noexcept {
  if (counting) count(pointer, -1);
  std::free(pointer);
}
void operator delete(void* pointer, size_t) noexcept { operator delete(pointer); }
void* operator new(size_t bytes, std::align_val_t align) {
  void* const pointer = std::aligned_alloc(static_cast<size_t>(align), bytes);
  if (pointer == nullptr) throw std::bad_alloc{};
  if (counting) count(pointer, 1);
  return pointer;
}
void operator delete(void* pointer, std::align_val_t) noexcept { operator delete(pointer); }
void operator delete(void* pointer, size_t, std::align_val_t) noexcept { operator delete(pointer); }
#endif

namespace memblock::bench {

HeapCount::HeapCount() {
  counting = true;
  live_bytes = peak_bytes = 0;
}
HeapCount::~HeapCount() { counting = false; }

uint64_t HeapCount::live() const { return static_cast<uint64_t>(live_bytes); }
uint64_t HeapCount::peak() const { return static_cast<uint64_t>(peak_bytes); }

}  // namespace memblock::bench
