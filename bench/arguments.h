// The command line of lab-bench.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "bench/gate.h"
#include "bench/suite.h"

namespace memblock::bench {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFinding = 1;
inline constexpr int kExitUsage = 2;

struct Arguments {
  std::string filter = ".";
  std::string json;
  std::string baseline;
  std::string compare_json;
  std::string boots = "corpora/boots";
  std::string root = ".";
  std::string goals;
  std::string growth;
  std::vector<std::string> count;
  std::vector<std::string> candidates;
  std::vector<std::string> linux_trees{"6.1", "6.12"};
  std::vector<size_t> sizes;
  double min_time = 0;
  unsigned repetitions = 0;
  GateOptions gate;
  bool no_linux = false;
  bool table = false;
  bool quick = false;
  bool smoke = false;
  bool list = false;
  bool silent = false;
};

void add_options(CLI::App& app, Arguments& arguments);

/// What of the plan the options leave open is filled in.
Plan plan_of(const Arguments& arguments);

/// The candidates asked for, loaded; those that cannot be had are named on stderr. Empty, and
/// `problem`, if one was asked for by a name that nothing has.
std::vector<Candidate> chosen_candidates(const Arguments& arguments, std::string& problem);

}  // namespace memblock::bench
