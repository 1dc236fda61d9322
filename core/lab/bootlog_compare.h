// Comparing a printed dump with the tables of a backend.
#pragma once

#include "lab/bootlog_replay.h"

namespace memblock::lab {

/// What a backend holds when a dump is due.
struct TablesHeld {
  RegionView memory;
  RegionView reserved;
  RegionView physmem;
  uint64_t memory_size = 0;
  uint64_t reserved_size = 0;
};

/// Fills in `right`, `differences` and `divergences` of `verdict`. `trim_excess`: bytes that this
/// kernel still counts in its total though it trimmed them away.
void compare_dump(const LoggedDump& dump, const BootFacts& facts, uint64_t trim_excess,
                  const TablesHeld& held, DumpVerdict& verdict);

}  // namespace memblock::lab
