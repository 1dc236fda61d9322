// The byte format of traces, as decode.cpp and encode.cpp share it. Not for others: see codec.h.
#pragma once

#include <array>

#include "lab/rules.h"

namespace memblock::lab::codec {

// A number begins with a byte: its form in the low three bits, an argument in the upper five.
enum class Form : uint8_t {
  Pages,      // argument whole pages
  LowPower,   // 1 << argument
  HighPower,  // 1 << (32 + argument)
  Edge,       // an edge of an earlier range, the argument-th last, plus a signed byte: see below
  ManyPages,  // (argument << 16 | two bytes) whole pages
  Raw,        // (argument % 8) + 1 bytes, lowest first
  Small,      // argument
  Top,        // 0 - 1 - argument
};

inline constexpr uint64_t kArgumentMax = 31;
inline constexpr size_t kEdges = 32;

/// Edges of the last ranges, the latest first. Reader and writer fill theirs alike.
class Edges {
 public:
  void add(PhysRange range) {
    add(range.base.value);
    add(range.end.value);
  }
  void add(uint64_t address) { edges_[next_++ % kEdges] = address; }
  uint64_t at(size_t back) const { return edges_[(next_ + 2 * kEdges - 1 - back) % kEdges]; }

 private:
  std::array<uint64_t, kEdges> edges_{};
  size_t next_ = 0;
};

/// What a number counts: addresses and sizes come in pages of bytes, page frames in ones.
struct Unit {
  unsigned page_shift = 12;
  bool frames = false;

  uint64_t of_pages(uint64_t pages) const { return frames ? pages : pages << page_shift; }
  uint64_t of_edge(uint64_t edge) const { return frames ? edge >> page_shift : edge; }
};

// -64 to 63 pages away; beyond that -64 to 63 bytes.
inline uint64_t edge_distance(uint8_t byte, const Unit& unit) {
  const auto pages = static_cast<int8_t>(static_cast<uint8_t>(byte << 1)) / 2;
  const auto distance = static_cast<uint64_t>(int64_t{pages});
  return (byte & 0x80) != 0 ? distance : unit.of_pages(distance);
}

// E820 types in the order of their codes; a code from kRawType on is followed by four bytes.
inline constexpr auto kTypes =
    std::to_array<E820Type>({E820Type::Ram, E820Type::Reserved, E820Type::Acpi, E820Type::Nvs,
                             E820Type::Unusable, E820Type::None, E820Type::Pmem, E820Type::Pram,
                             E820Type::ReservedKern, E820Type::SoftReserved});
inline constexpr uint8_t kRawType = 240;

inline constexpr uint8_t kRawNode = 250;     // Followed by two bytes.
inline constexpr uint8_t kManyRanges = 252;  // Followed by a count.
inline constexpr auto kCapacities = std::to_array<uint32_t>({128, 1, 2, 3, 4, 8, 64});
inline constexpr uint8_t kOtherCapacity = 7;
inline constexpr uint8_t kOtherLimits = 0x40;
inline constexpr uint8_t kHasMap = 0x80;

}  // namespace memblock::lab::codec
