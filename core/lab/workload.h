// Workloads: named, boot-sized traces that are the same on every machine. Benchmarks time them,
// tests compare core and model on them.
#pragma once

#include <string>
#include <vector>

#include "lab/trace.h"

namespace memblock::lab {

struct Workload {
  std::string name;
  std::string what;  ///< One phrase for reports.
  Trace trace;
};

/// 16 GiB, one node, a map of 20 entries, some hundred allocations, handover.
Workload laptop();
/// 2 TiB over eight nodes with interleaved ranges; per-node and per-CPU allocations, handover.
Workload server_8node();
/// A map of 2000 alternating entries, as some EFI firmware hands over; both tables grow.
Workload efi_2k_entries();
/// A hundred memory devices: marked, onlined, removed and added again, before and after handover.
Workload hotplug_heavy();
/// 1024 lone reservations, one reservation over all of them, and all again: the widest merges.
Workload worst_merge();

enum class SlotOrder : uint8_t { Ascending, Descending, Random };
const char* order_word(SlotOrder order);

/// `count` reservations of lone pages in that order, then as many lookups, then all freed again.
Workload reserve_slots(SlotOrder order, size_t count);
/// `count` allocations, frees and reservations of mixed sizes in a map that stays about half full.
Workload steady_mix(size_t count);

/// All of the above, with `slots` (a power of two) for those that have a size.
std::vector<Workload> workloads(size_t slots = 1024);

}  // namespace memblock::lab
