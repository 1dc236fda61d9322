// The report of `ci/lab run`: what all stages found, as JSON, as a page and as ten lines.
#pragma once

#include <string>
#include <vector>

#include "report/stage.h"
#include "report/timings.h"

namespace memblock::report {

/// The figures that people look for first.
struct Totals {
  uint64_t boots = 0, boots_right = 0;
  uint64_t allocations = 0, allocations_right = 0;
  uint64_t dumps = 0, dumps_right = 0;
  uint64_t traces = 0, checks = 0;
  std::vector<std::string> kernels;  ///< Trees that were checked, by name.
  uint64_t known = 0;                ///< Known divergences that they showed.
  uint64_t executions = 0;
  double executions_per_second = 0;   ///< Of one process, all targets together.
  std::vector<std::string> findings;  ///< One line each: where, what.
  std::vector<std::string> problems;  ///< Stages that did not run or broke off.
};

/// All that is known after the last stage.
struct Report {
  std::vector<StageResult> stages;
  Totals totals;
  std::vector<Timing> timings;
  std::string details;  ///< JSON text: each stage's own results under its name.
};

/// Reads what the stages wrote to NAME.json in `folder`.
Report collect(const std::vector<StageResult>& stages, const std::string& folder);

/// Which backends were checked against each other, and what is known of the kernels among them.
std::string backends_text(const Totals& totals);

/// 0 fine, 1 a finding, 2 something did not run.
int exit_code(const Report& report);

/// The last lines on the terminal.
void print_summary(const Report& report, const std::string& folder);

/// Writes report.json and report.html. False if the folder does not take them.
bool write_files(const Report& report, const std::string& folder, const std::string& json);

}  // namespace memblock::report
