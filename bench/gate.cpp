#include "bench/gate.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/report.h"
#include "bench/stats.h"

namespace memblock::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kPython = "/usr/bin/python3";
constexpr const char* kComparePy = "/usr/share/benchmark/compare.py";

std::optional<json> read_json(const std::string& path) {
  std::ifstream in{path};
  json parsed = json::parse(in, nullptr, false);
  if (parsed.is_discarded()) return std::nullopt;
  return parsed;
}

/// Results of single repetitions that are right. compare.py stumbles over others.
bool is_comparable(const json& result) {
  return result.value("run_type", "") == "iteration" && !result.value("error_occurred", false) &&
         result.contains("real_time");
}

/// ns per op of each benchmark in a file, one figure a repetition.
std::map<std::string, std::vector<double>> figures_of(const json& results) {
  std::map<std::string, std::vector<double>> figures;
  for (const json& result : results.value("benchmarks", json::array())) {
    if (is_comparable(result) && result.contains("ns_per_op")) {
      figures[plain_name(result["name"])].push_back(result["ns_per_op"]);
    }
  }
  return figures;
}

/// Writes a copy with comparable results only. Returns its name, or nothing.
std::optional<std::string> comparable_copy(json results, const std::string& name) {
  json kept = json::array();
  for (json& result : results["benchmarks"]) {
    if (!is_comparable(result)) continue;
    const std::string name = result["name"];
    // Processor time is what counts; where the benchmark measured itself it is in real_time.
    if (name.find("/manual_time") == std::string::npos) result["real_time"] = result["cpu_time"];
    result["name"] = plain_name(name);  // Else another number of repetitions is another name.
    kept.push_back(std::move(result));
  }
  if (kept.empty()) return std::nullopt;
  results["benchmarks"] = std::move(kept);
  const std::string path =
      (fs::temp_directory_path() / fmt::format("lab-bench-{}-{}.json", getpid(), name)).string();
  std::ofstream out{path};
  out << results.dump();
  return out.good() ? std::optional{path} : std::nullopt;
}

/// p values by benchmark name, as compare.py finds them.
std::optional<std::map<std::string, double>> u_test(const std::string& before,
                                                    const std::string& after) {
  const std::string dump =
      (fs::temp_directory_path() / fmt::format("lab-bench-{}-diff.json", getpid())).string();
  const int code = run_command(
      {kPython, kComparePy, "--no-color", "-d", dump, "benchmarks", before, after}, true);
  const std::optional<json> diff = code == 0 ? read_json(dump) : std::nullopt;
  std::error_code ignored;
  fs::remove(dump, ignored);
  if (!diff) return std::nullopt;
  std::map<std::string, double> p_of;
  for (const json& one : *diff) {
    const json& utest = one.value("utest", json::object());
    if (utest.contains("time_pvalue")) p_of[one["name"]] = utest["time_pvalue"];
  }
  return p_of;
}

Change change_of(const std::string& name, const std::vector<double>& before,
                 const std::vector<double>& after, double p, const GateOptions& options) {
  Change change{plain_name(name), median(before), median(after), 1, p, false, false};
  change.ratio = change.before_ns > 0 ? change.after_ns / change.before_ns : 1;
  const bool significant = p <= options.alpha;
  change.slower = significant && change.ratio > options.threshold;
  change.faster = significant && change.ratio < 1 / options.threshold;
  return change;
}

}  // namespace

int run_command(const std::vector<std::string>& command, bool quiet) {
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    if (quiet) {
      const int null = open("/dev/null", O_WRONLY);
      dup2(null, STDOUT_FILENO);
    }
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) return -1;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return code == 127 ? -1 : code;
}

bool Comparison::has_regression() const {
  return std::any_of(changes.begin(), changes.end(),
                     [](const Change& change) { return change.slower; });
}

Comparison compare_results(const std::string& before, const std::string& after,
                           const GateOptions& options) {
  Comparison out;
  const std::optional<json> old_results = read_json(before);
  const std::optional<json> new_results = read_json(after);
  if (!old_results || !new_results) {
    out.problem = fmt::format("{} holds no benchmark results; make some with lab-bench --json",
                              old_results ? after : before);
    return out;
  }
  if (!fs::exists(kComparePy)) {
    out.problem =
        fmt::format("{} is missing; install libbenchmark-tools and python3-scipy", kComparePy);
    return out;
  }
  const auto old_copy = comparable_copy(*old_results, "before");
  const auto new_copy = comparable_copy(*new_results, "after");
  std::optional<std::map<std::string, double>> p_of;
  if (old_copy && new_copy) p_of = u_test(*old_copy, *new_copy);
  std::error_code ignored;
  if (old_copy) fs::remove(*old_copy, ignored);
  if (new_copy) fs::remove(*new_copy, ignored);
  if (!p_of) {
    out.problem = fmt::format("{} could not compare {} with {}; is python3-scipy installed?",
                              kComparePy, before, after);
    return out;
  }
  const auto old_figures = figures_of(*old_results);
  const auto new_figures = figures_of(*new_results);
  double log_sum = 0;
  for (const auto& [name, figures] : old_figures) {
    const auto found = new_figures.find(name);
    if (found == new_figures.end()) {
      out.only_before.push_back(plain_name(name));
      continue;
    }
    if (std::min(figures.size(), found->second.size()) < kRepetitionsMin) {
      out.problem = fmt::format(
          "{} has {} and {} repetitions; at least {} of each are needed to tell "
          "a change from noise: use --repetitions {}",
          plain_name(name), figures.size(), found->second.size(), kRepetitionsMin,
          kRepetitionsDefault);
      return out;
    }
    const auto p = p_of->find(name);
    out.changes.push_back(
        change_of(name, figures, found->second, p == p_of->end() ? 1 : p->second, options));
    log_sum += std::log(out.changes.back().ratio);
  }
  if (out.changes.empty()) out.problem = "the two have no benchmark in common";
  if (!out.changes.empty()) {
    out.geomean_ratio = std::exp(log_sum / static_cast<double>(out.changes.size()));
  }
  return out;
}

void print_comparison(const Comparison& comparison, const GateOptions& options) {
  fmt::print("\n{:<54} {:>10} {:>10} {:>7} {:>8}\n", "compared with the baseline", "before", "now",
             "ratio", "p");
  size_t slower = 0;
  size_t faster = 0;
  for (const Change& change : comparison.changes) {
    slower += change.slower ? 1 : 0;
    faster += change.faster ? 1 : 0;
    fmt::print("{:<54} {:>10.1f} {:>10.1f} {:>7.3f} {:>8.4f}{}\n", change.name, change.before_ns,
               change.after_ns, change.ratio, change.p,
               change.slower   ? "  SLOWER"
               : change.faster ? "  faster"
                               : "");
  }
  for (const std::string& name : comparison.only_before) {
    fmt::print("{:<54} only in the baseline\n", name);
  }
  fmt::print(
      "gate: {} slower, {} faster of {} (median ratio above {:.2f} with p up to {}), geometric "
      "mean {:.3f}\n",
      slower, faster, comparison.changes.size(), options.threshold, options.alpha,
      comparison.geomean_ratio);
}

bool write_comparison(const std::string& path, const Comparison& comparison) {
  nlohmann::ordered_json changes = nlohmann::ordered_json::array();
  for (const Change& change : comparison.changes) {
    changes.push_back({{"name", change.name},
                       {"before_ns", change.before_ns},
                       {"after_ns", change.after_ns},
                       {"ratio", change.ratio},
                       {"p", change.p},
                       {"slower", change.slower},
                       {"faster", change.faster}});
  }
  const nlohmann::ordered_json all{{"regression", comparison.has_regression()},
                                   {"geomean_ratio", comparison.geomean_ratio},
                                   {"only_before", comparison.only_before},
                                   {"changes", std::move(changes)}};
  std::ofstream out{path};
  out << all.dump(2) << '\n';
  return out.good();
}

bool join_results(const std::vector<std::string>& parts, const std::string& joined) {
  json all;
  for (size_t i = 0; i < parts.size(); ++i) {
    std::optional<json> part = read_json(parts[i]);
    if (!part || !part->contains("benchmarks")) return false;
    for (json& result : (*part)["benchmarks"]) {
      result["repetition_index"] = i;
      result["repetitions"] = parts.size();
    }
    if (i == 0) {
      all = std::move(*part);
    } else {
      for (json& result : (*part)["benchmarks"]) all["benchmarks"].push_back(std::move(result));
    }
  }
  std::ofstream out{joined};
  out << all.dump(1) << '\n';
  return out.good();
}

}  // namespace memblock::bench
