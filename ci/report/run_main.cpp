// lab-run: the main job. Runs the lab's programs one after the other and sums them up.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <random>
#include <thread>

#include "fuzz/process.h"
#include "report/report.h"

namespace {

using namespace memblock::report;
namespace fs = std::filesystem;

constexpr int kExitUsage = 2;

std::atomic<bool> stop{false};

void on_signal(int /*number*/) {
  // The second Ctrl-C ends at once: the stage dies with us.
  if (stop.exchange(true)) _exit(kExitUsage);
}

struct Arguments {
  std::string corpora;
  std::string fuzz_build;
  std::string output = "report";
  std::string json;
  double check_seconds = 30;
  double fuzz_seconds = 60;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  uint32_t seed = std::random_device{}() & 0x7fffffff;
  bool no_linux = false;
};

/// Kernels that are checked too, where Debian's packages of their sources are.
constexpr const char* kKernels[] = {"6.1", "6.12"};

const char* const kExamples =
    "Example:\n"
    "  ci/lab run --output nightly --fuzz-time 600\n"
    "Exit code: 0 nothing found, 1 a finding, 2 wrong usage or something did not run.";

void add_options(CLI::App& app, Arguments& arguments) {
  app.add_option("--output", arguments.output, "Folder for the report and the stages' own results")
      ->envname("MEMBLOCK_LAB_REPORT")
      ->capture_default_str();
  app.add_option("--json", arguments.json, "Write the report for machines to this file too");
  app.add_option("--check-time", arguments.check_seconds, "Seconds of random traces")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  app.add_flag("--no-linux", arguments.no_linux, "Check core and model only, no packaged kernels");
  app.add_option("--fuzz-time", arguments.fuzz_seconds, "Seconds of fuzzing, all targets together")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  app.add_option("--jobs", arguments.jobs, "Processes or threads at a time")
      ->check(CLI::Range(1U, 1024U))
      ->capture_default_str();
  app.add_option("--seed", arguments.seed, "Seed of all random choices; random when not given")
      ->envname("MEMBLOCK_LAB_SEED");
  app.add_option("--corpora", arguments.corpora, "Folder of the corpora")
      ->envname("MEMBLOCK_LAB_CORPORA")
      ->required();
  app.add_option("--fuzz-build", arguments.fuzz_build, "Folder of lab-fuzz and its targets")
      ->required();
  app.footer(kExamples);
}

/// The kernels that can be checked; says which are left out.
std::vector<std::string> kernels_here(const Arguments& arguments) {
  std::vector<std::string> out;
  std::string missing;
  for (const char* kernel : kKernels) {
    const std::string package = std::string{"linux-source-"} + kernel;
    if (arguments.no_linux) continue;
    if (fs::exists("/usr/src/" + package + ".tar.xz")) {
      out.emplace_back(kernel);
    } else {
      missing += " " + package;
    }
  }
  if (!missing.empty()) {
    fmt::print("skipped: install{} to check these kernels too, or say --no-linux\n", missing);
  }
  return out;
}

std::vector<Stage> stages_of(const Arguments& arguments, const std::vector<std::string>& kernels) {
  const std::string here = memblock::fuzz::program_folder();
  const std::string jobs = std::to_string(arguments.jobs);
  const std::string seed = std::to_string(arguments.seed);
  const auto json = [&](const char* name) { return arguments.output + "/" + name + ".json"; };
  std::vector<Stage> stages{
      {"replay", "replaying recorded boots", {here + "/lab-replay", "--json", json("replay")}, 0},
      {"check",
       kernels.empty() ? "checking core against model"
                       : "checking core, model and Linux against each other",
       {here + "/lab-check", "--json", json("check"), "--corpora", arguments.corpora, "--time",
        fmt::format("{}", arguments.check_seconds), "--jobs", jobs, "--seed", seed},
       arguments.check_seconds + 5},
      {"fuzz",
       "fuzzing",
       {arguments.fuzz_build + "/lab-fuzz", "--json", json("fuzz"), "--time",
        fmt::format("{}", arguments.fuzz_seconds), "--jobs", jobs, "--seed", seed},
       arguments.fuzz_seconds},
      {"bench",
       "benchmarking",
       {here + "/lab-bench", "--quick", "--candidates", "core", "--repetitions", "1", "--json",
        json("bench"), "--boots", arguments.corpora + "/boots"},
       30},
  };
  for (const std::string& kernel : kernels) {
    stages[1].command.insert(stages[1].command.end(), {"--linux", kernel});
  }
  std::vector<std::string> boots;
  for (const auto& entry : fs::directory_iterator(arguments.corpora + "/boots")) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && name.find(".log") != std::string::npos) {
      boots.push_back(entry.path().string());
    }
  }
  std::sort(boots.begin(), boots.end());
  stages[0].command.insert(stages[0].command.end(), boots.begin(), boots.end());
  return stages;
}

int run(Arguments& arguments) {
  fs::create_directories(arguments.output);
  arguments.output = fs::canonical(arguments.output).string();
  fmt::print("lab-run: seed {}, {} jobs\n", arguments.seed, arguments.jobs);
  const std::vector<Stage> stages = stages_of(arguments, kernels_here(arguments));
  const Progress progress{arguments.output, isatty(STDOUT_FILENO) == 1, stages.size()};
  std::vector<StageResult> results;
  for (const Stage& stage : stages) {
    // What an earlier run left must not pass for this one's.
    fs::remove(arguments.output + "/" + stage.name + ".json");
    results.push_back(run_stage(stage, results.size() + 1, progress, stop));
  }
  const Report report = collect(results, arguments.output);
  const bool written = write_files(report, arguments.output, arguments.json);
  print_summary(report, arguments.output);
  if (!written) {
    fmt::print(stderr, "lab-run: the report cannot be written to {}\n", arguments.output);
    return kExitUsage;
  }
  return exit_code(report);
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  CLI::App app{
      "Replays every recorded boot, checks core, model and packaged kernels against each other,\n"
      "fuzzes, benchmarks, and reports."};
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
    return run(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  } catch (const fs::filesystem_error& error) {
    fmt::print(stderr, "lab-run: {}\n", error.what());
    return kExitUsage;
  }
}
