#include "fuzz/cost_search.h"

#include <algorithm>

#include "lab/apply.h"

namespace memblock::fuzz {
namespace {

using lab::OpCode;

/// What the named calls ask for.
AllocRequest request_of(const lab::Op& op, const Machine& machine) {
  AllocRequest request = lab::request_of(op);
  const bool is_plain = op.code == OpCode::Allocate || op.code == OpCode::PhysAllocRange ||
                        op.code == OpCode::PhysAlloc || op.code == OpCode::PhysAllocTryNid;
  if (!is_plain) request.within_limit = request.retry_below_min = true;
  if (op.code == OpCode::AllocExactNidRaw) request.exact_nid = true;
  if (op.code == OpCode::AllocLow) request.max = PhysAddr{machine.low_limit};
  if (request.align == 0) request.align = machine.cache_line;
  return request;
}

/// Whether a node of a tree that knows this free range lets a search for `wish` pass: nodes know
/// free ranges from multiples of these alignments on.
bool fits_nearly(PhysRange free, const Wish& wish) {
  constexpr uint64_t kKnown[] = {kLine, uint64_t{4} << 10, uint64_t{2} << 20, uint64_t{1} << 30};
  uint64_t align = kKnown[0];
  for (const uint64_t known : kKnown) {
    if (known <= wish.align) align = known;
  }
  const uint64_t first = align_up(free.base.value, align);
  if (first < free.base.value) return false;
  const uint64_t bytes = free.end.value < first ? 0 : free.end.value - first;
  return wish.size <= bytes || (wish.align < kLine && wish.size - bytes < kLine);
}

/// The first of `regions` that ends above `address`.
auto first_ending_after(const std::vector<Region>& regions, PhysAddr address) {
  return std::partition_point(regions.begin(), regions.end(),
                              [=](const Region& region) { return region.end() <= address; });
}

/// The first that begins at or above it.
auto first_starting_from(const std::vector<Region>& regions, PhysAddr address) {
  return std::partition_point(regions.begin(), regions.end(),
                              [=](const Region& region) { return region.base < address; });
}

}  // namespace

bool CostSearch::fits(PhysRange free, const Wish& wish) const {
  PhysAddr at;
  return state_.bottom_up ? wish.fits_low(free, at) : wish.fits_high(free, at);
}

// Not only what lies on the way of this search: one that goes on where another ended has another
// way.
void CostSearch::count_passed(PhysRange window, PhysRange seen, const RegionSieve& sieve,
                              const Wish& wish) {
  const auto look = [&](PhysRange free, bool skipped) {
    if (!skipped && fits(cut_to(free, window), wish)) return;
    ++extent_.passed;
    extent_.nearly += static_cast<size_t>(fits_nearly(free, wish));
  };
  const std::vector<Region>& memory = state_.memory;
  for (auto at = first_ending_after(memory, seen.base); at != memory.end(); ++at) {
    if (seen.end <= at->base) break;
    look(at->range(), sieve.skips(*at));
  }
  const Gaps gaps = gaps_in(seen);
  for (size_t i = gaps.first; i <= gaps.last; ++i) look(gap_below(i), false);
}

CostSearch::Gaps CostSearch::gaps_in(PhysRange range) const {
  const std::vector<Region>& reserved = state_.reserved;
  const auto first = first_ending_after(reserved, range.base) - reserved.begin();
  const auto last = first_starting_from(reserved, range.end) - reserved.begin();
  return {static_cast<size_t>(first), static_cast<size_t>(std::max(first, last))};
}

PhysRange CostSearch::gap_below(size_t index) const {
  const std::vector<Region>& reserved = state_.reserved;
  return {index == 0 ? PhysAddr{0} : reserved[index - 1].end(),
          index == reserved.size() ? kPhysAddrMax : reserved[index].base};
}

bool CostSearch::find_region(PhysRange window, const RegionSieve& sieve, const Wish& wish,
                             PhysRange& found) const {
  const std::vector<Region>& memory = state_.memory;
  const auto first = first_ending_after(memory, window.base);
  const auto end = std::max(first, first_starting_from(memory, window.end));
  const auto is_it = [&](const Region& region) {
    found = region.range();
    return !sieve.skips(region) && fits(cut_to(found, window), wish);
  };
  if (state_.bottom_up) return std::any_of(first, end, is_it);
  return std::any_of(std::make_reverse_iterator(end), std::make_reverse_iterator(first), is_it);
}

bool CostSearch::find_gap(PhysRange window, const Wish& wish, PhysRange& found) const {
  const Gaps gaps = gaps_in(window);
  for (size_t i = gaps.first; i <= gaps.last; ++i) {
    const size_t index = state_.bottom_up ? i : gaps.last - (i - gaps.first);
    found = cut_to(gap_below(index), window);
    if (fits(found, wish)) return true;
  }
  return false;
}

bool CostSearch::attempt(PhysRange window, const RegionSieve& sieve, const Wish& wish) {
  ++extent_.attempts;
  PhysRange rest = window, memory, gap;
  while (true) {
    ++extent_.turns;
    if (rest.empty() || !find_region(rest, sieve, wish, memory)) break;
    if (state_.bottom_up) {
      rest.base = max(rest.base, memory.base);
    } else {
      rest.end = min(rest.end, memory.end);
    }
    if (!find_gap(rest, wish, gap)) break;
    if (fits(cut_to(gap, memory), wish)) {
      const PhysRange seen =
          state_.bottom_up ? PhysRange{window.base, gap.end} : PhysRange{gap.base, window.end};
      count_passed(window, seen, sieve, wish);
      // A full table takes no block: then all else is tried too.
      return !state_.reserved_full;
    }
    if (state_.bottom_up) {
      rest.base = min(rest.end, max(gap.base, memory.end));
    } else {
      rest.end = max(rest.base, min(gap.end, memory.base));
    }
  }
  count_passed(window, window, sieve, wish);
  return false;
}

bool CostSearch::try_window(PhysRange window, const AllocRequest& request) {
  const bool other_nodes = is_node(request.nid) && !request.exact_nid;
  for (const bool mirrored : {true, false}) {
    if (mirrored && !state_.has_mirror) continue;
    for (const bool other_node : {false, true}) {
      if (other_node && !other_nodes) continue;
      RegionFilter filter;
      filter.nid = other_node ? kNoNode : request.nid;
      filter.flags = mirrored ? kMirror : kNoFlags;
      filter.movable_node = state_.movable_node;
      if (attempt(window, RegionSieve{filter}, {request.size, request.align})) return true;
    }
  }
  return false;
}

void CostSearch::allocate(const lab::Op& op) {
  const AllocRequest request = request_of(op, state_.machine);
  if (request.size == 0) return;
  const PhysAddr end =
      request.max <= kUpToLimitNoLeakTrace || (request.within_limit && state_.limit < request.max)
          ? state_.limit
          : request.max;
  const PhysAddr lowest{state_.machine.page_size()};
  const auto window_from = [&](PhysAddr min) {
    const PhysAddr base = max(min, lowest);
    return PhysRange{base, max(base, end)};
  };
  if (try_window(window_from(request.min), request)) return;
  if (request.retry_below_min && request.min != PhysAddr{0}) {
    try_window(window_from(PhysAddr{0}), request);
  }
}

}  // namespace memblock::fuzz
