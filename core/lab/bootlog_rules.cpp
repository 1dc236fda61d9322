// Unprinted calls of x86, arm, powerpc and of mm/, learned from what their boot code does.
#include "lab/bootlog_rules.h"

#include <fmt/format.h>

namespace memblock::lab {
namespace {

constexpr uint64_t kIsaEnd = uint64_t{1} << 20;
constexpr uint64_t k4GiB = uint64_t{1} << 32;

bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

/// What early code maps at a time on 32-bit arm; the limit is a multiple of it.
constexpr uint64_t kArmSection = uint64_t{2} << 20;

/// The alignment of areas for contiguous allocations: a block of pages that moves as one.
uint64_t cma_alignment(const BootFacts& facts) {
  if (facts.arch == Arch::Arm && facts.page_shift == 12) return uint64_t{4} << 20;
  // A huge page: one page of page-table entries, each as large as a page.
  return uint64_t{1} << (2 * facts.page_shift - 3);
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
  if (facts_.arch != Arch::X86) {
    infer(OpCode::AllowResize, 0, "tables may grow once the firmware's reservations are in place");
  }
  if (facts_.arch == Arch::Arm && facts_.low_end != 0) {
    infer_limit(align_down(facts_.low_end, kArmSection), 0,
                "arm allocates below the end of low memory, which the zones show");
  }
}

void KernelRules::before(size_t index) {
  const Event& event = boot_.events[index];
  if (event.kind == EventKind::Hint) return;
  const uint32_t line = event.line.line;
  if (facts_.arch == Arch::X86) before_x86(event, line);
  if (facts_.arch == Arch::Powerpc) before_powerpc(event, line);
}

void KernelRules::before_x86(const Event& event, uint32_t line) {
  const std::string& caller = event.line.caller;
  const bool loads =
      event.kind == EventKind::Call &&
      (starts_with(caller, "e820__memblock_setup") || starts_with(caller, "memblock_x86_fill"));
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
  const bool maps =
      starts_with(caller, "init_mem_mapping") || starts_with(caller, "alloc_low_page") ||
      starts_with(caller, "init_memory_mapping") || starts_with(caller, "memory_map_");
  // What may grow upwards is reserved up to 1 MiB right before the direct map is built.
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
  const bool paca = starts_with(event.line.caller, "alloc_paca_data") ||
                    starts_with(event.line.caller, "alloc_shared_lppaca");
  if (paca && !saw_paca_) {
    saw_paca_ = boot_paca_ = true;
    infer_bottom_up(true, line, "powerpc allocates the boot CPU's structures bottom-up");
  } else if (!paca && boot_paca_) {
    boot_paca_ = false;
    infer_bottom_up(false, line, "the boot CPU's structures are allocated: top-down again");
  }
}

void KernelRules::after(size_t index) {
  const Event& event = boot_.events[index];
  if (event.kind == EventKind::Allocation && event.result) mark_noinit(event);
}

void KernelRules::mark_noinit(const Event& event) {
  // Since 6.7 only the first page of the descriptors of a gigantic page is set up at once.
  if (!facts_.at_least(6, 7) || !starts_with(event.line.caller, "__alloc_bootmem_huge_page"))
    return;
  const uint64_t page = uint64_t{1} << facts_.page_shift;
  if (event.result->size() <= page) return;
  builder_.inferred(
      range_op(OpCode::MarkReservedNoinit, PhysRange{event.result->base + page, event.result->end}),
      event.line.line, "the descriptors of a gigantic page's tail are not set up at once");
}

void KernelRules::hint(const LogLine& line) {
  if (line.kind == LogKind::Handover && !handed_over_) handover(line.line);
}

void KernelRules::handover(uint32_t line) {
  handed_over_ = true;
  if (facts_.numa && facts_.at_least(6, 5)) {
    const RegionView view = builder_.tables().memory();
    const std::vector<Region> memory(view.begin(), view.end());
    for (const Region& region : memory) {
      builder_.inferred(node_op(region.range(), TableId::Reserved, region.nid), line,
                        "at the handover reserved memory gets the node of the memory it lies in");
    }
  }
  infer(OpCode::FreeAll, line, "the page allocator has taken over");
  infer(OpCode::LateAllocatorUp, line, "tables grow from the slab allocator from now on");
}

const LogLine* KernelRules::following_cma(size_t index) const {
  for (size_t i = index + 1; i < boot_.events.size(); ++i) {
    const Event& event = boot_.events[i];
    if (event.kind != EventKind::Hint) return nullptr;
    if (event.line.kind == LogKind::Cma) return &event.line;
  }
  return nullptr;
}

std::optional<KernelRules::Derived> KernelRules::derive_request(size_t index) {
  const Event& event = boot_.events[index];
  const uint64_t size = event.result->size();
  if (const std::optional<NodeId> nid = numa_.node_of_data(index)) {
    Derived derived;
    derived.op.code = OpCode::PhysAllocTryNid;
    derived.op.size = size;
    derived.op.align = facts_.cache_line;
    derived.op.nid = *nid;
    derived.why = fmt::format("the data of node {}, as the next line says", nid->value);
    return derived;
  }
  const LogLine* cma = following_cma(index);
  if (cma != nullptr && cma->base == event.result->base.value && cma->size == size) {
    return derive_cma(*cma);
  }
  return std::nullopt;
}

KernelRules::Derived KernelRules::derive_cma(const LogLine& cma) const {
  const CoreBackend& tables = builder_.tables();
  const uint64_t end = tables.end_of_dram().value;
  AllocRequest request;
  request.size = cma.size;
  request.align = cma_alignment(facts_);
  request.exact_nid = true;
  const bool device_zone = facts_.arch == Arch::Arm64 || facts_.arch == Arch::Riscv;
  uint64_t limit = device_zone && facts_.dma_end != 0 ? std::min(facts_.dma_end, end) : end;
  limit = align_down(limit, request.align);
  Derived derived;
  derived.why = "an area for contiguous allocations, as the next line says";
  struct Window {
    uint64_t min;
    uint64_t max;
    bool bottom_up;
  };
  const uint64_t high = facts_.low_end != 0 ? facts_.low_end : end;
  const Window windows[] = {{high, limit, false},                  // High memory first,
                            {k4GiB, std::min(limit, high), true},  // then above the low 4 GiB,
                            {0, std::min(limit, high), false}};    // then anywhere.
  for (const Window& window : windows) {
    if (window.min >= window.max) continue;
    if (window.bottom_up && (facts_.width == 32 || end < k4GiB + cma.size)) continue;
    request.min = PhysAddr{window.min};
    request.max = PhysAddr{window.max};
    derived.bottom_up = window.bottom_up;
    if (window.min == 0 || builder_.would_fit(request)) break;
  }
  derived.op.code = OpCode::Allocate;
  derived.op.size = request.size;
  derived.op.align = request.align;
  derived.op.min = request.min;
  derived.op.max = request.max;
  derived.op.exact = true;
  return derived;
}

}  // namespace memblock::lab
