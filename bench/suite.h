// The suite as benchmarks of Google Benchmark: each is one task, each repetition one round of it on
// all candidates, so that result files, filters and compare.py are the engine's.
#pragma once

#include <string>
#include <vector>

#include "bench/candidate.h"

namespace memblock::bench {

struct Plan {
  std::vector<size_t> sizes;  ///< Table sizes, ascending.
  double seconds = 0.005;     ///< For one candidate in a round.
  unsigned rounds = 9;
};

/// Registers all tasks. What it is given must outlive the run.
void register_suite(const Plan& plan, const std::vector<Candidate>& candidates,
                    const std::vector<Boot>& boots);

}  // namespace memblock::bench
