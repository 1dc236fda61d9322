// Paired rounds: in each one every candidate does a task once, one right after the other, in an
// order that is rotated. Ratios are taken within a round, so that what a busy machine does to one
// candidate it does to the other, and the median over rounds is what counts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/candidate.h"
#include "bench/stats.h"

namespace memblock::bench {

/// What one candidate did in all rounds so far.
struct Lane {
  const Candidate* candidate = nullptr;
  std::vector<double> ns;  ///< For one op; one figure a round.
  std::string problem;     ///< It gave wrong answers: no figures then.
  uint64_t shot = 0;       ///< Ops in a shot.
  bool sampled = false;    ///< Windows stand for the whole job.
};

/// How much slower `other` is than `ours`, round by round.
Spread ratio(const Lane& other, const Lane& ours);

/// One task on all candidates.
class Rounds {
 public:
  /// `seconds`: what each candidate may take in a round, if a shot of its own is not longer.
  Rounds(const Task& task, const std::vector<Candidate>& candidates, double seconds);
  ~Rounds();

  /// The first of the candidates that can do the task.
  const Lane* ours() const { return lanes_.empty() ? nullptr : &lanes_.front(); }
  const std::vector<Lane>& lanes() const { return lanes_; }
  const Lane* lane(const std::string& name) const;
  /// The fastest of a role, or null.
  const Lane* best(Role role) const;

  void round();
  /// Looks once more whether all answers and tables are right. To be called after the last round.
  void finish();

 private:
  void prepare(size_t i);
  double shot(Job& job, uint64_t ops, unsigned phase, bool is_long, uint64_t& done) const;
  double figure(size_t i);

  std::vector<Lane> lanes_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<double> estimates_;  ///< ns for one op.
  double seconds_;
  size_t turn_ = 0;
};

}  // namespace memblock::bench
