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

/// Where a block fits first in free ranges that come in this order.
std::optional<PhysAddr> first_fit(LawBackend::RangeWalk free, const Wish& wish, bool up) {
  PhysAddr at;
  for (WalkedRange found; free.next(found);) {
    if (up ? wish.fits_low(found.range, at) : wish.fits_high(found.range, at)) return at;
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
    const std::optional<PhysAddr> expected = first_fit(
        core.free_ranges(kNoNode, kNoFlags, up ? Direction::Up : Direction::Down), wish, up);
    const auto at = core.phys_alloc(wish.size, wish.align);
    RC_ASSERT(at.ok() == expected.has_value());
    if (expected) RC_ASSERT(at.value() == *expected);
  });
}

}  // namespace
}  // namespace memblock::lab

int main() {
  using namespace memblock::lab;
  set_cases(3000);
  return allocation_laws() ? 0 : 1;
}
