// What machine and kernel wrote a log: architecture, version, page size, first table capacities.
#include <array>

#include "lab/bootlog.h"
#include "lab/bootlog_scan.h"

namespace memblock::lab {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

struct Sign {
  std::string_view text;
  Arch arch;
};

/// Functions that only one architecture has.
Arch arch_of_caller(std::string_view caller) {
  constexpr std::array<Sign, 14> kSigns = {{
      {"early_pgtable_alloc", Arch::Arm64},
      {"e820__memblock_setup", Arch::X86},
      {"memblock_x86_fill", Arch::X86},
      {"reserve_real_mode", Arch::X86},
      {"arm64_memblock_init", Arch::Arm64},
      {"arm_memblock_init", Arch::Arm},
      {"early_init_devtree", Arch::Powerpc},
      {"allocate_paca_ptrs", Arch::Powerpc},
      {"alloc_paca_data", Arch::Powerpc},
      {"setup_lowcore", Arch::S390},
      {"sclp_early_get_core_info", Arch::S390},
      {"vmem_alloc_pages", Arch::S390},
      {"alloc_pte_fixmap", Arch::Riscv},
      {"setup_bootmem", Arch::Riscv},
  }};
  for (const Sign& sign : kSigns) {
    if (caller.substr(0, sign.text.size()) == sign.text) return sign.arch;
  }
  return Arch::Unknown;
}

/// Names that distributions and compilers put into the version line.
Arch arch_of_version(std::string_view version) {
  constexpr std::array<Sign, 14> kSigns = {{
      {"amd64", Arch::X86},
      {"x86_64", Arch::X86},
      {"x86-64", Arch::X86},
      {"-686", Arch::X86},
      {"i686", Arch::X86},
      {"arm64", Arch::Arm64},
      {"aarch64", Arch::Arm64},
      {"armmp", Arch::Arm},
      {"arm-linux", Arch::Arm},
      {"riscv", Arch::Riscv},
      {"powerpc", Arch::Powerpc},
      {"ppc64", Arch::Powerpc},
      {"s390", Arch::S390},
      {"armv7", Arch::Arm},
  }};
  for (const Sign& sign : kSigns) {
    if (contains(version, sign.text)) return sign.arch;
  }
  return Arch::Unknown;
}

Arch arch_of_machine(std::string_view machine) {
  if (machine == "x86") return Arch::X86;
  if (machine == "s390") return Arch::S390;
  if (machine == "powerpc") return Arch::Powerpc;
  if (machine == "riscv") return Arch::Riscv;
  return Arch::Unknown;  // "Booting Linux on physical CPU" is said by arm and arm64.
}

unsigned shift_of(uint64_t bytes) {
  unsigned shift = 0;
  while ((bytes >> shift) > 1) ++shift;
  return shift;
}

class FactFinder {
 public:
  explicit FactFinder(const LoggedBoot& boot) : boot_(boot) {}

  BootFacts find() {
    for (const Event& event : boot_.events) see(event);
    for (const LoggedDump& dump : boot_.dumps) facts_.numa |= dump.with_nodes();
    if (facts_.arch == Arch::Unknown && saw_e820_) facts_.arch = Arch::X86;
    facts_.complete |= facts_.arch == Arch::S390;
    facts_.movable_node = has_option("movable_node");
    settle_pages();
    settle_limits();
    return facts_;
  }

 private:
  void see(const Event& event) {
    const LogLine& line = event.line;
    switch (event.kind) {
      case EventKind::Call:
      case EventKind::Allocation: see_call(event); break;
      case EventKind::Hint: see_hint(line); break;
      case EventKind::Dump: break;
    }
  }

  void see_call(const Event& event) {
    const LogLine& line = event.line;
    if (const Arch arch = arch_of_caller(line.caller); arch != Arch::Unknown) facts_.arch = arch;
    // x86 takes its early reservations before it prints the map: seen, the log is complete.
    if (!saw_e820_) called_early_ = true;
    if (line.width == 64) saw_wide_ = true;
    if (line.kind == LogKind::Add && line.caller.find("memblock_init") == std::string::npos) {
      ++facts_.printed_adds;
    }
    saw_call_ = true;
    if (event.kind != EventKind::Allocation || !event.printed_request) return;
    // The table of per-CPU groups is aligned to a page on every architecture.
    if (line.caller == "pcpu_build_alloc_info") pages_told_ = line.align;
    if (line.caller == "early_pgtable_alloc" && pages_told_ == 0) pages_told_ = line.size;
    if (line.caller == "sparse_index_alloc" || line.caller == "sparse_init") {
      cache_line_told_ = line.align;
    }
  }

  void see_hint(const LogLine& line) {
    switch (line.kind) {
      case LogKind::Version: see_version(line.text); break;
      case LogKind::Machine:
        if (facts_.arch == Arch::Unknown) facts_.arch = arch_of_machine(line.text);
        break;
      case LogKind::CommandLine:
        if (facts_.command_line.empty()) facts_.command_line = line.text;
        break;
      case LogKind::E820Entry:
        if (!saw_e820_ && line.text.substr(0, 4) == "BIOS") facts_.complete |= called_early_;
        saw_e820_ = true;
        ++map_lines_;
        break;
      case LogKind::E820Update:
      case LogKind::E820Remove: ++map_lines_; break;
      case LogKind::Zone: see_zone(line); break;
      case LogKind::LowMemory: facts_.low_end = line.base; break;
      case LogKind::CpuMax: cpus_max_ = line.number; break;
      case LogKind::SratMemory:
      case LogKind::FakeNode:
      case LogKind::NodeData:
      case LogKind::Numa: facts_.numa = true; break;
      default: break;
    }
  }

  void see_version(std::string_view text) {
    Scanner scan(text);
    uint64_t major = 0;
    uint64_t minor = 0;
    if (scan.decimal(major) && scan.literal(".") && scan.decimal(minor)) {
      facts_.major = static_cast<unsigned>(std::min<uint64_t>(major, 1000));
      facts_.minor = static_cast<unsigned>(std::min<uint64_t>(minor, 1000));
    }
    if (facts_.arch == Arch::Unknown) facts_.arch = arch_of_version(text);
  }

  void see_zone(const LogLine& line) {
    if (line.text == "HighMem") saw_high_zone_ = true;
    if (line.base == 0 && line.last == 0) return;
    const uint64_t end = line.last + 1;
    if (line.text == "DMA" || (line.text == "DMA32" && facts_.dma_end == 0)) facts_.dma_end = end;
    if (line.text == "HighMem") {
      if (facts_.low_end == 0) facts_.low_end = line.base;
    } else if (line.text != "Movable") {
      low_zones_end_ = std::max(low_zones_end_, end);
    }
  }

  bool has_option(std::string_view option) const {
    Scanner scan(facts_.command_line);
    while (true) {
      const std::string_view word = scan.word();
      if (word.empty()) return false;
      if (word == option) return true;
    }
  }

  void settle_pages() {
    if (facts_.arch == Arch::Powerpc) {
      facts_.page_shift = 16;
      facts_.cache_line = 128;
    }
    if (facts_.arch == Arch::S390) facts_.cache_line = 256;
    if (pages_told_ >= 4096 && pages_told_ <= 65536 && is_power_of_two(pages_told_)) {
      facts_.page_shift = shift_of(pages_told_);
    }
    if (cache_line_told_ >= 16 && cache_line_told_ <= 4096 && is_power_of_two(cache_line_told_)) {
      facts_.cache_line = cache_line_told_;
    }
    facts_.width = saw_call_ && !saw_wide_ ? 32 : 64;
    const bool narrow_arch = facts_.arch == Arch::Arm || saw_high_zone_ || facts_.low_end != 0;
    if (!narrow_arch) {
      facts_.low_end = 0;
    } else if (facts_.low_end == 0) {
      facts_.low_end = low_zones_end_;
    }
    facts_.limits.page_shift = facts_.page_shift;
  }

  void settle_limits() {
    Limits& limits = facts_.limits;
    if (facts_.arch == Arch::Arm64 && facts_.at_least(6, 0)) {
      limits.memory = 1024;  // Since 6.0, for the holes that firmware leaves.
      limits.reserved = 128 + static_cast<uint32_t>(std::min<uint64_t>(cpus_max_, 8192)) + 1;
    }
    // Edits may split every entry in three.
    if (map_lines_ * 3 > limits.e820) limits.e820 = static_cast<uint32_t>(kE820EntriesMax);
    bool first_memory = true;
    bool first_reserved = true;
    for (const LogLine& grown : boot_.grown) {
      if (grown.number < 2 || grown.number > (uint64_t{1} << 20)) continue;
      const bool memory = grown.table == TableId::Memory;
      bool& first = memory ? first_memory : first_reserved;
      if (grown.table == TableId::Physmem || !first) continue;
      first = false;
      // A failure names the capacity it had, a success the one it got.
      const uint64_t had =
          grown.kind == LogKind::Grown ? grown.number / 2 : std::max<uint64_t>(grown.number, 1);
      (memory ? limits.memory : limits.reserved) = static_cast<uint32_t>(had);
      if (grown.kind != LogKind::Grown) continue;
      const uint64_t each = grown.range().size() / grown.number;
      if (each >= 12 && each <= 64) limits.region_bytes = static_cast<uint32_t>(each);
    }
    const auto room = [&](TableId id) {
      size_t most = 0;
      for (const LoggedDump& dump : boot_.dumps)
        most = std::max(most, dump.table(id).regions.size());
      return static_cast<uint32_t>(std::min<size_t>(most, size_t{1} << 20));
    };
    // Without a line about growth, the table was large enough.
    if (first_memory) limits.memory = std::max(limits.memory, room(TableId::Memory));
    if (first_reserved) limits.reserved = std::max(limits.reserved, room(TableId::Reserved));
  }

  const LoggedBoot& boot_;
  BootFacts facts_;
  uint64_t pages_told_ = 0;
  uint64_t cache_line_told_ = 0;
  uint64_t cpus_max_ = 256;
  uint64_t low_zones_end_ = 0;
  uint64_t map_lines_ = 0;
  bool called_early_ = false;
  bool saw_e820_ = false;
  bool saw_call_ = false;
  bool saw_wide_ = false;
  bool saw_high_zone_ = false;
};

}  // namespace

BootFacts gather_facts(const LoggedBoot& boot) { return FactFinder(boot).find(); }

}  // namespace memblock::lab
