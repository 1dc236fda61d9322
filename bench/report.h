// The table that people see: one line a benchmark, in nanoseconds for one op, and how many times
// longer the others take.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace memblock::bench {

/// A benchmark's name without what the engine puts behind it.
std::string plain_name(std::string name);

/// Names of the counters in results: a candidate's nanoseconds, and those over ours.
std::string ns_counter(const std::string& candidate);
std::string ratio_counter(const std::string& candidate);

/// Prints results as they come and remembers whether any was wrong.
class Table : public benchmark::BenchmarkReporter {
 public:
  struct Columns {
    std::vector<std::string> kernels;
    std::vector<std::string> peers;
  };

  Table(bool silent, Columns columns) : silent_(silent), columns_(std::move(columns)) {}

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override {}

  size_t benchmarks() const { return benchmarks_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  bool silent_;
  Columns columns_;
  size_t benchmarks_ = 0;
  std::vector<std::string> errors_;
};

}  // namespace memblock::bench
