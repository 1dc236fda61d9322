// The table that people see: one line a benchmark, in nanoseconds for one op.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace memblock::bench {

/// A benchmark's name without what the engine puts behind it.
std::string plain_name(std::string name);

double median(std::vector<double> values);

/// Prints results as they come and remembers whether any was wrong.
class Table : public benchmark::BenchmarkReporter {
 public:
  explicit Table(bool silent) : silent_(silent) {}

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override {}

  size_t benchmarks() const { return benchmarks_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  bool silent_;
  size_t benchmarks_ = 0;
  std::vector<std::string> errors_;
};

}  // namespace memblock::bench
