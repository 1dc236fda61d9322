// The logic of lab-replay, apart from reading its command line.
#pragma once

#include <string>
#include <vector>

namespace memblock::lab {

struct ReplayOptions {
  std::vector<std::string> files;
  std::vector<std::string> backends;  ///< Empty: core.
  bool explain = false;
  bool map = false;
  std::string json;
  std::string trace;
};

/// Prints the lines per log and the total. Returns 0 all right, 1 something differs, 2 wrong usage
/// or unreadable.
int run_replay_tool(const ReplayOptions& options);

}  // namespace memblock::lab
