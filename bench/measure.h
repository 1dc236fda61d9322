// How things are timed here: in batches on prepared subjects, so that neither the clock nor the
// preparation is part of the figure, and never before the result was found right.
#pragma once

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace memblock::bench {

/// A benchmark of this name for each size, with the size as a named argument.
template <class F>
benchmark::internal::Benchmark* register_sizes(const std::string& name,
                                               const std::vector<int64_t>& sizes, F&& body) {
  auto* registered = benchmark::RegisterBenchmark(name.c_str(), std::forward<F>(body));
  registered->ArgName("regions");
  for (const int64_t size : sizes) registered->Arg(size);
  return registered;
}

/// Which sizes are registered.
struct Plan {
  std::vector<int64_t> regions;  ///< Table sizes, ascending.
  int64_t random_build_max =
      0;              ///< Random builds are quadratic in a flat table: no more than this.
  std::string boots;  ///< Folder of boot logs, or empty.
};

/// Runs `check` the first time this benchmark instance is entered; the engine enters it several
/// times while it looks for a good iteration count. `check` returns what is wrong, or nothing.
/// False: the instance was ended with an error and must not be timed.
template <class Check>
bool right_once(benchmark::State& state, const std::string& key, Check&& check) {
  static std::set<std::string> right;
  if (right.contains(key)) return true;
  const std::string wrong = check();
  if (!wrong.empty()) {
    state.SkipWithError(wrong.c_str());
    return false;
  }
  right.insert(key);
  return true;
}

/// Counters of a result: nanoseconds for one op, ops in an iteration, regions in the table.
inline void report_ops(benchmark::State& state, uint64_t ops_each, uint64_t regions) {
  using benchmark::Counter;
  const double all = static_cast<double>(ops_each) * static_cast<double>(state.iterations());
  state.counters["ns_per_op"] = Counter(all * 1e-9, Counter::kIsRate | Counter::kInvert);
  state.counters["ops"] = static_cast<double>(ops_each);
  state.counters["regions"] = static_cast<double>(regions);
}

/// Work of one op can take 10 ns: less than a clock reading. A batch of subjects is made first,
/// then all of them are worked on between two readings.
inline constexpr uint64_t kBatchOpsMin = 4096;

/// Processor time of this thread: what other programs take of a busy machine is not in it.
inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Times `work(subject)`, which is `ops` ops on a table of `regions`, on subjects fresh from
/// `make()`.
template <class Make, class Work>
void time_on_fresh(benchmark::State& state, uint64_t ops, uint64_t regions, Make&& make,
                   Work&& work) {
  const uint64_t batch = std::max<uint64_t>(1, kBatchOpsMin / std::max<uint64_t>(1, ops));
  std::vector<decltype(make())> subjects;
  for (auto iteration : state) {
    static_cast<void>(iteration);
    subjects.clear();
    for (uint64_t i = 0; i < batch; ++i) subjects.push_back(make());
    const double start = thread_seconds();
    for (auto& subject : subjects) work(*subject);
    state.SetIterationTime(thread_seconds() - start);
  }
  report_ops(state, ops * batch, regions);
}

/// Pseudo-random numbers that are the same with every library.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t below(uint64_t bound) { return next() % bound; }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  uint64_t next() {  // splitmix64
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

}  // namespace memblock::bench
