// Dumps are compared region by region; where a kernel is known to deviate, the deviation is named.
#include "lab/bootlog_compare.h"

#include <fmt/format.h>

namespace memblock::lab {
namespace {

/// Flags that only kernels from 6.16 on know: what an allocation reserved, and scratch memory.
constexpr uint32_t kNewerFlags = ~kAllFlags.bits;

std::string region_text(const Region& region, bool with_kinds) {
  std::string text = fmt::format("[{:#x}, {:#x})", region.base.value, region.end().value);
  if (!with_kinds) return text;
  if (is_node(region.nid)) text += fmt::format(" nid={}", region.nid.value);
  return text + fmt::format(" flags={:#x}", region.flags.bits);
}

/// Nodes are compared as printed: the two ways to have none look the same.
bool same_kind(const Region& a, const Region& b) {
  const bool a_node = is_node(a.nid);
  const bool b_node = is_node(b.nid);
  return a.flags == b.flags && a_node == b_node && (!a_node || a.nid == b.nid);
}

class DumpComparison {
 public:
  DumpComparison(const LoggedDump& dump, DumpVerdict& verdict) : dump_(dump), verdict_(verdict) {}

  void differ(std::string what) {
    if (verdict_.differences.size() < kDifferencesMax) {
      verdict_.differences.push_back(std::move(what));
    } else if (verdict_.differences.size() == kDifferencesMax) {
      verdict_.differences.emplace_back("and more");
    }
  }

  void diverge(const std::string& name) {
    for (const std::string& known : verdict_.divergences) {
      if (known == name) return;
    }
    verdict_.divergences.push_back(name);
  }

  void table(const char* name, const LoggedTable& logged, RegionView regions) {
    if (logged.sentinel) diverge("sentinel");
    std::vector<Region> expected = logged.regions;
    std::vector<Region> held(regions.begin(), regions.end());
    if (without_newer_flags(expected)) {
      diverge("reserved-kern");
      merge(expected);
      merge(held);
    }
    size_t i = 0;
    size_t j = 0;
    while (i < expected.size() || j < held.size()) {
      if (j == held.size() || (i < expected.size() && expected[i].base < held[j].base)) {
        only("the kernel", name, expected[i++]);
      } else if (i == expected.size() || held[j].base < expected[i].base) {
        only("the replay", name, held[j++]);
      } else {
        both(name, expected[i++], held[j++]);
      }
    }
  }

  void total(const char* name, uint64_t printed, uint64_t held, uint64_t trim_excess) {
    if (printed == held) return;
    if (trim_excess != 0 && printed == held + trim_excess) {
      diverge("trim-total");
      return;
    }
    differ(
        fmt::format("{} size: the kernel prints {:#x}, the replay has {:#x}", name, printed, held));
  }

 private:
  void only(const char* who, const char* name, const Region& region) {
    differ(fmt::format("{}: only {} has {}", name, who, region_text(region, dump_.with_kinds)));
  }

  void both(const char* name, const Region& expected, const Region& held) {
    if (expected.size == held.size && (!dump_.with_kinds || same_kind(expected, held))) return;
    differ(fmt::format("{}: the kernel has {}, the replay {}", name,
                       region_text(expected, dump_.with_kinds),
                       region_text(held, dump_.with_kinds)));
  }

  /// Takes away what kernels from 6.16 on mark: the flags, and the node of a reservation.
  bool without_newer_flags(std::vector<Region>& regions) const {
    bool any = false;
    for (const Region& region : regions) any |= (region.flags.bits & kNewerFlags) != 0;
    if (!any) return false;
    for (Region& region : regions) region.flags.bits &= kAllFlags.bits;
    return true;
  }

  static void merge(std::vector<Region>& regions) {
    std::vector<Region> merged;
    for (Region region : regions) {
      region.nid = kNoNode;
      if (!merged.empty() && merged.back().end() == region.base &&
          merged.back().flags == region.flags) {
        merged.back().size += region.size;
      } else {
        merged.push_back(region);
      }
    }
    regions = std::move(merged);
  }

  const LoggedDump& dump_;
  DumpVerdict& verdict_;
};

}  // namespace

void compare_dump(const LoggedDump& dump, uint64_t trim_excess, const TablesHeld& held,
                  DumpVerdict& verdict) {
  if (!dump.damage.empty()) {
    verdict.differences.push_back(dump.damage);
    return;
  }
  DumpComparison comparison(dump, verdict);
  comparison.table("memory", dump.table(TableId::Memory), held.memory);
  comparison.table("reserved", dump.table(TableId::Reserved), held.reserved);
  if (dump.table(TableId::Physmem).printed) {
    comparison.table("physmem", dump.table(TableId::Physmem), held.physmem);
  }
  verdict.tables_differ = !verdict.differences.empty();
  if (dump.with_sizes) {
    comparison.total("memory", dump.memory_size, held.memory_size, trim_excess);
    comparison.total("reserved", dump.reserved_size, held.reserved_size, 0);
  }
  verdict.right = verdict.differences.empty();
}

}  // namespace memblock::lab
