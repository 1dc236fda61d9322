// Carrying out an imported boot and judging it.
#include "lab/bootlog_replay.h"

#include <fmt/format.h>

#include <map>

#include "lab/bootlog_builder.h"
#include "lab/bootlog_compare.h"
#include "lab/model.h"
#include "lab/rules.h"
#include "lab/text.h"

namespace memblock::lab {
namespace {

template <class B>
class Replayer {
 public:
  Replayer(const ImportedBoot& boot, ReplayReport& report)
      : boot_(boot), report_(report), backend_(boot.trace.limits) {}

  void run() {
    (void)append_firmware_map(backend_, boot_.trace);
    for (size_t i = 0; i < boot_.trace.steps.size(); ++i) {
      take(i);
      check_invariants(i);
    }
  }

 private:
  void take(size_t step) {
    const StepNote& note = boot_.notes[step];
    const Op& op = boot_.trace.steps[step].op;
    if (note.kind == StepKind::Dump) {
      judge_dump(step, note);
      return;
    }
    if (note.kind == StepKind::Map) {
      judge_map(step, note);
      return;
    }
    if (op.code == OpCode::Regions) return;  // Part of the dump before it.
    ++report_.calls;
    report_.inferred += note.kind == StepKind::Inferred ? 1 : 0;
    const Outcome outcome = apply(backend_, op);
    if (note.kind == StepKind::Allocation) judge_allocation(step, note, outcome);
  }

  void judge_allocation(size_t step, const StepNote& note, const Outcome& outcome) {
    ++report_.allocations.checked;
    report_.inferred += note.guessed_request ? 1 : 0;
    if (!note.unexplained && lands(outcome, note.result)) {
      ++report_.allocations.right;
      return;
    }
    const Op& op = boot_.trace.steps[step].op;
    const std::string found = note.unexplained ? "cannot know it" : found_text(outcome);
    std::string why = note.why;
    if (!note.unexplained) {
      take_back(op, outcome);
      why += (why.empty() ? "" : "; ") + explain(op, note.result);
      if (note.result) (void)backend_.reserve(*note.result);
    }
    report_.wrong.push_back({step, note.line,
                             fmt::format("{}: the kernel {}, {} {}: {}", to_text(op),
                                         answer_text(note.result), B::name(), found, why)});
  }

  void take_back(const Op& op, const Outcome& outcome) {
    if (outcome.status != Status::Ok || outcome.values.empty()) return;
    (void)backend_.free(PhysRange::from_size(PhysAddr{outcome.values[0]}, op.size));
  }

  /// Whether `op` would give the kernel's answer with another direction or limit.
  bool would_land(const Op& op, const PhysRange& result, bool bottom_up, PhysAddr limit) {
    const bool direction_was = backend_.bottom_up();
    const PhysAddr limit_was = backend_.limit();
    backend_.set_bottom_up(bottom_up);
    backend_.set_limit(limit);
    const Outcome outcome = apply(backend_, op);
    take_back(op, outcome);
    backend_.set_bottom_up(direction_was);
    backend_.set_limit(limit_was);
    return lands(outcome, result);
  }

  static std::string answer_text(const std::optional<PhysRange>& result) {
    return result ? fmt::format("got {:#x}", result->base.value) : std::string("got nothing");
  }

  static std::string found_text(const Outcome& outcome) {
    return outcome.status == Status::Ok && !outcome.values.empty()
               ? fmt::format("finds {:#x}", outcome.values[0])
               : fmt::format("answers \"{}\"", status_text(outcome.status));
  }

  /// Why the answer cannot follow from the log, as far as trying tells.
  std::string explain(const Op& op, const std::optional<PhysRange>& result) {
    if (!result) {
      return "the log has no reserve line for it; if the log is complete, less memory was free";
    }
    if (RegionView{backend_.memory()}.empty()) return "no memory is known at this point of the log";
    if (backend_.overlaps(TableId::Reserved, *result)) {
      return "that place is taken; look for a free that is missing in the log";
    }
    if (would_land(op, *result, !backend_.bottom_up(), backend_.limit())) {
      return fmt::format("it follows if allocation goes {}, and no line says so",
                         backend_.bottom_up() ? "top-down" : "bottom-up");
    }
    if (would_land(op, *result, backend_.bottom_up(), result->end)) {
      return fmt::format("it follows from a limit near {:#x}, and no line says so",
                         result->end.value);
    }
    if (would_land(op, *result, backend_.bottom_up(), kAnywhere)) {
      return "it follows without a limit, and no line says that it was raised";
    }
    return "what is above it must have been taken, and no line says so";
  }

  void judge_map(size_t step, const StepNote& note) {
    const Step& wanted = boot_.trace.steps[step];
    const Outcome outcome = apply(backend_, wanted.op);
    ++report_.maps.checked;
    if (meets(wanted.op, *wanted.expected, outcome)) {
      ++report_.maps.right;
      return;
    }
    report_.wrong_maps.push_back(
        {step, note.line,
         fmt::format("the kernel's map is {}, {} makes it {}", to_text(wanted.op, *wanted.expected),
                     B::name(), to_text(wanted.op, outcome))});
    for (const Op& op : forcing_ops(map_of(*wanted.expected))) (void)apply(backend_, op);
  }

  void judge_dump(size_t step, const StepNote& note) {
    const LoggedDump& dump = boot_.dumps[note.dump];
    DumpVerdict verdict;
    verdict.step = step;
    verdict.line = dump.line;
    verdict.final_map = dump.final_map;
    ++report_.dumps.checked;
    const TablesHeld held{backend_.memory(), backend_.reserved(), backend_.physmem(),
                          backend_.phys_mem_size(), backend_.reserved_size()};
    compare_dump(dump, boot_.trim_excess[note.dump], held, verdict);
    report_.dumps.right += verdict.right ? 1 : 0;
    if (verdict.tables_differ) {
      for (const Op& op : forcing_ops(dump)) (void)apply(backend_, op);
    }
    report_.verdicts.push_back(std::move(verdict));
  }

  void check_invariants(size_t step) {
    // Every step of a long boot would cost the square of it.
    constexpr size_t kEvery = 64;
    const bool last = step + 1 == boot_.trace.steps.size();
    if (!report_.broken.empty() || (!last && step % kEvery != 0)) return;
    const int broken = backend_.first_broken_invariant();
    if (broken == 0) return;
    report_.broken =
        fmt::format("line {}: invariant {} of {} does not hold after {}", boot_.notes[step].line,
                    broken, B::name(), to_text(boot_.trace.steps[step].op));
  }

  const ImportedBoot& boot_;
  ReplayReport& report_;
  B backend_;
};

template <class B>
TraceReport run_trace(const Trace& trace) {
  TraceReport report;
  B backend(trace.limits);
  (void)append_firmware_map(backend, trace);
  for (const Step& step : trace.steps) {
    ++report.calls;
    const Outcome outcome = apply(backend, step.op);
    if (!step.expected) continue;
    ++report.expectations.checked;
    if (meets(step.op, *step.expected, outcome)) {
      ++report.expectations.right;
    } else if (report.differences.size() < kDifferencesMax) {
      report.differences.push_back(fmt::format("{}: {}: expected {}, {} answers {}", step.line,
                                               to_text(step.op), to_text(step.op, *step.expected),
                                               B::name(), to_text(step.op, outcome)));
    }
  }
  return report;
}

constexpr std::string_view kBackends[] = {"tree", "flat", "small-tree", "model"};

}  // namespace

std::span<const std::string_view> replay_backends() { return kBackends; }

ReplayReport replay(const ImportedBoot& boot, std::string_view backend) {
  ReplayReport report;
  report.file = boot.file;
  report.backend = std::string(backend);
  if (backend == "flat") Replayer<FlatBackend>(boot, report).run();
  if (backend == "tree") Replayer<TreeBackend>(boot, report).run();
  if (backend == "small-tree") Replayer<SmallTreeBackend>(boot, report).run();
  if (backend == "model") Replayer<Model>(boot, report).run();
  return report;
}

TraceReport replay_trace_on(const Trace& trace, std::string_view backend) {
  if (backend == "flat") return run_trace<FlatBackend>(trace);
  if (backend == "tree") return run_trace<TreeBackend>(trace);
  if (backend == "small-tree") return run_trace<SmallTreeBackend>(trace);
  return run_trace<Model>(trace);
}

Trace playable_trace(const ImportedBoot& boot) {
  const ReplayReport report = replay(boot, "tree");
  Trace trace = boot.trace;
  std::map<size_t, std::vector<Op>> forced;  // Behind a step: what makes the log right after all.
  for (const WrongMap& wrong : report.wrong_maps) {
    forced[wrong.step] = forcing_ops(map_of(*trace.steps[wrong.step].expected));
    trace.steps[wrong.step].expected.reset();
  }
  for (const DumpVerdict& verdict : report.verdicts) {
    if (!verdict.tables_differ) continue;
    // A dump is two steps.
    forced[verdict.step + 1] = forcing_ops(boot.dumps[boot.notes[verdict.step].dump]);
  }
  for (const WrongAllocation& wrong : report.wrong) {
    Step& step = trace.steps[wrong.step];
    step.op = range_op(OpCode::Reserve, boot.notes[wrong.step].result.value_or(PhysRange{}));
    step.expected.reset();
  }
  // From the last place to the first, so that positions stay what they are.
  for (auto place = forced.rbegin(); place != forced.rend(); ++place) {
    const auto& [step, ops] = *place;
    std::vector<Step> steps;
    for (const Op& op : ops) steps.push_back({op, {}, boot.notes[step].line});
    const auto after = trace.steps.begin() + static_cast<std::ptrdiff_t>(step) + 1;
    trace.steps.insert(after, steps.begin(), steps.end());
  }
  return trace;
}

std::string step_text(const ImportedBoot& boot, size_t step) {
  const StepNote& note = boot.notes[step];
  const Step& what = boot.trace.steps[step];
  std::string text =
      fmt::format("{:>7}  {}", note.line == 0 ? std::string("-") : fmt::format("{}", note.line),
                  note.kind == StepKind::Dump  ? "(dump)"
                  : note.kind == StepKind::Map ? "(map)"
                                               : to_text(what.op));
  if (note.kind == StepKind::Allocation) {
    text +=
        note.result ? fmt::format(" -> {:#x}", note.result->base.value) : std::string(" -> no fit");
  }
  if (note.kind == StepKind::Inferred || note.guessed_request) {
    text += fmt::format("  # inferred: {}", note.why);
  }
  return text;
}

}  // namespace memblock::lab
