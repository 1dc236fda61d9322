// Node data and areas for contiguous allocations: their requests are not printed, but follow from
// the line that comes after, the command line and the zones.
#include "lab/bootlog_requests.h"

#include <fmt/format.h>

#include "memblock/parse_size.h"

namespace memblock::lab {
namespace {

constexpr uint64_t k4GiB = uint64_t{1} << 32;

/// A block of pages that moves as one: what areas are aligned to at least.
uint64_t area_alignment(const BootFacts& facts) {
  // Without huge pages it is the largest piece the page allocator has: 2048 pages where boards of
  // several makers share a kernel.
  if (facts.arch == Arch::Arm && facts.width == 32) return uint64_t{8} << 20;
  // A huge page: as many pages as a page holds page-table entries.
  return uint64_t{1} << (2 * facts.page_shift - 3);
}

/// What gigantic huge pages are aligned to.
uint64_t gigantic_page(const BootFacts& facts) {
  if (facts.arch == Arch::S390) return uint64_t{2} << 30;
  return uint64_t{1} << (facts.page_shift == 16 && facts.arch == Arch::Arm64 ? 34 : 30);
}

/// Where an area may lie, from `cma=size@base-limit`.
struct AreaBounds {
  uint64_t base = 0;
  uint64_t limit = 0;
};

AreaBounds bounds_of_option(std::string_view command_line) {
  AreaBounds bounds;
  const std::string padded = " " + std::string(command_line);
  const size_t at = padded.find(" cma=");
  if (at == std::string::npos) return bounds;
  std::string_view text = std::string_view(padded).substr(at + 5);
  if (!parse_size(text).ok() || text.substr(0, 1) != "@") return bounds;
  text.remove_prefix(1);
  const Result<uint64_t> base = parse_size(text);
  if (!base.ok() || text.substr(0, 1) != "-") return bounds;
  text.remove_prefix(1);
  const Result<uint64_t> limit = parse_size(text);
  if (!limit.ok()) return bounds;
  return {base.value(), limit.value()};
}

/// The lines that follow an allocation and say what it was for.
struct AreaLines {
  const LogLine* area = nullptr;
  const LogLine* gigantic = nullptr;
};

AreaLines following_area(const LoggedBoot& boot, size_t index) {
  AreaLines lines;
  for (size_t i = index + 1; i < boot.events.size() && i < index + 8; ++i) {
    const Event& event = boot.events[i];
    if (event.kind != EventKind::Hint) break;
    if (event.line.kind != LogKind::Cma) continue;
    if (event.line.text == "hugetlb") {
      lines.gigantic = &event.line;
      break;
    }
    if (lines.area == nullptr) lines.area = &event.line;
  }
  return lines;
}

struct Window {
  uint64_t min = 0;
  uint64_t max = 0;
  bool bottom_up = false;
};

/// Where the kernel looks, one window after the other.
std::vector<Window> windows_of(const BootFacts& facts, uint64_t size, uint64_t base, uint64_t limit,
                               uint64_t end) {
  std::vector<Window> windows;
  const uint64_t high = facts.low_end != 0 ? facts.low_end : end;
  if (base < high && limit > high) {
    windows.push_back({high, limit, false});
    limit = high;
  }
  if (facts.width == 64 && end >= k4GiB + size) windows.push_back({k4GiB, limit, true});
  windows.push_back({base, limit, false});
  return windows;
}

DerivedRequest derive_area(const AreaLines& lines, TraceBuilder& builder) {
  const BootFacts& facts = builder.facts();
  const uint64_t end = builder.tables().end_of_dram().value;
  const bool gigantic = lines.gigantic != nullptr;
  AllocRequest request;
  request.size = lines.area->size;
  request.align = gigantic ? gigantic_page(facts) : area_alignment(facts);
  request.exact_nid = true;
  request.nid = NodeId{gigantic ? lines.gigantic->nid : lines.area->nid};
  uint64_t base = 0;
  uint64_t limit = end;
  if (!gigantic && !is_node(request.nid)) {
    // The area of all devices lies where the least able of them reaches.
    const bool device_zone = facts.arch != Arch::X86 && facts.arch != Arch::S390 &&
                             facts.arch != Arch::Powerpc && facts.arch != Arch::Arm;
    if (device_zone && facts.dma_end != 0) limit = std::min(limit, facts.dma_end);
    const AreaBounds bounds = bounds_of_option(facts.command_line);
    base = align_up(bounds.base, request.align);
    if (bounds.limit != 0) limit = std::min(limit, bounds.limit);
    limit = align_down(limit, request.align);
  }
  DerivedRequest derived;
  derived.why = "an area for contiguous allocations, as the next line says";
  const std::vector<Window> windows = windows_of(facts, request.size, base, limit, end);
  for (const Window& window : windows) {
    if (window.min >= window.max) continue;
    request.min = PhysAddr{window.min};
    request.max = PhysAddr{window.max};
    derived.bottom_up = window.bottom_up;
    if (&window == &windows.back() || builder.would_fit(request)) break;
  }
  derived.op.code = OpCode::Allocate;
  derived.op.size = request.size;
  derived.op.align = request.align;
  derived.op.min = request.min;
  derived.op.max = request.max;
  derived.op.nid = request.nid;
  derived.op.exact = true;
  return derived;
}

}  // namespace

std::optional<DerivedRequest> derive_request(const LoggedBoot& boot, size_t index,
                                             TraceBuilder& builder, const NumaRules& numa) {
  const Event& event = boot.events[index];
  const uint64_t size = event.result->size();
  if (const std::optional<NodeId> nid = numa.node_of_data(index)) {
    DerivedRequest derived;
    derived.op.code = OpCode::PhysAllocTryNid;
    derived.op.size = size;
    derived.op.align = builder.facts().cache_line;
    derived.op.nid = *nid;
    derived.why = fmt::format("the data of node {}, as the next line says", nid->value);
    return derived;
  }
  const AreaLines lines = following_area(boot, index);
  if (lines.area == nullptr || lines.area->base != event.result->base.value ||
      lines.area->size != size) {
    return std::nullopt;
  }
  return derive_area(lines, builder);
}

}  // namespace memblock::lab
