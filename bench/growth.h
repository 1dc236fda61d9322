// How the cost of each call grows with the table, proved by counting instructions: valgrind runs
// this program, which does one shot of each task between two marks. Counts are the same on every
// run, so that a class that changes is a change of the code.
#pragma once

#include <string>
#include <vector>

#include "bench/candidate.h"

namespace memblock::bench {

enum class Growth { Constant, Logarithmic, Linear };

const char* growth_name(Growth growth);  ///< `1`, `log n` or `n`.

/// Instructions for one op at a table size.
struct Counted {
  size_t regions = 0;
  double instructions = 0;
};

/// The class that fits best, by least squares of relative errors; `error` is what is left, as a
/// part of the figures. Requires: four sizes or more, ascending.
Growth classify(const std::vector<Counted>& counted, double& error);

/// Counts what the table of growth classes in `document` names, and compares; returns an exit code.
int run_growth(const std::string& document, const std::string& filter, const std::string& json);

/// The counted side: does the shots of these workloads, "CANDIDATE WORKLOAD" each, and writes their
/// ops to a file; returns an exit code.
int run_counted(const std::vector<std::string>& tasks, const std::vector<Candidate>& candidates,
                const std::string& out);

}  // namespace memblock::bench
