#include "bench/suite.h"

#include <benchmark/benchmark.h>

#include "bench/report.h"
#include "bench/rounds.h"

namespace memblock::bench {
namespace {

/// The task that is being measured: the engine enters it once a round, and tasks one by one.
struct Current {
  std::string key;
  std::unique_ptr<Rounds> rounds;
  unsigned done = 0;
};

/// Empty, or which candidate is wrong, and how.
std::string problem_of(const Rounds& rounds) {
  for (const Lane& lane : rounds.lanes()) {
    if (!lane.problem.empty()) return lane.candidate->name + ": " + lane.problem;
  }
  return {};
}

void run_round(benchmark::State& state, const Task& task, const Plan& plan,
               const std::vector<Candidate>& candidates) {
  static Current now;
  const std::string key = task.name() + "/" + std::to_string(task.regions);
  if (now.key != key) {
    now.rounds.reset();  // Kernels have room for one job each.
    now = {key, std::make_unique<Rounds>(task, candidates, plan.seconds), 0};
  }
  Rounds& rounds = *now.rounds;
  for (auto iteration : state) {
    static_cast<void>(iteration);
    if (problem_of(rounds).empty()) rounds.round();
    if (++now.done == plan.rounds) rounds.finish();
    const std::string problem = problem_of(rounds);
    if (!problem.empty()) {
      state.SkipWithError(problem.c_str());
      break;
    }
    state.SetIterationTime(rounds.ours()->ns.back() * 1e-9);
  }
  if (!problem_of(rounds).empty()) return;
  const Lane& ours = *rounds.ours();
  state.counters["ns_per_op"] = ours.ns.back();
  state.counters["ops"] = static_cast<double>(ours.shot);
  state.counters["regions"] = static_cast<double>(task.regions);
  for (const Lane& lane : rounds.lanes()) {
    if (&lane == &ours) continue;
    state.counters[ns_counter(lane.candidate->name)] = lane.ns.back();
    state.counters[ratio_counter(lane.candidate->name)] = lane.ns.back() / ours.ns.back();
  }
}

}  // namespace

void register_suite(const Plan& plan, const std::vector<Candidate>& candidates,
                    const std::vector<Boot>& boots) {
  const auto add = [&](const Task& task) {
    // A small one tells whether the first candidate does this at all.
    if (task.boot == nullptr && candidates.front().make({task.work, 8, nullptr}) == nullptr) return;
    const std::string name = task.name() + "/" + candidates.front().name;
    auto* registered = benchmark::RegisterBenchmark(
        name.c_str(),
        [task, &plan, &candidates](benchmark::State& s) { run_round(s, task, plan, candidates); });
    registered->Iterations(1)->UseManualTime();
    if (task.boot == nullptr) {
      registered->ArgName("regions")->Arg(static_cast<int64_t>(task.regions));
    }
  };
  for (const WorkName& one : work_names()) {
    for (const size_t size : plan.sizes) add({one.work, size, nullptr});
  }
  for (const Boot& boot : boots) add({Work::Boot, 0, &boot});
}

}  // namespace memblock::bench
