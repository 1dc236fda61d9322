// A figure out of many.
#pragma once

#include <algorithm>
#include <vector>

namespace memblock::bench {

/// A median and the quartiles beside it.
struct Spread {
  double median = 0;
  double low = 0;
  double high = 0;
};

inline double quantile(const std::vector<double>& sorted, double part) {
  const double at = part * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - static_cast<double>(low));
}

inline Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.5), quantile(values, 0.25), quantile(values, 0.75)};
}

inline double median(std::vector<double> values) { return spread_of(std::move(values)).median; }

}  // namespace memblock::bench
