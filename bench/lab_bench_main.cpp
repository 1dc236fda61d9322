// lab-bench: runs the benchmarks side by side, shows them, and compares them with a baseline.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <regex>

#include "bench/arguments.h"
#include "bench/baseline.h"
#include "bench/goal_table.h"
#include "bench/growth.h"
#include "bench/report.h"

namespace {

using namespace memblock::bench;

/// Freed memory stays with the program: else whoever builds large tables pays for page faults in
/// the first of them and not in the others.
void keep_memory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

Table::Columns columns_of(const std::vector<Candidate>& candidates) {
  Table::Columns columns;
  for (size_t i = 1; i < candidates.size(); ++i) {
    if (candidates[i].role == Role::Linux) columns.kernels.push_back(candidates[i].name);
    if (candidates[i].role == Role::Peer) columns.peers.push_back(candidates[i].name);
  }
  return columns;
}

/// Runs the suite in this process.
int run_suite(const Arguments& arguments) {
  std::string problem;
  const std::vector<Candidate> candidates = chosen_candidates(arguments, problem);
  std::vector<Boot> boots;
  if (problem.empty()) boots = load_boots(arguments.boots, problem);
  if (!problem.empty()) {
    fmt::print(stderr, "lab-bench: {}\n", problem);
    return kExitUsage;
  }
  const Plan plan = plan_of(arguments);
  register_suite(plan, candidates, boots);
  std::vector<std::string> words{"lab-bench",
                                 fmt::format("--benchmark_filter={}", arguments.filter),
                                 fmt::format("--benchmark_repetitions={}", plan.rounds)};
  if (arguments.list) words.emplace_back("--benchmark_list_tests=true");
  if (!arguments.json.empty()) {
    words.push_back("--benchmark_out=" + arguments.json);
    words.emplace_back("--benchmark_out_format=json");
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  int argc = static_cast<int>(argv.size());
  benchmark::Initialize(&argc, argv.data());
  Table table{arguments.silent, columns_of(candidates)};
  const size_t ran = benchmark::RunSpecifiedBenchmarks(&table);
  if (arguments.list) return kExitOk;
  if (ran == 0) {
    fmt::print(stderr, "lab-bench: no benchmark matches {}; --list names them\n", arguments.filter);
    return kExitUsage;
  }
  fmt::print("total: benchmarks {}, wrong {}\n", table.benchmarks(), table.errors().size());
  return table.errors().empty() ? kExitOk : kExitFinding;
}

/// Measures and prints the table of goals.
int run_table(const Arguments& arguments) {
  std::string problem;
  Goals goals = read_goals(
      arguments.goals.empty() ? arguments.root + "/bench/goals.txt" : arguments.goals, problem);
  std::vector<Candidate> candidates;
  if (problem.empty()) candidates = chosen_candidates(arguments, problem);
  std::vector<Boot> boots;
  if (problem.empty()) boots = load_boots(arguments.boots, problem);
  const std::regex wanted{arguments.filter};
  std::erase_if(goals.rows, [&](const Goal& row) {
    return !std::regex_search(row.title + " " + row.workload, wanted);
  });
  if (problem.empty() && goals.rows.empty()) problem = "no row matches " + arguments.filter;
  std::vector<size_t> sizes = goals.sizes;
  if (!arguments.sizes.empty()) sizes = arguments.sizes;
  for (const size_t size : sizes) {
    if (std::find(goals.sizes.begin(), goals.sizes.end(), size) == goals.sizes.end()) {
      problem = fmt::format("no goals for {} regions", size);
    }
  }
  if (!problem.empty()) {
    fmt::print(stderr, "lab-bench: {}\n", problem);
    return kExitUsage;
  }
  const Plan plan = plan_of(arguments);
  const Measured measured = measure(goals, sizes, candidates, boots, plan.rounds, plan.seconds);
  const bool reached = print_table(goals, sizes, measured);
  if (!arguments.json.empty() && !write_table(arguments.json, goals, sizes, measured)) {
    fmt::print(stderr, "lab-bench: {} cannot be written\n", arguments.json);
    return kExitUsage;
  }
  if (measured.interrupted) return kExitUsage;
  return reached && measured.wrong.empty() ? kExitOk : kExitFinding;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Times memblock: the core beside kernels and containers that do the same."};
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  keep_memory();
  try {
    if (!arguments.count.empty()) return run_counted(arguments.count, candidates(), arguments.json);
    if (!arguments.growth.empty()) {
      return run_growth(arguments.growth, arguments.filter, arguments.json);
    }
    if (arguments.table) return run_table(arguments);
    if (!arguments.baseline.empty()) return run_and_compare(arguments, run_suite);
    return run_suite(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lab-bench: {}\n", error.what());
    return kExitUsage;
  }
}
