// Op: one call to a memblock or to its E820 table, as data.
//
// kOpSpecs has one row for each op. The byte codec, the text printer and parser and the generators
// all walk that row, so a new op is one row here and one case in apply().
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "memblock/e820.h"
#include "memblock/memblock.h"

namespace memblock::lab {

enum class OpCode : uint8_t {
  // Registering
  Add,
  Remove,
  Reserve,
  Free,
  FreeVirt,
  PhysmemAdd,
  // Flags
  MarkHotplug,
  ClearHotplug,
  MarkMirror,
  MarkNomap,
  ClearNomap,
  MarkReservedNoinit,
  // NUMA
  SetNode,
  SearchPfnNid,
  BytesWithoutNode,
  ValidateNumaCoverage,
  // Allocation
  Allocate,
  PhysAllocRange,
  PhysAlloc,
  PhysAllocTryNid,
  Alloc,
  AllocRaw,
  AllocFrom,
  AllocLow,
  AllocNode,
  AllocTryNid,
  AllocTryNidRaw,
  AllocExactNidRaw,
  // Settings
  SetBottomUp,
  SetLimit,
  SetMovableNode,
  AllowResize,
  LateAllocatorUp,
  // Queries
  PhysMemSize,
  ReservedSize,
  EstimatedFreePages,
  StartOfDram,
  EndOfDram,
  IsMemory,
  IsReserved,
  IsMapMemory,
  IsRegionMemory,
  IsRegionReserved,
  Overlaps,
  HasMirror,
  RegionPfns,
  // Tables as they stand
  Regions,
  Count,
  Capacity,
  Gaps,
  Isolate,
  // Walks
  MemRanges,
  ReservedRanges,
  FreeRanges,
  PhysmemRanges,
  MemPfns,
  FreePfnsInZone,
  // Limits
  EnforceMemoryLimit,
  CapMemoryRange,
  MemLimitRemoveMap,
  TrimMemory,
  // Handover
  FreeAll,
  FreeLate,
  Discard,
  // Printing
  Dump,
  // Named reservations
  ReserveMem,
  FindReserveMem,
  // E820
  E820Append,
  E820Update,
  E820Remove,
  E820MappedAny,
  E820MappedAll,
  E820TypeOf,
  E820Sanitize,
  E820EndOfRam,
  E820EndOfLowRam,
  E820SearchGap,
  E820Option,
  E820FinishOptions,
  E820Load,
  E820TrimBios,
  E820AddKernelRange,
  EarlyReserve,
  E820Entries,
};
inline constexpr size_t kOpCount = static_cast<size_t>(OpCode::E820Entries) + 1;

/// What an op takes. Defaults are left out of the text.
enum class Field : uint8_t {
  Range,        ///< `[0x1000, 0x2000)`
  Size,         ///< `size=0x1000` bytes
  Align,        ///< `align=0x1000`, a power of two, or 0
  Within,       ///< `within=[0x0, 0x40000000)`: min and max; the kernel's 0 and 1 stand as max
  Min,          ///< `min=0x1000`
  Nid,          ///< `nid=0`, `nid=none` (-1), `nid=unset`
  Flags,        ///< `flags=hotplug|nomap`
  Table,        ///< `memory`, `reserved` or `physmem`
  On,           ///< `on` or `off`
  Exact,        ///< `exact`: exact_nid of Allocate
  WithinLimit,  ///< `within_limit` of Allocate
  RetryBelow,   ///< `retry_below_min` of Allocate
  Zero,         ///< `zero` of Allocate
  Address,      ///< `0x1000`
  Pfn,          ///< `pfn=0x1`
  Bytes,        ///< `bytes=0x1000`: amounts and thresholds
  Down,         ///< `down`: direction of a walk, upwards when absent
  Type,         ///< `ram`, `reserved`, ... or a number
  NewType,      ///< `to=reserved`
  Text,         ///< `"..."`: command-line text
  Extent,       ///< `[0x1000, 0x2000)` as base and size: may end at 2^64 or wrap, as firmware says
  Initrd,       ///< `initrd=[0x1000, 0x2000)`
  Bios,         ///< `bios=[0x9f000, 0x100000)`
  SetupData,    ///< `setup_data=[0x1000, 0x2000)`, any number of them
};

/// What an op answers when it succeeds; see Outcome.
enum class Answer : uint8_t {
  Nothing,   ///< `ok`
  Address,   ///< `0x1000`
  Number,    ///< `12`
  YesNo,     ///< `yes` or `no`
  Indexes,   ///< `[1, 3)`: positions in a table
  Regions,   ///< `[0x1000, 0x2000) nid=0 flags=nomap; ...`
  Pfns,      ///< `[0x1, 0x2) nid=0; ...`
  Handover,  ///< `free 0x1 order=0; keep [0x2, 0x4) nid=0; ...`
  Lines,     ///< Printed text, line by line, each quoted
  Entries,   ///< `[0x0, 0x9fc00) ram; ...`
  Type,      ///< `ram`
};

inline constexpr size_t kFieldsMax = 8;

struct OpSpec {
  OpCode code;
  std::string_view name;
  std::array<Field, kFieldsMax> fields;
  size_t field_count;
  Answer answer;
};

extern const std::array<OpSpec, kOpCount> kOpSpecs;

inline const OpSpec& spec_of(OpCode code) { return kOpSpecs[static_cast<size_t>(code)]; }

/// One call. Only the fields of its row mean anything; the others keep their defaults, so that
/// equality means the same call.
struct Op {
  OpCode code = OpCode::Add;
  PhysRange range;
  uint64_t size = 0;   ///< Size, Bytes, Pfn
  uint64_t align = 0;  ///< Align: 0 or a power of two
  PhysAddr min{0};     ///< Within, Min, Address, Extent
  PhysAddr max{0};     ///< Within
  NodeId nid = kUnsetNode;
  RegionFlags flags;
  TableId table = TableId::Memory;
  bool on = false;  ///< On, Down
  bool exact = false;
  bool within_limit = false;
  bool retry_below_min = false;
  bool zero = false;
  E820Type type = E820Type::Ram;
  E820Type new_type = E820Type::Reserved;
  std::string text;
  PhysRange initrd;
  PhysRange bios;
  std::vector<PhysRange> setup_data;

  friend bool operator==(const Op&, const Op&) = default;
};

}  // namespace memblock::lab
