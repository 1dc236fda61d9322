// Memory that child processes see too, for counters and short notes.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace memblock::lab {

/// `count` default-made items, which must be happy without a destructor.
template <class T>
class SharedMemory {
 public:
  explicit SharedMemory(size_t count) : count_(count) {
    void* memory = mmap(nullptr, (count + 1) * sizeof(T), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc{};
    items_ = static_cast<T*>(memory);
    for (size_t i = 0; i < count; ++i) new (&items_[i]) T;
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() { munmap(items_, (count_ + 1) * sizeof(T)); }

  T& operator[](size_t index) { return items_[index]; }
  const T& operator[](size_t index) const { return items_[index]; }

 private:
  size_t count_;
  T* items_;
};

}  // namespace memblock::lab
