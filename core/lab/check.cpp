// Workers are processes, so that a crash or an endless loop ends one of them and names its case.
#include "lab/check.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "lab/check_cases.h"
#include "lab/minimize.h"
#include "lab/text.h"

namespace memblock::lab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kCaseSecondsMax = 60;   // One case that takes longer never ends.
constexpr double kTrialSecondsMax = 10;  // The same for a trace that is being minimised.
constexpr size_t kFindingsMax = 10;      // Enough to see that something is badly wrong.
constexpr unsigned kPollMicroseconds = 20000;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What the workers and the parent share. Plain atomics in shared memory.
struct Shared {
  std::atomic<uint64_t> next{0};  ///< The next case: files first, then random traces.
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> traces{0}, executions{0}, ops{0}, known{0};
};

constexpr uint64_t kNoCase = ~uint64_t{0};

struct Slot {
  std::atomic<uint64_t> current{kNoCase};
  std::atomic<int64_t> since_ms{0};
};

/// Memory that child processes see too.
template <class T>
class SharedMemory {
 public:
  explicit SharedMemory(size_t count) : count_(count) {
    void* memory =
        mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc{};
    items_ = static_cast<T*>(memory);
    for (size_t i = 0; i < count; ++i) new (&items_[i]) T;
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() { munmap(items_, count_ * sizeof(T)); }

  T& operator[](size_t index) { return items_[index]; }

 private:
  size_t count_;
  T* items_;
};

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
      .count();
}

class Check {
 public:
  Check(const CheckOptions& options, const std::atomic<bool>& stop,
        const std::function<void(const CheckProgress&)>& progress)
      : options_(options),
        stop_(stop),
        progress_(progress),
        cases_(options.files.empty() ? corpus_cases(options.corpora) : file_cases(options.files)),
        random_seconds_(options.files.empty() ? options.seconds : 0),
        shared_(1),
        slots_(options.jobs),
        workers_(options.jobs, -1) {}

  CheckResult run();

 private:
  [[noreturn]] void work(size_t slot);
  Verdict judge_number(uint64_t number, CaseCost& cost) const;
  void start(size_t slot);
  void collect_ended();
  void end_late();
  void found(uint64_t number);
  bool working() const;
  void report_progress();
  void look_into(uint64_t number, std::set<std::string>& seen);
  std::string write_small(const Trace& trace, const Verdict& verdict, uint64_t number) const;

  const CheckOptions& options_;
  const std::atomic<bool>& stop_;
  const std::function<void(const CheckProgress&)>& progress_;
  std::vector<CheckCase> cases_;
  double random_seconds_;
  SharedMemory<Shared> shared_;
  SharedMemory<Slot> slots_;
  std::vector<pid_t> workers_;
  std::vector<uint64_t> bad_;  // Cases with a finding, as they came.
  Clock::time_point start_ = Clock::now();
  CheckResult result_;
};

Verdict Check::judge_number(uint64_t number, CaseCost& cost) const {
  if (number < cases_.size()) return judge_case(cases_[number], cost);
  const Trace trace = random_trace(options_.seed, number - cases_.size());
  cost = {1, trace.steps.size()};
  return judge(trace, "");
}

void Check::work(size_t slot) {
  signal(SIGINT, SIG_IGN);  // The parent decides when to stop.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // What a crash says is asked for again, when the case is looked into.
  if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
  Shared& shared = shared_[0];
  while (!shared.stop) {
    const uint64_t number = shared.next++;
    if (number >= cases_.size() && random_seconds_ <= 0) break;
    slots_[slot].since_ms = now_ms();
    slots_[slot].current = number;
    CaseCost cost;
    const bool good = judge_number(number, cost).good();
    shared.executions += cost.traces;
    shared.ops += cost.ops;
    if (number < cases_.size()) {
      shared.traces += cost.traces;
      if (cases_[number].kind == CheckCase::Kind::Divergence) ++shared.known;
    }
    if (!good) _exit(1);
    slots_[slot].current = kNoCase;
  }
  _exit(0);
}

void Check::start(size_t slot) {
  slots_[slot].current = kNoCase;
  const pid_t child = fork();
  if (child == 0) work(slot);
  workers_[slot] = child;
  if (child < 0) result_.problems.emplace_back("the system gives no more processes");
}

void Check::found(uint64_t number) {
  bad_.push_back(number);
  if (bad_.size() >= kFindingsMax) shared_[0].stop = true;
}

/// A worker that ended while it had a case has found something; another takes its place.
void Check::collect_ended() {
  for (size_t slot = 0; slot < workers_.size(); ++slot) {
    int status = 0;
    if (workers_[slot] <= 0 || waitpid(workers_[slot], &status, WNOHANG) != workers_[slot])
      continue;
    workers_[slot] = -1;
    const uint64_t number = slots_[slot].current;
    if (number != kNoCase) found(number);
    if (!shared_[0].stop) start(slot);
  }
}

void Check::end_late() {
  for (size_t slot = 0; slot < workers_.size(); ++slot) {
    const bool late = slots_[slot].current != kNoCase &&
                      static_cast<double>(now_ms() - slots_[slot].since_ms) > 1e3 * kCaseSecondsMax;
    if (workers_[slot] > 0 && late) kill(workers_[slot], SIGKILL);
  }
}

bool Check::working() const {
  for (const pid_t worker : workers_) {
    if (worker > 0) return true;
  }
  return false;
}

void Check::report_progress() {
  Shared& shared = shared_[0];
  progress_({shared.traces, shared.executions, shared.ops, bad_.size(), since(start_)});
}

CheckResult Check::run() {
  if (cases_.empty()) {
    result_.problems.push_back(options_.corpora + ": no traces and no boots");
    return std::move(result_);
  }
  for (size_t slot = 0; slot < workers_.size(); ++slot) start(slot);
  std::optional<Clock::time_point> random_since;
  auto reported = start_;
  while (working()) {
    collect_ended();
    end_late();
    if (!random_since && shared_[0].next > cases_.size()) random_since = Clock::now();
    if (stop_ || (random_since && since(*random_since) >= random_seconds_)) shared_[0].stop = true;
    if (since(reported) >= 0.5) {
      report_progress();
      reported = Clock::now();
    }
    usleep(kPollMicroseconds);
  }
  report_progress();
  Shared& shared = shared_[0];
  result_.traces = shared.traces;
  result_.executions = shared.executions;
  result_.ops = shared.ops;
  result_.known = shared.known;
  result_.interrupted = stop_;
  std::set<std::string> seen;
  for (const uint64_t number : bad_) look_into(number, seen);
  result_.seconds = since(start_);
  return std::move(result_);
}

/// Judges a bad case again, makes it small if it was a random one, and stores it.
void Check::look_into(uint64_t number, std::set<std::string>& seen) {
  CaseCost cost;
  const Verdict verdict = judge_apart([&] { return judge_number(number, cost); }, kCaseSecondsMax);
  const bool from_file = number < cases_.size();
  if (verdict.good()) {
    result_.problems.push_back(
        fmt::format("case {} of seed {} failed once and not again", number, options_.seed));
    return;
  }
  if (verdict.signature == kUnreadable) {
    result_.problems.push_back(verdict.report);
    return;
  }
  if (from_file) {
    const std::string& path = cases_[number].path;
    const bool boot = cases_[number].kind == CheckCase::Kind::Boot;
    result_.findings.push_back(
        {path + ": " + verdict.signature, verdict.report, path,
         boot ? "ci/lab replay --backend model " + path : "ci/lab check " + path});
    return;
  }
  if (!seen.insert(verdict.signature).second) return;
  const uint64_t random = number - cases_.size();
  const auto tell = [&](int to) { tell_random_trace(options_.seed, random, to); };
  // A crash adds what it says behind the last op: the parser leaves that out.
  Trace trace = parse_trace(text_apart(tell, kTrialSecondsMax)).trace;
  const auto deadline = Clock::now() + std::chrono::duration<double>(options_.minimise_seconds);
  trace = minimize(trace, [&](const Trace& smaller) {
    if (Clock::now() > deadline) return false;
    return judge_apart([&] { return judge(smaller, ""); }, kTrialSecondsMax).signature ==
           verdict.signature;
  });
  const std::string file = write_small(trace, verdict, number);
  const Verdict small = judge_apart([&] { return judge(trace, file); }, kTrialSecondsMax);
  result_.findings.push_back(
      {"random trace: " + verdict.signature, small.report, file, "ci/lab check " + file});
}

std::string Check::write_small(const Trace& trace, const Verdict& verdict, uint64_t number) const {
  namespace fs = std::filesystem;
  fs::create_directories(options_.findings);
  Trace stored = trace;
  stored.comments = {verdict.signature, fmt::format("Found by lab-check, seed {}, random trace {}.",
                                                    options_.seed, number - cases_.size())};
  const fs::path path = fs::path{options_.findings} /
                        fmt::format("check-{}-{}.txt", options_.seed, number - cases_.size());
  std::ofstream{path} << to_text(stored);
  return path.string();
}

}  // namespace

CheckResult run_check(const CheckOptions& options, const std::atomic<bool>& stop,
                      const std::function<void(const CheckProgress&)>& progress) {
  return Check{options, stop, progress}.run();
}

}  // namespace memblock::lab
