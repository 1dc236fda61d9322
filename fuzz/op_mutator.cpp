// The mutator and crossover of fuzz_ops: libFuzzer finds them by name. They work on decoded ops;
// now and then plain bytes are mutated, so that the codec's own forms are reached too.
#include <algorithm>
#include <cstring>

#include "fuzz/op_input.h"
#include "fuzz/op_moves.h"

// Supplied by the engine; absent in builds with the plain main, which never mutate.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size)
    __attribute__((weak));

namespace {

using memblock::fuzz::Moves;
using memblock::fuzz::trace_of_input;
using memblock::lab::Trace;

/// Bugs show in short sequences, and short ones run fast; one in 64 inputs may grow further.
constexpr size_t kStepsUsual = 16;
constexpr size_t kStepsMax = 64;
constexpr unsigned kByteMutationOneIn = 24;

/// Encodes as many steps as fit; returns the size.
size_t store(Trace trace, uint8_t* out, size_t max_size) {
  for (;;) {
    const std::vector<uint8_t> bytes = memblock::lab::encode(trace);
    if (bytes.size() <= max_size) {
      std::copy(bytes.begin(), bytes.end(), out);
      return bytes.size();
    }
    // Half of what is there goes: steps first, then the map.
    if (!trace.steps.empty()) {
      trace.steps.resize(trace.steps.size() / 2);
    } else if (!trace.e820.empty()) {
      trace.e820.resize(trace.e820.size() / 2);
    } else {
      return 0;
    }
  }
}

size_t steps_max(unsigned seed) { return seed % 64 == 0 ? kStepsMax : kStepsUsual; }

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  if (seed % kByteMutationOneIn == 0 && LLVMFuzzerMutate != nullptr) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  Trace trace = trace_of_input({data, size});
  Moves{seed / kByteMutationOneIn + 1}.mutate(trace, steps_max(seed));
  return store(std::move(trace), data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned seed) {
  const Trace first = trace_of_input({data1, size1});
  const Trace second = trace_of_input({data2, size2});
  return store(Moves{seed + 1}.cross(first, second, steps_max(seed)), out, max_out_size);
}
