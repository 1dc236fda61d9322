#include "bench/goal_table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <set>

namespace memblock::bench {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void say(const std::string& what) {
  if (isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r\033[K{}", what);
}

/// Measures one task; gives its lanes.
Lanes run_task(const Task& task, const std::vector<Candidate>& candidates, unsigned rounds,
               double seconds, Measured& measured) {
  say(fmt::format("{} {}", task.name(), task.regions));
  Rounds all{task, candidates, seconds};
  for (unsigned i = 0; i < rounds && interrupted == 0; ++i) all.round();
  all.finish();
  for (const Lane& lane : all.lanes()) {
    if (lane.problem.empty()) continue;
    measured.wrong.push_back(fmt::format("{} {}: {}: {}", task.name(), task.regions,
                                         lane.candidate->name, lane.problem));
  }
  return all.lanes();
}

const Lane* lane_of(const Lanes& lanes, const std::string& name) {
  for (const Lane& lane : lanes) {
    if (lane.candidate->name == name && !lane.ns.empty()) return &lane;
  }
  return nullptr;
}

const Lane* ours_of(const Lanes& lanes) {
  const bool measured = !lanes.empty() && !lanes.front().ns.empty();
  return measured ? &lanes.front() : nullptr;
}

/// The limit that takes least.
const Lane* limit_of(const Lanes& lanes) {
  const Lane* least = nullptr;
  for (const Lane& lane : lanes) {
    if (lane.candidate->role != Role::Limit || lane.ns.empty()) continue;
    if (least == nullptr || median(lane.ns) < median(least->ns)) least = &lane;
  }
  return least;
}

Cell time_cell(const Goal& row, const Lanes& lanes) {
  Cell cell;
  const Lane* ours = ours_of(lanes);
  if (ours == nullptr) return cell;
  const bool any_peer = row.against == "peer";
  for (const Lane& lane : lanes) {
    const bool wanted =
        any_peer ? lane.candidate->role == Role::Peer : lane.candidate->name == row.against;
    if (!wanted || lane.ns.empty()) continue;
    const Spread one = ratio(lane, *ours);
    if (cell.ratio && cell.ratio->median <= one.median) continue;
    cell.ratio = one;
    const Lane* const limit = limit_of(lanes);
    cell.limit = limit == nullptr ? std::nullopt : std::optional{ratio(lane, *limit).median};
    if (any_peer) cell.by = lane.candidate->name;
  }
  return cell;
}

/// The geometric mean over all boots of how much longer one other takes than the core, or than the
/// limit, round by round.
std::optional<Spread> mean_of_boots(const std::string& other, const Lane* (*than)(const Lanes&),
                                    const Measured& measured) {
  std::vector<double> logs;  // One sum for each round.
  size_t boots = 0;
  for (const auto& [name, lanes] : measured.boots) {
    const Lane* ours = than(lanes);
    const Lane* theirs = lane_of(lanes, other);
    if (ours == nullptr || theirs == nullptr) continue;
    const size_t rounds = std::min(ours->ns.size(), theirs->ns.size());
    if (boots++ == 0) logs.assign(rounds, 0);
    logs.resize(std::min(logs.size(), rounds));
    for (size_t i = 0; i < logs.size(); ++i) logs[i] += std::log(theirs->ns[i] / ours->ns[i]);
  }
  if (boots == 0) return std::nullopt;
  for (double& log : logs) log = std::exp(log / static_cast<double>(boots));
  return spread_of(std::move(logs));
}

Cell boots_cell(const Goal& row, const Measured& measured) {
  Cell cell;
  std::set<std::string> others{row.against};
  if (row.against == "peer") {
    others.clear();
    for (const auto& [name, lanes] : measured.boots) {
      for (const Lane& lane : lanes) {
        if (lane.candidate->role == Role::Peer) others.insert(lane.candidate->name);
      }
    }
  }
  for (const std::string& other : others) {
    const std::optional<Spread> mean = mean_of_boots(other, ours_of, measured);
    if (!mean || (cell.ratio && cell.ratio->median <= mean->median)) continue;
    cell.ratio = mean;
    const std::optional<Spread> least = mean_of_boots(other, limit_of, measured);
    cell.limit = least ? std::optional{least->median} : std::nullopt;
    cell.by = row.against == "peer" ? other : "";
  }
  return cell;
}

Cell slowest_cell(const Goal& row, const Measured& measured) {
  Cell slowest;
  for (const auto& [name, lanes] : measured.boots) {
    const Cell cell = time_cell(row, lanes);
    if (!cell.ratio || (slowest.ratio && slowest.ratio->median <= cell.ratio->median)) continue;
    slowest.ratio = cell.ratio;
    slowest.by = name;
  }
  return slowest;
}

Cell memory_cell(const Goal& row, size_t size, const Measured& measured) {
  Cell cell;
  const auto found = measured.memory.find(size);
  if (found == measured.memory.end()) return cell;
  const auto bytes = [&](const MemoryUse& use) {
    return static_cast<double>(row.measure == Goal::Measure::MemoryAtRest ? use.at_rest
                                                                          : use.at_peak);
  };
  const auto& all = found->second;
  for (const auto& [candidate, use] : all) {
    const bool wanted =
        row.against == "peer" ? candidate->role == Role::Peer : candidate->name == row.against;
    const double one = bytes(use) / bytes(all.front().second);
    if (!wanted || (cell.ratio && cell.ratio->median <= one)) continue;
    cell.ratio = Spread{one, one, one};
    cell.by = row.against == "peer" ? candidate->name : "";
  }
  return cell;
}

}  // namespace

Measured measure(const Goals& goals, const std::vector<size_t>& sizes,
                 const std::vector<Candidate>& candidates, const std::vector<Boot>& boots,
                 unsigned rounds, double seconds) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  Measured measured;
  bool with_boots = false;
  bool with_memory = false;
  for (const Goal& row : goals.rows) {
    with_boots = with_boots || !row.has_sizes();
    with_memory = with_memory || (row.has_sizes() && row.measure != Goal::Measure::Time);
    if (row.measure != Goal::Measure::Time) continue;
    for (const size_t size : sizes) {
      if (measured.tasks.contains({row.work, size}) || interrupted != 0) continue;
      measured.tasks[{row.work, size}] =
          run_task({row.work, size, nullptr}, candidates, rounds, seconds, measured);
    }
  }
  for (const Boot& boot : boots) {
    if (!with_boots || interrupted != 0) break;
    measured.boots.emplace_back(
        boot.name, run_task({Work::Boot, 0, &boot}, candidates, rounds, seconds, measured));
  }
  for (const size_t size : sizes) {
    if (!with_memory || interrupted != 0) break;
    say(fmt::format("memory {}", size));
    for (const Candidate& candidate : candidates) {
      if (candidate.memory == nullptr) continue;
      measured.memory[size].emplace_back(&candidate, candidate.memory(size));
    }
  }
  say("");
  measured.interrupted = interrupted != 0;
  std::signal(SIGINT, SIG_DFL);
  return measured;
}

Cell cell_of(const Goal& row, size_t column, const Goals& goals, const Measured& measured) {
  Cell cell;
  const size_t size = row.has_sizes() ? goals.sizes[column] : 0;
  switch (row.measure) {
    case Goal::Measure::Time: {
      const auto found = measured.tasks.find({row.work, size});
      if (found != measured.tasks.end()) cell = time_cell(row, found->second);
      break;
    }
    case Goal::Measure::Boots: cell = boots_cell(row, measured); break;
    case Goal::Measure::SlowestBoot: cell = slowest_cell(row, measured); break;
    case Goal::Measure::MemoryAtRest:
    case Goal::Measure::MemoryAtPeak: cell = memory_cell(row, size, measured); break;
  }
  cell.goal = row.wanted[column];
  return cell;
}

std::optional<Spread> distance(const Lanes& lanes, const std::string& limit) {
  const Lane* ours = ours_of(lanes);
  const Lane* least = lane_of(lanes, limit);
  if (ours == nullptr || least == nullptr) return std::nullopt;
  return ratio(*ours, *least);
}

}  // namespace memblock::bench
