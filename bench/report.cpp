#include "bench/report.h"

#include <fmt/format.h>

#include "bench/stats.h"

namespace memblock::bench {
namespace {

using Run = benchmark::BenchmarkReporter::Run;

/// A counter of all repetitions.
std::vector<double> counter(const std::vector<Run>& runs, const std::string& name) {
  std::vector<double> values;
  for (const Run& run : runs) {
    const auto found = run.counters.find(name);
    if (run.run_type == Run::RT_Iteration && !run.error_occurred && found != run.counters.end()) {
      values.push_back(found->second.value);
    }
  }
  return values;
}

std::string times(double ratio) {
  return ratio < 10 ? fmt::format("{:.2f}x", ratio) : fmt::format("{:.0f}x", ratio);
}

}  // namespace

std::string ns_counter(const std::string& candidate) { return candidate + " ns"; }
std::string ratio_counter(const std::string& candidate) { return candidate + " ratio"; }

std::string plain_name(std::string name) {
  for (const char* suffix : {"/manual_time", "/real_time", "/iterations:1"}) {
    if (const size_t at = name.find(suffix); at != std::string::npos) {
      name.erase(at, std::string{suffix}.size());
    }
  }
  const size_t repeats = name.find("/repeats:");
  return repeats == std::string::npos ? name : name.substr(0, repeats);
}

bool Table::ReportContext(const Context& context) {
  if (silent_) return true;
  fmt::print(
      "{} CPUs at {:.0f} MHz; ns for one op, the median of all rounds and the quartiles;\n"
      "then how many times longer others take, the median of the ratios of each round\n",
      context.cpu_info.num_cpus, context.cpu_info.cycles_per_second / 1e6);
  // The engine's Debian package calls itself a debug build: it is optimised, but without NDEBUG.
  fmt::print("{:<50} {:>9} {:>19}", "benchmark", "ns/op", "quartiles");
  for (const std::string& kernel : columns_.kernels) fmt::print(" {:>10}", kernel);
  fmt::print("{}\n", columns_.peers.empty() ? "" : "  best peer");
  return true;
}

void Table::ReportRuns(const std::vector<Run>& runs) {
  const std::string name = plain_name(runs.front().run_name.str());
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Iteration || !run.error_occurred) continue;
    errors_.push_back(fmt::format("{}: {}", name, run.error_message));
    fmt::print("{:<50} WRONG: {}\n", name, run.error_message);
    return;
  }
  const Spread ns = spread_of(counter(runs, "ns_per_op"));
  if (ns.median == 0) return;
  ++benchmarks_;
  if (silent_) return;
  fmt::print("{:<50} {:>9.1f} {:>19}", name, ns.median,
             fmt::format("{:.1f} .. {:.1f}", ns.low, ns.high));
  for (const std::string& kernel : columns_.kernels) {
    const std::vector<double> ratios = counter(runs, ratio_counter(kernel));
    fmt::print(" {:>10}", ratios.empty() ? "" : times(median(ratios)));
  }
  std::string best;
  double least = 0;
  for (const std::string& peer : columns_.peers) {
    const std::vector<double> ratios = counter(runs, ratio_counter(peer));
    if (ratios.empty() || (!best.empty() && median(ratios) >= least)) continue;
    best = peer;
    least = median(ratios);
  }
  fmt::print("{}\n", best.empty() ? "" : fmt::format("  {} {}", times(least), best));
  std::fflush(stdout);
}

}  // namespace memblock::bench
