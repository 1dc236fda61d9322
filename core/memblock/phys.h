// Physical addresses, half-open ranges of them, and the one assertion macro.
// Everything here is constexpr and free: a PhysAddr compiles to the integer inside it.
#pragma once

#include <compare>
#include <cstdint>

/// 64, or 32 for a machine without large physical addresses (no PHYS_ADDR_T_64BIT). Regions are
/// then as small as that kernel's. The same for every file of a program.
#ifndef MEMBLOCK_PHYS_ADDR_BITS
#define MEMBLOCK_PHYS_ADDR_BITS 64
#endif

extern "C" {
/// The embedder's last resort: called on a broken contract, must not return.
[[noreturn]] void memblock_panic(const char* expression, const char* file, int line);
}

/// Stops the machine when a caller broke a contract. Never used on data that came from outside.
#define MEMBLOCK_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : memblock_panic(#condition, __FILE__, __LINE__))

namespace memblock {

#if MEMBLOCK_PHYS_ADDR_BITS == 64
using PhysInt = uint64_t;
#elif MEMBLOCK_PHYS_ADDR_BITS == 32
using PhysInt = uint32_t;
#else
#error "MEMBLOCK_PHYS_ADDR_BITS must be 64 or 32"
#endif

/// A physical address. Differences and sizes are plain bytes: `PhysInt` where they are stored,
/// `uint64_t` where they are asked for. Bits that an address does not have are dropped, as when a
/// sum wraps.
struct PhysAddr {
  PhysInt value = 0;

  constexpr PhysAddr() = default;
  constexpr explicit PhysAddr(uint64_t address) : value(static_cast<PhysInt>(address)) {}

  friend constexpr auto operator<=>(PhysAddr, PhysAddr) = default;
  friend constexpr PhysAddr operator+(PhysAddr a, uint64_t bytes) {
    return PhysAddr{a.value + bytes};
  }
  friend constexpr PhysAddr operator-(PhysAddr a, uint64_t bytes) {
    return PhysAddr{a.value - bytes};
  }
  friend constexpr PhysInt operator-(PhysAddr a, PhysAddr b) { return a.value - b.value; }
};

/// The highest address. No region ever contains it, because ends are exclusive.
inline constexpr PhysAddr kPhysAddrMax{~PhysInt{0}};

constexpr PhysAddr min(PhysAddr a, PhysAddr b) { return a < b ? a : b; }
constexpr PhysAddr max(PhysAddr a, PhysAddr b) { return a < b ? b : a; }
constexpr uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
constexpr uint64_t max(uint64_t a, uint64_t b) { return a < b ? b : a; }

/// (Written so that compilers do not count bits, which takes many instructions where there is none
/// for it.)
constexpr bool is_power_of_two(uint64_t value) { return (value ^ (value - 1)) > value - 1; }

/// Requires: `align` is a power of two.
constexpr uint64_t align_down(uint64_t value, uint64_t align) { return value & ~(align - 1); }

/// Rounds up; a result past the top of the address space wraps to 0, as the caller must expect.
/// Requires: `align` is a power of two.
constexpr uint64_t align_up(uint64_t value, uint64_t align) {
  return align_down(value + (align - 1), align);
}

/// Bytes `[base, end)`. Empty when both are equal; never inverted.
struct PhysRange {
  PhysAddr base;
  PhysAddr end;

  constexpr PhysRange() = default;

  /// Requires: `base <= end`.
  constexpr PhysRange(PhysAddr first, PhysAddr past_last) : base(first), end(past_last) {
    MEMBLOCK_ASSERT(first <= past_last);
  }

  /// `size` bytes from `base`, cut short at the top of the address space (memblock_cap_size).
  static constexpr PhysRange from_size(PhysAddr base, uint64_t size) {
    const uint64_t room = kPhysAddrMax - base;
    return PhysRange{base, base + (size < room ? size : room)};
  }

  constexpr PhysInt size() const { return end - base; }
  constexpr bool empty() const { return base == end; }
  constexpr bool contains(PhysAddr address) const { return base <= address && address < end; }
  constexpr bool contains(PhysRange other) const { return base <= other.base && other.end <= end; }
  constexpr bool overlaps(PhysRange other) const { return base < other.end && other.base < end; }

  friend constexpr bool operator==(PhysRange, PhysRange) = default;
};

/// All that can ever be registered.
inline constexpr PhysRange kAllMemory{PhysAddr{0}, kPhysAddrMax};

}  // namespace memblock
