// How time is read: short spans by the processor's own counter, long ones as processor time of the
// thread, so that what other programs take of a busy machine is not in them.
#pragma once

#include <time.h>

#include <cstdint>

namespace memblock::bench {

class Stopwatch {
 public:
  /// Above this many nanoseconds a span is likely to be interrupted, and a system call is nothing.
  static constexpr double kLong = 50e3;

  explicit Stopwatch(bool is_long) : long_(is_long) {}

  void start() { start_ = now(); }
  /// Nanoseconds since start(), the reading of the clock included.
  double stop() const {
    const uint64_t ticks = now() - start_;
    return long_ ? static_cast<double>(ticks) : static_cast<double>(ticks) * ns_per_tick();
  }

 private:
  static uint64_t nanoseconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
  }

#ifdef __x86_64__
  static uint64_t ticks() {
    __builtin_ia32_lfence();
    const uint64_t now = __builtin_ia32_rdtsc();
    __builtin_ia32_lfence();
    return now;
  }
  static double ns_per_tick() {
    static const double rate = [] {
      const uint64_t from = nanoseconds(CLOCK_MONOTONIC);
      const uint64_t first = ticks();
      uint64_t until = from;
      while (until - from < 20000000) until = nanoseconds(CLOCK_MONOTONIC);
      return static_cast<double>(until - from) / static_cast<double>(ticks() - first);
    }();
    return rate;
  }
#else
  static uint64_t ticks() { return nanoseconds(CLOCK_MONOTONIC); }
  static double ns_per_tick() { return 1; }
#endif

  uint64_t now() const { return long_ ? nanoseconds(CLOCK_THREAD_CPUTIME_ID) : ticks(); }

  bool long_;
  uint64_t start_ = 0;
};

}  // namespace memblock::bench
