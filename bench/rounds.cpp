#include "bench/rounds.h"

#include <algorithm>
#include <cmath>

#include "bench/stopwatch.h"

namespace memblock::bench {
namespace {

/// A shot is long enough to make the reading of the clock small, and short enough for many.
constexpr double kShotNs = 100e3;
/// A whole job that takes longer is sampled, in windows of about this length.
constexpr double kWholeNsMax = 60e6;
constexpr double kWindowNs = 10e6;
constexpr double kTrialNs = 2e6;

struct NoWork : Job {
  uint64_t prepare(uint64_t ops, unsigned) override { return ops; }
  void work() override {}
  std::string verify() override { return {}; }
};

/// What a shot without work comes to: the clock and the call.
double overhead(bool is_long) {
  static const auto measure = [](bool of_long) {
    NoWork nothing;
    Job& job = nothing;
    Stopwatch watch{of_long};
    std::vector<double> seen;
    for (int i = 0; i < 2001; ++i) {
      watch.start();
      job.work();
      seen.push_back(watch.stop());
    }
    return median(seen);
  };
  static const double of_short = measure(false);
  static const double of_long = measure(true);
  return is_long ? of_long : of_short;
}

uint64_t count_of(double ops) { return static_cast<uint64_t>(std::max(1.0, std::min(ops, 1e9))); }

}  // namespace

Spread ratio(const Lane& other, const Lane& ours) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(other.ns.size(), ours.ns.size()); ++i) {
    if (ours.ns[i] > 0) ratios.push_back(other.ns[i] / ours.ns[i]);
  }
  return spread_of(std::move(ratios));
}

Rounds::Rounds(const Task& task, const std::vector<Candidate>& candidates, double seconds)
    : seconds_(seconds) {
  for (const Candidate& candidate : candidates) {
    std::unique_ptr<Job> job = candidate.make == nullptr ? nullptr : candidate.make(task);
    if (job == nullptr) continue;
    lanes_.push_back({&candidate, {}, {}, 0, false});
    jobs_.push_back(std::move(job));
    estimates_.push_back(0);
    prepare(jobs_.size() - 1);
  }
}

Rounds::~Rounds() = default;

const Lane* Rounds::lane(const std::string& name) const {
  for (const Lane& lane : lanes_) {
    if (lane.candidate->name == name) return &lane;
  }
  return nullptr;
}

const Lane* Rounds::best(Role role) const {
  const Lane* best = nullptr;
  for (const Lane& lane : lanes_) {
    if (lane.candidate->role != role || lane.ns.empty()) continue;
    if (best == nullptr || median(lane.ns) < median(best->ns)) best = &lane;
  }
  return best;
}

double Rounds::shot(Job& job, uint64_t ops, unsigned phase, bool is_long, uint64_t& done) const {
  done = job.prepare(ops, phase);
  Stopwatch watch{is_long};
  watch.start();
  job.work();
  const double ns = watch.stop() - overhead(is_long);
  return std::max(ns, 0.0) / static_cast<double>(std::max<uint64_t>(done, 1));
}

/// Finds out what an op costs, whether the answers are right, and how long a shot is to be.
void Rounds::prepare(size_t i) {
  Job& job = *jobs_[i];
  Lane& lane = lanes_[i];
  const bool endless = job.whole() == 0;
  uint64_t ops = endless ? job.ops_min() : std::min(job.ops_min(), job.whole());
  uint64_t done = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    double sum = 0;
    const unsigned phases = job.phases(ops);
    for (unsigned phase = 0; phase < phases; ++phase) {
      const double rough = estimates_[i] * static_cast<double>(ops);
      sum += shot(job, ops, phase, rough > Stopwatch::kLong, done);
      if (attempt == 0 && lane.problem.empty()) lane.problem = job.verify();
    }
    // The first shots of a candidate are cold, and some are interrupted: the least counts.
    const double now = std::max(sum / phases, 0.1);
    estimates_[i] = attempt == 0 || endless ? now : std::min(estimates_[i], now);
    const uint64_t most = endless ? std::max(job.ops_max(), job.ops_min())
                                  : std::max(job.whole() / 8, std::min(job.ops_min(), job.whole()));
    ops = std::clamp(count_of((endless ? kShotNs : kTrialNs) / estimates_[i]),
                     std::min(job.ops_min(), most), most);
  }
  if (!endless) {
    const bool fits = estimates_[i] * static_cast<double>(job.whole()) <= kWholeNsMax;
    lane.sampled = !fits && job.ops_min() < job.whole() / 8;
    ops = lane.sampled ? std::clamp(count_of(kWindowNs / estimates_[i]), job.ops_min(),
                                    std::max(job.ops_min(), job.whole() / 8))
                       : job.whole();
  }
  lane.shot = ops;
  if (!lane.problem.empty() || endless || lane.sampled) return;
  // The whole has not been done yet.
  double sum = 0;
  for (unsigned phase = 0; phase < job.phases(ops); ++phase) {
    sum += shot(job, ops, phase, estimates_[i] * static_cast<double>(ops) > Stopwatch::kLong, done);
    if (lane.problem.empty()) lane.problem = job.verify();
  }
  estimates_[i] = std::max(sum / job.phases(ops), 0.1);
}

/// One candidate's figure of a round: the median over its shots of each phase, their mean.
double Rounds::figure(size_t i) {
  Job& job = *jobs_[i];
  const uint64_t ops = lanes_[i].shot;
  const bool is_long = estimates_[i] * static_cast<double>(ops) > Stopwatch::kLong;
  const unsigned phases = job.phases(ops);
  std::vector<std::vector<double>> seen(phases);
  double spent = 0;
  for (size_t shots = 0; shots < job.shots_max(); ++shots) {
    const bool all_phases = shots >= phases && shots % phases == 0;
    if (all_phases && spent >= seconds_ * 1e9) break;
    uint64_t done = 0;
    const auto phase = static_cast<unsigned>(shots % phases);
    const double ns = shot(job, ops, phase, is_long, done);
    seen[phase].push_back(ns);
    spent += ns * static_cast<double>(done);
  }
  double sum = 0;
  for (std::vector<double>& one : seen) sum += median(std::move(one));
  return sum / phases;
}

void Rounds::round() {
  for (size_t step = 0; step < lanes_.size(); ++step) {
    const size_t i = (turn_ + step) % lanes_.size();
    if (lanes_[i].problem.empty()) lanes_[i].ns.push_back(figure(i));
  }
  ++turn_;
}

void Rounds::finish() {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (!lanes_[i].problem.empty()) continue;
    lanes_[i].problem = jobs_[i]->verify();
    if (!lanes_[i].problem.empty()) lanes_[i].ns.clear();
  }
}

}  // namespace memblock::bench
