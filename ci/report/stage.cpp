#include "report/stage.h"

#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <fstream>

#include "fuzz/process.h"

namespace memblock::report {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kPatienceSeconds = 30;  // For a stage that was asked to stop.
constexpr size_t kTailBytes = 60;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The last line that says something, short enough to stand behind the progress.
std::string tail_of(const std::vector<std::string>& lines) {
  for (size_t i = lines.size(); i > 0; --i) {
    const std::string& line = lines[i - 1];
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    return line.size() <= kTailBytes ? line : line.substr(0, kTailBytes - 3) + "...";
  }
  return {};
}

void show(const Stage& stage, size_t number, const Progress& progress, double seconds,
          const std::string& tail) {
  const std::string of = stage.seconds > 0 ? fmt::format(" of about {:.0f}", stage.seconds) : "";
  fmt::print("\r\033[K[{}/{}] {}: {:.0f}{} s  {}", number, progress.stages, stage.doing, seconds,
             of, tail);
  std::fflush(stdout);
}

}  // namespace

StageResult run_stage(const Stage& stage, size_t number, const Progress& progress,
                      const std::atomic<bool>& stop) {
  StageResult result;
  result.name = stage.name;
  if (stop) return result;
  result.ran = true;
  if (!progress.terminal) {
    fmt::print("[{}/{}] {} ...\n", number, progress.stages, stage.doing);
    std::fflush(stdout);
  }
  const auto start = Clock::now();
  fuzz::Process process;
  if (!process.start(stage.command)) {
    result.lines.push_back(fmt::format("{} cannot be started", stage.command.front()));
    return result;
  }
  std::ofstream log{progress.folder + "/" + stage.name + ".log"};
  size_t logged = 0;
  double asked_at = -1;
  for (bool ended = false; !ended;) {
    pollfd waiting{process.output(), POLLIN, 0};
    poll(&waiting, process.output() >= 0 ? 1 : 0, 200);
    process.read_lines(result.lines);
    const fuzz::Ending ending = process.poll_ending(result.lines);
    ended = ending.ended;
    result.code = ending.code;
    for (; logged < result.lines.size(); ++logged) log << result.lines[logged] << '\n';
    if (stop && asked_at < 0) {
      asked_at = since(start);
      process.interrupt();
    } else if (asked_at >= 0 && since(start) - asked_at > kPatienceSeconds) {
      process.kill();
    }
    if (progress.terminal) show(stage, number, progress, since(start), tail_of(result.lines));
  }
  result.seconds = since(start);
  if (progress.terminal) fmt::print("\r\033[K");
  fmt::print("[{}/{}] {}: {:.0f} s\n", number, progress.stages, stage.doing, result.seconds);
  std::fflush(stdout);
  return result;
}

}  // namespace memblock::report
