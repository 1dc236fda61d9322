// What fuzz_ops makes of its bytes; shared with the tools that shrink and show such inputs.
#pragma once

#include <algorithm>
#include <span>

#include "lab/codec.h"

namespace memblock::fuzz {

/// First capacities are cut here: larger tables cost time and can do nothing that these cannot.
inline constexpr uint32_t kFuzzCapacityMax = 1024;

/// Pages handed over are reported one by one or in chunks; these bounds keep that to about a
/// thousand reports. 5 GiB of pages reach past 4 GiB.
inline constexpr uint64_t kFuzzHandoverPfnsMax = uint64_t{5} << 18;
inline constexpr uint64_t kFuzzFreeLateBytesMax = uint64_t{1} << 20;

/// The trace that an input stands for.
inline lab::Trace trace_of_input(std::span<const uint8_t> bytes) {
  lab::Trace trace = lab::decode(bytes);
  lab::Limits& limits = trace.limits;
  for (uint32_t* capacity : {&limits.memory, &limits.reserved, &limits.physmem, &limits.e820}) {
    *capacity = std::min(*capacity, kFuzzCapacityMax);
  }
  if (trace.e820.size() > limits.e820) trace.e820.resize(limits.e820);
  for (lab::Step& step : trace.steps) {
    lab::Op& op = step.op;
    if (op.code == lab::OpCode::FreeAll && (op.size == 0 || op.size > kFuzzHandoverPfnsMax)) {
      op.size = kFuzzHandoverPfnsMax;
    }
    if (op.code == lab::OpCode::FreeLate && op.range.size() > kFuzzFreeLateBytesMax) {
      op.range.end = op.range.base + kFuzzFreeLateBytesMax;
    }
  }
  return trace;
}

}  // namespace memblock::fuzz
