// One line of a boot log, understood: which of the lines that matter it is, and what it says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lab/bootlog_text.h"
#include "memblock/e820.h"
#include "memblock/memblock.h"

namespace memblock::lab {

enum class LogKind : uint8_t {
  // Calls of memblock, as `memblock=debug` prints them
  Add,  ///< memblock_add, memblock_add_node
  Remove,
  Reserve,  ///< Also the second line of an allocation: see by_allocator().
  Free,     ///< memblock_phys_free, and memblock_free of kernels before 5.16
  PhysmemAdd,
  FreeLate,
  Request,  ///< An allocation asked for: the first line of it.
  Grown,    ///< `memblock: reserved is doubled to ...`
  GrowthFailed,
  // `MEMBLOCK configuration:`
  DumpStart,
  DumpSizes,
  DumpCount,
  DumpRegion,
  // /sys/kernel/debug/memblock/*
  FinalTable,
  FinalRegion,
  // The firmware's map
  E820Entry,  ///< `text` is who: BIOS-e820, user, extended, modified, ...
  E820Update,
  E820Remove,
  // What tells of calls that are not printed
  Version,
  Machine,  ///< A line that only one architecture prints; `text` names it.
  CommandLine,
  SratMemory,   ///< A range of a node, from the firmware.
  FakeNode,     ///< One node for all memory, `number` 0, or one of numa=fake, `number` 1.
  NodeData,     ///< Where the data of node `nid` went.
  NodeMissing,  ///< `NODE_DATA(1) on node 0`
  Numa,         ///< Any other line that only a kernel with NUMA prints.
  Cma,          ///< An area for contiguous allocations.
  Zone,         ///< Bounds of a memory zone, `text` is its name.
  LowMemory,    ///< Where the directly mapped memory of a 32-bit kernel ends.
  Mirrored,     ///< The firmware told of mirrored memory.
  Handover,     ///< `Memory: ...K available`: the page allocator has taken over.
  Dropped,      ///< The console skipped `number` lines.
  CpuMax,       ///< NR_CPUS, in `number`.
};

/// A line with its numbers. Ends are inclusive here, as printed; nowhere else.
struct LogLine {
  LogKind kind = LogKind::Numa;
  uint32_t line = 0;
  unsigned width = 64;  ///< Bits of a physical address, told from the digits printed.
  uint64_t base = 0;
  uint64_t last = 0;
  uint64_t size = 0;  ///< Request; DumpRegion; DumpSizes: of memory
  uint64_t align = 0;
  uint64_t max = 0;     ///< Request; DumpSizes: of reserved. `base` holds the lower bound.
  uint64_t number = 0;  ///< Index, count, capacity
  int32_t nid = -1;     ///< -1: none printed.
  uint32_t flags = 0;
  TableId table = TableId::Memory;
  bool hotplug = false;  ///< SratMemory
  E820Type type = E820Type::None;
  E820Type new_type = E820Type::None;
  std::string text;    ///< The function called; the command line; see the kinds.
  std::string caller;  ///< Who called it, offset left off.

  /// Whether this reserve is the second half of an allocation.
  bool by_allocator() const;
  /// Whether a table that grew made this call.
  bool by_growth() const;
  /// Bytes of the range printed, wrapped and cut as the kernel cuts it.
  PhysRange range() const;
};

/// What recognise() makes of a line. A line of no interest gives neither.
struct Recognised {
  std::vector<LogLine> lines;  ///< More than one where lines are glued together.
  std::string damage;          ///< What is wrong with a line that should have been understood.
};

/// Understands one line whose number in its file is `number`.
Recognised recognise(std::string_view line, uint32_t number);

/// The number of a type that the kernel prints as `usable`, `reserved` and so on; None if unknown.
E820Type e820_type_of_text(std::string_view text);

}  // namespace memblock::lab
