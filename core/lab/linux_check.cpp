// Files first, in this process; then random traces, in as many processes as there are jobs.
#include "lab/linux_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "lab/core_backend.h"
#include "lab/gen.h"
#include "lab/minimize.h"
#include "lab/model.h"
#include "lab/text.h"

namespace memblock::lab {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<std::string> traces_in(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{folder, ignored}) {
    if (entry.path().extension() == ".txt") out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void add(LinuxTotals& totals, const LinuxComparison& result) {
  totals.ops += result.ops;
  totals.skipped += result.skipped;
  for (const auto& [name, count] : result.known) totals.known[name] += count;
}

/// The report with the command that runs this tree, not only ours.
std::string told(const LinuxCheckOptions& options, const Divergence& divergence, const Trace& trace,
                 const std::string& file) {
  std::string out = report(divergence, trace, file);
  constexpr std::string_view kPlain = "ci/lab check ";
  const size_t at = out.find(kPlain);
  if (at != std::string::npos && !options.again.empty()) {
    out.replace(at, kPlain.size(), options.again + " ");
  }
  return out;
}

/// The trace up to where it parts, as small as it gets, in a file.
LinuxFinding keep(LinuxTree& tree, const LinuxCheckOptions& options, Trace trace,
                  const Divergence& divergence, double seconds) {
  const std::string signature = signature_of(divergence, trace);
  trace.steps.resize(divergence.step + 1);
  const auto fails = [&](const Trace& tried) {
    const LinuxComparison result = compare_with_linux<CoreBackend>(tree, tried);
    return result.unknown && signature_of(*result.unknown, tried) == signature;
  };
  if (fails(trace)) trace = minimize(std::move(trace), fails, {.trials_max = 4000});
  const LinuxComparison again = compare_with_linux<CoreBackend>(tree, trace);
  std::filesystem::create_directories(options.findings);
  const std::string file = fmt::format("{}/{}-{:08x}.txt", options.findings, tree.name(),
                                       std::hash<std::string>{}(signature)&0xffffffff);
  std::ofstream{file} << to_text(trace);
  return {signature, told(options, again.unknown ? *again.unknown : divergence, trace, file),
          seconds};
}

void check_file(LinuxTree& tree, const LinuxCheckOptions& options, const std::string& file,
                LinuxTotals& totals) {
  const ParsedTrace parsed = read_trace(file);
  if (!parsed.ok()) {
    totals.problems.push_back(to_text(file, parsed.errors.front()));
    return;
  }
  ++totals.traces;
  const auto judge = [&](const LinuxComparison& result) {
    ++totals.executions;
    add(totals, result);
    if (result.unknown) {
      totals.findings.push_back({signature_of(*result.unknown, parsed.trace),
                                 told(options, *result.unknown, parsed.trace, file), 0});
    }
  };
  judge(compare_with_linux<CoreBackend>(tree, parsed.trace));
  judge(compare_with_linux<Model>(tree, parsed.trace));
}

/// A known divergence must show itself on the kernels that its comment names.
void check_divergence(LinuxTree& tree, const LinuxCheckOptions& options, const std::string& file,
                      LinuxTotals& totals) {
  const ParsedTrace parsed = read_trace(file);
  if (!parsed.ok()) {
    totals.problems.push_back(to_text(file, parsed.errors.front()));
    return;
  }
  const std::string name = std::filesystem::path{file}.stem().string();
  ++totals.traces;
  ++totals.executions;
  const LinuxComparison result = compare_with_linux<CoreBackend>(tree, parsed.trace);
  add(totals, result);
  if (result.unknown) {
    totals.findings.push_back({signature_of(*result.unknown, parsed.trace),
                               told(options, *result.unknown, parsed.trace, file), 0});
  }
  constexpr std::string_view kPackage = "linux-";
  const std::string version = tree.name().substr(kPackage.size());
  // Options that are refused after they have acted, whatever is wrong with them, look alike.
  const bool option = name.starts_with("cmdline-") && result.known.contains("cmdline-garbage-acts");
  if (result.known.contains(name) || option) {
    totals.shown.push_back(name);
  } else if (says_it_holds(parsed.trace, version.substr(0, version.find('+')))) {
    totals.fixed.push_back(name);
  }
}

// ---- Random traces
// --------------------------------------------------------------------------------

Trace random_linux_trace(uint64_t seed, uint64_t number) {
  PrngChoices choices{seed * 0x9e3779b97f4a7c15 + number};
  OpMix mix = number % 8 == 7   ? OpMix::e820_only()
              : number % 2 == 0 ? OpMix::memblock_only()
                                : OpMix::everything();
  if (choices.below(2) != 0) mix = swarm(choices, mix);
  if (choices.below(3) == 0) mix.draws_max = 120;
  Trace trace = gen_trace(choices, mix);
  trace.limits.region_bytes = sizeof(LinuxRegion);
  return trace;
}

/// What a worker says: one line each, with what follows a number of bytes.
void say(int to, char kind, const std::string& text) {
  const std::string all = fmt::format("{}{}\n{}", kind, text.size(), text);
  size_t written = 0;
  while (written < all.size()) {
    const ssize_t put = write(to, all.data() + written, all.size() - written);
    if (put <= 0) return;
    written += static_cast<size_t>(put);
  }
}

std::string sums_text(const LinuxTotals& totals) {
  std::string out = fmt::format("{} {} {}", totals.executions, totals.ops, totals.skipped);
  for (const auto& [name, count] : totals.known) out += fmt::format(" {} {}", name, count);
  return out;
}

[[noreturn]] void work(LinuxTree& tree, const LinuxCheckOptions& options, unsigned job, int to) {
  // Ctrl-C is for the parent, which takes its workers with it.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto start = Clock::now();
  double next = 0.5;
  LinuxTotals sums;
  std::map<std::string, uint64_t> met;
  {
    const LinuxGuard guard{tree};
    // Some 30 % of the time real memory lies under the lowest addresses, and kernel code writes
    // there.
    constexpr uint64_t kWindowBytes = uint64_t{16} << 20;
    bool window = false;
    for (uint64_t number = job;; number += options.jobs) {
      const bool wanted = number / 512 % 3 == 2;
      if (wanted != window) window = tree.map_window(0, wanted ? kWindowBytes : 0) && wanted;
      const Trace trace = random_linux_trace(options.seed, number);
      const LinuxComparison result = number % 5 == 4 ? compare_with_linux<Model>(tree, trace)
                                                     : compare_with_linux<CoreBackend>(tree, trace);
      ++sums.executions;
      add(sums, result);
      const double now = seconds_since(start);
      if (result.unknown && met[signature_of(*result.unknown, trace)]++ == 0) {
        const LinuxFinding found = keep(tree, options, trace, *result.unknown, now);
        say(to, 'f', fmt::format("{}\x01{}\x01{}", found.seconds, found.signature, found.report));
      }
      if (now < next && now < options.seconds) continue;
      say(to, 's', sums_text(sums));
      sums = {};
      next = now + 0.5;
      if (now >= options.seconds) break;
    }
  }
  _exit(0);
}

class Worker {
 public:
  Worker(LinuxTree& tree, const LinuxCheckOptions& options, unsigned job) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      work(tree, options, job, ends[1]);
    }
    close(ends[1]);
    from_ = ends[0];
  }
  Worker(Worker&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        from_(std::exchange(other.from_, -1)),
        said_(std::move(other.said_)) {}
  ~Worker() {
    if (from_ >= 0) close(from_);
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  int from() const { return from_; }
  bool running() const { return from_ >= 0; }

  /// Takes what arrived; at the end, how the process ended.
  void read_into(LinuxTotals& totals) {
    char piece[4096];
    const ssize_t got = read(from_, piece, sizeof piece);
    if (got > 0) {
      said_.append(piece, static_cast<size_t>(got));
      while (take_one(totals)) {
      }
      return;
    }
    close(std::exchange(from_, -1));
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    if (status != 0) {
      totals.findings.push_back({"a worker died", fmt::format("wait status {}\n", status), 0});
    }
  }

 private:
  bool take_one(LinuxTotals& totals) {
    const size_t line = said_.find('\n');
    if (line == std::string::npos) return false;
    const size_t length = std::stoul(said_.substr(1, line - 1));
    if (said_.size() < line + 1 + length) return false;
    const std::string text = said_.substr(line + 1, length);
    if (said_[0] == 's') {
      take_sums(totals, text);
    } else {
      const size_t first = text.find('\x01'), second = text.find('\x01', first + 1);
      const std::string signature = text.substr(first + 1, second - first - 1);
      const bool old =
          std::any_of(totals.findings.begin(), totals.findings.end(),
                      [&](const LinuxFinding& finding) { return finding.signature == signature; });
      if (!old) {
        totals.findings.push_back({signature, text.substr(second + 1), std::stod(text)});
      }
    }
    said_.erase(0, line + 1 + length);
    return true;
  }

  static void take_sums(LinuxTotals& totals, const std::string& text) {
    std::istringstream words{text};
    uint64_t executions = 0, ops = 0, skipped = 0, count = 0;
    words >> executions >> ops >> skipped;
    totals.executions += executions;
    totals.ops += ops;
    totals.skipped += skipped;
    for (std::string name; words >> name >> count;) totals.known[name] += count;
  }

  pid_t pid_ = -1;
  int from_ = -1;
  std::string said_;
};

void check_random(LinuxTree& tree, const LinuxCheckOptions& options, const std::atomic<bool>& stop,
                  const std::function<void(const LinuxTotals&, double)>& progress,
                  LinuxTotals& totals) {
  const auto start = Clock::now();
  std::vector<Worker> workers;
  for (unsigned job = 0; job < options.jobs; ++job) workers.emplace_back(tree, options, job);
  while (!stop) {
    std::vector<pollfd> waiting;
    for (const Worker& worker : workers) {
      if (worker.running()) waiting.push_back({worker.from(), POLLIN, 0});
    }
    if (waiting.empty()) break;
    poll(waiting.data(), waiting.size(), 500);
    for (const pollfd& ready : waiting) {
      if (ready.revents == 0) continue;
      for (Worker& worker : workers) {
        if (worker.running() && worker.from() == ready.fd) worker.read_into(totals);
      }
    }
    progress(totals, seconds_since(start));
  }
}

}  // namespace

bool says_it_holds(const Trace& divergence, const std::string& version) {
  constexpr std::string_view kHeader = "Kernels:";
  for (const std::string& comment : divergence.comments) {
    if (!comment.starts_with(kHeader)) continue;
    // Only what was run; what was read cannot be shown from outside.
    const std::string first = comment.substr(kHeader.size(), comment.find(';') - kHeader.size());
    if (first.find("run in user space") == std::string::npos) return false;
    const size_t at = first.find(" " + version);
    if (at == std::string::npos) return false;
    const size_t behind = at + 1 + version.size();
    return behind == first.size() || !std::isdigit(static_cast<unsigned char>(first[behind]));
  }
  return false;
}

LinuxTotals check_linux(LinuxTree& tree, const LinuxCheckOptions& options,
                        const std::atomic<bool>& stop,
                        const std::function<void(const LinuxTotals&, double)>& progress) {
  LinuxTotals totals;
  {
    const LinuxGuard guard{tree};
    for (const std::string& file : options.files) check_file(tree, options, file, totals);
    if (!options.files.empty()) return totals;
    for (const char* folder : {"spec", "regress"}) {
      for (const std::string& file : traces_in(options.corpora + "/" + folder)) {
        if (stop) return totals;
        check_file(tree, options, file, totals);
      }
    }
    for (const std::string& file : traces_in(options.corpora + "/divergences")) {
      if (stop) return totals;
      check_divergence(tree, options, file, totals);
    }
  }
  if (options.seconds > 0) check_random(tree, options, stop, progress, totals);
  return totals;
}

}  // namespace memblock::lab
