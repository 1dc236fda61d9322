// What a job must leave behind, worked out in another way than the subject does it: tables of
// moderate size by the model too, larger ones from the ranges that went in.
#pragma once

#include <algorithm>
#include <memory>
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

/// Regions that do not touch, in address order.
inline std::vector<Region> in_order(std::vector<Region> regions) {
  std::sort(regions.begin(), regions.end(),
            [](const Region& a, const Region& b) { return a.base < b.base; });
  return regions;
}

/// A model without bounds, for `steps` to be done on.
template <class Steps>
std::unique_ptr<lab::Model> model_after(Steps&& steps) {
  lab::Limits limits;
  limits.memory = limits.reserved = 4 * kModelRegionsMax;
  auto model = std::make_unique<lab::Model>(limits);
  steps(*model);
  return model;
}

}  // namespace memblock::bench
