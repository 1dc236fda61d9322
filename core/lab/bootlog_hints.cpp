// Firmware maps, NUMA, zones and other lines from which unprinted calls follow.
#include "lab/bootlog_hints.h"

#include <array>

#include "lab/bootlog_scan.h"

namespace memblock::lab {
namespace {

bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// `[mem 0x1000-0x1fff]`
bool scan_mem(Scanner& scan, LogLine& line) {
  return scan.literal("[mem ") && scan.hex_pair(line.base, "-", line.last) && scan.literal("]");
}

Recognised one(LogLine line, LogKind kind) {
  line.kind = kind;
  return {{std::move(line)}, {}};
}

struct TypeText {
  std::string_view text;
  E820Type type;
};

constexpr std::array<TypeText, 10> kTypeTexts = {{
    {"usable", E820Type::Ram},
    {"System RAM", E820Type::Ram},
    {"reserved", E820Type::Reserved},
    {"soft reserved", E820Type::SoftReserved},
    {"ACPI data", E820Type::Acpi},
    {"ACPI NVS", E820Type::Nvs},
    {"unusable", E820Type::Unusable},
    {"persistent (type 7)", E820Type::Pmem},
    {"persistent (type 12)", E820Type::Pram},
    {"persistent RAM", E820Type::Pram},
}};

/// `BIOS-e820: [mem 0x0-0x9ffff] usable`
Recognised recognise_e820(std::string_view text, LogLine line) {
  constexpr std::array<std::string_view, 8> kSources = {
      "BIOS-e820", "BIOS-88", "BIOS-e801", "user", "extended", "modified", "Xen", "PROM"};
  for (const std::string_view source : kSources) {
    if (!starts_with(text, source) || !starts_with(text.substr(source.size()), ": [mem ")) continue;
    Scanner scan(text.substr(source.size() + 2));
    if (!scan_mem(scan, line)) return {{}, "torn line of the firmware's map is skipped"};
    scan.blanks();
    line.text = std::string(source);
    line.type = e820_type_of_text(scan.rest());
    return one(std::move(line), LogKind::E820Entry);
  }
  return {};
}

/// `e820: update [mem 0x0-0xfff] usable ==> reserved`, `e820: remove [mem 0xa0000-0xfffff] usable`
Recognised recognise_e820_edit(std::string_view text, LogLine line) {
  Scanner scan(text);
  if (scan.literal("e820: update ")) {
    std::string_view from;
    if (!scan_mem(scan, line) || !scan.literal(" ") || !scan.until(" ==> ", from)) return {};
    line.type = e820_type_of_text(from);
    line.new_type = e820_type_of_text(scan.rest());
    return one(std::move(line), LogKind::E820Update);
  }
  if (!scan.literal("e820: remove ") || !scan_mem(scan, line)) return {};
  scan.blanks();
  line.type = scan.at_end() ? E820Type::None : e820_type_of_text(scan.rest());
  return one(std::move(line), LogKind::E820Remove);
}

/// `SRAT: Node 0 PXM 0 [mem 0x0-0x9ffff] hotplug`, under several headings.
Recognised recognise_srat(std::string_view text, LogLine line) {
  for (const std::string_view head : {"ACPI: SRAT: Node ", "SRAT: Node ", "ACPI: NUMA: Node "}) {
    Scanner scan(text);
    std::string_view skipped;
    if (!scan.literal(head)) continue;
    if (!scan.decimal(line.nid) || !scan.until(" [mem ", skipped) ||
        !scan.hex_pair(line.base, "-", line.last) || !scan.literal("]")) {
      return {{}, "torn line of a node's memory is skipped"};
    }
    line.hotplug = contains(scan.rest(), "hotplug");
    return one(std::move(line), LogKind::SratMemory);
  }
  return {};
}

/// `Faking a node at [mem ..]`, `Faking node 3 at [mem ..] (128MB)`, `NUMA: Adding memblock ..`.
Recognised recognise_fake(std::string_view text, LogLine line) {
  Scanner scan(text);
  scan.literal("NUMA: ");
  if (scan.literal("Faking a node at ")) {
    if (!scan_mem(scan, line)) return {{}, "torn line of a faked node is skipped"};
    line.nid = 0;
    return one(std::move(line), LogKind::FakeNode);
  }
  if (scan.literal("Faking node ")) {
    scan.blanks();
    if (!scan.decimal(line.nid) || !scan.literal(" at ") || !scan_mem(scan, line)) {
      return {{}, "torn line of a faked node is skipped"};
    }
    line.number = 1;
    return one(std::move(line), LogKind::FakeNode);
  }
  return {};
}

/// `NODE_DATA(0) allocated [mem ..]`, `numa:   NODE_DATA [mem ..]`, `NODE_DATA(1) on node 0`
Recognised recognise_node_data(std::string_view text, LogLine line) {
  const size_t at = text.find("NODE_DATA");
  if (at == std::string_view::npos || at > 20) return {};
  Scanner scan(text.substr(at + 9));
  if (scan.literal("(") && (!scan.decimal(line.nid) || !scan.literal(")"))) return {};
  std::string_view skipped;
  if (scan.literal(" on node ")) {
    return scan.decimal(line.number) ? one(std::move(line), LogKind::NodeMissing) : Recognised{};
  }
  if (!scan.until("[mem ", skipped) || !scan.hex_pair(line.base, "-", line.last)) return {};
  return one(std::move(line), LogKind::NodeData);
}

Recognised recognise_numa(std::string_view text, LogLine line) {
  for (const auto& recogniser : {recognise_srat, recognise_fake, recognise_node_data}) {
    Recognised found = recogniser(text, line);
    if (!found.lines.empty() || !found.damage.empty()) return found;
  }
  if (starts_with(text, "NUMA: ") || starts_with(text, "numa: ") || starts_with(text, "OF: NUMA") ||
      starts_with(text, "No NUMA configuration found")) {
    return one(std::move(line), LogKind::Numa);
  }
  return {};
}

/// `cma: Reserved 64 MiB at 0x7ac00000 on node -1`, `hugetlb_cma: reserved 1024 MiB on node 0`
Recognised recognise_cma(std::string_view text, LogLine line) {
  Scanner scan(text);
  if (scan.literal("hugetlb_cma: reserved ")) {
    if (!scan.decimal(line.size) || !scan.literal(" MiB on node ") || !scan.decimal(line.nid)) {
      return {};
    }
    line.text = "hugetlb";
  } else {
    if (!scan.literal("cma: Reserved ") || !scan.decimal(line.size) || !scan.literal(" MiB at ") ||
        !scan.hex(line.base)) {
      return {};
    }
    if (scan.literal(" on node ") && !scan.decimal(line.nid)) return {};
  }
  line.size <<= 20;
  return one(std::move(line), LogKind::Cma);
}

/// `  DMA32    [mem 0x1000-0xffffff]` of `Zone ranges:`
Recognised recognise_zone(std::string_view text, LogLine line) {
  constexpr std::array<std::string_view, 5> kZones = {"DMA", "DMA32", "Normal", "HighMem",
                                                      "Movable"};
  Scanner scan(text);
  const std::string_view name = scan.word();
  for (const std::string_view zone : kZones) {
    if (zone != name) continue;
    scan.blanks();
    line.text = std::string(name);
    if (scan.literal("empty")) return one(std::move(line), LogKind::Zone);
    if (!scan_mem(scan, line) || !scan.at_end()) return {};
    return one(std::move(line), LogKind::Zone);
  }
  return {};
}

/// `mapped low ram: 0 - 1ffe0000` of 32-bit x86
Recognised recognise_low_memory(std::string_view text, LogLine line) {
  Scanner scan(text);
  if (!scan.literal("mapped low ram: 0 - ") || !scan.bare_hex(line.base)) return {};
  return one(std::move(line), LogKind::LowMemory);
}

/// `Memory: 3155532K/4193784K available (...)`
Recognised recognise_handover(std::string_view text, LogLine line) {
  Scanner scan(text);
  uint64_t total = 0;
  if (!scan.literal("Memory: ") || !scan.decimal(line.size) || !scan.literal("K/") ||
      !scan.decimal(total) || !scan.literal("K available")) {
    return {};
  }
  return one(std::move(line), LogKind::Handover);
}

/// `efi: Memory: 256M/2047M mirrored memory`
Recognised recognise_mirrored(std::string_view text, LogLine line) {
  return contains(text, "mirrored memory") && contains(text, "Memory: ")
             ? one(std::move(line), LogKind::Mirrored)
             : Recognised{};
}

/// `RCU restricting CPUs from NR_CPUS=256 to nr_cpu_ids=1.`, `setup_percpu: NR_CPUS:8192 ...`
Recognised recognise_cpus(std::string_view text, LogLine line) {
  const size_t at = text.find("NR_CPUS");
  if (at == std::string_view::npos) return {};
  Scanner scan(text.substr(at + 7));
  if (!scan.literal("=") && !scan.literal(":")) return {};
  return scan.decimal(line.number) ? one(std::move(line), LogKind::CpuMax) : Recognised{};
}

/// `** 2070 printk messages dropped **`
Recognised recognise_dropped(std::string_view text, LogLine line) {
  Scanner scan(text);
  if (!scan.literal("** ") || !scan.decimal(line.number) || !scan.literal(" printk messages")) {
    return {};
  }
  return one(std::move(line), LogKind::Dropped);
}

/// `Linux version 6.1.0-50-amd64 ...`, `Command line: ...`, `Kernel command line: ...`
Recognised recognise_heading(std::string_view text, LogLine line) {
  Scanner scan(text);
  if (scan.literal("Linux version ")) {
    line.text = std::string(scan.rest());
    return one(std::move(line), LogKind::Version);
  }
  if (scan.literal("Command line: ") || scan.literal("Kernel command line: ")) {
    line.text = std::string(scan.rest());
    return one(std::move(line), LogKind::CommandLine);
  }
  struct Sign {
    std::string_view text;
    std::string_view machine;
  };
  constexpr std::array<Sign, 6> kSigns = {{{"radix-mmu: ", "powerpc"},
                                           {"hash-mmu: ", "powerpc"},
                                           {"setup: Linux is running", "s390"},
                                           {"x86/", "x86"},
                                           {"SBI ", "riscv"},
                                           {"Booting Linux on physical CPU", "arm"}}};
  for (const Sign& sign : kSigns) {
    if (!starts_with(text, sign.text)) continue;
    line.text = std::string(sign.machine);
    return one(std::move(line), LogKind::Machine);
  }
  return {};
}

}  // namespace

E820Type e820_type_of_text(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  for (const TypeText& known : kTypeTexts) {
    if (known.text == text) return known.type;
  }
  uint64_t number = 0;
  Scanner scan(text);
  if (scan.literal("type ") && scan.decimal(number)) return static_cast<E820Type>(number);
  return E820Type::None;
}

Recognised recognise_hint(std::string_view text, const LogLine& line) {
  for (const auto& recogniser :
       {recognise_e820, recognise_e820_edit, recognise_numa, recognise_cma, recognise_zone,
        recognise_low_memory, recognise_handover, recognise_mirrored, recognise_heading,
        recognise_dropped, recognise_cpus}) {
    Recognised found = recogniser(text, line);
    if (!found.lines.empty() || !found.damage.empty()) return found;
  }
  return {};
}

}  // namespace memblock::lab
