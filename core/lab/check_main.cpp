// lab-check: the core's tables against the model.
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
    "Runs traces on the core and on the reference model and compares answers, tables, totals and\n"
    "invariants after every op: the corpora, every recorded boot, then random traces. Checks the\n"
    "expectations written in traces and the laws of the language and of walks as well.";

const char* const kFooter =
    "A random trace that fails is made small and stored; the command printed with it shows it "
    "again.\n"
    "Exit code: 0 nothing found, 1 a finding, 2 wrong usage or something unreadable.\n\n"
    "Examples:\n"
    "  lab-check --time 600 --jobs 2      ten minutes of random traces after the corpora\n"
    "  lab-check finding.txt              only this trace, as text or as a fuzzer's bytes";

struct Arguments {
  CheckOptions check;
  std::string json;
};

void add_options(CLI::App& app, Arguments& arguments) {
  CheckOptions& check = arguments.check;
  check.corpora = "corpora";
  check.findings = "findings";
  check.jobs = std::max(1U, std::thread::hardware_concurrency());
  check.seed = std::random_device{}() & 0x7fffffff;
  app.add_option("FILE", check.files, "Check only these traces, boot logs or fuzzer inputs")
      ->check(CLI::ExistingFile);
  app.add_option("--time", check.seconds, "Seconds of random traces")
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
        fmt::format("{} traces, {} executions, {} ops, {} findings, {:.0f} s", progress.traces,
                    progress.executions, progress.ops, progress.findings, progress.seconds);
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

bool write_json(const std::string& path, const CheckOptions& options, const CheckResult& result) {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const CheckFinding& finding : result.findings) {
    findings.push_back({{"what", finding.what},
                        {"report", finding.report},
                        {"file", finding.file},
                        {"command", finding.command}});
  }
  const nlohmann::ordered_json all{{"seed", options.seed},
                                   {"jobs", options.jobs},
                                   {"seconds", result.seconds},
                                   {"interrupted", result.interrupted},
                                   {"traces", result.traces},
                                   {"executions", result.executions},
                                   {"ops", result.ops},
                                   {"known_divergences", result.known},
                                   {"findings", std::move(findings)},
                                   {"problems", result.problems}};
  std::ofstream out{path};
  out << all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  return out.good();
}

int run(const Arguments& arguments) {
  const CheckOptions& options = arguments.check;
  fmt::print("lab-check: seed {}, {} jobs\n", options.seed, options.jobs);
  std::fflush(stdout);
  ProgressLine line;
  const CheckResult result =
      run_check(options, stop, [&](const CheckProgress& progress) { line.show(progress); });
  line.end();
  for (const CheckFinding& finding : result.findings) {
    fmt::print("\nfinding: {}\n{}  again: {}\n  keep:  ci/lab keep {} SLUG\n", finding.what,
               finding.report, finding.command, finding.file);
  }
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
