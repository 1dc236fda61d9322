// Compares two sets of results with Google Benchmark's compare.py and decides what got slower,
// which compare.py itself never does.
#pragma once

#include <string>
#include <vector>

namespace memblock::bench {

struct GateOptions {
  double threshold = 1.10;  ///< A median ratio above this is a regression, if it is significant.
  double alpha = 0.01;      ///< Highest p of the U test that counts as significant.
};

/// How one benchmark changed.
struct Change {
  std::string name;
  double before_ns = 0;  ///< For one op.
  double after_ns = 0;
  double ratio = 1;  ///< Above 1: slower.
  double p = 1;
  bool slower = false;
  bool faster = false;
};

struct Comparison {
  std::vector<Change> changes;
  std::vector<std::string> only_before;  ///< In the baseline, not among the new results.
  double geomean_ratio = 1;
  std::string problem;  ///< Why nothing could be compared, or empty.

  bool has_regression() const;
};

/// Repetitions below which no U test can reach a p of 0.01.
inline constexpr size_t kRepetitionsMin = 5;
/// What compare.py recommends.
inline constexpr size_t kRepetitionsDefault = 9;

/// Compares two result files of lab-bench --json.
Comparison compare_results(const std::string& before, const std::string& after,
                           const GateOptions& options);

void print_comparison(const Comparison& comparison, const GateOptions& options);

/// Writes the comparison for machines. False if the file cannot be written.
bool write_comparison(const std::string& path, const Comparison& comparison);

/// Joins the results of several runs into one file, as repetitions of one run.
/// False if one of them cannot be read or the file cannot be written.
bool join_results(const std::vector<std::string>& parts, const std::string& joined);

/// Runs a command and waits. Returns its exit code, or -1 if it cannot be started.
int run_command(const std::vector<std::string>& command, bool quiet);

}  // namespace memblock::bench
