// Benchmarks of whole boots: what a kernel did before its page allocator came up, call by call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/expected.h"
#include "bench/measure.h"
#include "lab/apply.h"

namespace memblock::bench {

/// One boot, without its questions: only calls that change something are timed.
struct BootWorkload {
  std::string name;
  lab::Trace trace;
};

/// The workloads in a folder of boot logs; why they cannot be had goes to `problem`.
std::vector<BootWorkload> load_boots(const std::string& folder, std::string& problem);

/// What a boot comes to: the sum of all addresses handed out, and calls that failed.
struct BootResult {
  uint64_t addresses = 0;
  uint64_t failures = 0;
  friend bool operator==(const BootResult&, const BootResult&) = default;
};

/// Makes one call. The frequent ones go straight to their verb, so that the verb is what is timed.
template <lab::Backend B>
void drive(B& backend, const lab::Op& op, BootResult& result) {
  const auto count = [&](Status status) { result.failures += status == Status::Ok ? 0 : 1; };
  switch (op.code) {
    case lab::OpCode::Add: return count(backend.add(op.range, op.nid, op.flags));
    case lab::OpCode::Remove: return count(backend.remove(op.range));
    case lab::OpCode::Reserve: return count(backend.reserve(op.range, op.nid, op.flags));
    case lab::OpCode::Free: return count(backend.free(op.range));
    case lab::OpCode::SetNode: return count(backend.set_node(op.range, op.table, op.nid));
    case lab::OpCode::Allocate: {
      const Result<PhysAddr> got = backend.allocate(lab::request_of(op));
      count(got.status());
      if (got.ok()) result.addresses += got.value().value;
      return;
    }
    default: {
      const lab::Outcome outcome = lab::apply(backend, op);
      count(outcome.status);
      const bool address = lab::spec_of(op.code).answer == lab::Answer::Address;
      if (address && !outcome.values.empty()) result.addresses += outcome.values[0];
      return;
    }
  }
}

template <lab::Backend B>
BootResult boot(B& backend, const lab::Trace& trace) {
  BootResult result;
  for (const lab::Step& step : trace.steps) drive(backend, step.op, result);
  return result;
}

/// Boot/LOG: from the firmware map to the last early allocation.
template <lab::Backend B>
void time_boot(benchmark::State& state, const BootWorkload& workload) {
  const lab::Trace& trace = workload.trace;
  const auto make = [&] {
    auto backend = std::make_unique<B>(trace.limits);
    if (!lab::append_firmware_map(*backend, trace)) backend.reset();
    return backend;
  };
  size_t peak = 0;
  const auto check = [&]() -> std::string {
    auto backend = make();
    lab::Model model{trace.limits};
    if (!backend || !lab::append_firmware_map(model, trace)) return "the firmware map does not fit";
    if (!(boot(*backend, trace) == boot(model, trace))) return "answers differ from the model's";
    std::string wrong = difference("memory", backend->memory(), model.memory());
    if (wrong.empty()) wrong = difference("reserved", backend->reserved(), model.reserved());
    return wrong;
  };
  if (!right_once(state, "boot/" + workload.name + B::name(), check)) return;
  auto backend = make();
  boot(*backend, trace);
  peak = backend->memory().size() + backend->reserved().size();
  time_on_fresh(state, trace.steps.size(), peak, make,
                [&](B& subject) { benchmark::DoNotOptimize(boot(subject, trace)); });
}

template <lab::Backend B>
void register_boots(std::vector<BootWorkload> workloads) {
  for (BootWorkload& workload : workloads) {
    const std::string name = "Boot/" + workload.name + "/" + B::name();
    benchmark::RegisterBenchmark(name.c_str(), [workload =
                                                    std::move(workload)](benchmark::State& state) {
      time_boot<B>(state, workload);
    })->UseManualTime();
  }
}

}  // namespace memblock::bench
