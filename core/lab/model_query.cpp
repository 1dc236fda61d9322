// The model: queries and walks. A walk is the list of its answers.
#include <algorithm>

#include "lab/model.h"

namespace memblock::lab {
namespace {

uint64_t pages_down(PhysAddr address, unsigned shift) { return address.value >> shift; }

uint64_t pages_up(PhysAddr address, unsigned shift) {
  const uint64_t down = address.value >> shift;
  return down << shift == address.value ? down : down + 1;
}

PhysRange clip(PhysRange range, PhysRange window) {
  const PhysAddr base = max(range.base, window.base);
  return PhysRange{base, max(base, min(range.end, window.end))};
}

/// `visit`s each piece of `range` that `minus` does not cover.
template <class Visit>
void subtract(PhysRange range, const std::vector<Region>& minus, Visit&& visit) {
  PhysAddr reached = range.base;
  for (const Region& taken : minus) {
    if (taken.end() <= reached) continue;
    if (range.end <= taken.base) break;
    if (reached < taken.base) visit(PhysRange{reached, taken.base});
    reached = taken.end();
  }
  if (reached < range.end) visit(PhysRange{reached, range.end});
}

ListWalk<WalkedRange> walk(std::vector<WalkedRange> ranges, Direction direction) {
  if (direction == Direction::Down) std::reverse(ranges.begin(), ranges.end());
  return ListWalk<WalkedRange>{std::move(ranges)};
}

std::vector<WalkedRange> whole(const std::vector<Region>& regions) {
  std::vector<WalkedRange> out;
  for (const Region& region : regions) {
    out.push_back(WalkedRange{region.range(), region.nid, region.flags});
  }
  return out;
}

}  // namespace

// ---- Queries

uint64_t Model::estimated_free_pages() const {
  if (phys_mem_size() < reserved_size()) return 0;
  return (phys_mem_size() - reserved_size()) / machine_.page_size();
}

PhysAddr Model::start_of_dram() const {
  return memory().empty() ? PhysAddr{0} : memory().front().base;
}

PhysAddr Model::end_of_dram() const {
  return memory().empty() ? PhysAddr{0} : memory().back().end();
}

bool Model::is_map_memory(PhysAddr address) const {
  const Region* region = now_.memory.at(address);
  return region != nullptr && !region->flags.has(kNomap);
}

bool Model::is_region_memory(PhysRange range) const {
  const Region* region = now_.memory.at(range.base);
  return region != nullptr && range.end <= region->end();
}

// An empty range overlaps what it lies strictly inside of.
bool Model::overlaps(TableId id, PhysRange range) const {
  for (const Region& region : table(id).regions()) {
    if (region.base < range.end && range.base < region.end()) return true;
  }
  return false;
}

Result<PfnRange> Model::search_pfn_nid(uint64_t pfn) const {
  const uint64_t pfns = pages_down(kPhysAddrMax, machine_.page_shift);
  const Region* region =
      pfn <= pfns ? now_.memory.at(PhysAddr{pfn * machine_.page_size()}) : nullptr;
  if (region == nullptr) return Status::NotFound;
  return PfnRange{pages_down(region->base, machine_.page_shift),
                  pages_down(region->end(), machine_.page_shift), region->nid};
}

uint64_t Model::bytes_without_node() const {
  uint64_t pages = 0;
  for (const Region& region : memory()) {
    const PfnRange whole = memory_pfns(region);
    if (!is_node(region.nid) && whole.first < whole.last) pages += whole.last - whole.first;
  }
  return pages * machine_.page_size();
}

bool Model::validate_numa_coverage(uint64_t threshold_bytes) const {
  const uint64_t bytes = bytes_without_node();
  if (bytes <= threshold_bytes) return true;
  constexpr uint64_t kMegabyte = uint64_t{1} << 20;
  print("NUMA: no nodes coverage for " + std::to_string(bytes / kMegabyte) + "MB of " +
        std::to_string(phys_mem_size() / kMegabyte) + "MB RAM");
  return false;
}

PfnRange Model::memory_pfns(const Region& region) const {
  return PfnRange{pages_up(region.base, machine_.page_shift),
                  pages_down(region.end(), machine_.page_shift), region.nid};
}

PfnRange Model::reserved_pfns(const Region& region) const {
  return PfnRange{pages_down(region.base, machine_.page_shift),
                  pages_up(region.end(), machine_.page_shift), region.nid};
}

int Model::first_broken_invariant() const {
  if (const int broken = now_.memory.first_broken_invariant(); broken != 0) return broken;
  if (const int broken = now_.reserved.first_broken_invariant(); broken != 0) return 10 + broken;
  if (const int broken = now_.physmem.first_broken_invariant(); broken != 0) return 20 + broken;
  for (const Place& grown : now_.places) {
    if (!now_.can_resize && (!grown.range.empty() || grown.late)) return 31;
  }
  return 0;
}

// ---- Walks

bool Model::skips(const Region& region, NodeId nid, RegionFlags flags, bool movable_node) const {
  const auto has_unasked = [&](RegionFlags flag) {
    return region.flags.has(flag) && !flags.has(flag);
  };
  return (is_node(nid) && region.nid != nid) || (movable_node && has_unasked(kHotplug)) ||
         (flags.has(kMirror) && !region.flags.has(kMirror)) || has_unasked(kNomap) ||
         has_unasked(kDriverManaged);
}

std::vector<WalkedRange> Model::free_list(NodeId nid, RegionFlags flags, bool movable_node,
                                          PhysRange window) const {
  std::vector<WalkedRange> out;
  for (const Region& region : memory()) {
    if (skips(region, nid, flags, movable_node)) continue;
    subtract(clip(region.range(), window), now_.reserved.regions(), [&](PhysRange free) {
      out.push_back(WalkedRange{free, region.nid, region.flags});
    });
  }
  return out;
}

ListWalk<WalkedRange> Model::mem_ranges(Direction direction) const {
  std::vector<WalkedRange> mapped = whole(now_.memory.regions());
  std::erase_if(mapped, [](const WalkedRange& range) { return range.flags.has(kNomap); });
  return walk(std::move(mapped), direction);
}

ListWalk<WalkedRange> Model::reserved_ranges(Direction direction) const {
  return walk(whole(now_.reserved.regions()), direction);
}

ListWalk<WalkedRange> Model::free_ranges(NodeId nid, RegionFlags flags, Direction direction,
                                         PhysRange window) const {
  return walk(free_list(nid, flags, now_.movable_node, window), direction);
}

ListWalk<WalkedRange> Model::physmem_ranges() const {
  return walk(whole(now_.physmem.regions()), Direction::Up);
}

ListWalk<WalkedRange> Model::physmem_ranges(TableId minus) const {
  std::vector<WalkedRange> out;
  for (const Region& region : physmem()) {
    subtract(region.range(), table(minus).regions(), [&](PhysRange rest) {
      out.push_back(WalkedRange{rest, region.nid, region.flags});
    });
  }
  return walk(std::move(out), Direction::Up);
}

ListWalk<PfnRange> Model::mem_pfns(NodeId nid) const {
  std::vector<PfnRange> out;
  for (const Region& region : memory()) {
    const PfnRange pages = memory_pfns(region);
    if (is_node(nid) && region.nid != nid) continue;
    if (pages.first < pages.last) out.push_back(pages);
  }
  return ListWalk<PfnRange>{std::move(out)};
}

ListWalk<PfnRange> Model::free_pfns_in_zone(PfnRange zone) const {
  std::vector<PfnRange> out;
  for (const WalkedRange& free : free_list(zone.nid, kNoFlags, now_.movable_node, kAllMemory)) {
    PfnRange pages{pages_up(free.range.base, machine_.page_shift),
                   pages_down(free.range.end, machine_.page_shift), free.nid};
    pages.first = std::max(pages.first, zone.first);
    pages.last = std::min(pages.last, zone.last);
    if (pages.first < pages.last) out.push_back(pages);
  }
  return ListWalk<PfnRange>{std::move(out)};
}

}  // namespace memblock::lab
