// Any bytes are a start, which is a table of many regions, and a few ops on it: no op may take more
// steps than core/README.md allows it. The core is counted as it runs; see cost_meter.h.
#include <fmt/format.h>

#include <cstdint>

#include "fuzz/cost_bound.h"
#include "fuzz/cost_meter.h"
#include "fuzz/cost_score.h"
#include "fuzz/cost_start.h"
#include "fuzz/finding.h"
#include "fuzz/op_input.h"
#include "lab/core_backend.h"
#include "lab/text.h"

namespace {

using namespace memblock;
using fuzz::CostKind;

/// One table of the core, and what its ops may cost.
template <lab::Backend B>
class CostRun {
 public:
  CostRun(const fuzz::CostStart& start, const lab::Limits& limits, const fuzz::CostTable& costs)
      : start_(start), costs_(costs), core_(fuzz::capacities_for(start, limits)), credit_(costs) {
    const uint64_t before = fuzz::steps_made();
    for (const auto& [table, region] : fuzz::regions_of(start)) {
      const Status status = table == TableId::Memory
                                ? core_.add(region.range(), region.nid, region.flags)
                                : core_.reserve(region.range(), region.nid, region.flags);
      MEMBLOCK_ASSERT(status == Status::Ok);
    }
    look();
    const size_t regions = state_.memory.size() + state_.reserved.size();
    if (fuzz::steps_made() - before < regions) {
      fuzz::finding("cost: steps are not counted", "The core made regions without a step.");
    }
    credit_.earn({.regions = regions, .inside = regions});
  }

  void apply(const lab::Op& op) {
    const CostKind kind = fuzz::cost_kind(op.code);
    if (kind == CostKind::None) return;
    const fuzz::Extent extent = fuzz::extent_of(op, state_);
    const uint64_t before = fuzz::steps_made();
    lab::apply(core_, op, outcome_);
    const uint64_t steps = fuzz::steps_made() - before;
    const uint64_t bound = fuzz::cost_bound(costs_, kind, extent);
    const uint64_t paid = credit_.pay(bound < steps ? steps - bound : 0);
    fuzz::keep_score({B::name(), op.code, steps, paid, bound, extent});
    if (bound < steps - paid) report(op, extent, steps, bound);
    if (kind != CostKind::Lookup) look();
    if (kind == CostKind::Edit || kind == CostKind::Allocation || kind == CostKind::Sweep) {
      credit_.earn(extent);
    }
  }

 private:
  void look() {
    const auto copy = [](RegionView regions) {
      return std::vector<Region>{regions.begin(), regions.end()};
    };
    state_.memory = copy(core_.memory());
    state_.reserved = copy(core_.reserved());
    state_.physmem = copy(core_.physmem());
    state_.machine = core_.machine();
    state_.limit = core_.limit();
    state_.bottom_up = core_.bottom_up();
    state_.movable_node = core_.movable_node();
    state_.has_mirror = core_.has_mirror();
    state_.reserved_full = state_.reserved.size() == core_.table(TableId::Reserved).capacity();
  }

  [[noreturn]] void report(const lab::Op& op, const fuzz::Extent& extent, uint64_t steps,
                           uint64_t bound) const {
    const std::string text =
        fmt::format("{} on {}: {} steps, bound {}: {}\nbegan with {}", lab::to_text(op), B::name(),
                    steps, bound, fuzz::to_text(extent), fuzz::to_text(start_));
    fuzz::finding(fmt::format("cost of {} on {}", lab::spec_of(op.code).name, B::name()), text);
  }

  fuzz::CostStart start_;
  const fuzz::CostTable& costs_;
  B core_;
  fuzz::CostState state_;
  fuzz::CostCredit credit_;
  lab::Outcome outcome_;
};

template <lab::Backend B>
void run(const lab::Trace& trace, const fuzz::CostStart& start, const fuzz::CostTable& costs) {
  CostRun<B> run{start, trace.limits, costs};
  for (const lab::Step& step : trace.steps) run.apply(step.op);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const lab::Trace trace = fuzz::trace_of_input({data, size});
  fuzz::CostStart start = fuzz::cost_start_of(trace.limits);
  run<lab::TreeNodesBackend>(trace, start, fuzz::kTreeCosts);
  start.order = fuzz::CostOrder::Ascending;  // An array is the same whatever the order.
  run<lab::FlatBackend>(trace, start, fuzz::kFlatCosts);
  return 0;
}
