#include "lab/judge.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "lab/compare_tables.h"
#include "lab/core_backend.h"
#include "lab/laws.h"
#include "lab/model.h"

namespace memblock::lab {
namespace {

template <Backend B>
Verdict judge_answers(const Trace& trace, const std::string& file) {
  Verdict verdict;
  for (const Unmet& unmet : check_expectations<B>(trace)) {
    verdict.signature = fmt::format("{} does not answer {} as expected", B::name(),
                                    spec_of(trace.steps[unmet.step].op.code).name);
    verdict.report += report(unmet, trace, file, B::name()) + "\n";
  }
  return verdict;
}

/// All that arrives until the other end closes or time is up.
std::string read_until(int from, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  std::string text;
  std::array<char, 4096> buffer;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd waiting{from, POLLIN, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) == 0) return text;
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
  }
}

void answer(const std::function<Verdict()>& judged, int to) {
  const Verdict verdict = judged();
  // A separator that no signature holds, so that what stderr brought can stand before it.
  const std::string text = "\x01" + verdict.signature + "\x01" + verdict.report + "\x01";
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t put = write(to, text.data() + written, text.size() - written);
    if (put <= 0) break;
    written += static_cast<size_t>(put);
  }
}

/// The line of a crash that says most: a broken contract, or the sanitizer's summary.
std::string crash_line(const std::string& text) {
  for (const char* word : {"memblock_panic: ", "SUMMARY: "}) {
    const size_t at = text.find(word);
    if (at != std::string::npos) return text.substr(at, text.find('\n', at) - at);
  }
  return {};
}

Verdict verdict_of(const std::string& text, int status) {
  const size_t first = text.find('\x01');
  const size_t second = text.find('\x01', first + 1);
  const size_t last = text.rfind('\x01');
  if (second != std::string::npos && last != second) {
    return {text.substr(first + 1, second - first - 1), text.substr(second + 1, last - second - 1)};
  }
  const std::string how = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                              : fmt::format("exit code {}", WEXITSTATUS(status));
  const std::string line = crash_line(text);
  return {"crash: " + (line.empty() ? how : line), fmt::format("crash ({})\n{}", how, text)};
}

/// What a child process wrote, and how it ended.
struct ChildText {
  std::string text;
  int status = 0;
  bool late = false;
  bool ran = false;
};

ChildText run_apart(const std::function<void(int)>& told, double seconds) {
  ChildText out;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return out;
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGINT, SIG_IGN);  // The parent decides when to stop.
    dup2(ends[1], STDERR_FILENO);
    told(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  if (child > 0) {
    const auto start = std::chrono::steady_clock::now();
    out.text = read_until(ends[0], seconds);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    out.late = took.count() >= seconds;
    if (out.late) kill(child, SIGKILL);
    out.ran = waitpid(child, &out.status, 0) == child;
  }
  close(ends[0]);
  return out;
}

}  // namespace

Verdict judge(const Trace& trace, const std::string& file) {
  Verdict verdict = judge_answers<FlatBackend>(trace, file);
  if (!verdict.good()) return verdict;
  verdict = judge_answers<Model>(trace, file);
  if (!verdict.good()) return verdict;
  if (const auto divergence = compare_tables(trace)) {
    return {signature_of(*divergence, trace), report(*divergence, trace, file)};
  }
  const std::string law = broken_law(trace);
  return law.empty() ? Verdict{} : Verdict{law.substr(0, law.find(':')) + " law", law + "\n"};
}

std::string text_apart(const std::function<void(int)>& told, double seconds) {
  return run_apart(told, seconds).text;
}

Verdict judge_apart(const std::function<Verdict()>& judged, double seconds) {
  const ChildText child = run_apart([&](int to) { answer(judged, to); }, seconds);
  if (!child.ran) return {"no process", "the system gives no more processes\n"};
  if (child.late) return {"no end", fmt::format("no end after {:.0f} s\n", seconds)};
  return verdict_of(child.text, child.status);
}

}  // namespace memblock::lab
