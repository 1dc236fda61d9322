// What happened in a boot, in order: calls, allocations with both their lines put together, dumps
// with their tables, and the hints in between.
#pragma once

#include <array>
#include <optional>

#include "lab/bootlog_line.h"

namespace memblock::lab {

/// One table as a kernel printed it.
struct LoggedTable {
  bool printed = false;
  uint64_t count = 0;           ///< As printed; the sentinel of an empty table counted.
  bool sentinel = false;        ///< The empty table was printed as one region of no bytes.
  std::vector<Region> regions;  ///< Without the sentinel. No node printed: kNoNode.
  std::vector<uint32_t> lines;  ///< Where each region stands.
};

/// All tables, as printed by the kernel or by debugfs.
struct LoggedDump {
  uint32_t line = 0;
  bool final_map = false;  ///< From /sys/kernel/debug/memblock.
  bool with_kinds = true;  ///< Nodes and flags are printed too (not in debugfs before 6.5).
  bool with_sizes = false;
  uint64_t memory_size = 0;
  uint64_t reserved_size = 0;
  std::array<LoggedTable, 3> tables;  ///< By TableId.
  std::string damage;                 ///< Why the dump cannot be checked; empty if it can.

  const LoggedTable& table(TableId id) const { return tables[static_cast<size_t>(id)]; }
  LoggedTable& table(TableId id) { return tables[static_cast<size_t>(id)]; }
  /// Whether any memory carries a node.
  bool with_nodes() const;
};

enum class EventKind : uint8_t { Call, Allocation, Dump, Hint };

struct Event {
  EventKind kind = EventKind::Hint;
  LogLine line;                     ///< The call, the hint, or the request of an allocation.
  bool printed_request = true;      ///< False: only the reserve line is there, and it is `line`.
  std::optional<PhysRange> result;  ///< What the kernel got; nothing: the allocation failed.
  size_t dump = 0;                  ///< Index into LoggedBoot::dumps.
};

/// One boot's worth of a log.
struct LoggedBoot {
  std::vector<Event> events;
  std::vector<LoggedDump> dumps;
  std::vector<LogLine> grown;      ///< Growth lines, in order.
  std::vector<LogLine> by_growth;  ///< What growing tables freed and reserved, in order; no events.
  std::vector<LogDiagnostic> diagnostics;
};

/// The most lines about memory that are taken from one log.
inline constexpr size_t kBootlogLinesMax = 400'000;

/// Reads a log. More than one boot in it gives more than one element; none gives none.
std::vector<LoggedBoot> read_boots(std::string_view text, const std::string& name);

}  // namespace memblock::lab
