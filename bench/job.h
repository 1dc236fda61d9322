// Job: what is timed. One piece of work on one subject, done in shots, as often as wanted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace memblock::bench {

/// A shot is prepared, worked and looked at; only the middle is timed. A job that would take too
/// long as a whole is sampled: a shot then is a window of its ops, and there are several kinds of
/// windows (phases), such as different fill levels, whose mean stands for the whole.
class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  /// Ops of the whole job, or 0 for one that has no end.
  virtual uint64_t whole() const { return 0; }
  /// A shot of fewer ops says nothing: positions would not average out.
  virtual uint64_t ops_min() const { return 64; }
  virtual uint64_t ops_max() const { return uint64_t{1} << 16; }
  /// Ops of a shot whose instructions are counted: the same on every run, so that few are enough.
  virtual uint64_t ops_counted() const { return ops_min() > 512 ? ops_min() : 512; }
  /// Most shots of a round.
  virtual size_t shots_max() const { return 2000; }
  /// Kinds of shots of this many ops.
  virtual unsigned phases(uint64_t) const { return 1; }

  /// Gets ready for a shot of about `ops` ops; returns how many it will do.
  virtual uint64_t prepare(uint64_t ops, unsigned phase) = 0;
  virtual void work() = 0;
  /// Empty, or what was wrong with the answers and with the state since the last time.
  virtual std::string verify() = 0;
};

}  // namespace memblock::bench
