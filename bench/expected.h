// What a benchmark must leave behind, worked out in another way than the subject does it: tables of
// moderate size by the model, larger ones from the ranges that went in, which never touch here.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "lab/model.h"
#include "memblock/memblock.h"

namespace memblock::bench {

/// The model is naive on purpose; above this it would take longer than what it checks.
inline constexpr size_t kModelRegionsMax = 1024;

/// Empty when `got` is exactly `expected`, else what differs first.
inline std::string difference(const char* table, RegionView got, RegionView expected) {
  const size_t both = std::min(got.size(), expected.size());
  for (size_t i = 0; i < both; ++i) {
    if (got[i] == expected[i]) continue;
    return std::string{table} + " region " + std::to_string(i) + " differs from what is expected";
  }
  if (got.size() == expected.size()) return {};
  return std::string{table} + " has " + std::to_string(got.size()) + " regions, expected " +
         std::to_string(expected.size());
}

/// Ranges that do not touch, as the table that holds just them.
inline std::vector<Region> table_of(std::vector<PhysRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](PhysRange a, PhysRange b) { return a.base < b.base; });
  std::vector<Region> regions;
  for (const PhysRange range : ranges) {
    regions.push_back({range.base, range.size(), kNoFlags, kUnsetNode});
  }
  return regions;
}

/// Runs `steps` on `subject` and on a model; both tables must agree afterwards.
template <class S, class Steps>
std::string differs_from_model(S& subject, size_t regions_max, Steps&& steps) {
  lab::Limits limits;
  limits.memory = static_cast<uint32_t>(regions_max);
  limits.reserved = static_cast<uint32_t>(regions_max);
  lab::Model model{limits};
  steps(subject);
  steps(model);
  std::string wrong = difference("memory", subject.memory(), model.memory());
  return wrong.empty() ? difference("reserved", subject.reserved(), model.reserved()) : wrong;
}

}  // namespace memblock::bench
