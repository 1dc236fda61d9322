// lab-bench: runs the benchmarks, shows them, and compares them with a baseline.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "bench/core_bench.h"
#include "bench/gate.h"
#include "bench/report.h"

namespace {

using namespace memblock::bench;
namespace fs = std::filesystem;

constexpr int kExitOk = 0;
constexpr int kExitFinding = 1;
constexpr int kExitUsage = 2;

struct Arguments {
  std::string filter = ".";
  std::string json;
  std::string baseline;
  std::string compare_json;
  std::string boots = "corpora/boots";
  double min_time = 0;
  unsigned repetitions = 0;
  GateOptions gate;
  bool quick = false;
  bool smoke = false;
  bool list = false;
  bool silent = false;
};

const char* const kExamples =
    "Examples:\n"
    "  lab-bench --quick                                 a table in half a minute\n"
    "  lab-bench --filter Alloc --repetitions 9 --json before.json\n"
    "  lab-bench --filter Alloc --baseline before.json   compare with that file\n"
    "  lab-bench --quick --baseline OLD/lab-bench        run both in turn, and compare\n"
    "Exit code: 0 all right, 1 a wrong result or a regression, 2 wrong usage or something missing.";

void add_options(CLI::App& app, Arguments& arguments) {
  app.add_option("--filter", arguments.filter,
                 "Only benchmarks whose name matches this expression");
  app.add_option("--json", arguments.json, "Write the results to this file");
  app.add_option("--baseline", arguments.baseline,
                 "Compare with this result file, or with this lab-bench program, run in turn");
  app.add_option("--compare-json", arguments.compare_json, "Write the comparison to this file");
  app.add_option("--threshold", arguments.gate.threshold,
                 "Median ratio above which a significant change is a regression")
      ->check(CLI::Range(1.0, 100.0))
      ->capture_default_str();
  app.add_option("--alpha", arguments.gate.alpha, "Largest p of the U test that is significant")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--repetitions", arguments.repetitions,
                 "Times each benchmark is run (1; 9 with --baseline)");
  app.add_option("--min-time", arguments.min_time, "Seconds for one repetition (0.1; quick: 0.02)");
  app.add_option("--boots", arguments.boots, "Folder of boot logs that are replayed");
  app.add_flag("--quick", arguments.quick, "Two table sizes, short repetitions");
  app.add_flag("--smoke", arguments.smoke,
               "Every benchmark once, tiny: does it run and is it right?");
  app.add_flag("--list", arguments.list, "List the benchmarks");
  app.add_flag("--silent", arguments.silent, "Print no table");
  app.footer(kExamples);
}

Plan plan_of(const Arguments& arguments) {
  Plan plan;
  plan.boots = arguments.boots;
  if (arguments.smoke) {
    plan.regions = {8, 64};
  } else if (arguments.quick) {
    plan.regions = {128, 4096};
  } else {
    plan.regions = {8, 64, 512, 4096, 32768, 131072};
  }
  plan.random_build_max = plan.regions.back();
  return plan;
}

double min_time_of(const Arguments& arguments) {
  if (arguments.min_time > 0) return arguments.min_time;
  return arguments.smoke ? 1e-6 : arguments.quick ? 0.02 : 0.1;
}

/// Runs the benchmarks in this process.
int run_here(const Arguments& arguments) {
  std::vector<std::string> words{
      "lab-bench", fmt::format("--benchmark_filter={}", arguments.filter),
      fmt::format("--benchmark_min_time={}", min_time_of(arguments)),
      fmt::format("--benchmark_repetitions={}", std::max(1u, arguments.repetitions))};
  if (arguments.list) words.emplace_back("--benchmark_list_tests=true");
  if (arguments.repetitions > 1) words.emplace_back("--benchmark_enable_random_interleaving=true");
  if (!arguments.json.empty()) {
    words.push_back("--benchmark_out=" + arguments.json);
    words.emplace_back("--benchmark_out_format=json");
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  int argc = static_cast<int>(argv.size());
  benchmark::Initialize(&argc, argv.data());
  Table table{arguments.silent};
  const size_t ran = benchmark::RunSpecifiedBenchmarks(&table);
  if (arguments.list) return kExitOk;
  if (ran == 0) {
    fmt::print(stderr, "lab-bench: no benchmark matches {}; --list names them\n", arguments.filter);
    return kExitUsage;
  }
  fmt::print("total: benchmarks {}, wrong {}\n", table.benchmarks(), table.errors().size());
  return table.errors().empty() ? kExitOk : kExitFinding;
}

std::string scratch(const std::string& name) {
  return (fs::temp_directory_path() / fmt::format("lab-bench-{}-{}.json", getpid(), name)).string();
}

/// What both programs are told, so that they do the same.
std::vector<std::string> child_command(const std::string& program, const Arguments& arguments,
                                       const std::string& json) {
  std::vector<std::string> words{program,         "--silent",
                                 "--repetitions", "1",
                                 "--filter",      arguments.filter,
                                 "--json",        json,
                                 "--min-time",    fmt::format("{}", min_time_of(arguments)),
                                 "--boots",       arguments.boots};
  if (arguments.quick) words.emplace_back("--quick");
  if (arguments.smoke) words.emplace_back("--smoke");
  return words;
}

/// Runs the other program and this one in turn, so that both meet the same noise.
/// Fills the files `before` and `after`.
int run_in_turn(const Arguments& arguments, const std::string& before, const std::string& after) {
  const std::string self = fs::read_symlink("/proc/self/exe").string();
  std::vector<std::string> befores;
  std::vector<std::string> afters;
  int worst = kExitOk;
  for (unsigned round = 0; round < arguments.repetitions && worst == kExitOk; ++round) {
    fmt::print("round {} of {}\n", round + 1, arguments.repetitions);
    std::fflush(stdout);
    befores.push_back(scratch(fmt::format("before-{}", round)));
    afters.push_back(scratch(fmt::format("after-{}", round)));
    const std::string other = fs::absolute(arguments.baseline).string();
    for (const auto& [program, out] : {std::pair{other, befores.back()}, {self, afters.back()}}) {
      const int code = run_command(child_command(program, arguments, out), true);
      if (code == kExitOk) continue;
      fmt::print(stderr, "lab-bench: {} ended with code {}\n", program, code);
      worst = code == kExitFinding ? kExitFinding : kExitUsage;
    }
  }
  if (worst == kExitOk && (!join_results(befores, before) || !join_results(afters, after))) {
    fmt::print(stderr, "lab-bench: the results of the rounds could not be joined\n");
    worst = kExitUsage;
  }
  std::error_code ignored;
  for (const std::string& file : befores) fs::remove(file, ignored);
  for (const std::string& file : afters) fs::remove(file, ignored);
  return worst;
}

int run_and_compare(Arguments arguments) {
  if (arguments.repetitions == 0) arguments.repetitions = kRepetitionsDefault;
  const bool keep = !arguments.json.empty();
  if (!keep) arguments.json = scratch("after");
  const bool program =
      access(arguments.baseline.c_str(), X_OK) == 0 && fs::is_regular_file(arguments.baseline);
  const std::string before = program ? scratch("before") : arguments.baseline;
  if (!fs::exists(arguments.baseline)) {
    fmt::print(stderr, "lab-bench: {} does not exist; give a file made by --json or a lab-bench\n",
               arguments.baseline);
    return kExitUsage;
  }
  const int ran = program ? run_in_turn(arguments, before, arguments.json) : run_here(arguments);
  int code = ran;
  if (ran == kExitOk) {
    const Comparison comparison = compare_results(before, arguments.json, arguments.gate);
    if (!comparison.problem.empty()) {
      fmt::print(stderr, "lab-bench: {}\n", comparison.problem);
      code = kExitUsage;
    } else {
      print_comparison(comparison, arguments.gate);
      code = comparison.has_regression() ? kExitFinding : kExitOk;
      if (!arguments.compare_json.empty() &&
          !write_comparison(arguments.compare_json, comparison)) {
        fmt::print(stderr, "lab-bench: {} cannot be written\n", arguments.compare_json);
        code = kExitUsage;
      }
    }
  }
  std::error_code ignored;
  if (program) fs::remove(before, ignored);
  if (!keep) fs::remove(arguments.json, ignored);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Times memblock: tables, lookups, allocation, walks, handover, whole boots."};
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (const std::string problem = register_core(plan_of(arguments)); !problem.empty()) {
    fmt::print(stderr, "lab-bench: {}\n", problem);
    return kExitUsage;
  }
  try {
    return arguments.baseline.empty() ? run_here(arguments) : run_and_compare(arguments);
  } catch (const fs::filesystem_error& error) {
    fmt::print(stderr, "lab-bench: {}\n", error.what());
    return kExitUsage;
  }
}
