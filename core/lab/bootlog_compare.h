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

/// Fills in `right`, `tables_differ`, `differences` and `divergences` of `verdict`. `trim_excess`:
/// bytes that this kernel still counts in its total though it trimmed them away.
void compare_dump(const LoggedDump& dump, uint64_t trim_excess, const TablesHeld& held,
                  DumpVerdict& verdict);

/// Whether `logged` lists what `held` holds. A node that is none is printed like any other that is
/// none.
inline bool same_regions(RegionView logged, RegionView held) {
  if (logged.size() != held.size()) return false;
  for (size_t i = 0; i < held.size(); ++i) {
    const bool node = is_node(held[i].nid);
    if (logged[i].base != held[i].base || logged[i].size != held[i].size ||
        logged[i].flags != held[i].flags || is_node(logged[i].nid) != node ||
        (node && logged[i].nid != held[i].nid)) {
      return false;
    }
  }
  return true;
}

}  // namespace memblock::lab
