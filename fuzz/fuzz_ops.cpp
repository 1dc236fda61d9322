// Any bytes are a trace; all tables of the core and the model must agree on it, op by op.
#include <cstdint>

#include "fuzz/finding.h"
#include "fuzz/op_input.h"
#include "lab/compare_tables.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace memblock;
  const lab::Trace trace = fuzz::trace_of_input({data, size});
  if (const auto divergence = lab::compare_tables(trace)) {
    fuzz::finding(lab::signature_of(*divergence, trace), lab::report(*divergence, trace, ""));
  }
  return 0;
}
