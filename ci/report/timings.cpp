#include "report/timings.h"

#include <algorithm>

namespace memblock::report {

TimingTable tabulate(const std::vector<Timing>& timings) {
  TimingTable table;
  std::map<std::string, std::vector<double>> of_whole_runs;
  for (const Timing& timing : timings) {
    std::string row;
    uint64_t regions = 0;
    size_t from = 0;
    for (size_t end = 0; from <= timing.name.size(); from = end + 1) {
      end = std::min(timing.name.find('/', from), timing.name.size());
      const std::string part = timing.name.substr(from, end - from);
      if (part.starts_with("regions:")) {
        regions = std::stoull(part.substr(8));
      } else if (part.find(':') == std::string::npos && part != "manual_time" &&
                 part != "real_time" && part != "core") {
        row += (row.empty() ? "" : " ") + part;
      }
    }
    if (regions == 0) {
      of_whole_runs[row.substr(0, row.find(' '))].push_back(timing.ns_per_op);
      continue;
    }
    table.sizes.insert(regions);
    if (!table.rows.contains(row)) table.order.push_back(row);
    table.rows[row][regions] = timing.ns_per_op;
  }
  for (auto& [family, figures] : of_whole_runs) {
    std::sort(figures.begin(), figures.end());
    table.others.push_back({family, figures.size(), figures[figures.size() / 2], figures.back()});
  }
  return table;
}

}  // namespace memblock::report
