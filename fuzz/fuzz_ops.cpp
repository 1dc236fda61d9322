// Any bytes are a trace; core and model must agree on it, op by op.
#include <cstdint>

#include "fuzz/finding.h"
#include "fuzz/op_input.h"
#include "lab/compare.h"
#include "lab/core_backend.h"
#include "lab/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace memblock;
  const lab::Trace trace = fuzz::trace_of_input({data, size});
  if (const auto divergence = lab::compare<lab::CoreBackend, lab::Model>(trace)) {
    fuzz::finding(lab::signature_of(*divergence, trace), lab::report(*divergence, trace, ""));
  }
  return 0;
}
