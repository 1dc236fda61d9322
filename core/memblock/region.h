// A region: one run of physical memory with the same flags and node throughout.
#pragma once

#include <cstddef>
#include <span>

#include "memblock/phys.h"

/// One more than the highest node number (MAX_NUMNODES). 1 means a machine without NUMA: regions
/// then hold no node, and are smaller where that matters. The same for every file of a program.
#ifndef MEMBLOCK_NODES_MAX
#define MEMBLOCK_NODES_MAX 1024
#endif

namespace memblock {

/// The NUMA node of a region, or that it has none.
struct NodeId {
  int32_t value = -1;

  friend constexpr bool operator==(NodeId, NodeId) = default;
};

/// Node numbers run from 0 to below this; by default as in a 64-bit distribution kernel.
inline constexpr int32_t kNodesMax = MEMBLOCK_NODES_MAX;

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

/// What a region has for a node on a machine without NUMA: takes no room, reads as none, and is
/// the same as any node that it is compared with.
struct AbsentNode {
  constexpr AbsentNode() = default;
  constexpr AbsentNode(NodeId) {}                        // NOLINT(google-explicit-constructor)
  constexpr operator NodeId() const { return kNoNode; }  // NOLINT(google-explicit-constructor)
  friend constexpr bool operator==(AbsentNode, AbsentNode) { return true; }
  friend constexpr bool operator==(AbsentNode, NodeId) { return true; }
};

#if MEMBLOCK_NODES_MAX > 1
using StoredNode = NodeId;
#else
using StoredNode = AbsentNode;
#endif

/// One element of a table, laid out as Linux lays out `struct memblock_region`.
struct Region {
  PhysAddr base;
  PhysInt size = 0;
  RegionFlags flags;
  [[no_unique_address]] StoredNode nid = kUnsetNode;

  constexpr PhysAddr end() const { return base + size; }
  constexpr PhysRange range() const { return PhysRange{base, base + size}; }
  constexpr bool same_kind(const Region& other) const {
    return flags == other.flags && nid == other.nid;
  }
  /// Whether it is of the kind that allocations are.
  constexpr bool is_plain() const { return flags == kNoFlags && nid == StoredNode{kUnsetNode}; }

  friend constexpr bool operator==(const Region&, const Region&) = default;
};

static_assert(sizeof(Region) ==
                  align_up(2 * sizeof(PhysInt) + (MEMBLOCK_NODES_MAX > 1 ? 8 : 4), alignof(Region)),
              "the kernel's layout, and what growth accounts for");
static_assert(offsetof(Region, size) == sizeof(PhysInt));
static_assert(offsetof(Region, flags) == 2 * sizeof(PhysInt));

/// Regions in address order, as they stand in a table right now.
using RegionView = std::span<const Region>;

}  // namespace memblock
