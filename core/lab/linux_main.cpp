// lab-linux: kernel trees against the core and the model.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "lab/linux_check.h"

namespace {

using namespace memblock::lab;

constexpr int kExitOk = 0;
constexpr int kExitFinding = 1;
constexpr int kExitUsage = 2;

std::atomic<bool> stop{false};

void on_signal(int /*number*/) {
  if (stop.exchange(true)) _exit(kExitUsage);
}

const char* const kDescription =
    "Builds the memblock of kernel trees and runs it beside ours: the corpora, the known\n"
    "divergences, then random traces. What differs and is not known is a finding.";

const char* const kFooter =
    "A tree is 6.1 or 6.12 (Debian's linux-source packages) or a path. A patch, with paths as in\n"
    "a/mm/memblock.c, goes on top of every tree.\n"
    "Exit code: 0 nothing unknown, 1 a finding, 2 wrong usage or a tree that does not build.\n\n"
    "Examples:\n"
    "  lab-linux --linux 6.12 --patch fix.patch --time 120\n"
    "  lab-linux --linux 6.1 --linux ~/linux finding.txt";

struct Arguments {
  std::vector<std::string> trees;
  std::string patch, json, root, out;
  LinuxCheckOptions check;
};

void add_options(CLI::App& app, Arguments& arguments) {
  LinuxCheckOptions& check = arguments.check;
  check.corpora = "corpora";
  check.findings = "findings";
  check.jobs = std::max(1U, std::thread::hardware_concurrency());
  check.seed = std::random_device{}() & 0x7fffffff;
  arguments.root = ".";
  app.add_option("--linux", arguments.trees, "A tree: 6.1, 6.12 or a path; may be repeated")
      ->required()
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--patch", arguments.patch, "A patch on top of the trees")
      ->check(CLI::ExistingFile);
  app.add_option("FILE", check.files, "Check only these traces")->check(CLI::ExistingFile);
  app.add_option("--time", check.seconds, "Seconds of random traces for each tree")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str();
  app.add_option("--jobs", check.jobs, "Processes at a time")
      ->check(CLI::Range(1U, 1024U))
      ->capture_default_str();
  app.add_option("--seed", check.seed, "Seed of the random traces; random when not given")
      ->envname("MEMBLOCK_LAB_SEED");
  app.add_option("--corpora", check.corpora, "Folder of the corpora")
      ->envname("MEMBLOCK_LAB_CORPORA")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option("--findings", check.findings, "Folder for traces that fail")
      ->envname("MEMBLOCK_LAB_FINDINGS")
      ->capture_default_str();
  app.add_option("--root", arguments.root, "Folder of the project")
      ->envname("MEMBLOCK_LAB_ROOT")
      ->capture_default_str();
  app.add_option("--objects", arguments.out, "Where built trees are kept; build/linux by default");
  app.add_option("--json", arguments.json, "Write the results to this file");
  app.footer(kFooter);
}

void show_progress(const std::string& name, const LinuxTotals& totals, double seconds) {
  static double next = 10;
  const std::string line = fmt::format(
      "{}: {} executions, {} ops, {} known kinds, {} unknown, {:.0f} s", name, totals.executions,
      totals.ops, totals.known.size(), totals.findings.size(), seconds);
  if (isatty(STDOUT_FILENO) == 1) {
    fmt::print("\r\033[K{}", line);
  } else if (seconds >= next) {
    fmt::print("{}\n", line);
    next = seconds + 10;
  }
  if (seconds < 1) next = 10;
  std::fflush(stdout);
}

void print(const std::string& name, const LinuxTotals& totals) {
  if (isatty(STDOUT_FILENO) == 1) fmt::print("\r\033[K");
  for (const LinuxFinding& finding : totals.findings) {
    fmt::print("\nfinding on {} after {:.1f} s: {}\n{}", name, finding.seconds, finding.signature,
               finding.report);
  }
  for (const std::string& problem : totals.problems) {
    fmt::print(stderr, "lab-linux: {}\n", problem);
  }
  fmt::print("{}: {} traces, {} executions, {} ops, {} skipped; divergences: {} shown, {} fixed\n",
             name, totals.traces, totals.executions, totals.ops, totals.skipped,
             totals.shown.size(), totals.fixed.size());
  for (const std::string& fixed : totals.fixed) {
    fmt::print("  fixed: {} no longer shows itself\n", fixed);
  }
  for (const auto& [known, count] : totals.known) fmt::print("  known: {} {}\n", known, count);
}

nlohmann::ordered_json as_json(const LinuxTotals& totals) {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const LinuxFinding& finding : totals.findings) {
    findings.push_back(
        {{"what", finding.signature}, {"report", finding.report}, {"seconds", finding.seconds}});
  }
  return {{"traces", totals.traces},    {"executions", totals.executions},
          {"ops", totals.ops},          {"skipped", totals.skipped},
          {"known", totals.known},      {"shown", totals.shown},
          {"fixed", totals.fixed},      {"findings", std::move(findings)},
          {"problems", totals.problems}};
}

/// What one tree came to; nothing if it cannot be built or loaded.
std::optional<LinuxTotals> check_tree(const Arguments& arguments, const std::string& which) {
  const LinuxBuilt built = build_linux({.tree = which,
                                        .patch = arguments.patch,
                                        .flavour = "plain",
                                        .root = arguments.root,
                                        .out = arguments.out});
  std::string problem = built.problem;
  const std::unique_ptr<LinuxTree> tree =
      problem.empty() ? LinuxTree::load(built.object, problem) : nullptr;
  if (tree == nullptr) {
    fmt::print(stderr, "lab-linux: {}\n", problem);
    return std::nullopt;
  }
  LinuxCheckOptions options = arguments.check;
  options.again = "ci/lab check --linux " + which;
  if (!arguments.patch.empty()) options.again += " --patch " + arguments.patch;
  const std::string name = tree->name();
  LinuxTotals totals = check_linux(*tree, options, stop, [&](const LinuxTotals& now, double at) {
    show_progress(name, now, at);
  });
  print(name, totals);
  return totals;
}

int run(const Arguments& arguments) {
  fmt::print("lab-linux: seed {}, {} jobs\n", arguments.check.seed, arguments.check.jobs);
  std::fflush(stdout);
  LinuxTotals all;
  nlohmann::ordered_json trees;
  bool usable = true;
  size_t unknown = 0;
  std::map<std::string, uint64_t> known;
  for (const std::string& which : arguments.trees) {
    if (stop) break;
    const std::optional<LinuxTotals> totals = check_tree(arguments, which);
    if (!totals) {
      usable = false;
      continue;
    }
    all.traces += totals->traces;
    all.executions += totals->executions;
    all.ops += totals->ops;
    unknown += totals->findings.size();
    usable = usable && totals->problems.empty();
    known.insert(totals->known.begin(), totals->known.end());
    trees[which] = as_json(*totals);
  }
  fmt::print("check: {} traces, {} executions, {} ops, {} known divergences, {} unknown{}\n",
             all.traces, all.executions, all.ops, known.size(), unknown,
             stop ? ", interrupted" : "");
  if (!arguments.json.empty()) {
    std::ofstream out{arguments.json};
    out << trees.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    if (!out.good()) {
      fmt::print(stderr, "lab-linux: {} cannot be written\n", arguments.json);
      return kExitUsage;
    }
  }
  if (unknown != 0) return kExitFinding;
  return usable ? kExitOk : kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  CLI::App app{kDescription, "lab-linux"};
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
    return run(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lab-linux: {}\n", error.what());
    return kExitUsage;
  }
}
