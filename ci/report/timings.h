// Benchmark results as a table: a row for each operation, a column for each table size.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace memblock::report {

/// Time of one benchmark.
struct Timing {
  std::string name;
  double ns_per_op = 0;
};

/// Timings by operation and table size.
struct TimingTable {
  /// Benchmarks without a table size, such as whole boots, by their first word.
  struct Other {
    std::string family;
    size_t count = 0;
    double median = 0;
    double highest = 0;
  };

  std::set<uint64_t> sizes;
  std::vector<std::string> order;
  std::map<std::string, std::map<uint64_t, double>> rows;
  std::vector<Other> others;
};

TimingTable tabulate(const std::vector<Timing>& timings);

}  // namespace memblock::report
