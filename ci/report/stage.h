// A stage of `ci/lab run`: one of the lab's programs, run to its end, and what came of it.
#pragma once

#include <atomic>
#include <string>
#include <vector>

namespace memblock::report {

/// What to start.
struct Stage {
  std::string name;                  ///< `replay`
  std::string doing;                 ///< For people: `replaying recorded boots`
  std::vector<std::string> command;  ///< The program's path, then its arguments.
  double seconds = 0;                ///< About how long it takes, for the progress line.
};

/// What came of it.
struct StageResult {
  std::string name;
  int code = -1;  ///< Exit code, 128 + signal, or -1 if it could not be started.
  double seconds = 0;
  std::vector<std::string> lines;  ///< All it printed.
  bool ran = false;                ///< False after Ctrl-C in an earlier stage.
};

/// Where output goes and how it looks.
struct Progress {
  std::string folder;     ///< Each stage's output goes to NAME.log here.
  bool terminal = false;  ///< One line that is rewritten; else a line at the start and at the end.
  size_t stages = 0;
};

/// Runs a stage. When `stop` is set it is asked to stop, and has half a minute to sum up.
StageResult run_stage(const Stage& stage, size_t number, const Progress& progress,
                      const std::atomic<bool>& stop);

}  // namespace memblock::report
