// The table of goals as text and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/goal_table.h"

namespace memblock::bench {
namespace {

constexpr int kTitle = 32;
constexpr int kColumn = 15;

std::string short_number(double value) {
  if (value >= 100) return fmt::format("{:.0f}", value);
  if (value >= 10) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::string quartiles(const Spread& spread) {
  return short_number(spread.low) + "-" + short_number(spread.high);
}

/// Positions of `sizes` among those of the goals.
std::vector<size_t> columns(const Goals& goals, const std::vector<size_t>& sizes) {
  std::vector<size_t> out;
  for (size_t i = 0; i < goals.sizes.size(); ++i) {
    if (std::find(sizes.begin(), sizes.end(), goals.sizes[i]) != sizes.end()) out.push_back(i);
  }
  return out;
}

std::vector<size_t> columns_of(const Goal& row, const Goals& goals,
                               const std::vector<size_t>& sizes) {
  return row.has_sizes() ? columns(goals, sizes) : std::vector<size_t>{0};
}

void print_line(const std::string& title, const std::vector<std::string>& cells) {
  fmt::print("  {:<{}}", title, kTitle - 2);
  for (const std::string& cell : cells) fmt::print("{:>{}}", cell, kColumn);
  fmt::print("\n");
}

struct Count {
  size_t reached = 0;
  size_t beyond = 0;
  size_t cells = 0;
};

Count print_row(const Goal& row, const Goals& goals, const std::vector<size_t>& sizes,
                const Measured& measured) {
  Count count;
  std::vector<std::string> ratios, wanted, spreads, limits, names;
  bool any_name = false;
  bool any_goal = false;
  bool any_limit = false;
  for (const size_t column : columns_of(row, goals, sizes)) {
    const Cell cell = cell_of(row, column, goals, measured);
    const bool is_short = cell.counts() && !cell.reached();
    count.cells += cell.counts() ? 1 : 0;
    count.reached += cell.reached() ? 1 : 0;
    count.beyond += cell.beyond() ? 1 : 0;
    ratios.push_back((cell.ratio ? short_number(cell.ratio->median) + "x" : "none") +
                     (is_short ? " *" : "  "));
    wanted.push_back(cell.goal ? short_number(*cell.goal) + "x  " : "-  ");
    spreads.push_back(cell.ratio ? quartiles(*cell.ratio) + "  " : "");
    limits.push_back(cell.limit ? short_number(*cell.limit) + (cell.beyond() ? "x ^" : "x  ") : "");
    names.push_back(cell.by.size() > kColumn - 3 && row.has_sizes()
                        ? cell.by.substr(0, kColumn - 3) + "  "
                        : cell.by + "  ");
    any_name = any_name || !cell.by.empty();
    any_goal = any_goal || cell.counts();
    any_limit = any_limit || cell.limit;
  }
  fmt::print("{}, vs {}\n", row.title, row.against == "peer" ? "best peer" : row.against);
  print_line("measured", ratios);
  if (any_goal) print_line("goal", wanted);
  print_line("quartiles", spreads);
  if (any_goal && any_limit) print_line("the unavoidable alone", limits);
  if (any_name) print_line("", names);
  return count;
}

void print_distances(const Goals& goals, const std::vector<size_t>& sizes,
                     const Measured& measured) {
  fmt::print(
      "\nns for one op, and distance to the limit: the unavoidable work alone, for a tree and"
      " for an array\n");
  std::vector<Work> shown;
  for (const Goal& row : goals.rows) {
    const bool again = std::find(shown.begin(), shown.end(), row.work) != shown.end();
    if (row.measure != Goal::Measure::Time || again) continue;
    shown.push_back(row.work);
    std::vector<std::string> ns, tree, array;
    for (const size_t column : columns(goals, sizes)) {
      const auto found = measured.tasks.find({row.work, goals.sizes[column]});
      const bool none = found == measured.tasks.end() || found->second.empty();
      ns.push_back(none ? "none" : short_number(median(found->second.front().ns)) + "  ");
      for (auto& [cells, limit] :
           {std::pair{&tree, "limit:tree"}, std::pair{&array, "limit:array"}}) {
        const std::optional<Spread> far = none ? std::nullopt : distance(found->second, limit);
        cells->push_back(far ? short_number(far->median) + (far->median > 2 ? "x *" : "x  ") : "");
      }
    }
    fmt::print("{}\n", row.title);
    print_line("core, ns", ns);
    print_line("over the limit of a tree", tree);
    print_line("over the limit of an array", array);
  }
}

void print_memory(const std::vector<size_t>& sizes, const Measured& measured) {
  if (measured.memory.empty()) return;
  fmt::print("\nbytes for a region, at rest / at the peak of growth\n");
  const auto& first = measured.memory.begin()->second;
  for (size_t i = 0; i < first.size(); ++i) {
    std::vector<std::string> cells;
    for (const size_t size : sizes) {
      const auto found = measured.memory.find(size);
      if (found == measured.memory.end()) continue;
      const MemoryUse& use = found->second[i].second;
      const auto n = static_cast<double>(size);
      cells.push_back(fmt::format("{:.0f} / {:.0f}  ", static_cast<double>(use.at_rest) / n,
                                  static_cast<double>(use.at_peak) / n));
    }
    print_line(first[i].first->name, cells);
  }
}

/// Which figures stand for more than was done.
std::vector<std::string> sampled(const Measured& measured) {
  std::vector<std::string> out;
  for (const auto& [task, lanes] : measured.tasks) {
    for (const Lane& lane : lanes) {
      if (!lane.sampled) continue;
      out.push_back(fmt::format("{} at {}: {}, windows of {} ops",
                                Task{task.first, 8, nullptr}.name(), task.second,
                                lane.candidate->name, lane.shot));
    }
  }
  return out;
}

nlohmann::ordered_json json_of(const Spread& spread) {
  return {{"median", spread.median}, {"low", spread.low}, {"high", spread.high}};
}

}  // namespace

bool print_table(const Goals& goals, const std::vector<size_t>& sizes, const Measured& measured) {
  fmt::print(
      "How many times longer others take than the core: the median of the ratios of each "
      "round, the goal, and the\nquartiles; * falls short. Then how many times longer they take "
      "than the unavoidable work alone, of a tree or an\narray, whichever takes less (of a boot: "
      "than putting down answers that are known); ^ falls short of\nthe goal too\n\n");
  std::vector<std::string> heads;
  for (const size_t column : columns(goals, sizes)) {
    heads.push_back(fmt::format("n={}  ", goals.sizes[column]));
  }
  print_line("", heads);
  Count all;
  for (const Goal& row : goals.rows) {
    const Count count = print_row(row, goals, sizes, measured);
    all.reached += count.reached;
    all.beyond += count.beyond;
    all.cells += count.cells;
  }
  print_distances(goals, sizes, measured);
  print_memory(sizes, measured);
  if (const auto notes = sampled(measured); !notes.empty()) {
    fmt::print(
        "\nsampled, because the whole would take too long: windows where 1/8, 3/8, 5/8 and "
        "7/8 of the work are done\n");
    for (const std::string& note : notes) fmt::print("  {}\n", note);
  }
  for (const std::string& wrong : measured.wrong) fmt::print("WRONG {}\n", wrong);
  if (measured.interrupted) fmt::print("interrupted: not everything was measured\n");
  if (all.beyond != 0) {
    fmt::print("{} of the {} cells that fall short are beyond the unavoidable work alone\n",
               all.beyond, all.cells - all.reached);
  }
  fmt::print("table: {}/{} cells reached\n", all.reached, all.cells);
  return all.reached == all.cells;
}

bool write_table(const std::string& path, const Goals& goals, const std::vector<size_t>& sizes,
                 const Measured& measured) {
  using nlohmann::ordered_json;
  ordered_json rows = ordered_json::array();
  for (const Goal& row : goals.rows) {
    ordered_json cells = ordered_json::array();
    for (const size_t column : columns_of(row, goals, sizes)) {
      const Cell cell = cell_of(row, column, goals, measured);
      ordered_json one;
      if (row.has_sizes()) one["regions"] = goals.sizes[column];
      if (cell.ratio) one["ratio"] = json_of(*cell.ratio);
      if (cell.goal) one["goal"] = *cell.goal;
      if (cell.goal) one["reached"] = cell.reached();
      if (cell.limit) one["limit"] = *cell.limit;
      if (!cell.by.empty()) one["by"] = cell.by;
      cells.push_back(std::move(one));
    }
    rows.push_back({{"title", row.title},
                    {"workload", row.workload},
                    {"against", row.against},
                    {"cells", std::move(cells)}});
  }
  ordered_json figures = ordered_json::array();
  const auto add = [&](const std::string& name, size_t regions, const Lanes& lanes) {
    for (const Lane& lane : lanes) {
      if (lane.ns.empty()) continue;
      figures.push_back({{"workload", name},
                         {"regions", regions},
                         {"candidate", lane.candidate->name},
                         {"ns", json_of(spread_of(lane.ns))},
                         {"rounds", lane.ns},
                         {"sampled", lane.sampled}});
    }
  };
  for (const auto& [task, lanes] : measured.tasks) {
    add(Task{task.first, 8, nullptr}.name(), task.second, lanes);
  }
  for (const auto& [name, lanes] : measured.boots) add("Boot/" + name, 0, lanes);
  ordered_json memory = ordered_json::array();
  for (const auto& [size, all] : measured.memory) {
    for (const auto& [candidate, use] : all) {
      memory.push_back({{"candidate", candidate->name},
                        {"regions", size},
                        {"bytes_at_rest", use.at_rest},
                        {"bytes_at_peak", use.at_peak}});
    }
  }
  const ordered_json out{{"rows", std::move(rows)},
                         {"figures", std::move(figures)},
                         {"memory", std::move(memory)},
                         {"wrong", measured.wrong}};
  std::ofstream file{path};
  file << out.dump(1) << '\n';
  return file.good();
}

}  // namespace memblock::bench
