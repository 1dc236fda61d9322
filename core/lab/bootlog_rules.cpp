// Unprinted calls of x86, arm, arm64, powerpc and of mm/, learned from what their boot code does.
#include "lab/bootlog_rules.h"

#include <fmt/format.h>

#include "lab/bootlog_compare.h"
#include "memblock/parse_size.h"

namespace memblock::lab {
namespace {

constexpr uint64_t kIsaEnd = uint64_t{1} << 20;
/// What early code maps at a time on 32-bit arm; the limit is a multiple of it.
constexpr uint64_t kArmSection = uint64_t{2} << 20;
/// Room for trying out what a handover leads to.
constexpr uint32_t kTrialRegions = 1u << 16;

bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

bool loads_map(const LogLine& line) {
  return starts_with(line.caller, "e820__memblock_setup") ||
         starts_with(line.caller, "memblock_x86_fill");
}

bool builds_direct_map(const LogLine& line) {
  for (const char* name :
       {"init_mem_mapping", "alloc_low_page", "init_memory_mapping", "memory_map_"}) {
    if (starts_with(line.caller, name)) return true;
  }
  return false;
}

bool allocates_paca(const LogLine& line) {
  return starts_with(line.caller, "alloc_paca_data") ||
         starts_with(line.caller, "alloc_shared_lppaca");
}

/// A device-tree node that asks for a size and leaves the place open.
bool places_reserved_node(const Event& event) {
  return event.kind == EventKind::Allocation && event.printed_request &&
         (starts_with(event.line.caller, "early_init_dt_alloc_reserved_memory") ||
          starts_with(event.line.caller, "__reserved_mem_alloc") ||
          starts_with(event.line.caller, "fdt_scan_reserved_mem"));
}

}  // namespace

void KernelRules::infer(OpCode code, uint32_t line, std::string why) {
  Op op;
  op.code = code;
  builder_.inferred(std::move(op), line, std::move(why));
}

void KernelRules::infer_limit(uint64_t limit, uint32_t line, std::string why) {
  if (builder_.tables().limit().value == limit) return;
  Op op;
  op.code = OpCode::SetLimit;
  op.min = PhysAddr{limit};
  builder_.inferred(std::move(op), line, std::move(why));
}

void KernelRules::infer_bottom_up(bool on, uint32_t line, std::string why) {
  if (builder_.tables().bottom_up() == on) return;
  Op op;
  op.code = OpCode::SetBottomUp;
  op.on = on;
  builder_.inferred(std::move(op), line, std::move(why));
}

void KernelRules::start() {
  if (facts_.movable_node) {
    Op op;
    op.code = OpCode::SetMovableNode;
    op.on = true;
    builder_.inferred(std::move(op), 0, "the command line says movable_node");
    if (facts_.arch == Arch::X86) {
      infer_bottom_up(true, 0, "with movable_node, x86 allocates bottom-up until NUMA is known");
    }
  }
  bool sees_loading = false;
  for (const Event& event : boot_.events) {
    sees_loading |= event.kind == EventKind::Call && loads_map(event.line);
  }
  if (facts_.arch != Arch::X86 || !sees_loading) {
    infer(OpCode::AllowResize, 0, "tables may grow once the firmware's reservations are in place");
  }
  if (facts_.arch == Arch::Arm && facts_.low_end != 0) {
    infer_limit(align_down(facts_.low_end, kArmSection), 0,
                "arm allocates below the end of low memory, which the zones show");
  }
  if (facts_.arch == Arch::Powerpc) start_powerpc();
}

void KernelRules::start_powerpc() {
  // With the hash MMU, the boot CPU's structures are bounded by what real mode reaches, and until
  // the MMU is on so is everything else. With radix the bound is no bound.
  for (const Event& event : boot_.events) {
    if (event.kind != EventKind::Allocation || !allocates_paca(event.line)) continue;
    const uint64_t reach = event.line.max;
    if (reach <= kUpToLimitNoLeakTrace.value || reach == kAnywhere.value) return;
    hash_limit_ = true;
    infer_limit(reach, 0, "powerpc allocates within the reach of real mode at first");
    return;
  }
}

void KernelRules::before(size_t index) {
  const Event& event = boot_.events[index];
  const uint32_t line = event.line.line;
  if (event.kind == EventKind::Hint) {
    if (event.line.kind == LogKind::Handover && !handed_over_) handover(index, line);
    return;
  }
  if (facts_.arch == Arch::X86) before_x86(event, line);
  if (facts_.arch == Arch::Powerpc) before_powerpc(event, line);
  if (facts_.arch == Arch::Arm64) before_arm64(event, line);
  before_device_tree(event, line);
}

void KernelRules::before_x86(const Event& event, uint32_t line) {
  const bool loads = event.kind == EventKind::Call && loads_map(event.line);
  if (loads && !loading_) {
    infer_limit(kIsaEnd, line, "x86 allocates below 1 MiB until the direct map exists");
    infer(OpCode::AllowResize, line, "x86 lets tables grow when it loads the firmware's map");
  }
  if (loading_ && !loads) {
    Op op;
    op.code = OpCode::TrimMemory;
    op.align = uint64_t{1} << facts_.page_shift;
    builder_.inferred(std::move(op), line, "x86 trims memory to pages once the map is loaded");
  }
  loading_ = loads;
  if (mapped_ || event.kind == EventKind::Dump) return;
  const bool maps = builds_direct_map(event.line);
  // All up to 1 MiB is reserved right before the direct map is built.
  const bool low_taken = event.kind == EventKind::Call && event.line.kind == LogKind::Reserve &&
                         event.line.range() == PhysRange{PhysAddr{0}, PhysAddr{kIsaEnd}};
  const bool above = event.kind == EventKind::Allocation && event.result &&
                     event.line.max <= kUpToLimitNoLeakTrace.value &&
                     event.result->base.value >= kIsaEnd;
  if ((mapping_ || above) && !maps && !low_taken) {
    mapped_ = true;
    const uint64_t end = builder_.tables().end_of_dram().value;
    infer_limit(facts_.low_end != 0 ? std::min(facts_.low_end, end) : end, line,
                "the direct map is complete: x86 allocates anywhere in it");
  }
  mapping_ |= maps || low_taken;
}

void KernelRules::before_powerpc(const Event& event, uint32_t line) {
  if (event.kind != EventKind::Allocation) return;
  // The boot CPU's structures are allocated in one go, close to the kernel; those of other CPUs
  // follow later and take the usual direction.
  const bool paca = allocates_paca(event.line);
  if (paca && !saw_paca_) {
    saw_paca_ = boot_paca_ = true;
    infer_bottom_up(true, line, "powerpc allocates the boot CPU's structures bottom-up");
  } else if (!paca && boot_paca_) {
    boot_paca_ = false;
    infer_bottom_up(false, line, "the boot CPU's structures are allocated: top-down again");
  }
  if (hash_limit_ && saw_paca_ && !paca) {
    hash_limit_ = false;
    infer_limit(kAnywhere.value, line, "the hash MMU is on: powerpc allocates anywhere");
  }
}

void KernelRules::before_arm64(const Event& event, uint32_t line) {
  // mem= acts in arm64_memblock_init(), after the linear map's bounds have been cut and before the
  // kernel is added back. Where the adds are not printed, the start state has it in it already.
  if (capped_ || event.kind != EventKind::Call ||
      !starts_with(event.line.caller, "arm64_memblock_init") ||
      event.line.kind == LogKind::Remove) {
    return;
  }
  capped_ = true;
  const size_t at = (" " + facts_.command_line).find(" mem=");
  if (at == std::string::npos || facts_.printed_adds == 0) return;
  std::string_view value = std::string_view(facts_.command_line).substr(at + 4);
  const Result<uint64_t> bytes = parse_size(value);
  if (!bytes.ok() || bytes.value() == 0) return;
  Op op;
  op.code = OpCode::MemLimitRemoveMap;
  op.size = align_down(bytes.value(), uint64_t{1} << facts_.page_shift);
  builder_.inferred(std::move(op), line, "the command line bounds memory with mem=");
}

void KernelRules::before_device_tree(const Event& event, uint32_t line) {
  if (turned_) {
    turned_ = false;
    infer_bottom_up(false, line, "that reserved-memory node has its place: top-down again");
  }
  if (!places_reserved_node(event) || !facts_.at_least(6, 6)) return;
  // A node that starts next to another one is put there, unless it also ends next to one.
  bool starts_next = false;
  bool ends_next = false;
  const PhysAddr from{event.line.base};
  const PhysAddr to{event.line.max};
  for (const PhysRange other : dynamic_) {
    starts_next |= from >= other.base && from <= other.end;
    ends_next |= to >= other.base && to <= other.end;
  }
  if (starts_next && !ends_next && from.value != 0) {
    turned_ = true;
    infer_bottom_up(true, line, "a reserved-memory node is put next to the one before it");
  }
  if (event.result) dynamic_.push_back(*event.result);
}

void KernelRules::after(size_t index) {
  const Event& event = boot_.events[index];
  if (event.kind == EventKind::Allocation && event.result) mark_noinit(event);
}

void KernelRules::mark_noinit(const Event& event) {
  // Since 6.7 only the first page of the descriptors of a gigantic page is set up at once.
  if (!facts_.at_least(6, 7) || !starts_with(event.line.caller, "__alloc_bootmem_huge_page")) {
    return;
  }
  const uint64_t page = uint64_t{1} << facts_.page_shift;
  if (event.result->size() <= page) return;
  builder_.inferred(
      range_op(OpCode::MarkReservedNoinit, PhysRange{event.result->base + page, event.result->end}),
      event.line.line, "the descriptors of a gigantic page's tail are not set up at once");
}

void KernelRules::handover(size_t index, uint32_t line) {
  handed_over_ = true;
  if (facts_.numa && facts_.at_least(6, 5)) {
    const RegionView view = builder_.tables().memory();
    const std::vector<Region> memory(view.begin(), view.end());
    const bool ends = stamps_with_ends(index);
    for (const Region& region : memory) {
      const PhysRange range =
          ends ? PhysRange::from_size(region.base, region.end().value) : region.range();
      builder_.inferred(node_op(range, TableId::Reserved, region.nid), line,
                        "at the handover reserved memory gets the node of the memory it lies in");
    }
  }
  infer(OpCode::FreeAll, line, "the page allocator has taken over");
  infer(OpCode::LateAllocatorUp, line, "tables grow from the slab allocator from now on");
}

/// Kernels from 6.5 on give reserved memory its node; until the fix of 6.15, which stable kernels
/// have too, they took the end of a region for its length. Which of the two this kernel does, the
/// next dump tells: it must be the one that leads there.
bool KernelRules::stamps_with_ends(size_t index) const {
  if (facts_.at_least(6, 15)) return false;
  const auto leads_there = [&](bool ends) {
    FlatBackend trial(Limits{facts_.limits.memory, kTrialRegions});
    for (const Region& region : builder_.tables().reserved()) {
      if (trial.reserve(region.range(), region.nid, region.flags) != Status::Ok) return false;
    }
    for (const Region& region : builder_.tables().memory()) {
      const PhysRange range =
          ends ? PhysRange::from_size(region.base, region.end().value) : region.range();
      if (trial.set_node(range, TableId::Reserved, region.nid) != Status::Ok) return false;
    }
    for (size_t i = index + 1; i < boot_.events.size(); ++i) {
      const Event& event = boot_.events[i];
      if (event.kind == EventKind::Call && event.line.kind == LogKind::Free) {
        if (trial.free(event.line.range()) != Status::Ok) return false;
      }
      if (event.kind == EventKind::Dump) {
        const LoggedDump& dump = boot_.dumps[event.dump];
        return dump.damage.empty() && dump.with_kinds &&
               same_regions(dump.table(TableId::Reserved).regions, trial.reserved());
      }
    }
    return false;
  };
  return !leads_there(false) && leads_there(true);
}

}  // namespace memblock::lab
