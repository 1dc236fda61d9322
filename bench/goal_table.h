// The table of goals: everything it names measured in one run, each cell held against its goal.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/goals.h"
#include "bench/rounds.h"

namespace memblock::bench {

/// Lanes of one task; they point to the candidates they were measured with.
using Lanes = std::vector<Lane>;

/// What was measured, before it is held against anything.
struct Measured {
  std::map<std::pair<Work, size_t>, Lanes> tasks;
  std::vector<std::pair<std::string, Lanes>> boots;  ///< By name of the log.
  std::map<size_t, std::vector<std::pair<const Candidate*, MemoryUse>>> memory;
  std::vector<std::string> wrong;  ///< Wrong answers.
  bool interrupted = false;
};

struct Cell {
  std::optional<Spread> ratio;  ///< Nothing: not measured.
  std::optional<double> goal;
  std::string by;               ///< The best peer, or the slowest boot.
  std::optional<double> limit;  ///< The same ratio for the unavoidable work alone.

  bool counts() const { return goal.has_value(); }
  bool reached() const { return goal && ratio && ratio->median >= *goal; }
  /// Not even the unavoidable work alone would reach it. Where the core takes less than that, it is
  /// no limit.
  bool beyond() const {
    return goal && ratio && limit && ratio->median <= *limit && *limit < *goal;
  }
};

/// Measures what the goals' rows name, at these sizes. Progress goes to stderr.
Measured measure(const Goals& goals, const std::vector<size_t>& sizes,
                 const std::vector<Candidate>& candidates, const std::vector<Boot>& boots,
                 unsigned rounds, double seconds);

/// A row's cell for the size at this position of the goals' sizes.
Cell cell_of(const Goal& row, size_t column, const Goals& goals, const Measured& measured);

/// How many times longer the first lane takes than the limit of a kind, or nothing.
std::optional<Spread> distance(const Lanes& lanes, const std::string& limit);

/// Prints the table, its last line `table: N/N cells reached`; returns whether that is all of them.
bool print_table(const Goals& goals, const std::vector<size_t>& sizes, const Measured& measured);

/// The same for machines. False if the file cannot be written.
bool write_table(const std::string& path, const Goals& goals, const std::vector<size_t>& sizes,
                 const Measured& measured);

}  // namespace memblock::bench
