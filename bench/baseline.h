// `--baseline`: this program's results against those of a file, or of another lab-bench that is run
// in turn with this one.
#pragma once

#include "bench/arguments.h"

namespace memblock::bench {

/// `run_here` runs the suite in this process and returns an exit code.
int run_and_compare(Arguments arguments, int (*run_here)(const Arguments&));

}  // namespace memblock::bench
