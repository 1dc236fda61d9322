// lab-fuzz: runs fuzzing campaigns, makes findings small and readable, and says how to keep them.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>

#include "fuzz/campaign.h"
#include "fuzz/distil.h"
#include "fuzz/process.h"
#include "fuzz/summary.h"

namespace {

using namespace memblock::fuzz;

constexpr int kExitOk = 0;
constexpr int kExitFinding = 1;
constexpr int kExitUsage = 2;

std::atomic<bool> stop{false};

void on_signal(int /*number*/) {
  // The second Ctrl-C ends at once: the processes die with us.
  if (stop.exchange(true)) _exit(kExitUsage);
}

struct Arguments {
  std::vector<std::string> names;
  std::string json;
  double triage_seconds = 60;
  bool list = false;
  bool distil = false;
  CampaignOptions campaign;
};

const char* const kExamples =
    "Examples:\n"
    "  lab-fuzz --time 60 --jobs 2            every target, a minute in all\n"
    "  lab-fuzz ops --time 600                one target, ten minutes\n"
    "  lab-fuzz ops --runs 100000 --seed 7    the same executions each time\n"
    "  lab-fuzz --distil                      shrink the corpora to what covers the same\n"
    "Exit code: 0 nothing found, 1 a finding, 2 wrong usage or a target that does not run.";

void add_options(CLI::App& app, Arguments& arguments) {
  CampaignOptions& campaign = arguments.campaign;
  const std::string here = program_folder();
  campaign.programs = here;
  campaign.corpus = here + "/fuzz-corpus";
  campaign.seeds = here + "/fuzz-seeds";
  campaign.findings = here + "/fuzz-findings";
  campaign.dictionaries = here + "/fuzz-dictionaries";
  campaign.seed = std::random_device{}() & 0x7fffffff;
  app.add_option("TARGET", arguments.names, "Targets to run, all when none is named");
  app.add_option("--time", campaign.seconds, "Seconds of wall clock for all targets together")
      ->check(CLI::Range(1.0, 1e7))
      ->capture_default_str();
  app.add_option("--runs", campaign.runs, "Executions of each target instead of a time");
  app.add_option("--jobs", campaign.jobs, "Processes at a time")
      ->check(CLI::Range(1u, 1024u))
      ->capture_default_str();
  app.add_option("--seed", campaign.seed, "Seed of all random choices; random when not given");
  app.add_option("--json", arguments.json, "Write the results to this file");
  app.add_option("--corpus", campaign.corpus, "Folder in which the corpora grow");
  app.add_option("--findings", campaign.findings, "Folder for failing inputs");
  app.add_option("--programs", campaign.programs, "Folder of the target programs");
  app.add_option("--minimise-time", arguments.triage_seconds, "Seconds to make a finding small")
      ->capture_default_str();
  app.add_flag("--distil", arguments.distil,
               "Instead of fuzzing, drop inputs that add no coverage; failing ones are findings");
  app.add_flag("--list", arguments.list, "List the targets");
  app.footer(kExamples);
}

bool choose_targets(Arguments& arguments) {
  const std::span<const Target> all = targets();
  for (std::string name : arguments.names) {
    if (name.starts_with("fuzz_")) name = name.substr(5);
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Target& target) { return target.name == name; });
    if (found == all.end()) {
      fmt::print(stderr, "lab-fuzz: no target is called {}; `lab-fuzz --list` names them\n", name);
      return false;
    }
    arguments.campaign.targets.push_back(&*found);
  }
  if (arguments.campaign.targets.empty()) {
    for (const Target& target : all) arguments.campaign.targets.push_back(&target);
  }
  return true;
}

/// Plain builds of the targets know no engine options: say so before anything is started.
bool programs_can_fuzz(const CampaignOptions& campaign) {
  for (const Target* target : campaign.targets) {
    const std::string program = fmt::format("{}/{}", campaign.programs, target->program);
    std::vector<std::string> lines;
    const int code = run_to_end({program, "-help=1"}, 30, lines);
    const bool engine = std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("max_total_time") != std::string::npos;
    });
    if (engine) continue;
    fmt::print(stderr, "lab-fuzz: {} {}; build with `cmake --preset fuzz` and `cmake --build`\n",
               program, code == -1 ? "is not there" : "is built without libFuzzer");
    return false;
  }
  return true;
}

int run_distil(const Arguments& arguments) {
  const std::vector<Distilled> results = distil(arguments.campaign, stop);
  if (!arguments.json.empty() && !write_json(arguments.json, results)) {
    fmt::print(stderr, "lab-fuzz: {} cannot be written\n", arguments.json);
    return kExitUsage;
  }
  const auto any = [&](auto&& wanted) {
    return std::any_of(results.begin(), results.end(), wanted);
  };
  if (any([](const Distilled& result) { return result.failing != 0; })) return kExitFinding;
  return stop || any([](const Distilled& result) { return !result.problem.empty(); }) ? kExitUsage
                                                                                      : kExitOk;
}

int run(Arguments& arguments) {
  CampaignOptions& campaign = arguments.campaign;
  if (!choose_targets(arguments)) return kExitUsage;
  if (arguments.list) {
    for (const Target* target : campaign.targets) {
      fmt::print("{:<10} {}, inputs up to {} bytes\n", target->name, target->program,
                 target->input_bytes_max);
    }
    return kExitOk;
  }
  set_sanitizer_environment();
  if (!programs_can_fuzz(campaign)) return kExitUsage;
  campaign.terminal = isatty(STDOUT_FILENO) == 1;
  if (arguments.distil) return run_distil(arguments);

  fmt::print("lab-fuzz: {} target{}, {}, {} job{}, seed {}\n", campaign.targets.size(),
             campaign.targets.size() == 1 ? "" : "s",
             campaign.runs != 0 ? fmt::format("{} executions each", campaign.runs)
                                : fmt::format("{:.0f} s", campaign.seconds),
             campaign.jobs, campaign.jobs == 1 ? "" : "s", campaign.seed);
  std::fflush(stdout);
  const CampaignResult result = run_campaign(campaign, stop);
  std::vector<Report> reports;
  for (const Finding& finding : result.findings) {
    fmt::print("minimising a finding of {} ...\n", finding.target->name);
    std::fflush(stdout);
    Report report = triage(finding, campaign, arguments.triage_seconds);
    if (!report.reproduced && about_time(finding)) {
      fmt::print("{} was slow only while the machine was busy: not counted\n", finding.artifact);
      continue;
    }
    reports.push_back(std::move(report));
  }
  print_summary(result, reports);
  if (!arguments.json.empty() && !write_json(arguments.json, campaign, result, reports)) {
    fmt::print(stderr, "lab-fuzz: {} cannot be written\n", arguments.json);
    return kExitUsage;
  }
  if (!reports.empty()) return kExitFinding;
  return result.has_problem() ? kExitUsage : kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  CLI::App app{
      "Fuzzes memblock against its model: the core, E820, command lines, boot logs, traces."};
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
    return run(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const std::filesystem::filesystem_error& error) {
    fmt::print(stderr, "lab-fuzz: {}\n", error.what());
    return kExitUsage;
  }
}
