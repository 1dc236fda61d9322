#include "fuzz/cost_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace memblock::fuzz {
namespace {

constexpr uint32_t kRegionsEach = 8;  // For each that the limits name.

PhysAddr slot(size_t i) { return kCostRefuge.end + i * kCostSlot; }

Region region_at(PhysAddr base, uint64_t size, RegionFlags flags = kNoFlags,
                 NodeId nid = kUnsetNode) {
  return {base, size, flags, nid};
}

RegionFlags flags_of(size_t i) {
  constexpr RegionFlags kTurns[] = {kNoFlags, kNomap, kHotplug, kMirror};
  return kTurns[i % std::size(kTurns)];
}

/// What slot `i` of a pattern holds.
void add_slot(const CostStart& start, size_t i, std::vector<CostRegion>& out) {
  const auto node = NodeId{static_cast<int32_t>(i % 2)};
  switch (start.pattern) {
    case CostPattern::Fragments: {
      const uint64_t reserved = (1 + i * 37 % 1000) << 12;
      out.push_back({TableId::Reserved, region_at(slot(i + 1) - reserved, reserved)});
      break;
    }
    case CostPattern::Traps: {
      // The gap in front begins a quarter of a block above a multiple of its size and is one and a
      // half blocks long.
      const PhysAddr base = slot(i) + start.block / 4 * 7;
      out.push_back({TableId::Reserved, region_at(base, slot(i + 1) + start.block / 4 - base)});
      break;
    }
    case CostPattern::Flags:
      out.push_back({TableId::Memory, region_at(slot(i), kCostSlot, flags_of(i))});
      if (i % 8 == 0) out.push_back({TableId::Reserved, region_at(slot(i), kCostSlot)});
      break;
    case CostPattern::Nodes:
      out.push_back(
          {TableId::Memory, region_at(slot(i), kCostSlot, i % 2 == 0 ? kNomap : kNoFlags, node)});
      if (i % 2 != 0) out.push_back({TableId::Reserved, region_at(slot(i), kCostSlot)});
      break;
    case CostPattern::Covered:
      out.push_back({TableId::Memory, region_at(slot(i), kCostSlot / 2)});
      out.push_back({TableId::Reserved, region_at(slot(i), kCostSlot / 2)});
      break;
    case CostPattern::Touching:
      out.push_back({TableId::Reserved, region_at(slot(i), kCostSlot, kNoFlags, node)});
      break;
  }
}

bool has_memory_of_its_own(CostPattern pattern) {
  return pattern == CostPattern::Flags || pattern == CostPattern::Nodes ||
         pattern == CostPattern::Covered;
}

}  // namespace

CostStart cost_start_of(const lab::Limits& limits) {
  CostStart start;
  // Capacities begin at 1.
  const uint32_t shape = limits.memory - 1;
  start.pattern = static_cast<CostPattern>((limits.physmem - 1) % kCostPatterns);
  start.order = static_cast<CostOrder>(shape % kCostOrders);
  start.block = kCostBlocks[shape / kCostOrders % std::size(kCostBlocks)];
  start.regions = kRegionsEach * std::clamp(limits.reserved, 1u, kCostRegionsMax / kRegionsEach);
  return start;
}

lab::Limits limits_of(const CostStart& start) {
  lab::Limits limits;
  limits.physmem = 1 + static_cast<uint32_t>(start.pattern);
  const auto block = std::find(std::begin(kCostBlocks), std::end(kCostBlocks), start.block);
  limits.memory = 1 + static_cast<uint32_t>(start.order) +
                  kCostOrders * static_cast<uint32_t>(block - std::begin(kCostBlocks));
  limits.reserved = start.regions / kRegionsEach;
  return limits;
}

lab::Limits capacities_for(const CostStart& start, lab::Limits limits) {
  limits.memory = limits.reserved = start.regions + kCostSpare;
  limits.physmem = kCostSpare;
  return limits;
}

std::string to_text(const CostStart& start) {
  constexpr const char* kPatterns[] = {
      "fragments",     "traps",          "regions of changing flags",
      "nodes in turn", "covered memory", "touching regions"};
  constexpr const char* kOrders[] = {"ascending", "descending", "shuffled"};
  const std::string block =
      start.pattern == CostPattern::Traps ? fmt::format(" for {:#x} bytes", start.block) : "";
  return fmt::format("{} {}{}, {}", start.regions, kPatterns[static_cast<size_t>(start.pattern)],
                     block, kOrders[static_cast<size_t>(start.order)]);
}

std::vector<CostRegion> regions_of(const CostStart& start) {
  std::vector<CostRegion> out;
  for (size_t i = 0; i < start.regions; ++i) add_slot(start, i, out);
  if (start.order == CostOrder::Descending) std::reverse(out.begin(), out.end());
  if (start.order == CostOrder::Shuffled) {
    std::shuffle(out.begin(), out.end(), std::minstd_rand{start.regions});
  }
  PhysRange memory = kCostRefuge;
  if (!has_memory_of_its_own(start.pattern)) memory.end = slot(start.regions);
  out.push_back({TableId::Memory, region_at(memory.base, memory.size())});
  return out;
}

}  // namespace memblock::fuzz
