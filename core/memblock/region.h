// A region: one run of physical memory with the same flags and node throughout.
#pragma once

#include <cstddef>
#include <span>

#include "memblock/phys.h"

namespace memblock {

/// The NUMA node of a region, or that it has none.
struct NodeId {
  int32_t value = -1;

  friend constexpr bool operator==(NodeId, NodeId) = default;
};

/// Node numbers run from 0 to below this (MAX_NUMNODES of a 64-bit distribution kernel).
inline constexpr int32_t kNodesMax = 1024;

/// "Any node" in a request, and what a region holds once a caller stored that (NUMA_NO_NODE).
inline constexpr NodeId kNoNode{-1};

/// What a newly registered region holds until someone names its node (MAX_NUMNODES). Requests
/// treat it like kNoNode; regions with the one do not merge with regions with the other.
inline constexpr NodeId kUnsetNode{kNodesMax};

/// Whether this names a node, rather than "any" or "unset" (numa_valid_node).
constexpr bool is_node(NodeId nid) { return nid.value >= 0 && nid.value < kNodesMax; }

/// A set of region attributes; the values are Linux's.
struct RegionFlags {
  uint32_t bits = 0;

  constexpr bool has(RegionFlags other) const { return (bits & other.bits) == other.bits; }
  friend constexpr RegionFlags operator|(RegionFlags a, RegionFlags b) {
    return RegionFlags{a.bits | b.bits};
  }
  friend constexpr RegionFlags operator&(RegionFlags a, RegionFlags b) {
    return RegionFlags{a.bits & b.bits};
  }
  friend constexpr RegionFlags without(RegionFlags a, RegionFlags b) {
    return RegionFlags{a.bits & ~b.bits};
  }
  friend constexpr bool operator==(RegionFlags, RegionFlags) = default;
};

inline constexpr RegionFlags kNoFlags{0x0};
inline constexpr RegionFlags kHotplug{0x1};          ///< May be unplugged: see movable_node.
inline constexpr RegionFlags kMirror{0x2};           ///< Mirrored by the hardware: preferred.
inline constexpr RegionFlags kNomap{0x4};            ///< Not in the direct map: never allocated.
inline constexpr RegionFlags kDriverManaged{0x8};    ///< Added by a driver: never allocated.
inline constexpr RegionFlags kReservedNoinit{0x10};  ///< On reserved: pages are not reported.
inline constexpr RegionFlags kAllFlags{0x1f};

/// One element of a table, laid out as Linux lays out `struct memblock_region`.
struct Region {
  PhysAddr base;
  uint64_t size = 0;
  RegionFlags flags;
  NodeId nid = kUnsetNode;

  constexpr PhysAddr end() const { return base + size; }
  constexpr PhysRange range() const { return PhysRange{base, base + size}; }
  constexpr bool same_kind(const Region& other) const {
    return flags == other.flags && nid == other.nid;
  }

  friend constexpr bool operator==(const Region&, const Region&) = default;
};

static_assert(sizeof(Region) == 24, "the kernel's layout, and what growth accounts for");
static_assert(offsetof(Region, size) == 8 && offsetof(Region, flags) == 16);

/// Regions in address order, as they stand in a table right now.
using RegionView = std::span<const Region>;

}  // namespace memblock
