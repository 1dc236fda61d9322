// lab-check: the core's tables, the model and kernel trees against each other.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "lab/check.h"

namespace {

using namespace memblock::lab;

constexpr int kExitOk = 0;
constexpr int kExitFinding = 1;
constexpr int kExitUsage = 2;

std::atomic<bool> stop{false};

void on_signal(int /*number*/) {
  // The second Ctrl-C ends at once: the workers die with us.
  if (stop.exchange(true)) _exit(kExitUsage);
}

const char* const kDescription =
    "Runs traces on the core, on the reference model and on the memblock of any kernel tree, and\n"
    "compares answers, tables, totals and invariants after every op: the corpora, the known\n"
    "divergences of kernels, every recorded boot, then random traces and, for core and model,\n"
    "boots with some calls changed. Checks the expectations written in traces and the laws of the\n"
    "language and of walks as well. What differs and is not known is a finding.";

const char* const kFooter =
    "A tree is 6.1 or 6.12 (Debian's linux-source packages) or a path. A patch, with paths as in\n"
    "a/mm/memblock.c, goes on top of every tree. A random trace that fails is made small and\n"
    "stored; the command printed with it shows it again.\n"
    "Exit code: 0 nothing unknown, 1 a finding, 2 wrong usage, something unreadable, or a tree "
    "that\n"
    "does not build.\n\n"
    "Examples:\n"
    "  lab-check --time 600 --jobs 2                      core and model\n"
    "  lab-check --linux 6.12 --patch fix.patch           a kernel with a patch on top\n"
    "  lab-check --linux 6.1 --linux ~/linux finding.txt  only this trace, as text or as bytes";

struct Arguments {
  CheckOptions check;
  std::vector<std::string> trees;
  std::string patch, root = ".", objects;
  std::string json;
};

void add_tree_options(CLI::App& app, Arguments& arguments) {
  app.add_option("--linux", arguments.trees, "A kernel tree: 6.1, 6.12 or a path; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--patch", arguments.patch, "A patch on top of the trees")
      ->check(CLI::ExistingFile);
  app.add_option("--root", arguments.root, "Folder of the project, whose ci/linux/build is used")
      ->envname("MEMBLOCK_LAB_ROOT")
      ->capture_default_str();
  app.add_option("--objects", arguments.objects,
                 "Where built trees are kept; build/linux of the project by default");
}

void add_options(CLI::App& app, Arguments& arguments) {
  CheckOptions& check = arguments.check;
  check.corpora = "corpora";
  check.findings = "findings";
  check.jobs = std::max(1U, std::thread::hardware_concurrency());
  check.seed = std::random_device{}() & 0x7fffffff;
  app.add_option("FILE", check.files, "Check only these traces, boot logs or fuzzer inputs")
      ->check(CLI::ExistingFile);
  add_tree_options(app, arguments);
  app.add_option("--time", check.seconds, "Seconds of random traces, on all backends together")
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
  app.add_option("--minimise-time", check.minimise_seconds, "Seconds to make a finding small")
      ->capture_default_str();
  app.add_option("--json", arguments.json, "Write the results to this file");
  app.footer(kFooter);
}

/// One line that is rewritten on a terminal; else a plain line every ten seconds.
class ProgressLine {
 public:
  void show(const CheckProgress& progress) {
    const std::string line =
        fmt::format("{}/{} files, {} executions, {} ops, {} findings, {:.0f} s", progress.files,
                    progress.files_all, progress.executions, progress.ops, progress.findings.size(),
                    progress.seconds);
    if (terminal_) {
      fmt::print("\r\033[K{}", line);
      shown_ = true;
    } else if (progress.seconds >= next_) {
      fmt::print("{}\n", line);
      next_ = progress.seconds + 10;
    }
    std::fflush(stdout);
  }

  void end() const {
    if (shown_) fmt::print("\r\033[K");
  }

 private:
  bool terminal_ = isatty(STDOUT_FILENO) == 1;
  bool shown_ = false;
  double next_ = 10;
};

nlohmann::ordered_json as_json(const TreeResult& tree) {
  return {{"name", tree.name},           {"executions", tree.executions}, {"ops", tree.ops},
          {"skipped_ops", tree.skipped}, {"known", tree.known},           {"shown", tree.shown},
          {"fixed", tree.fixed},         {"unexpected", tree.unexpected}};
}

bool write_json(const std::string& path, const CheckOptions& options, const CheckResult& result) {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const CheckFinding& finding : result.findings) {
    findings.push_back({{"what", finding.what},
                        {"report", finding.report},
                        {"file", finding.file},
                        {"command", finding.command},
                        {"seconds", finding.seconds}});
  }
  nlohmann::ordered_json trees = nlohmann::ordered_json::array();
  for (const TreeResult& tree : result.trees) trees.push_back(as_json(tree));
  const nlohmann::ordered_json all{
      {"seed", options.seed},       {"jobs", options.jobs},
      {"seconds", result.seconds},  {"interrupted", result.interrupted},
      {"traces", result.traces},    {"executions", result.executions},
      {"ops", result.ops},          {"known_divergences", result.known},
      {"trees", std::move(trees)},  {"findings", std::move(findings)},
      {"problems", result.problems}};
  std::ofstream out{path};
  out << all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  return out.good();
}

/// `text` under `title`, in lines of a hundred columns.
void print_list(const std::string& title, const std::vector<std::string>& items) {
  if (items.empty()) return;
  std::string line = "  " + title;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string word = " " + items[i] + (i + 1 < items.size() ? "," : "");
    if (line.size() + word.size() > 100) {
      fmt::print("{}\n", line);
      line = "   ";
    }
    line += word;
  }
  fmt::print("{}\n", line);
}

void print_tree(const TreeResult& tree) {
  fmt::print("{}: {} executions, {} ops, {} more that it does not have\n", tree.name,
             tree.executions, tree.ops, tree.skipped);
  std::vector<std::string> known;
  for (const auto& [name, count] : tree.known) known.push_back(fmt::format("{} {}", name, count));
  print_list(fmt::format("known divergences met ({}), and how often:", known.size()), known);
  print_list(fmt::format("fixed here ({}), though corpora/divergences says that they show:",
                         tree.fixed.size()),
             tree.fixed);
  print_list(fmt::format("shown here ({}), though corpora/divergences does not say so:",
                         tree.unexpected.size()),
             tree.unexpected);
}

void print_finding(const CheckFinding& finding) {
  fmt::print("\nfinding after {:.1f} s: {}\n{}", finding.seconds, finding.what, finding.report);
  if (finding.report.find("  again: ") == std::string::npos) {
    fmt::print("  again: {}\n", finding.command);
  }
  if (finding.ours) fmt::print("  keep:  ci/lab keep {} SLUG\n", finding.file);
}

using Trees = std::vector<std::unique_ptr<LinuxTree>>;

/// Builds and loads what the command line names. False if one of them cannot be had.
bool load_trees(Arguments& arguments, Trees& trees) {
  for (const std::string& which : arguments.trees) {
    if (stop) return true;
    fmt::print("building {}{} ...\n", which,
               arguments.patch.empty() ? "" : " with " + arguments.patch);
    std::fflush(stdout);
    const LinuxBuilt built = build_linux({.tree = which,
                                          .patch = arguments.patch,
                                          .flavour = "plain",
                                          .root = arguments.root,
                                          .out = arguments.objects});
    if (stop) return true;
    std::string problem = built.problem;
    if (problem.empty()) trees.push_back(LinuxTree::load(built.object, problem));
    if (!problem.empty()) {
      fmt::print(stderr, "lab-check: {}\n", problem);
      return false;
    }
    std::string command = "ci/lab check --linux " + which;
    if (!arguments.patch.empty()) command += " --patch " + arguments.patch;
    arguments.check.trees.push_back({trees.back().get(), std::move(command)});
  }
  return true;
}

int run(Arguments& arguments) {
  CheckOptions& options = arguments.check;
  if (arguments.trees.empty() && !arguments.patch.empty()) {
    fmt::print(stderr, "lab-check: --patch needs a tree to go on: --linux 6.12, for example\n");
    return kExitUsage;
  }
  fmt::print("lab-check: seed {}, {} jobs\n", options.seed, options.jobs);
  std::fflush(stdout);
  Trees trees;
  if (!load_trees(arguments, trees)) return kExitUsage;
  ProgressLine line;
  size_t printed = 0;
  const CheckResult result = run_check(options, stop, [&](const CheckProgress& progress) {
    if (printed < progress.findings.size()) line.end();
    while (printed < progress.findings.size()) print_finding(progress.findings[printed++]);
    line.show(progress);
  });
  line.end();
  for (const TreeResult& tree : result.trees) print_tree(tree);
  for (const std::string& problem : result.problems) {
    fmt::print(stderr, "lab-check: {}\n", problem);
  }
  fmt::print("check: {} traces, {} executions, {} ops, {} known divergences, {} unknown{}\n",
             result.traces, result.executions, result.ops, result.known, result.findings.size(),
             result.interrupted ? ", interrupted" : "");
  if (!arguments.json.empty() && !write_json(arguments.json, options, result)) {
    fmt::print(stderr, "lab-check: {} cannot be written\n", arguments.json);
    return kExitUsage;
  }
  if (!result.findings.empty()) return kExitFinding;
  return result.problems.empty() ? kExitOk : kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  CLI::App app{kDescription, "lab-check"};
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
    return run(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lab-check: {}\n", error.what());
    return kExitUsage;
  }
}
