// All benchmarks of the core.
#pragma once

#include <string>

#include "bench/measure.h"

namespace memblock::bench {

/// Registers every benchmark of the core. Returns why some cannot be, or nothing.
std::string register_core(const Plan& plan);

}  // namespace memblock::bench
