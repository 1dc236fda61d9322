// Benchmarks of one table: building it in three orders, changing it at a steady size, looking up.
#pragma once

#include "bench/expected.h"
#include "bench/layout.h"
#include "bench/subject.h"

namespace memblock::bench {

/// Table/reserve_ORDER: reserves `regions` ranges that do not touch, one call each, from nothing.
template <Subject S>
void build_table(benchmark::State& state, Order order) {
  const auto count = static_cast<size_t>(state.range(0));
  const std::vector<PhysRange> ranges = slots_in(order, count);
  const auto make = [&] { return std::make_unique<S>(Capacity{16, count + 8}); };
  const auto work = [&](auto& memblock) {
    for (const PhysRange range : ranges) {
      benchmark::DoNotOptimize(memblock.reserve(range, kUnsetNode, kNoFlags));
    }
  };
  const std::string key = std::string{"build/"} + S::name() + order_name(order);
  if (!right_once(state, key + std::to_string(count), [&] {
        auto subject = make();
        if (count <= kModelRegionsMax) return differs_from_model(*subject, count + 8, work);
        work(*subject);
        return difference("reserved", subject->reserved(), table_of(ranges));
      })) {
    return;
  }
  time_on_fresh(state, count, count, make, work);
}

/// One free and one reserve, which leave the table as large as it was.
struct Swap {
  size_t freed;
  size_t reserved;
};

/// `count` swaps over twice `regions` slots, of which the even ones are reserved at the start. All
/// swaps forwards and then backwards end where they began.
inline std::vector<Swap> swaps_for(size_t regions, size_t count) {
  std::vector<size_t> taken;
  std::vector<size_t> open;
  for (size_t i = 0; i < 2 * regions; ++i) (i % 2 == 0 ? taken : open).push_back(i);
  Random random{regions};
  std::vector<Swap> swaps;
  for (size_t i = 0; i < count; ++i) {
    size_t& from = taken[random.below(taken.size())];
    size_t& to = open[random.below(open.size())];
    swaps.push_back({from, to});
    std::swap(from, to);
  }
  return swaps;
}

/// Table/reserve_free_mix: frees a random reservation and makes another, at a steady size.
template <Subject S>
void mix(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  const std::vector<Swap> swaps = swaps_for(count, std::min<size_t>(4096, 64 * count));
  const auto half = [&](auto& memblock, bool back) {
    for (size_t i = 0; i < swaps.size(); ++i) {
      const Swap& swap = swaps[back ? swaps.size() - 1 - i : i];
      benchmark::DoNotOptimize(memblock.free(slot(back ? swap.reserved : swap.freed)));
      benchmark::DoNotOptimize(
          memblock.reserve(slot(back ? swap.freed : swap.reserved), kUnsetNode, kNoFlags));
    }
  };
  const auto make = [&] {
    return with_reserved<S>(2 * count, count + 8, [](size_t i) { return i % 2 == 0; });
  };
  const auto check = [&]() -> std::string {
    auto subject = make();
    std::vector<bool> taken(2 * count);
    for (size_t i = 0; i < taken.size(); i += 2) taken[i] = true;
    for (const Swap& swap : swaps) {
      taken[swap.freed] = false;
      taken[swap.reserved] = true;
    }
    std::vector<PhysRange> expected;
    for (size_t i = 0; i < taken.size(); ++i) {
      if (taken[i]) expected.push_back(slot(i));
    }
    half(*subject, false);
    const std::string wrong = difference("reserved", subject->reserved(), table_of(expected));
    if (!wrong.empty()) return wrong;
    half(*subject, true);
    return difference("reserved", subject->reserved(), make()->reserved());
  };
  if (!right_once(state, std::string{"mix/"} + S::name() + std::to_string(count), check)) return;
  auto subject = make();
  for (auto iteration : state) {
    static_cast<void>(iteration);
    half(*subject, false);
    half(*subject, true);
  }
  report_ops(state, swaps.size() * 4, count);
}

enum class Lookup { IsReserved, IsRegionReserved, IsMemory };

/// Addresses to ask for: everywhere in turn at random, or walking up in small steps.
inline std::vector<PhysAddr> addresses(size_t regions, bool local) {
  constexpr size_t kAddresses = 4096;
  const uint64_t bytes = span_of_slots(regions).size();
  Random random{regions + 1};
  std::vector<PhysAddr> out;
  uint64_t at = 0;
  for (size_t i = 0; i < kAddresses; ++i) {
    at = local ? (at + random.below(kPage)) % bytes : random.below(bytes);
    out.push_back(kLayoutBase + at);
  }
  return out;
}

template <Lookup kLookup, class S>
bool ask(const S& memblock, PhysAddr address) {
  if constexpr (kLookup == Lookup::IsReserved) return memblock.is_reserved(address);
  if constexpr (kLookup == Lookup::IsMemory) return memblock.is_memory(address);
  return memblock.is_region_reserved(PhysRange::from_size(address, 64));
}

/// Whether a slot holds the address, or the 64 bytes from it on touch one: plain arithmetic.
template <Lookup kLookup>
bool expected_answer(PhysAddr address) {
  const uint64_t offset = (address - kLayoutBase) % kSlotStride;
  const bool reaches_next = kLookup == Lookup::IsRegionReserved && offset + 64 > kSlotStride;
  return offset < kPage || reaches_next;
}

/// Lookup/QUERY_{random,local}: asks for addresses in a table of `regions`.
template <Subject S, Lookup kLookup>
void look_up(benchmark::State& state, bool local) {
  const auto count = static_cast<size_t>(state.range(0));
  const std::vector<PhysAddr> asked = addresses(count, local);
  auto subject = std::make_unique<S>(Capacity{count + 8, count + 8});
  for (size_t i = 0; i < count; ++i) {
    const Status added = kLookup == Lookup::IsMemory
                             ? subject->add(slot(i), kUnsetNode, kNoFlags)
                             : subject->reserve(slot(i), kUnsetNode, kNoFlags);
    if (added != Status::Ok) return state.SkipWithError("the table could not be built");
  }
  const PhysAddr end = slot(count - 1).end + kPage;
  for (const PhysAddr address : asked) {
    const bool next_exists = address + 64 <= end;  // Nothing is reserved above the last slot.
    const bool expected = next_exists ? expected_answer<kLookup>(address)
                                      : expected_answer<Lookup::IsReserved>(address);
    if (ask<kLookup>(*subject, address) != expected) {
      return state.SkipWithError("a lookup gave another answer than the layout says");
    }
  }
  for (auto iteration : state) {
    static_cast<void>(iteration);
    uint64_t hits = 0;
    for (const PhysAddr address : asked) hits += ask<kLookup>(*subject, address) ? 1 : 0;
    benchmark::DoNotOptimize(hits);
  }
  report_ops(state, asked.size(), count);
}

template <Subject S>
void register_table(const Plan& plan) {
  const std::string subject = S::name();
  for (const Order order : {Order::Ascending, Order::Descending, Order::Random}) {
    std::vector<int64_t> sizes = plan.regions;
    if (order != Order::Ascending) {  // Quadratic in a flat table.
      std::erase_if(sizes, [&](int64_t size) { return size > plan.random_build_max; });
    }
    register_sizes(std::string{"Table/reserve_"} + order_name(order) + "/" + subject, sizes,
                   [order](benchmark::State& state) { build_table<S>(state, order); })
        ->UseManualTime();
  }
  register_sizes("Table/reserve_free_mix/" + subject, plan.regions, mix<S>);
  for (const bool local : {false, true}) {
    const std::string suffix = (local ? "_local/" : "_random/") + subject;
    register_sizes("Lookup/is_reserved" + suffix, plan.regions, [local](benchmark::State& state) {
      look_up<S, Lookup::IsReserved>(state, local);
    });
    register_sizes(
        "Lookup/is_region_reserved" + suffix, plan.regions,
        [local](benchmark::State& state) { look_up<S, Lookup::IsRegionReserved>(state, local); });
    register_sizes("Lookup/is_memory" + suffix, plan.regions, [local](benchmark::State& state) {
      look_up<S, Lookup::IsMemory>(state, local);
    });
  }
}

}  // namespace memblock::bench
