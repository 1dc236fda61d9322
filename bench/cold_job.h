// A job each shot of which begins with empty caches.
#pragma once

#include <vector>

#include "bench/table_jobs.h"

namespace memblock::bench {

/// A few ops of another job, after everything has been driven out of the caches by something else:
/// a boot is rows of a few calls, with much in between that is not memblock.
class ColdJob : public Job {
 public:
  explicit ColdJob(std::unique_ptr<Job> job) : job_(std::move(job)) {}

  uint64_t ops_min() const override { return kOps; }
  uint64_t ops_max() const override { return kOps; }
  uint64_t ops_counted() const override { return kOps; }
  size_t shots_max() const override { return 15; }

  uint64_t prepare(uint64_t ops, unsigned phase) override {
    const uint64_t done = job_->prepare(ops, phase);
    static std::vector<uint64_t> other(kSweptBytes / sizeof(uint64_t));
    for (size_t i = 0; i < other.size(); i += kLine / sizeof(uint64_t)) ++other[i];
    use(other[other.size() / 2]);
    return done;
  }
  void work() override { job_->work(); }
  std::string verify() override { return job_->verify(); }

 private:
  static constexpr uint64_t kOps = 16;
  static constexpr size_t kSweptBytes = size_t{64} << 20;

  std::unique_ptr<Job> job_;
};

}  // namespace memblock::bench
