#include "fuzz/cost_meter.h"

namespace memblock::fuzz {
namespace {

uint64_t steps = 0;

}  // namespace

uint64_t steps_made() { return steps; }

}  // namespace memblock::fuzz

// What compilers call is __sanitizer_cov_trace_pc, which libFuzzer's run time has one of too: the
// linker puts this in its place (--wrap).
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" void __wrap___sanitizer_cov_trace_pc() { ++memblock::fuzz::steps; }
