#include "fuzz/cost_seeds.h"

#include <fmt/format.h>

#include "fuzz/cost_start.h"
#include "lab/text.h"

namespace memblock::fuzz {
namespace {

/// What allocations at multiples of `block` look for in vain, from both ends, as often as it takes
/// to see that a search learns from the one before. Each is for less than that, so that it cannot
/// go on where the other ended.
std::string searches(uint64_t block, uint64_t top) {
  std::string text;
  for (uint64_t parts = 24; parts >= 16; --parts) {
    text += fmt::format("phys_alloc_range size={:#x} align={:#x} within=[{:#x}, {:#x})\n",
                        block / 16 * parts, block, kCostRefuge.end.value, top);
  }
  text += fmt::format("phys_alloc size={:#x} align={:#x}\nset_bottom_up on\n", block, block);
  for (uint64_t parts = 24; parts >= 16; --parts) {
    text += fmt::format("alloc_try_nid size={:#x} align={:#x} within=[{:#x}, {:#x}) nid=0\n",
                        block / 16 * parts, block, kCostRefuge.end.value, top);
  }
  return text;
}

/// Edits of one region in the middle, and of all.
std::string edits(PhysRange middle, PhysRange all) {
  std::string text = "free_ranges\nmem_ranges\nfree_ranges down\nmem_pfns\n";
  for (const PhysRange range : {middle, all}) {
    const std::string at = fmt::format("[{:#x}, {:#x})", range.base.value, range.end.value);
    for (const char* call : {"mark_nomap {}\n", "mark_mirror {}\n", "isolate reserved {}\n",
                             "free {}\n", "reserve {}\n", "set_node {} reserved nid=3\n",
                             "is_region_reserved {}\n", "remove {}\n", "add {}\n"}) {
      text += fmt::format(fmt::runtime(call), at);
    }
  }
  return text;
}

/// What is left when memory between two ends is gone, or is kept out by its flags: reservations
/// that a search leaps over.
std::string remains(PhysRange all) {
  const std::string most =
      fmt::format("[{:#x}, {:#x})", all.base.value + 0x1000, (all.end - kCostSlot).value);
  const std::string search =
      fmt::format("alloc_try_nid size=0x1 within=[{:#x}, 0x0)\n", all.base.value);
  const std::string searches = "set_bottom_up on\n" + search + "set_bottom_up off\n" + search;
  return fmt::format("remove {}\n", most) + searches +
         fmt::format("add {} flags=driver_managed\n", most) + searches;
}

/// A table without a slot to spare: what a search finds cannot be put there, and all else that the
/// request allows is tried, here below what is now reserved without a gap. (A campaign came here
/// when the bound knew nothing of it.)
std::string full(PhysRange all) {
  const PhysAddr border = all.base + kCostSpare * kCostSlot;
  return fmt::format(
      "reserve [0x0, {:#x}) nid=1023\nset_bottom_up on\n"
      "alloc_try_nid size=0x1 within=[{:#x}, 0x0)\n",
      border.value, (border + 0x1000).value);
}

void add_seeds(const CostStart& start, std::vector<lab::Trace>& out) {
  const PhysRange all = PhysRange::from_size(kCostRefuge.end, start.regions * kCostSlot);
  const PhysRange middle =
      PhysRange::from_size(all.base + start.regions / 2 * kCostSlot + 0x1000, kCostSlot);
  const std::string calls = edits(middle, all);
  for (const std::string& text :
       {searches(start.block, all.end.value), searches(uint64_t{8} << 20, all.end.value), calls,
        remains(all), full(all)}) {
    lab::ParsedTrace parsed = lab::parse_trace(text);
    MEMBLOCK_ASSERT(parsed.ok());
    lab::Trace trace = std::move(parsed.trace);
    trace.limits = limits_of(start);
    out.push_back(std::move(trace));
  }
}

}  // namespace

std::vector<lab::Trace> cost_seeds() {
  std::vector<lab::Trace> out;
  for (unsigned pattern = 0; pattern < kCostPatterns; ++pattern) {
    for (unsigned order = 0; order < kCostOrders; ++order) {
      CostStart start;
      start.pattern = static_cast<CostPattern>(pattern);
      start.order = static_cast<CostOrder>(order);
      // Large ones take long, and shuffled ones are the worst of them.
      start.regions = start.order == CostOrder::Shuffled ? kCostRegionsMax : 512;
      for (const uint64_t block : kCostBlocks) {
        start.block = block;
        add_seeds(start, out);
        if (start.pattern != CostPattern::Traps) break;
      }
    }
  }
  return out;
}

}  // namespace memblock::fuzz
