// The traces with which fuzz_cost begins: ops that are worst for a pattern, on all of them.
#pragma once

#include "lab/trace.h"

namespace memblock::fuzz {

std::vector<lab::Trace> cost_seeds();

}  // namespace memblock::fuzz
