// The goals, as bench/goals.txt lists them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/candidate.h"

namespace memblock::bench {

/// One row of the table.
struct Goal {
  enum class Measure { Time, Boots, SlowestBoot, MemoryAtRest, MemoryAtPeak };

  std::string title;
  std::string workload;
  std::string against;
  Measure measure = Measure::Time;
  Work work = Work::Boot;  ///< For Time.
  /// In the order of the file's sizes, or one for a row without sizes.
  std::vector<std::optional<double>> wanted;

  bool has_sizes() const { return measure != Measure::Boots && measure != Measure::SlowestBoot; }
};

struct Goals {
  std::vector<size_t> sizes;
  std::vector<Goal> rows;
};

/// Reads a file of goals. What is wrong with it goes to `problem`: file, line, what.
Goals read_goals(const std::string& path, std::string& problem);

}  // namespace memblock::bench
