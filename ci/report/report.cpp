// What the stages wrote, read back, added up and shown on the terminal. The page is in page.cpp.
#include "report/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "report/page.h"
#include "report/timings.h"

namespace memblock::report {
namespace {

using nlohmann::ordered_json;

/// A stage's results; an empty object if it left none.
ordered_json read_results(const std::string& path) {
  std::ifstream in{path};
  ordered_json parsed = ordered_json::parse(in, nullptr, false);
  return parsed.is_discarded() ? ordered_json::object() : parsed;
}

uint64_t number(const ordered_json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_number() ? found->get<uint64_t>() : 0;
}

std::string text(const ordered_json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

const ordered_json& list(const ordered_json& from, const char* name) {
  static const ordered_json kNone = ordered_json::array();
  const auto found = from.find(name);
  return found != from.end() && found->is_array() ? *found : kNone;
}

/// `{"right": N, "checked": N}`.
void add_tally(const ordered_json& from, const char* name, uint64_t& right, uint64_t& checked) {
  const auto found = from.find(name);
  if (found == from.end()) return;
  right += number(*found, "right");
  checked += number(*found, "checked");
}

void add_replay(const ordered_json& results, Totals& totals) {
  const ordered_json total = results.value("total", ordered_json::object());
  add_tally(total, "logs", totals.boots_right, totals.boots);
  add_tally(total, "allocations", totals.allocations_right, totals.allocations);
  add_tally(total, "dumps", totals.dumps_right, totals.dumps);
  for (const ordered_json& log : list(results, "logs")) {
    if (log.value("right", false)) continue;
    totals.findings.push_back("replay: " + text(log, "file") + " is not reproduced");
  }
}

void add_check(const ordered_json& results, Totals& totals) {
  totals.traces = number(results, "traces");
  totals.checks = number(results, "ops");
  totals.known = number(results, "known_divergences");
  for (const ordered_json& tree : list(results, "trees")) {
    totals.kernels.push_back(text(tree, "name"));
  }
  for (const ordered_json& finding : list(results, "findings")) {
    totals.findings.push_back("check: " + text(finding, "what"));
  }
}

void add_fuzz(const ordered_json& results, Totals& totals) {
  double process_seconds = 0;
  for (const ordered_json& target : list(results, "targets")) {
    totals.executions += number(target, "executions");
    process_seconds += target.value("process_seconds", 0.0);
    if (const std::string problem = text(target, "problem"); !problem.empty()) {
      totals.problems.push_back("fuzz " + text(target, "name") + ": " + problem);
    }
  }
  if (process_seconds > 0) {
    totals.executions_per_second = static_cast<double>(totals.executions) / process_seconds;
  }
  for (const ordered_json& finding : list(results, "findings")) {
    totals.findings.push_back("fuzz " + text(finding, "target") + ": " +
                              text(finding, "signature"));
  }
}

void add_bench(const ordered_json& results, Report& report) {
  for (const ordered_json& one : list(results, "benchmarks")) {
    if (one.value("error_occurred", false)) {
      report.totals.findings.push_back("bench: " + text(one, "name") + " " +
                                       text(one, "error_message"));
    } else if (one.contains("ns_per_op")) {
      report.timings.push_back({text(one, "run_name"), one["ns_per_op"].get<double>()});
    }
  }
}

/// How a stage ended, if that says more than its results do.
void add_ending(const StageResult& stage, const ordered_json& results, Totals& totals) {
  if (!stage.ran) {
    totals.problems.push_back(stage.name + ": not run");
  } else if (stage.code != 0 && stage.code != 1) {
    const std::string last = stage.lines.empty() ? "" : ": " + stage.lines.back();
    totals.problems.push_back(
        fmt::format("{}: ended with code {}{}", stage.name, stage.code, last));
  } else if (results.empty()) {
    totals.problems.push_back(stage.name + ": left no results");
  } else if (stage.code == 1 &&
             std::none_of(totals.findings.begin(), totals.findings.end(),
                          [&](const std::string& line) { return line.starts_with(stage.name); })) {
    totals.findings.push_back(stage.name + ": see " + stage.name + ".log");
  }
}

}  // namespace

Report collect(const std::vector<StageResult>& stages, const std::string& folder) {
  Report report;
  report.stages = stages;
  ordered_json details;
  for (const StageResult& stage : stages) {
    const ordered_json results =
        stage.ran ? read_results(folder + "/" + stage.name + ".json") : ordered_json::object();
    if (stage.name == "replay") add_replay(results, report.totals);
    if (stage.name == "check") add_check(results, report.totals);
    if (stage.name == "fuzz") add_fuzz(results, report.totals);
    if (stage.name == "bench") add_bench(results, report);
    add_ending(stage, results, report.totals);
    details[stage.name] = {
        {"exit_code", stage.code}, {"seconds", stage.seconds}, {"results", results}};
  }
  report.details = details.dump(1, ' ', false, ordered_json::error_handler_t::replace);
  return report;
}

std::string backends_text(const Totals& totals) {
  if (totals.kernels.empty()) return "core against model";
  return fmt::format("core, model, {}; {} known divergences", fmt::join(totals.kernels, ", "),
                     totals.known);
}

int exit_code(const Report& report) {
  if (!report.totals.findings.empty()) return 1;
  return report.totals.problems.empty() ? 0 : 2;
}

namespace {

void print_timings(const Report& report) {
  const TimingTable table = tabulate(report.timings);
  if (table.order.empty() && table.others.empty()) return;
  fmt::print("\n{:<36}", "ns per op");
  for (const uint64_t size : table.sizes) fmt::print("{:>14}", fmt::format("{} regions", size));
  fmt::print("\n");
  for (const std::string& row : table.order) {
    fmt::print("  {:<34}", row);
    for (const uint64_t size : table.sizes) {
      const auto& figures = table.rows.at(row);
      const auto found = figures.find(size);
      fmt::print("{:>14}", found == figures.end() ? "" : fmt::format("{:.1f}", found->second));
    }
    fmt::print("\n");
  }
  for (const TimingTable::Other& other : table.others) {
    fmt::print("  {:<34}{:>14.1f}  the median of {}; {:.1f} at most\n", other.family, other.median,
               other.count, other.highest);
  }
}

}  // namespace

void print_summary(const Report& report, const std::string& folder) {
  const Totals& totals = report.totals;
  print_timings(report);
  fmt::print("\nboots replayed  {}/{}, allocations {}/{}, dumps {}/{}\n", totals.boots_right,
             totals.boots, totals.allocations_right, totals.allocations, totals.dumps_right,
             totals.dumps);
  fmt::print("checks made     {} ops of {} traces, {}\n", totals.checks, totals.traces,
             backends_text(totals));
  fmt::print("fuzzed          {} executions, {:.0f}/s on one core\n", totals.executions,
             totals.executions_per_second);
  for (const std::string& problem : totals.problems) fmt::print("PROBLEM         {}\n", problem);
  fmt::print("findings        {}\n", totals.findings.size());
  for (const std::string& finding : totals.findings) fmt::print("FINDING         {}\n", finding);
  fmt::print("details         {}/report.html\n", folder);
}

bool write_files(const Report& report, const std::string& folder, const std::string& json) {
  const Totals& totals = report.totals;
  const ordered_json all{{"boots", totals.boots},
                         {"boots_right", totals.boots_right},
                         {"allocations", totals.allocations},
                         {"allocations_right", totals.allocations_right},
                         {"dumps", totals.dumps},
                         {"dumps_right", totals.dumps_right},
                         {"traces", totals.traces},
                         {"checks", totals.checks},
                         {"kernels", totals.kernels},
                         {"known_divergences", totals.known},
                         {"executions", totals.executions},
                         {"executions_per_second", totals.executions_per_second},
                         {"findings", totals.findings},
                         {"problems", totals.problems},
                         {"exit_code", exit_code(report)},
                         {"stages", ordered_json::parse(report.details)}};
  const std::string text = all.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  std::ofstream page{folder + "/report.html"};
  page << page_of(report);
  bool good = page.good();
  for (const std::string& path : {folder + "/report.json", json}) {
    if (path.empty()) continue;
    std::ofstream out{path};
    out << text;
    good = good && out.good();
  }
  return good;
}

}  // namespace memblock::report
