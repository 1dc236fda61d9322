// The only place where the lab's types meet RapidCheck: choices, arbitrary values, printers.
#pragma once

#include <rapidcheck.h>

#include <ostream>

#include "lab/gen.h"
#include "lab/text.h"

namespace memblock::lab {

/// Choices that RapidCheck makes and shrinks: 0 is the simplest.
class RcChoices {
 public:
  uint64_t below(uint64_t n) {
    // At the nominal size, so that the first traces of a run are as rich as the last.
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint64_t>(0, n));
  }
};

/// Traces of ops drawn from a swarm of `mix`.
inline rc::Gen<Trace> traces(const OpMix& mix = OpMix::everything()) {
  return rc::gen::exec([mix] {
    RcChoices choices;
    return gen_trace(choices, swarm(choices, mix));
  });
}

/// Lone ops on an empty machine.
inline rc::Gen<Op> ops() {
  return rc::gen::exec([] {
    RcChoices choices;
    OpMix mix = OpMix::everything();
    mix.draws_max = 1;
    mix.patterns = 0;
    mix.begins_with_memory = false;
    Trace trace;
    while (trace.steps.empty()) trace = gen_trace(choices, mix);
    return trace.steps[0].op;
  });
}

// RapidCheck prints what these print.
inline void showValue(const Trace& trace, std::ostream& out) { out << '\n' << to_text(trace); }
inline void showValue(const Op& op, std::ostream& out) { out << to_text(op); }
inline std::ostream& operator<<(std::ostream& out, const Trace& trace) {
  return out << to_text(trace);
}
inline std::ostream& operator<<(std::ostream& out, const Op& op) { return out << to_text(op); }
inline std::ostream& operator<<(std::ostream& out, const Diagnostic& diagnostic) {
  return out << to_text("trace", diagnostic);
}

/// Runs a property under its sentence; false if it does not hold. Use: `ok &= holds("...", ...)`.
template <class Property>
bool holds(const std::string& sentence, Property property) {
  return rc::check(sentence, std::move(property));
}

}  // namespace memblock::lab

namespace rc {

template <>
struct Arbitrary<memblock::lab::Trace> {
  static Gen<memblock::lab::Trace> arbitrary() { return memblock::lab::traces(); }
};

template <>
struct Arbitrary<memblock::lab::Op> {
  static Gen<memblock::lab::Op> arbitrary() { return memblock::lab::ops(); }
};

}  // namespace rc
