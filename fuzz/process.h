// A child process whose output arrives line by line.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace memblock::fuzz {

/// How a process ended.
struct Ending {
  int code = 0;            ///< Exit code, or 128 + signal.
  double cpu_seconds = 0;  ///< Of processor time, which a busy machine does not stretch.
  bool ended = false;
};

/// Starts in its own process group, so that Ctrl-C reaches only us and we end it in good order.
/// Dies with us in any case.
class Process {
 public:
  Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process(Process&& other) noexcept { *this = std::move(other); }
  Process& operator=(Process&& other) noexcept;
  ~Process();

  /// Starts `command` with both outputs in one pipe. False, with errno set, if it cannot.
  bool start(const std::vector<std::string>& command);

  bool running() const { return pid_ > 0; }
  int output() const { return output_; }

  /// Appends the lines that have arrived; does not wait.
  void read_lines(std::vector<std::string>& lines);

  /// How it ended, if it has. The output has been closed by then and every line read into `lines`.
  Ending poll_ending(std::vector<std::string>& lines);

  /// Asks it to stop (SIGINT), or ends it at once.
  void interrupt() const;
  void kill() const;

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string pending_;  // The beginning of a line.
};

/// Runs `command` to its end, or for at most `seconds`. Returns its exit code, 128 + signal, or -1
/// if it could not be started or ran out of time.
int run_to_end(const std::vector<std::string>& command, double seconds,
               std::vector<std::string>& lines);

/// The folder of the running program.
std::string program_folder();

/// The settings under which sanitizers tell all that signature() reads; what the user set stays.
void set_sanitizer_environment();

}  // namespace memblock::fuzz
