// compare(): one trace on two backends, op by op, to the first difference.
#pragma once

#include <algorithm>

#include "lab/apply.h"
#include "lab/rules.h"
#include "lab/text.h"

namespace memblock::lab {

/// What a backend holds, as text and numbers, for reports.
struct Tables {
  std::vector<Region> memory, reserved, physmem;
  std::vector<E820Entry> e820;
};

/// Where two backends part, or where one breaks its own invariants.
struct Divergence {
  enum class Kind : uint8_t {
    Outcome,    ///< They answered differently.
    Regions,    ///< Their tables differ after the op.
    Totals,     ///< Their byte totals differ.
    Map,        ///< Their E820 tables differ.
    Invariant,  ///< One of them breaks an invariant.
    Setup,      ///< The firmware map did not fit.
  };
  Kind kind = Kind::Outcome;
  size_t step = 0;   ///< Index into Trace::steps; their number for Setup.
  std::string what;  ///< One phrase, such as `reserved tables differ`.
  std::string name_a, name_b;
  std::string answer_a, answer_b;
  Tables tables_a, tables_b;
};

/// The same kind of difference at the same kind of op: what a minimiser must keep.
std::string signature_of(const Divergence& divergence, const Trace& trace);

/// Several lines: op and line, both answers, both tables with differences marked, and the command
/// that shows it again. `file` is where the trace is stored, or empty: then the trace itself is
/// part of the report. `command` checks these backends, once a file follows.
std::string report(const Divergence& divergence, const Trace& trace, const std::string& file,
                   const std::string& command = "ci/lab check");

/// An answer that is not what the trace says.
struct Unmet {
  size_t step = 0;
  std::string expected;
  std::string actual;
};

/// `file:line: op: expected X, but core answered Y`.
std::string report(const Unmet& unmet, const Trace& trace, std::string_view file,
                   std::string_view backend);

struct CompareOptions {
  /// Tables larger than this are compared and audited only every 64 ops and at the end; a
  /// difference is then looked for again, op by op.
  size_t dense_regions_max = 512;
};

namespace detail {

template <Backend B>
Tables tables_of(B& b) {
  const auto copy = [](RegionView view) { return std::vector<Region>(view.begin(), view.end()); };
  const auto& map = b.e820().entries();
  return {copy(b.memory()), copy(b.reserved()), copy(b.physmem()), {map.begin(), map.end()}};
}

inline bool same(RegionView a, RegionView b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

/// Two backends in step. `A` and `B` see the same ops.
template <Backend A, Backend B>
class Comparison {
 public:
  explicit Comparison(const Trace& trace) : trace_(trace), a_(trace.limits), b_(trace.limits) {}

  /// Compares tables after every `stride`-th op.
  std::optional<Divergence> run(size_t dense_regions_max) {
    if (!append_firmware_map(a_, trace_) || !append_firmware_map(b_, trace_)) {
      return difference(Divergence::Kind::Setup, trace_.steps.size(),
                        "the firmware map does not fit");
    }
    for (size_t i = 0; i < trace_.steps.size(); ++i) {
      const Op& op = trace_.steps[i].op;
      apply(a_, op, answer_a_);
      apply(b_, op, answer_b_);
      if (!(answer_a_ == answer_b_)) return answers_differ(i);
      if (!cleared_alike()) {
        return difference(Divergence::Kind::Outcome, i, "what was cleared differs");
      }
      const bool dense =
          RegionView{a_.memory()}.size() + RegionView{a_.reserved()}.size() <= dense_regions_max;
      // Of large tables the sums are compared all the same: hardly anything leaves them alone.
      if (!dense && i % 64 != 63 && i + 1 != trace_.steps.size() && sums_agree()) {
        skipped_ = true;
        continue;
      }
      if (auto found = compare_state(i)) {
        found->answer_a = to_text(op, answer_a_);
        found->answer_b = to_text(op, answer_b_);
        return found;
      }
    }
    return std::nullopt;
  }

  /// Whether the tables were not looked at after every op.
  bool skipped() const { return skipped_; }

 private:
  /// Whether both cleared the same ranges, where both tell.
  bool cleared_alike() {
    if constexpr (requires { a_.zeroed(), b_.zeroed(); }) {
      const bool alike = a_.zeroed() == b_.zeroed();
      a_.forget_zeroed();
      b_.forget_zeroed();
      return alike;
    }
    return true;
  }

  bool sums_agree() const {
    return a_.phys_mem_size() == b_.phys_mem_size() && a_.reserved_size() == b_.reserved_size();
  }

  std::optional<Divergence> compare_state(size_t step) {
    using Kind = Divergence::Kind;
    if (!same(a_.memory(), b_.memory())) {
      return difference(Kind::Regions, step, "memory tables differ");
    }
    if (!same(a_.reserved(), b_.reserved())) {
      return difference(Kind::Regions, step, "reserved tables differ");
    }
    if (!same(a_.physmem(), b_.physmem())) {
      return difference(Kind::Regions, step, "physmem tables differ");
    }
    if (!sums_agree()) {
      return difference(Kind::Totals, step, "totals differ");
    }
    for (const TableId table : {TableId::Memory, TableId::Reserved, TableId::Physmem}) {
      if (a_.table(table).capacity() != b_.table(table).capacity()) {
        return difference(Kind::Totals, step, "capacities differ");
      }
    }
    const auto& map_a = a_.e820().entries();
    const auto& map_b = b_.e820().entries();
    if (!std::equal(map_a.begin(), map_a.end(), map_b.begin(), map_b.end())) {
      return difference(Kind::Map, step, "E820 tables differ");
    }
    if (const int broken = a_.first_broken_invariant(); broken != 0) {
      return broken_invariant(step, A::name(), broken);
    }
    if (const int broken = b_.first_broken_invariant(); broken != 0) {
      return broken_invariant(step, B::name(), broken);
    }
    return std::nullopt;
  }

  Divergence difference(Divergence::Kind kind, size_t step, std::string what) {
    Divergence out;
    out.kind = kind;
    out.step = step;
    out.what = std::move(what);
    out.name_a = A::name();
    out.name_b = B::name();
    out.tables_a = tables_of(a_);
    out.tables_b = tables_of(b_);
    return out;
  }

  Divergence broken_invariant(size_t step, const char* name, int number) {
    return difference(Divergence::Kind::Invariant, step,
                      std::string{name} + " breaks its invariant " + std::to_string(number));
  }

  Divergence answers_differ(size_t step) {
    const Outcome& a = answer_a_;
    const Outcome& b = answer_b_;
    std::string what = a.status != b.status       ? "statuses differ"
                       : a.values != b.values     ? "answers differ"
                       : a.warnings != b.warnings ? "warnings differ"
                                                  : "printed lines differ";
    Divergence out = difference(Divergence::Kind::Outcome, step, std::move(what));
    const Op& op = trace_.steps[step].op;
    out.answer_a = with_warnings(to_text(op, a), a);
    out.answer_b = with_warnings(to_text(op, b), b);
    return out;
  }

  static std::string with_warnings(std::string text, const Outcome& outcome);

  const Trace& trace_;
  A a_;
  B b_;
  Outcome answer_a_, answer_b_;  // Of the last op.
  bool skipped_ = false;
};

/// `, warning of X and Y`, or nothing.
std::string warnings_text(uint32_t warnings);
std::string lines_text(const Outcome& outcome);

template <Backend A, Backend B>
std::string Comparison<A, B>::with_warnings(std::string text, const Outcome& outcome) {
  return std::move(text) + warnings_text(outcome.warnings) + lines_text(outcome);
}

}  // namespace detail

/// Replays `trace` on fresh backends of both kinds. Nothing if they agree all along.
template <Backend A, Backend B>
std::optional<Divergence> compare(const Trace& trace, const CompareOptions& options = {}) {
  detail::Comparison<A, B> comparison{trace};
  std::optional<Divergence> found = comparison.run(options.dense_regions_max);
  if (!found || !comparison.skipped()) return found;
  return detail::Comparison<A, B>{trace}.run(~size_t{0});
}

/// Replays `trace` on a fresh backend; every answer that is not the expected one.
template <Backend B>
std::vector<Unmet> check_expectations(const Trace& trace) {
  std::vector<Unmet> out;
  B backend{trace.limits};
  if (!append_firmware_map(backend, trace)) {
    out.push_back({0, "the firmware map fits", "it does not"});
  }
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    const Step& step = trace.steps[i];
    const Outcome actual = apply(backend, step.op);
    if (!step.expected || meets(step.op, *step.expected, actual)) continue;
    out.push_back({i, to_text(step.op, *step.expected), to_text(step.op, actual)});
  }
  return out;
}

/// `trace` with every expectation replaced by what a fresh backend answers.
template <Backend B>
Trace with_answers(Trace trace) {
  B backend{trace.limits};
  static_cast<void>(append_firmware_map(backend, trace));
  for (Step& step : trace.steps) {
    Outcome actual = apply(backend, step.op);
    actual.warnings = 0;
    const Answer answer = spec_of(step.op.code).answer;
    if (answer != Answer::Lines) actual.lines.clear();
    if (!is_list(answer))
      actual.values.resize(actual.status == Status::Ok ? values_each(answer) : 0);
    step.expected = std::move(actual);
  }
  return trace;
}

}  // namespace memblock::lab
