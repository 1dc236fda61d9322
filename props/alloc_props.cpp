// Laws of where an allocation lies.
#include <optional>
#include <vector>

#include "props/cases.h"
#include "props/rc.h"
#include "props/table_under_law.h"

namespace memblock::lab {
namespace {

constexpr uint64_t kPage = 4096;

uint64_t pick(uint64_t below) { return RcChoices{}.below(below); }

/// Covers some of what lies below `end`: runs and holes of up to `longest` pages in turn.
template <class Cover>
void cover_in_runs(uint64_t end, uint64_t longest, const Cover& cover) {
  for (uint64_t page = 1 + pick(longest); page < end; page += 1 + pick(longest)) {
    const uint64_t count = 1 + pick(longest);
    cover(PhysRange::from_size(PhysAddr{page * kPage}, count * kPage));
    page += count;
  }
}

/// Where a block fits first into the free ranges of a node, or of all, inside `window`.
std::optional<PhysAddr> first_fit(const LawBackend& core, const Wish& wish, PhysRange window,
                                  NodeId nid, bool up) {
  auto free = core.free_ranges(nid, kNoFlags, up ? Direction::Up : Direction::Down);
  PhysAddr at;
  for (WalkedRange found; free.next(found);) {
    const PhysRange part = cut_to(found.range, window);
    if (up ? wish.fits_low(part, at) : wish.fits_high(part, at)) return at;
  }
  return {};
}

/// Many regions of memory and many reservations, which hold the block by themselves, but not where
/// the ones leave room for the others.
bool allocation_laws() {
  return holds("a block lies in the first free range that holds it, in crowded tables too", [] {
    LawBackend core{Limits{}};
    const uint64_t longest = 2 + pick(8);
    cover_in_runs(250, longest, [&](PhysRange range) {
      RC_ASSERT(core.add(range, kUnsetNode, pick(3) == 0 ? kHotplug : kNoFlags) == Status::Ok);
    });
    cover_in_runs(250, longest, [&](PhysRange range) {
      RC_ASSERT(core.reserve(range, kUnsetNode, kNoFlags) == Status::Ok);
    });
    const bool up = pick(2) != 0;
    core.set_bottom_up(up);
    const Wish wish{(1 + pick(longest)) * kPage, kPage << pick(3)};
    const std::optional<PhysAddr> expected = first_fit(core, wish, kAllMemory, kNoNode, up);
    const auto at = core.phys_alloc(wish.size, wish.align);
    RC_ASSERT(at.ok() == expected.has_value());
    if (expected) RC_ASSERT(at.value() == *expected);
  });
}

PhysRange largest_free(const LawBackend& core) {
  PhysRange largest;
  auto free = core.free_ranges(kNoNode, kNoFlags, Direction::Up);
  for (WalkedRange found; free.next(found);) {
    if (largest.size() < found.range.size()) largest = found.range;
  }
  return largest;
}

/// Blocks that fit hardly anywhere, in turn with small ones that fit nowhere for their alignment,
/// within bounds that mostly lie in the one free range for them: there one search gives up, and
/// another has to take it up again.
bool bounds_laws() {
  return holds("blocks within ever other bounds lie in the first free range that holds them", [] {
    LawBackend core{Limits{}};
    // All places for a block of this alignment are taken.
    const uint64_t coarse = 64 * kPage;
    RC_ASSERT(core.add({PhysAddr{0}, PhysAddr{260 * kPage}}, kUnsetNode, kNoFlags) == Status::Ok);
    for (uint64_t at = coarse; at < 260 * kPage; at += coarse) {
      const PhysRange taken = PhysRange::from_size(PhysAddr{at}, 4 * kPage);
      RC_ASSERT(core.reserve(taken, kUnsetNode, kNoFlags) == Status::Ok);
    }
    cover_in_runs(250, 8 + pick(40), [&](PhysRange range) {
      RC_ASSERT(core.reserve(range, kUnsetNode, kNoFlags) == Status::Ok);
    });
    const bool up = pick(2) != 0;
    core.set_bottom_up(up);
    const PhysRange room = largest_free(core);
    const uint64_t pages = room.size() / kPage;
    const auto bound = [&] {
      if (pick(4) == 0) return PhysAddr{(1 + pick(250)) * kPage};
      return max(room.base + pick(pages + 1) * kPage, PhysAddr{kPage});
    };
    const PhysAddr place = bound();
    const auto any_window = [&] {
      const PhysAddr lowest{kPage};
      const PhysAddr base = pick(3) == 0 ? lowest : bound();
      switch (pick(8)) {
        case 0: return PhysRange{place, kPhysAddrMax};
        case 1: return PhysRange{lowest, place};
        case 2:
        case 3: return PhysRange{lowest, kPhysAddrMax};
        default: return PhysRange{base, pick(3) == 0 ? kPhysAddrMax : max(base, bound())};
      }
    };
    const Wish large{(pages - pick(pages / 2 + 1)) * kPage, kPage};
    const Wish nowhere{(1 + pick(4)) * kPage, coarse};
    for (int step = 0; step < 16; ++step) {
      const Wish& wish = pick(2) == 0 ? large : nowhere;
      const PhysRange window = any_window();
      const std::optional<PhysAddr> expected = first_fit(core, wish, window, kNoNode, up);
      const auto at = core.phys_alloc_range(wish.size, wish.align, window.base, window.end);
      RC_ASSERT(at.ok() == expected.has_value());
      if (expected) RC_ASSERT(at.value() == *expected);
    }
  });
}

/// Most allocations of a row ask for the same, which has a way of its own. Then comes one that asks
/// for another block or within other bounds, or something else happens in between.
bool row_laws() {
  return holds("each of a row of allocations lies in the first free range that holds it", [] {
    LawBackend core{Limits{}};
    cover_in_runs(400, 60, [&](PhysRange range) {
      RC_ASSERT(core.add(range, kUnsetNode, kNoFlags) == Status::Ok);
    });
    const auto pages = [](uint64_t from, uint64_t most) {
      return PhysRange::from_size(PhysAddr{(from + pick(400)) * kPage}, (1 + pick(most)) * kPage);
    };
    bool up = pick(2) != 0;
    core.set_bottom_up(up);
    PhysAddr limit = kPhysAddrMax;
    AllocRequest request{.size = kPage, .align = kPage};
    for (int step = 0; step < 60; ++step) {
      Status done = Status::Ok;
      switch (pick(28)) {
        case 0:
        case 1: request.size = (1 + pick(pick(2) == 0 ? 4 : 16)) * kPage; break;
        case 2: request.align = kPage << pick(2); break;
        case 3: request.min = pages(0, 1).base; break;
        case 4: request.max = pick(2) == 0 ? kUpToLimit : pages(1, 300).end; break;
        case 5: request.nid = pick(2) == 0 ? kNoNode : NodeId{static_cast<int32_t>(pick(2))}; break;
        case 6: request.exact_nid = pick(2) != 0; break;
        case 7: core.set_limit(limit = pages(1, 1).base); break;
        case 8: core.set_bottom_up(up = !up); break;
        case 9: done = core.reserve(pages(0, 8), kUnsetNode, kNoFlags); break;
        case 10: done = core.free(pages(0, 8)); break;
        case 11: done = core.add(pages(0, 8), kUnsetNode, kNoFlags); break;
        case 12: done = core.remove(pages(0, 8)); break;
        case 13: done = core.mark_nomap(pages(0, 8)); break;
        case 14:
          done =
              core.set_node(pages(0, 200), TableId::Memory, NodeId{static_cast<int32_t>(pick(2))});
          break;
        default: break;
      }
      RC_ASSERT(done == Status::Ok);
      const PhysAddr first = max(request.min, PhysAddr{kPage});
      const PhysRange window{first, max(first, request.max == kUpToLimit ? limit : request.max)};
      const Wish wish{request.size, request.align};
      std::optional<PhysAddr> expected = first_fit(core, wish, window, request.nid, up);
      if (!expected && !request.exact_nid) expected = first_fit(core, wish, window, kNoNode, up);
      const auto at = core.allocate(request);
      RC_ASSERT(at.ok() == expected.has_value());
      if (expected) RC_ASSERT(at.value() == *expected);
    }
  });
}

}  // namespace
}  // namespace memblock::lab

int main() {
  using namespace memblock::lab;
  set_cases(3000);
  bool ok = allocation_laws();
  ok &= bounds_laws();
  ok &= row_laws();
  return ok ? 0 : 1;
}
