// Where fuzz_cost begins: tables of many regions, in the patterns that are worst for one search or
// another.
#pragma once

#include "lab/trace.h"
#include "memblock/memblock.h"

namespace memblock::fuzz {

enum class CostPattern : uint8_t {
  Fragments,  ///< Reservations and gaps of all sizes.
  Traps,      ///< Gaps that hold a block of `block` bytes, but none at that alignment.
  Flags,      ///< Memory whose flags change from region to region; every eighth is reserved.
  Nodes,      ///< Memory on two nodes in turn, where what is on the first cannot be allocated.
  Covered,    ///< Memory that is all reserved, and holes between that are not.
  Touching,   ///< Reservations without a gap, on two nodes in turn.
};
inline constexpr unsigned kCostPatterns = 6;

/// The order in which regions come decides how full the leaves of a tree are, and how good what it
/// knows of them is.
enum class CostOrder : uint8_t { Ascending, Descending, Shuffled };
inline constexpr unsigned kCostOrders = 3;

/// Sizes of blocks: three between the alignments that a tree has bounds for, and one of those.
inline constexpr uint64_t kCostBlocks[] = {256, uint64_t{64} << 10, uint64_t{1} << 20,
                                           uint64_t{2} << 20};

inline constexpr uint32_t kCostRegionsMax = 8192;

/// What an input begins with. A trace says it by its limits: tables have room for all that comes.
struct CostStart {
  CostPattern pattern = CostPattern::Fragments;
  CostOrder order = CostOrder::Ascending;
  uint64_t block = kCostBlocks[0];     ///< Of Traps: one of these.
  uint32_t regions = kCostRegionsMax;  ///< A multiple of 8.
};

CostStart cost_start_of(const lab::Limits& limits);

/// Limits that say so.
lab::Limits limits_of(const CostStart& start);

/// `limits` with capacities for a start and for what may follow.
lab::Limits capacities_for(const CostStart& start, lab::Limits limits);

/// `8192 traps of 0x100000 bytes, shuffled`.
std::string to_text(const CostStart& start);

/// One region of a start.
struct CostRegion {
  TableId table;
  Region region;
};

/// All of them, in the order in which they are to come.
std::vector<CostRegion> regions_of(const CostStart& start);

/// What searches that find nothing elsewhere come to at last: free memory below all patterns. Above
/// it lies slot after slot of the pattern.
inline constexpr PhysRange kCostRefuge{PhysAddr{uint64_t{0xfc} << 24}, PhysAddr{uint64_t{4} << 30}};
inline constexpr uint64_t kCostSlot = uint64_t{4} << 20;
/// Slots of a table that a start leaves free.
inline constexpr uint32_t kCostSpare = 256;

}  // namespace memblock::fuzz
