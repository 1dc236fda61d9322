// A core memblock on plain arrays that can pass as the model's, to test what stands on top of a
// memblock and is not in it: two of them behave alike, so any difference is above.
#pragma once

#include <algorithm>
#include <vector>

#include "memblock/memblock.h"

namespace memblock::lab {

/// The verbs that the models of boot steps and named reservations call.
class PlainMemblock {
 public:
  explicit PlainMemblock(FlatMemblock& memblock) : memblock_(memblock) {}

  Status add(PhysRange range) { return memblock_.add(range); }
  Status reserve(PhysRange range) { return memblock_.reserve(range); }
  Result<PhysAddr> phys_alloc(uint64_t size, uint64_t align) {
    return memblock_.phys_alloc(size, align);
  }
  void allow_resize() { memblock_.allow_resize(); }
  void trim_memory(uint64_t align) { memblock_.trim_memory(align); }
  const Machine& machine() const { return memblock_.machine(); }

 private:
  FlatMemblock& memblock_;
};

/// Tables that cannot grow: there is nowhere to put them.
struct PlainMachine {
  explicit PlainMachine(size_t capacity, unsigned page_shift = 12)
      : memory(capacity),
        reserved(capacity),
        memblock({memory, reserved, {}}, {}, machine_of(page_shift)),
        plain(memblock) {}

  static Machine machine_of(unsigned page_shift) {
    Machine machine;
    machine.page_shift = page_shift;
    return machine;
  }

  std::vector<Region> memory;
  std::vector<Region> reserved;
  FlatMemblock memblock;
  PlainMemblock plain;
};

inline bool same_regions(const PlainMachine& a, const PlainMachine& b) {
  return std::ranges::equal(a.memblock.memory(), b.memblock.memory()) &&
         std::ranges::equal(a.memblock.reserved(), b.memblock.reserved());
}

}  // namespace memblock::lab
