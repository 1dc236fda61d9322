#include "fuzz/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace memblock::fuzz {
namespace {

[[noreturn]] void become(const std::vector<std::string>& command, int output) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

}  // namespace

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(output_, other.output_);
  std::swap(pending_, other.pending_);
  return *this;
}

Process::~Process() {
  if (running()) {
    kill();
    waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) close(output_);
}

bool Process::start(const std::vector<std::string>& command) {
  std::array<int, 2> ends{};
  if (access(command.front().c_str(), X_OK) != 0 || pipe2(ends.data(), O_CLOEXEC) != 0)
    return false;
  pid_ = fork();
  if (pid_ == 0) become(command, ends[1]);
  close(ends[1]);
  if (pid_ < 0) {
    close(ends[0]);
    return false;
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  output_ = ends[0];
  pending_.clear();
  return true;
}

void Process::read_lines(std::vector<std::string>& lines) {
  std::array<char, 16384> buffer;
  while (output_ >= 0) {
    const ssize_t got = read(output_, buffer.data(), buffer.size());
    if (got < 0) break;  // Nothing there right now.
    if (got == 0) {
      close(output_);
      output_ = -1;
      break;
    }
    pending_.append(buffer.data(), static_cast<size_t>(got));
  }
  size_t from = 0;
  for (size_t end; (end = pending_.find('\n', from)) != std::string::npos; from = end + 1) {
    lines.push_back(pending_.substr(from, end - from));
  }
  pending_.erase(0, from);
  if (output_ < 0 && !pending_.empty()) lines.push_back(std::exchange(pending_, {}));
}

Ending Process::poll_ending(std::vector<std::string>& lines) {
  int status = 0;
  rusage used{};
  if (!running() || wait4(pid_, &status, WNOHANG, &used) != pid_) return {};
  pid_ = -1;
  read_lines(lines);
  if (output_ >= 0) {  // A grandchild may hold the other end: do not wait for it.
    close(output_);
    output_ = -1;
  }
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  Ending ending;
  ending.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ending.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  ending.ended = true;
  return ending;
}

void Process::interrupt() const {
  if (running()) ::kill(pid_, SIGINT);
}

void Process::kill() const {
  if (running()) ::kill(pid_, SIGKILL);
}

int run_to_end(const std::vector<std::string>& command, double seconds,
               std::vector<std::string>& lines) {
  using Clock = std::chrono::steady_clock;
  Process process;
  if (!process.start(command)) return -1;
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < deadline) {
    pollfd waiting{process.output(), POLLIN, 0};
    poll(&waiting, process.output() >= 0 ? 1 : 0, 20);
    process.read_lines(lines);
    if (const Ending ending = process.poll_ending(lines); ending.ended) return ending.code;
  }
  return -1;
}

std::string program_folder() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string{"."} : self.parent_path().string();
}

void set_sanitizer_environment() {
  // Short stacks of allocations and a small quarantine make an execution up to a third cheaper.
  setenv("ASAN_OPTIONS",
         "handle_abort=1:dedup_token_length=3:detect_leaks=0:malloc_context_size=1:"
         "quarantine_size_mb=16",
         0);
  setenv("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1", 0);
  for (const char* path : {"/usr/bin/llvm-symbolizer-14", "/usr/bin/llvm-symbolizer"}) {
    if (access(path, X_OK) == 0) setenv("ASAN_SYMBOLIZER_PATH", path, 0);
  }
}

}  // namespace memblock::fuzz
