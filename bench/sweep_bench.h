// Benchmarks that go over whole tables: walking free ranges, mass changes of flags and nodes, and
// the handover to the page allocator.
#pragma once

#include "bench/expected.h"
#include "bench/layout.h"
#include "bench/subject.h"

namespace memblock::bench {

/// Walk/free_ranges_{up,down}: all free ranges between `regions` reservations.
template <Subject S>
void walk_free(benchmark::State& state, Direction direction) {
  const auto count = static_cast<size_t>(state.range(0));
  auto subject = with_reserved<S>(count, count + 8, [](size_t) { return true; });
  size_t found = 0;
  bool right = true;
  subject->each_free_range(direction, [&](PhysRange range) {
    const size_t i = direction == Direction::Up ? found : count - 1 - found;
    right = right && range == PhysRange::from_size(slot(i).end, kPage);
    ++found;
  });
  if (!right || found != count) {
    return state.SkipWithError("the free ranges are not the gaps of the layout");
  }
  for (auto iteration : state) {
    static_cast<void>(iteration);
    uint64_t sum = 0;
    subject->each_free_range(direction, [&](PhysRange range) { sum += range.base.value; });
    benchmark::DoNotOptimize(sum);
  }
  report_ops(state, count, count);
}

/// `count` memory regions that do not touch.
template <class S>
std::unique_ptr<S> with_memory(size_t count) {
  auto subject = std::make_unique<S>(Capacity{count + 8, 16});
  for (size_t i = 0; i < count; ++i) {
    static_cast<void>(subject->add(slot(i), kUnsetNode, kNoFlags));
  }
  return subject;
}

/// Mark/hotplug_each: marks each of `regions` memory regions in random order, then clears each.
template <Subject S>
void mark_each(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  const std::vector<PhysRange> ranges = slots_in(Order::Random, count);
  auto subject = with_memory<S>(count);
  const auto mark = [&](auto& memblock) {
    for (const PhysRange range : ranges) benchmark::DoNotOptimize(memblock.mark_hotplug(range));
  };
  const auto clear = [&](auto& memblock) {
    for (const PhysRange range : ranges) benchmark::DoNotOptimize(memblock.clear_hotplug(range));
  };
  std::vector<Region> plain = table_of(ranges);
  std::vector<Region> marked = plain;
  for (Region& region : marked) region.flags = kHotplug;
  mark(*subject);
  std::string wrong = difference("memory", subject->memory(), marked);
  clear(*subject);
  if (wrong.empty()) wrong = difference("memory", subject->memory(), plain);
  if (!wrong.empty()) return state.SkipWithError(wrong.c_str());
  for (auto iteration : state) {
    static_cast<void>(iteration);
    mark(*subject);
    clear(*subject);
  }
  report_ops(state, 2 * count, count);
}

/// Mark/hotplug_all: one call over everything marks, one clears; an op is one region changed.
template <Subject S>
void mark_all(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  auto subject = with_memory<S>(count);
  const PhysRange all = span_of_slots(count);
  std::vector<Region> marked = table_of(slots(count));
  for (Region& region : marked) region.flags = kHotplug;
  static_cast<void>(subject->mark_hotplug(all));
  std::string wrong = difference("memory", subject->memory(), marked);
  static_cast<void>(subject->clear_hotplug(all));
  if (wrong.empty()) wrong = difference("memory", subject->memory(), table_of(slots(count)));
  if (!wrong.empty()) return state.SkipWithError(wrong.c_str());
  for (auto iteration : state) {
    static_cast<void>(iteration);
    benchmark::DoNotOptimize(subject->mark_hotplug(all));
    benchmark::DoNotOptimize(subject->clear_hotplug(all));
  }
  report_ops(state, 2 * count, count);
}

/// Numa/set_node_each: `regions` pieces of one memory region get nodes 0 to 7 in random order.
template <Subject S>
void set_nodes(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = i;
  Random{count + 2}.shuffle(order);
  const auto node = [](size_t i) { return NodeId{static_cast<int32_t>(i % 8)}; };
  const auto piece = [](size_t i) {
    return PhysRange::from_size(kLayoutBase + i * kSlotStride, kSlotStride);
  };
  const auto make = [&] {
    auto subject = std::make_unique<S>(Capacity{count + 8, 16});
    static_cast<void>(subject->add(span_of_slots(count), kUnsetNode, kNoFlags));
    return subject;
  };
  const auto work = [&](auto& memblock) {
    for (const size_t i : order) {
      benchmark::DoNotOptimize(memblock.set_node(piece(i), TableId::Memory, node(i)));
    }
  };
  const auto check = [&] {
    std::vector<Region> expected;
    for (size_t i = 0; i < count; ++i) {
      expected.push_back({piece(i).base, kSlotStride, kNoFlags, node(i)});
    }
    auto subject = make();
    work(*subject);
    return difference("memory", subject->memory(), expected);
  };
  const std::string key = std::string{"nodes/"} + S::name() + std::to_string(count);
  if (right_once(state, key, check)) time_on_fresh(state, count, count, make, work);
}

/// Counts what the page allocator would get.
struct PageCount {
  uint64_t freed = 0;
  uint64_t kept = 0;

  PageSink sink() {
    return {this,
            [](void* self, uint64_t, unsigned order) {
              static_cast<PageCount*>(self)->freed += uint64_t{1} << order;
            },
            [](void* self, const PfnRange& pages) {
              static_cast<PageCount*>(self)->kept += pages.last - pages.first;
            }};
  }
};

/// Handover/free_all: hands over memory with `regions` reservations in it; an op is one of them.
template <Subject S>
void hand_over(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  const auto make = [&] { return with_reserved<S>(count, count + 8, [](size_t) { return true; }); };
  const auto check = [&]() -> std::string {
    PageCount pages;
    const uint64_t freed = make()->free_all(pages.sink());
    if (freed == count && pages.freed == count && pages.kept == count) return {};
    return "the pages handed over are not those of the layout";
  };
  if (!right_once(state, std::string{"handover/"} + S::name() + std::to_string(count), check)) {
    return;
  }
  PageCount pages;
  time_on_fresh(state, count, count, make,
                [&](S& subject) { benchmark::DoNotOptimize(subject.free_all(pages.sink())); });
}

template <Subject S>
void register_sweeps(const Plan& plan) {
  const std::string subject = S::name();
  std::vector<int64_t> quadratic = plan.regions;
  std::erase_if(quadratic, [&](int64_t size) { return size > plan.random_build_max; });
  register_sizes("Walk/free_ranges_up/" + subject, plan.regions,
                 [](benchmark::State& state) { walk_free<S>(state, Direction::Up); });
  register_sizes("Walk/free_ranges_down/" + subject, plan.regions,
                 [](benchmark::State& state) { walk_free<S>(state, Direction::Down); });
  register_sizes("Mark/hotplug_each/" + subject, plan.regions, mark_each<S>);
  register_sizes("Mark/hotplug_all/" + subject, plan.regions, mark_all<S>);
  register_sizes("Numa/set_node_each/" + subject, quadratic, set_nodes<S>)->UseManualTime();
  register_sizes("Handover/free_all/" + subject, plan.regions, hand_over<S>)->UseManualTime();
}

}  // namespace memblock::bench
