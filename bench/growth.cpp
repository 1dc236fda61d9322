#include "bench/growth.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "bench/gate.h"

/// What valgrind looks for, by its name.
extern "C" [[gnu::noinline]] void lab_bench_counted(memblock::bench::Job* job) { job->work(); }

namespace memblock::bench {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSizes[] = {1 << 7, 1 << 9, 1 << 11, 1 << 13, 1 << 15, 1 << 17};
/// Tables up to here are shown, and left out of the fit: a tree is an array as long as it is small.
constexpr size_t kSmall = 1 << 7;

/// A row of the document: what a candidate's workload is said to cost.
struct Claim {
  std::string workload;
  std::string candidate;
  std::string growth;
};

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in{line.substr(1)};
  for (std::string cell; std::getline(in, cell, '|');) {
    std::erase(cell, '`');
    const size_t first = cell.find_first_not_of(' ');
    if (first == std::string::npos) {
      cells.emplace_back();
    } else {
      cells.push_back(cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    }
  }
  return cells;
}

/// The table whose first column is headed `workload`; its other columns are candidates.
std::vector<Claim> claims_in(const std::string& document) {
  std::ifstream in{document};
  std::vector<Claim> claims;
  std::vector<std::string> heads;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] != '|') {
      heads.clear();
      continue;
    }
    const std::vector<std::string> cells = cells_of(line);
    if (heads.empty() && cells.front() == "workload") heads = cells;
    if (heads.empty() || !work_of(cells.front())) continue;
    for (size_t i = 1; i < std::min(cells.size(), heads.size()); ++i) {
      claims.push_back({cells.front(), heads[i], cells[i]});
    }
  }
  return claims;
}

double cost(Growth growth, size_t n) {
  switch (growth) {
    case Growth::Constant: return 0;
    case Growth::Logarithmic: return std::log2(static_cast<double>(n));
    case Growth::Linear: return static_cast<double>(n);
  }
  return 0;
}

/// Fits a + b * cost(n) with relative weights; returns the root of the mean squared relative error.
double misfit(const std::vector<Counted>& counted, Growth growth) {
  double w = 0, wf = 0, wff = 0, wy = 0, wfy = 0;
  for (const Counted& one : counted) {
    const double weight = 1 / (one.instructions * one.instructions);
    const double f = cost(growth, one.regions);
    w += weight;
    wf += weight * f;
    wff += weight * f * f;
    wy += weight * one.instructions;
    wfy += weight * f * one.instructions;
  }
  const double under = w * wff - wf * wf;
  const double b = under > 0 ? std::max(0.0, (w * wfy - wf * wy) / under) : 0;
  const double a = (wy - b * wf) / w;
  double sum = 0;
  for (const Counted& one : counted) {
    const double off = (a + b * cost(growth, one.regions)) / one.instructions - 1;
    sum += off * off;
  }
  return std::sqrt(sum / static_cast<double>(counted.size()));
}

/// Instructions in one of valgrind's files, or a negative number.
double total_of(const std::string& path) {
  std::ifstream in{path};
  for (std::string line; std::getline(in, line);) {
    for (const char* key : {"totals: ", "summary: "}) {
      if (line.starts_with(key)) return std::stod(line.substr(std::string{key}.size()));
    }
  }
  return -1;
}

/// Ops of each shot, in order, as the counted program prints them.
struct Shot {
  size_t task;
  size_t regions;
  uint64_t ops;
};

std::vector<Shot> shots_in(const std::string& path) {
  std::ifstream in{path};
  std::vector<Shot> shots;
  for (Shot shot{}; in >> shot.task >> shot.regions >> shot.ops;) shots.push_back(shot);
  return shots;
}

/// Runs a copy of this program without its debug information, which valgrind may not know how to
/// read, under valgrind and with an empty environment. Empty, or what went wrong.
std::string run_under_valgrind(const std::vector<Claim>& claims, const fs::path& folder) {
  const std::string program = (folder / "lab-bench").string();
  const std::string self = fs::read_symlink("/proc/self/exe").string();
  if (run_command({"/usr/bin/strip", "--strip-debug", "-o", program, self}, true) != 0) {
    return "strip failed; install binutils";
  }
  std::vector<std::string> words{"/usr/bin/env",
                                 "-i",
                                 "/usr/bin/valgrind",
                                 "-q",
                                 "--tool=callgrind",
                                 "--collect-atstart=no",
                                 "--toggle-collect=lab_bench_counted",
                                 "--dump-after=lab_bench_counted",
                                 "--callgrind-out-file=" + (folder / "count").string(),
                                 program,
                                 "--no-linux",
                                 "--json",
                                 (folder / "shots").string()};
  for (const Claim& claim : claims) {
    words.emplace_back("--count");
    words.push_back(claim.candidate + " " + claim.workload);
  }
  const int code = run_command(words, true);
  if (code == 0) return {};
  return code < 0 ? "valgrind is missing; apt-get install valgrind"
                  : fmt::format("the counted run ended with code {}", code);
}

}  // namespace

const char* growth_name(Growth growth) {
  switch (growth) {
    case Growth::Constant: return "1";
    case Growth::Logarithmic: return "log n";
    case Growth::Linear: return "n";
  }
  return "";
}

Growth classify(const std::vector<Counted>& counted, double& error) {
  // Steps of a few instructions are no growth; the simplest class that fits wins.
  constexpr double kSame = 0.051;
  Growth best = Growth::Constant;
  error = misfit(counted, best);
  if (error <= kSame) return best;
  for (const Growth growth : {Growth::Logarithmic, Growth::Linear}) {
    const double one = misfit(counted, growth);
    if (one >= error) continue;
    error = one;
    best = growth;
  }
  return best;
}

int run_counted(const std::vector<std::string>& tasks, const std::vector<Candidate>& candidates,
                const std::string& out) {
  std::ofstream file{out};
  for (size_t i = 0; i < tasks.size(); ++i) {
    const size_t space = tasks[i].find(' ');
    const std::optional<Work> work = work_of(tasks[i].substr(space + 1));
    const auto found =
        std::find_if(candidates.begin(), candidates.end(),
                     [&](const Candidate& one) { return one.name == tasks[i].substr(0, space); });
    if (!work || found == candidates.end()) return 2;
    for (const size_t size : kSizes) {
      const std::unique_ptr<Job> job = found->make({*work, size, nullptr});
      if (job == nullptr) return 2;
      uint64_t ops = job->ops_counted();
      if (job->whole() > 0) ops = std::min(ops, std::max(job->ops_min(), job->whole() / 8));
      if (job->ops_counted() == job->whole()) ops = job->whole();
      for (unsigned phase = 0; phase < job->phases(ops); ++phase) {
        file << i << ' ' << size << ' ' << job->prepare(ops, phase) << '\n';
        lab_bench_counted(job.get());
      }
      if (!job->verify().empty()) return 1;
    }
  }
  return file.good() ? 0 : 2;
}

int run_growth(const std::string& document, const std::string& filter, const std::string& json) {
  std::vector<Claim> claims = claims_in(document);
  const std::regex wanted{filter};
  std::erase_if(claims, [&](const Claim& c) { return !std::regex_search(c.workload, wanted); });
  if (claims.empty()) {
    fmt::print(stderr, "lab-bench: {} has no table of growth headed `workload`, or no such row\n",
               document);
    return 2;
  }
  const fs::path folder = fs::temp_directory_path() / fmt::format("lab-bench-{}", getpid());
  fs::create_directories(folder);
  const std::string problem = run_under_valgrind(claims, folder);
  const std::vector<Shot> shots = shots_in((folder / "shots").string());
  std::vector<std::vector<Counted>> counted(claims.size());
  std::vector<uint64_t> ops(claims.size());
  for (size_t i = 0; i < shots.size(); ++i) {
    const double total = total_of((folder / fmt::format("count.{}", i + 1)).string());
    std::vector<Counted>& of_task = counted[shots[i].task];
    if (of_task.empty() || of_task.back().regions != shots[i].regions) {
      of_task.push_back({shots[i].regions, 0});
      ops[shots[i].task] = 0;
    }
    uint64_t& done = ops[shots[i].task];
    Counted& now = of_task.back();
    const auto before = static_cast<double>(done);
    done += shots[i].ops;
    now.instructions = (now.instructions * before + total) / static_cast<double>(done);
  }
  fs::remove_all(folder);
  if (!problem.empty() || shots.empty()) {
    fmt::print(stderr, "lab-bench: {}\n", problem.empty() ? "nothing was counted" : problem);
    return 2;
  }
  fmt::print("instructions for one op\n{:<34} {:<8}", "workload", "subject");
  for (const size_t size : kSizes) fmt::print("{:>10}", size);
  fmt::print("  grows as\n");
  size_t changed = 0;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (size_t i = 0; i < claims.size(); ++i) {
    double error = 0;
    std::vector<Counted> fitted = counted[i];
    std::erase_if(fitted, [](const Counted& one) { return one.regions <= kSmall; });
    const Growth growth = classify(fitted, error);
    const bool same = claims[i].growth == growth_name(growth);
    changed += same ? 0 : 1;
    fmt::print("{:<34} {:<8}", claims[i].workload, claims[i].candidate);
    nlohmann::ordered_json figures;
    for (const Counted& one : counted[i]) {
      fmt::print("{:>10.1f}", one.instructions);
      figures[std::to_string(one.regions)] = one.instructions;
    }
    fmt::print("  {} (off by {:.0f}%)", growth_name(growth), 100 * error);
    fmt::print("{}\n", same ? "" : fmt::format(", but {} says {}", document, claims[i].growth));
    rows.push_back({{"workload", claims[i].workload},
                    {"candidate", claims[i].candidate},
                    {"instructions", figures},
                    {"growth", growth_name(growth)},
                    {"documented", claims[i].growth},
                    {"error", error}});
  }
  fmt::print("growth: {}/{} as documented\n", claims.size() - changed, claims.size());
  if (!json.empty()) {
    std::ofstream out{json};
    out << rows.dump(1) << '\n';
    if (!out.good()) return 2;
  }
  return changed == 0 ? 0 : 1;
}

}  // namespace memblock::bench
