#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace memblock::bench {

std::string plain_name(std::string name) {
  for (const char* suffix : {"/manual_time", "/real_time"}) {
    if (const size_t at = name.find(suffix); at != std::string::npos) {
      name.erase(at, std::string{suffix}.size());
    }
  }
  const size_t repeats = name.find("/repeats:");
  return repeats == std::string::npos ? name : name.substr(0, repeats);
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

bool Table::ReportContext(const Context& context) {
  if (silent_) return true;
  fmt::print("{} CPUs at {:.0f} MHz; ns for one op, the median of all repetitions\n",
             context.cpu_info.num_cpus, context.cpu_info.cycles_per_second / 1e6);
  // The engine's Debian package calls itself a debug build: it is optimised, but without NDEBUG.
  fmt::print("{:<54} {:>12} {:>21} {:>9}\n", "benchmark", "ns/op", "lowest .. highest", "ops");
  return true;
}

void Table::ReportRuns(const std::vector<Run>& runs) {
  std::vector<double> figures;
  double ops = 0;
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Iteration) continue;
    if (run.error_occurred) {
      errors_.push_back(fmt::format("{}: {}", plain_name(run.run_name.str()), run.error_message));
      fmt::print("{:<54} WRONG: {}\n", plain_name(run.run_name.str()), run.error_message);
      continue;
    }
    const auto figure = run.counters.find("ns_per_op");
    if (figure != run.counters.end()) figures.push_back(figure->second.value);
    const auto count = run.counters.find("ops");
    if (count != run.counters.end()) ops = count->second.value;
  }
  if (figures.empty()) return;
  ++benchmarks_;
  if (silent_) return;
  const auto [low, high] = std::minmax_element(figures.begin(), figures.end());
  fmt::print("{:<54} {:>12.1f} {:>21} {:>9.0f}\n", plain_name(runs.front().run_name.str()),
             median(figures), fmt::format("{:.1f} .. {:.1f}", *low, *high), ops);
  std::fflush(stdout);
}

}  // namespace memblock::bench
