#include "fuzz/cost_score.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>

namespace memblock::fuzz {
namespace {

/// A rung is an eighth of a doubling, so that small steps towards a bound count.
constexpr size_t kRungs = 64;
constexpr size_t kTables = 2;

// The engine takes a counter that is not 0 for something that an input has reached.
__attribute__((section("__libfuzzer_extra_counters")))
uint8_t reached[kTables][lab::kOpCount][kRungs];

size_t rung_of(double share) {
  const uint64_t scaled = static_cast<uint64_t>(share * 256) + 1;
  const auto doublings = static_cast<size_t>(std::bit_width(scaled)) - 1;
  const size_t eighths = static_cast<size_t>((scaled << 3) >> doublings) & 7;
  return std::min(kRungs - 1, doublings * 8 + eighths);
}

class Worst {
 public:
  Worst() = default;
  Worst(const Worst&) = delete;
  Worst& operator=(const Worst&) = delete;
  ~Worst() {
    for (const auto& [name, sample] : samples_) {
      fmt::print(stderr, "cost: {} came to {:.2f} of its bound: {}, {} of {} steps: {}\n", name,
                 share(sample), lab::spec_of(sample.code).name, sample.steps, sample.bound,
                 to_text(sample.extent));
    }
  }

  void add(const CostSample& sample) {
    if (sample.paid != 0) return;
    constexpr const char* kKinds[] = {"", "setting", "lookup", "edit", "allocation", "sweep"};
    const auto kind = static_cast<size_t>(cost_kind(sample.code));
    const std::string name = std::string{sample.table} + " " + kKinds[kind];
    const auto [place, is_new] = samples_.try_emplace(name, sample);
    if (!is_new && share(place->second) < share(sample)) place->second = sample;
  }

  static double share(const CostSample& sample) {
    return static_cast<double>(sample.steps) / static_cast<double>(sample.bound);
  }

 private:
  std::map<std::string, CostSample> samples_;
};

Worst worst;

}  // namespace

std::string to_text(const Extent& extent) {
  return fmt::format(
      "{} regions, {} inside, {} attempts, {} turns, {} passed by and {} of them nearly large "
      "enough",
      extent.regions, extent.inside, extent.attempts, extent.turns, extent.passed, extent.nearly);
}

void keep_score(const CostSample& sample) {
  const size_t table = std::strcmp(sample.table, "flat") == 0 ? 0 : 1;
  reached[table][static_cast<size_t>(sample.code)][rung_of(Worst::share(sample))] = 1;
  worst.add(sample);
}

}  // namespace memblock::fuzz
