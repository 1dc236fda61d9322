#include "fuzz/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace memblock::fuzz {
namespace {

using nlohmann::ordered_json;

constexpr size_t kShownLinesMax = 60;

unsigned findings_of(const Target* target, const std::vector<Report>& reports) {
  return static_cast<unsigned>(
      std::count_if(reports.begin(), reports.end(),
                    [&](const Report& report) { return report.finding.target == target; }));
}

/// Whether a target still learns. "OK" every night with nothing new for weeks is worth a look.
std::string health(const TargetResult& target) {
  if (!target.problem.empty()) return "did not run";
  if (target.starts == 0) return "not reached";
  if (target.executions == 0) return "no executions";
  return target.new_units == 0 ? "nothing new" : "exploring";
}

void print_report(const Report& report) {
  const Finding& finding = report.finding;
  fmt::print("\nfinding in {}: {}\n", finding.target->name, finding.signature);
  fmt::print("  seen {} time{}, first after {:.0f} s{}\n", finding.times,
             finding.times == 1 ? "" : "s", finding.at_seconds,
             report.reproduced ? "" : "; it did NOT fail again when run alone");
  for (const std::string& line : report.said) fmt::print("  | {}\n", line);
  size_t lines = 0;
  for (size_t at = 0, end; at < report.shown.size(); at = end + 1) {
    end = std::min(report.shown.find('\n', at), report.shown.size());
    if (++lines > kShownLinesMax) {
      fmt::print("    ... (the rest is in the file)\n");
      break;
    }
    fmt::print("    {}\n", report.shown.substr(at, end - at));
  }
  fmt::print("  replay: {}\n", report.replay_command);
  if (!report.keep_command.empty()) fmt::print("  keep:   {}\n", report.keep_command);
}

ordered_json progress_json(const Progress& progress) {
  return {{"executions", progress.executions}, {"edges", progress.edges},
          {"features", progress.features},     {"corpus_units", progress.corpus_units},
          {"new_units", progress.new_units},   {"rss_mb", progress.rss_mb}};
}

ordered_json target_json(const TargetResult& target, unsigned findings) {
  ordered_json samples = ordered_json::array();
  for (const Sample& sample : target.samples) {
    ordered_json one = progress_json(sample.progress);
    one["at_seconds"] = sample.at_seconds;
    samples.push_back(std::move(one));
  }
  return {{"name", target.target->name},
          {"executions", target.executions},
          {"exec_per_second", target.exec_per_second()},
          {"exec_per_cpu_second", target.exec_per_cpu_second()},
          {"process_seconds", target.seconds},
          {"cpu_seconds", target.cpu_seconds},
          {"edges", target.last.edges},
          {"features", target.last.features},
          {"corpus_units", target.last.corpus_units},
          {"new_units", target.new_units},
          {"peak_rss_mb", target.last.rss_mb},
          {"health", health(target)},
          {"problem", target.problem},
          {"findings", findings},
          {"samples", std::move(samples)}};
}

ordered_json report_json(const Report& report) {
  return {{"target", report.finding.target->name},
          {"signature", report.finding.signature},
          {"times", report.finding.times},
          {"at_seconds", report.finding.at_seconds},
          {"artifact", report.finding.artifact},
          {"smallest", report.smallest},
          {"text_file", report.text_file},
          {"reproduced", report.reproduced},
          {"shown", report.shown},
          {"said", report.said},
          {"replay", report.replay_command},
          {"keep", report.keep_command}};
}

}  // namespace

void print_summary(const CampaignResult& result, const std::vector<Report>& reports) {
  for (const Report& report : reports) print_report(report);
  fmt::print("\n{:<10} {:>12} {:>9} {:>10} {:>8} {:>8} {:>8} {:>7} {:>9}  {}\n", "target",
             "executions", "exec/s", "exec/cpu-s", "seconds", "edges", "features", "corpus",
             "findings", "state");
  uint64_t executions = 0;
  for (const TargetResult& target : result.targets) {
    executions += target.executions;
    fmt::print("{:<10} {:>12} {:>9.0f} {:>10.0f} {:>8.1f} {:>8} {:>8} {:>7} {:>9}  {}\n",
               target.target->name, target.executions, target.exec_per_second(),
               target.exec_per_cpu_second(), target.seconds, target.last.edges,
               target.last.features, target.last.corpus_units, findings_of(target.target, reports),
               health(target));
  }
  for (const TargetResult& target : result.targets) {
    if (!target.problem.empty()) fmt::print("{}: {}\n", target.target->name, target.problem);
  }
  fmt::print("total: executions {}, targets {}, findings {}, {:.0f} s{}\n", executions,
             result.targets.size(), reports.size(), result.seconds,
             result.interrupted ? ", interrupted" : "");
}

bool write_json(const std::string& path, const CampaignOptions& options,
                const CampaignResult& result, const std::vector<Report>& reports) {
  ordered_json targets = ordered_json::array();
  for (const TargetResult& target : result.targets) {
    targets.push_back(target_json(target, findings_of(target.target, reports)));
  }
  ordered_json findings = ordered_json::array();
  for (const Report& report : reports) findings.push_back(report_json(report));
  const ordered_json all{{"seed", options.seed},          {"jobs", options.jobs},
                         {"seconds", result.seconds},     {"interrupted", result.interrupted},
                         {"targets", std::move(targets)}, {"findings", std::move(findings)}};
  std::ofstream out{path};
  // Inputs may hold any bytes: what is not UTF-8 is replaced.
  out << all.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
  return out.good();
}

}  // namespace memblock::fuzz
