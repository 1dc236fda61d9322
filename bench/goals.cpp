#include "bench/goals.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace memblock::bench {
namespace {

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> split(const std::string& line, char at) {
  std::vector<std::string> parts;
  std::istringstream in{line};
  for (std::string part; std::getline(in, part, at);) {
    if (part = trimmed(part); at == '|' || !part.empty()) parts.push_back(part);
  }
  return parts;
}

std::optional<double> number(const std::string& text) {
  size_t used = 0;
  try {
    const double value = std::stod(text, &used);
    return used == text.size() && value > 0 ? std::optional{value} : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

/// Fills in what the workload's name says. False: there is none of that name.
bool set_measure(Goal& row) {
  using enum Goal::Measure;
  if (row.workload == "Boot") {
    row.measure = Boots;
  } else if (row.workload == "Boot/slowest") {
    row.measure = SlowestBoot;
  } else if (row.workload == "Memory/rest") {
    row.measure = MemoryAtRest;
  } else if (row.workload == "Memory/peak") {
    row.measure = MemoryAtPeak;
  } else if (const std::optional<Work> work = work_of(row.workload)) {
    row.work = *work;
  } else {
    return false;
  }
  return true;
}

/// Empty, or what is wrong with the line.
std::string read_row(const std::vector<std::string>& parts, Goals& goals) {
  const std::vector<std::string> words = split(parts[3], ' ');
  if (parts[0] == "sizes") {
    for (const std::string& word : words) {
      const std::optional<double> size = number(word);
      if (!size) return "a size is not a number: " + word;
      goals.sizes.push_back(static_cast<size_t>(*size));
    }
    return {};
  }
  Goal row;
  row.title = parts[0];
  row.workload = parts[1];
  row.against = parts[2];
  if (!set_measure(row)) return "no workload is called " + row.workload;
  for (const std::string& word : words) {
    const std::optional<double> wanted = number(word);
    if (!wanted && word != "-") return "a goal is a number or -, not " + word;
    row.wanted.push_back(wanted);
  }
  const size_t expected = row.has_sizes() ? goals.sizes.size() : 1;
  if (row.wanted.size() != expected) return fmt::format("{} goals are wanted here", expected);
  goals.rows.push_back(std::move(row));
  return {};
}

}  // namespace

Goals read_goals(const std::string& path, std::string& problem) {
  std::ifstream in{path};
  Goals goals;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (trimmed(line).empty() || line[0] == '#') continue;
    const std::vector<std::string> parts = split(line, '|');
    const std::string wrong = parts.size() == 4
                                  ? read_row(parts, goals)
                                  : "not of the form title | workload | against | goals";
    if (!wrong.empty()) {
      problem = fmt::format("{}:{}: {}", path, number, wrong);
      return goals;
    }
  }
  if (goals.rows.empty()) problem = path + ": no goals; name their file with --goals";
  return goals;
}

}  // namespace memblock::bench
