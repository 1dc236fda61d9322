// A campaign: fuzz targets run as processes of their own for a given time, several at once.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "fuzz/engine_log.h"
#include "fuzz/registry.h"

namespace memblock::fuzz {

struct CampaignOptions {
  std::vector<const Target*> targets;
  double seconds = 60;  ///< Of wall clock, for all targets together.
  uint64_t runs = 0;    ///< Executions of each target instead of a time; 0: go by time.
  unsigned jobs = 1;    ///< Processes at a time.
  uint64_t seed = 1;
  std::string programs;      ///< Folder of the target programs.
  std::string corpus;        ///< Where each target's corpus grows, one folder a target.
  std::string seeds;         ///< Generated inputs to begin with, one folder a target.
  std::string findings;      ///< Where failing inputs go.
  std::string dictionaries;  ///< Folder of the dictionaries.
  bool terminal = false;     ///< Progress on one line that is rewritten.
};

/// One failing behaviour, however many inputs show it.
struct Finding {
  const Target* target = nullptr;
  std::string signature;
  std::string artifact;  ///< The first input that showed it.
  unsigned times = 1;
  double at_seconds = 0;          ///< When it was found first.
  std::vector<std::string> tail;  ///< What the process printed last.
};

/// Progress of one target at one moment, for charts.
struct Sample {
  double at_seconds = 0;
  Progress progress;
};

struct TargetResult {
  const Target* target = nullptr;
  Progress last;            ///< Coverage and corpus where the last process stood.
  uint64_t executions = 0;  ///< Of all its processes.
  uint64_t new_units = 0;
  double seconds = 0;      ///< Wall clock of its processes.
  double cpu_seconds = 0;  ///< What they got of it.
  unsigned starts = 0;
  std::string problem;  ///< Why it did not run, or empty.
  std::vector<Sample> samples;

  /// Of one processor, also when others keep it busy.
  double exec_per_cpu_second() const {
    return cpu_seconds > 0 ? static_cast<double>(executions) / cpu_seconds : 0;
  }
  double exec_per_second() const {
    return seconds > 0 ? static_cast<double>(executions) / seconds : 0;
  }
};

struct CampaignResult {
  std::vector<TargetResult> targets;
  std::vector<Finding> findings;
  double seconds = 0;
  bool interrupted = false;

  bool has_problem() const;
};

/// Runs until the time is over or `stop` becomes true. A finding ends neither its target nor the
/// others: the process is started again until its time is over or it only repeats itself.
CampaignResult run_campaign(const CampaignOptions& options, const std::atomic<bool>& stop);

}  // namespace memblock::fuzz
