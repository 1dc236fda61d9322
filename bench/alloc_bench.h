// Benchmarks of the allocator on a table of given size: the common case, where the first free range
// fits, and the cases where every free range but the last one does not.
#pragma once

#include "bench/expected.h"
#include "bench/layout.h"
#include "bench/subject.h"

namespace memblock::bench {

enum class Fit {
  First,       ///< The free range the search meets first is large enough.
  TooSmall,    ///< All free ranges but the last are too small.
  Misaligned,  ///< All free ranges but the last are large enough, but hold no aligned block.
};

inline const char* fit_name(Fit fit) {
  switch (fit) {
    case Fit::First: return "first_fits";
    case Fit::TooSmall: return "all_too_small";
    case Fit::Misaligned: return "all_misaligned";
  }
  return "";
}

/// `count` reservations, with 64 free KiB below and above all of them. Top-down the search meets
/// the upper end first, so that only there, or only at the lower end, a page is free.
struct AllocLayout {
  static constexpr uint64_t kRoom = 64 * 1024;

  AllocLayout(Fit fit, bool bottom_up, size_t count) {
    const uint64_t gap = fit == Fit::Misaligned ? 6 * 1024 : 2 * 1024;
    const uint64_t first = fit == Fit::Misaligned ? 7 * 1024 : gap;  // Gaps from 1 KiB to 7 KiB.
    const PhysAddr body = kLayoutBase + kRoom;
    memory = {kLayoutBase, body + count * kSlotStride + kSlotStride + kRoom};
    for (size_t i = 0; i < count; ++i) {
      reserved.push_back(PhysRange::from_size(body + i * kSlotStride + first, kSlotStride - gap));
    }
    const PhysRange low{memory.base, reserved.front().base};
    const PhysRange high{reserved.back().end, memory.end};
    if (fit == Fit::First) {
      expected = bottom_up ? low.base : high.end - kPage;
      return;
    }
    // The end where the search starts is taken; the page is at the other one.
    reserved.push_back(bottom_up ? low : high);
    expected = bottom_up ? PhysAddr{align_up(high.base.value, kPage)}
                         : PhysAddr{align_down(low.end.value - kPage, kPage)};
  }

  PhysRange memory;
  std::vector<PhysRange> reserved;
  PhysAddr expected;
};

/// Alloc/FIT_{top_down,bottom_up}: allocates a page and frees it again.
template <Subject S>
void allocate_page(benchmark::State& state, Fit fit, bool bottom_up) {
  const auto count = static_cast<size_t>(state.range(0));
  const AllocLayout layout{fit, bottom_up, count};
  const auto build = [&](auto& memblock) {
    static_cast<void>(memblock.add(layout.memory, kUnsetNode, kNoFlags));
    for (const PhysRange range : layout.reserved) {
      static_cast<void>(memblock.reserve(range, kUnsetNode, kNoFlags));
    }
    memblock.set_bottom_up(bottom_up);
  };
  AllocRequest request;
  request.size = kPage;
  request.align = kPage;
  const std::string key = std::string{"alloc/"} + S::name() + fit_name(fit) +
                          (bottom_up ? "up" : "down") + std::to_string(count);
  const auto check = [&]() -> std::string {
    S subject{Capacity{16, count + 16}};
    const auto steps = [&](auto& memblock) {
      build(memblock);
      static_cast<void>(memblock.allocate(request));
    };
    if (count <= kModelRegionsMax) return differs_from_model(subject, count + 16, steps);
    build(subject);
    const Result<PhysAddr> got = subject.allocate(request);
    return got.ok() && got.value() == layout.expected ? "" : "the page is not where it should be";
  };
  if (!right_once(state, key, check)) return;
  S subject{Capacity{16, count + 16}};
  build(subject);
  constexpr uint64_t kPairs = 16;
  uint64_t wrong = 0;
  for (auto iteration : state) {
    static_cast<void>(iteration);
    for (uint64_t i = 0; i < kPairs; ++i) {
      const Result<PhysAddr> got = subject.allocate(request);
      wrong += got.ok() && got.value() == layout.expected ? 0 : 1;
      benchmark::DoNotOptimize(subject.free(PhysRange::from_size(layout.expected, kPage)));
    }
  }
  if (wrong != 0) return state.SkipWithError("the page is not where it should be");
  report_ops(state, 2 * kPairs, count);
}

template <Subject S>
void register_alloc(const Plan& plan) {
  for (const Fit fit : {Fit::First, Fit::TooSmall, Fit::Misaligned}) {
    for (const bool bottom_up : {false, true}) {
      register_sizes(std::string{"Alloc/"} + fit_name(fit) +
                         (bottom_up ? "_bottom_up/" : "_top_down/") + S::name(),
                     plan.regions, [fit, bottom_up](benchmark::State& state) {
                       allocate_page<S>(state, fit, bottom_up);
                     });
    }
  }
}

}  // namespace memblock::bench
