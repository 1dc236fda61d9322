#include "bench/baseline.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace memblock::bench {
namespace {

namespace fs = std::filesystem;

std::string scratch(const std::string& name) {
  return (fs::temp_directory_path() / fmt::format("lab-bench-{}-{}.json", getpid(), name)).string();
}

/// Whether a lab-bench knows an option: the other one may be older.
bool knows(const std::string& program, const std::string& option) {
  const std::string command = "'" + program + "' --help 2>/dev/null";
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return false;
  std::string said;
  char piece[4096];
  while (const size_t length = std::fread(piece, 1, sizeof piece, pipe)) said.append(piece, length);
  pclose(pipe);
  return said.find(option) != std::string::npos;
}

/// What both programs are told, so that they do the same: the core, and nothing beside it.
std::vector<std::string> child_command(const std::string& program, const Arguments& arguments,
                                       const std::string& json) {
  std::vector<std::string> words{program,         "--silent",
                                 "--repetitions", "1",
                                 "--filter",      arguments.filter,
                                 "--json",        json,
                                 "--min-time",    fmt::format("{}", plan_of(arguments).seconds),
                                 "--boots",       arguments.boots};
  if (arguments.quick) words.emplace_back("--quick");
  if (arguments.smoke) words.emplace_back("--smoke");
  for (const size_t size : arguments.sizes) {
    words.emplace_back("--regions");
    words.push_back(std::to_string(size));
  }
  if (knows(program, "--candidates")) {
    words.emplace_back("--candidates");
    words.emplace_back("core");
  }
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

}  // namespace

int run_and_compare(Arguments arguments, int (*run_here)(const Arguments&)) {
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

}  // namespace memblock::bench
