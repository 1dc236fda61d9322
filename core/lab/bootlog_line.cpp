// The line recogniser. Lines about memblock itself are here; what only hints at unprinted calls is
// in bootlog_hints.cpp.
#include "lab/bootlog_line.h"

#include <array>

#include "lab/bootlog_hints.h"
#include "lab/bootlog_scan.h"

namespace memblock::lab {
namespace {

struct CallName {
  std::string_view name;
  LogKind kind;
};

constexpr std::array<CallName, 11> kRangeCalls = {{
    {"memblock_add", LogKind::Add},
    {"memblock_add_node", LogKind::Add},
    {"memblock_remove", LogKind::Remove},
    {"memblock_reserve", LogKind::Reserve},
    {"__memblock_reserve", LogKind::Reserve},
    {"memblock_phys_free", LogKind::Free},
    {"memblock_free", LogKind::Free},
    {"__memblock_free_early", LogKind::Free},
    {"memblock_physmem_add", LogKind::PhysmemAdd},
    {"memblock_free_late", LogKind::FreeLate},
    {"__memblock_free_late", LogKind::FreeLate},
}};

bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

/// Bits of an address printed with so many digits: 32-bit kernels pad to 8, others to 16.
unsigned width_of(unsigned digits) { return digits <= 8 ? 32 : 64; }

bool table_of(std::string_view name, TableId& table) {
  if (name == "memory")
    table = TableId::Memory;
  else if (name == "reserved")
    table = TableId::Reserved;
  else if (name == "physmem")
    table = TableId::Physmem;
  else
    return false;
  return true;
}

/// `setup_arch+0x180/0xd4f` without the offset.
std::string caller_of(std::string_view word) { return std::string(word.substr(0, word.find('+'))); }

/// `[0x1000-0x1fff]`, also with the `mem ` of other kernels.
bool scan_range(Scanner& scan, LogLine& line) {
  if (!scan.literal("[")) return false;
  scan.literal("mem ");
  if (!scan.hex_pair(line.base, "-", line.last)) return false;
  line.width = width_of(scan.digits());
  return scan.literal("]");
}

/// What follows the range: `nid=0 flags=1 caller`, `flags 0x0 caller`, or just the caller.
bool scan_call_tail(Scanner& scan, LogLine& line) {
  scan.blanks();
  if (scan.literal("nid=")) {
    if (!scan.decimal(line.nid)) return false;
    scan.blanks();
  }
  uint64_t flags = 0;
  if (scan.literal("flags=") || scan.literal("flags: ") || scan.literal("flags ")) {
    if (!scan.hex(flags) && !scan.bare_hex(flags)) return false;
    line.flags = static_cast<uint32_t>(flags);
  }
  line.caller = caller_of(scan.word());
  return true;
}

bool scan_range_call(Scanner& scan, LogLine& line) {
  scan.blanks();
  return scan_range(scan, line) && scan_call_tail(scan, line);
}

/// `28672 bytes align=0x1000 nid=0 from=0x0 max_addr=0x0 caller`, the node not always.
bool scan_request(Scanner& scan, LogLine& line) {
  scan.blanks();
  if (!scan.decimal(line.size) || !scan.literal(" bytes align=") || !scan.hex(line.align)) {
    return false;
  }
  scan.blanks();
  if (scan.literal("nid=")) {
    if (!scan.decimal(line.nid)) return false;
    scan.blanks();
  }
  if (!scan.literal("from=") || !scan.hex(line.base)) return false;
  line.width = width_of(scan.digits());
  scan.blanks();
  if (!scan.literal("max_addr=") || !scan.hex(line.max)) return false;
  line.caller = caller_of(scan.word());
  return true;
}

/// `reserved is doubled to 256 at [0x1000-0x27ff]`, and whatever is glued to it.
bool scan_growth(Scanner& scan, LogLine& line) {
  std::string_view name;
  scan.blanks();
  if (scan.literal("Failed to double ")) {
    line.kind = LogKind::GrowthFailed;
    return scan.until(" array from ", name) && table_of(name, line.table) &&
           scan.decimal(line.number);
  }
  line.kind = LogKind::Grown;
  return scan.until(" is doubled to ", name) && table_of(name, line.table) &&
         scan.decimal(line.number) && scan.literal(" at ") && scan_range(scan, line);
}

/// `memory size = 0x1000 reserved size = 0x0`
bool scan_sizes(Scanner& scan, LogLine& line) {
  if (!scan.literal("memory size = ") || !scan.hex(line.size)) return false;
  line.width = width_of(scan.digits());
  scan.blanks();
  return scan.literal("reserved size = ") && scan.hex(line.max);
}

/// `memory.cnt  = 0x3`
bool scan_count(Scanner& scan, LogLine& line) {
  std::string_view name;
  if (!scan.until(".cnt", name) || !table_of(name, line.table)) return false;
  scan.blanks();
  if (!scan.literal("=")) return false;
  scan.blanks();
  return scan.hex(line.number);
}

/// `memory[0x0] [0x1000-0x1fff], 0x1000 bytes on node 0 flags: 0x0`
bool scan_region(Scanner& scan, LogLine& line) {
  std::string_view name;
  if (!scan.until("[", name) || !table_of(name, line.table) || !scan.hex(line.number) ||
      !scan.literal("]")) {
    return false;
  }
  scan.blanks();
  if (!scan_range(scan, line) || !scan.literal(", ") || !scan.hex(line.size) ||
      !scan.literal(" bytes")) {
    return false;
  }
  scan.blanks();
  if (scan.literal("on node ") && !scan.decimal(line.nid)) return false;
  scan.blanks();
  uint64_t flags = 0;
  if (!scan.literal("flags: ") || !scan.hex(flags)) return false;
  line.flags = static_cast<uint32_t>(flags);
  return true;
}

/// `NONE`, `NOMAP`, `HOTPLUG|MIRROR`
bool scan_flag_names(std::string_view names, uint32_t& flags) {
  constexpr std::array<std::string_view, 8> kNames = {
      "HOTPLUG", "MIRROR", "NOMAP", "DRV_MNG", "RSV_NIT", "RSRV_NOINIT", "RSV_KERN", "KHO_SCRATCH"};
  constexpr std::array<uint32_t, 8> kBits = {0x1, 0x2, 0x4, 0x8, 0x10, 0x10, 0x20, 0x40};
  flags = 0;
  while (!names.empty()) {
    const size_t end = std::min(names.find('|'), names.size());
    const std::string_view name = names.substr(0, end);
    names.remove_prefix(std::min(end + 1, names.size()));
    if (name == "NONE" || name == "UNKNOWN") continue;
    size_t index = 0;
    while (index < kNames.size() && kNames[index] != name) ++index;
    if (index == kNames.size()) return false;
    flags |= kBits[index];
  }
  return true;
}

/// `   0: 0x1000..0x1fff    0 NONE`, the node and flags only on newer kernels.
bool scan_final_region(Scanner& scan, LogLine& line) {
  if (!scan.decimal(line.number) || !scan.literal(": ")) return false;
  if (!scan.hex_pair(line.base, "..", line.last)) return false;
  line.width = width_of(scan.digits());
  line.text = "plain";
  scan.blanks();
  if (scan.at_end()) return true;
  line.text = "full";
  if (!scan.literal("x") && !scan.decimal(line.nid)) return false;
  scan.blanks();
  return scan_flag_names(scan.word(), line.flags);
}

/// The file of debugfs whose content follows: `cat /sys/kernel/debug/memblock/memory` and the like.
bool names_final_table(std::string_view text, TableId& table) {
  for (const std::string_view head : {"debug/memblock/", "debugfs ", "debugfs/memblock/"}) {
    const size_t at = text.find(head);
    if (at == std::string_view::npos || text.find("END") != std::string_view::npos) continue;
    std::string_view name = text.substr(at + head.size());
    name = name.substr(0, name.find_first_not_of("abcdefghijklmnopqrstuvwxyz"));
    if (table_of(name, table)) return true;
  }
  return false;
}

bool is_request_name(std::string_view name) {
  return starts_with(name, "memblock_alloc") || starts_with(name, "memblock_phys_alloc") ||
         starts_with(name, "memblock_virt_alloc");
}

/// The `memblock_xxx` at the start of `text`, if a colon follows.
std::string_view call_name(std::string_view text) {
  const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
  if (end == std::string_view::npos || text[end] != ':') return {};
  const std::string_view name = text.substr(0, end);
  return starts_with(name, "memblock_") || starts_with(name, "__memblock_") ? name
                                                                            : std::string_view{};
}

Recognised damaged(std::string what) { return {{}, std::move(what)}; }

Recognised recognise_call(std::string_view name, Scanner scan, LogLine line) {
  line.text = std::string(name);
  for (const CallName& call : kRangeCalls) {
    if (call.name != name) continue;
    line.kind = call.kind;
    if (scan_range_call(scan, line)) return {{std::move(line)}, {}};
    return damaged("torn " + line.text + " line is skipped");
  }
  if (!is_request_name(name)) return {};
  line.kind = LogKind::Request;
  if (scan_request(scan, line)) return {{std::move(line)}, {}};
  return damaged("torn " + line.text + " line is skipped");
}

Recognised recognise_growth(Scanner scan, LogLine line) {
  if (!scan_growth(scan, line)) {
    // `memblock: Could not allocate ...` and other words of memblock's own.
    if (line.kind == LogKind::Grown && scan.rest().find("doubled") == std::string_view::npos) {
      return {};
    }
    return damaged("torn line of a growing table is skipped");
  }
  Recognised found{{line}, {}};
  // The kernel prints this line without its end, so the next one may be glued to it.
  Recognised glued = recognise(scan.rest(), line.line);
  for (LogLine& other : glued.lines) found.lines.push_back(std::move(other));
  found.damage = std::move(glued.damage);
  return found;
}

Recognised recognise_dump(std::string_view text, LogLine line) {
  Scanner scan(text);
  if (starts_with(text, "memory size = ")) {
    line.kind = LogKind::DumpSizes;
    if (scan_sizes(scan, line)) return {{line}, {}};
    return damaged("torn totals of a dump");
  }
  for (const std::string_view name : {"memory", "reserved", "physmem"}) {
    if (!starts_with(text, name)) continue;
    const std::string_view after = text.substr(name.size());
    if (starts_with(after, ".cnt")) {
      line.kind = LogKind::DumpCount;
      if (scan_count(scan, line)) return {{line}, {}};
      return damaged("torn count of a dump");
    }
    if (starts_with(after, "[0x")) {
      line.kind = LogKind::DumpRegion;
      if (scan_region(scan, line)) return {{line}, {}};
      return damaged("torn region of a dump");
    }
  }
  return {};
}

}  // namespace

bool LogLine::by_allocator() const {
  return kind == LogKind::Reserve &&
         (starts_with(caller, "memblock_alloc") || starts_with(caller, "memblock_phys_alloc") ||
          starts_with(caller, "memblock_virt_alloc"));
}

bool LogLine::by_growth() const { return caller == "memblock_double_array"; }

PhysRange LogLine::range() const {
  const uint64_t top = width == 32 ? 0xffffffffu : ~uint64_t{0};
  const uint64_t first = base & top;
  const uint64_t bytes = (last - base + 1) & top;
  // All of the address space prints like nothing at all; nobody registers nothing at 0.
  const uint64_t whole = bytes == 0 && base == 0 && last == top ? top : bytes;
  return PhysRange::from_size(PhysAddr{first}, std::min(whole, top - first));
}

Recognised recognise(std::string_view raw, uint32_t number) {
  const StrippedLine stripped = strip_line(raw);
  const std::string_view text = stripped.text;
  LogLine line;
  line.line = number;
  if (text.empty()) return {};
  if (const std::string_view name = call_name(text); !name.empty()) {
    return recognise_call(name, Scanner(text.substr(name.size() + 1)), std::move(line));
  }
  if (starts_with(text, "memblock: ")) {
    return recognise_growth(Scanner(text.substr(10)), std::move(line));
  }
  if (starts_with(text, "MEMBLOCK configuration:")) {
    line.kind = LogKind::DumpStart;
    return {{line}, {}};
  }
  Recognised dump = recognise_dump(text, line);
  if (!dump.lines.empty() || !dump.damage.empty()) return dump;
  Scanner scan(text);
  if (LogLine final_line = line; scan_final_region(scan, final_line)) {
    final_line.kind = LogKind::FinalRegion;
    return {{std::move(final_line)}, {}};
  }
  if (names_final_table(text, line.table)) {
    line.kind = LogKind::FinalTable;
    return {{line}, {}};
  }
  return recognise_hint(text, line);
}

}  // namespace memblock::lab
