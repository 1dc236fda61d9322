// Workers are processes, so that a crash or an endless loop ends one of them and names its case.
#include "lab/check.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "lab/check_cases.h"
#include "lab/minimize.h"
#include "lab/shared_memory.h"
#include "lab/text.h"

namespace memblock::lab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kCaseSecondsMax = 60;        // One case that takes longer never ends.
constexpr double kTrialSecondsMax = 10;       // The same for a trace that is being minimised.
constexpr double kMinimiseAfterCtrlC = 2;     // Somebody waits.
constexpr size_t kFindingsMax = 10;           // Enough to see that something is badly wrong.
constexpr uint64_t kTracesPerFinding = 1000;  // More than one in so many: the same.
constexpr int kKeptBytes = 256 << 20;  // A worker keeps what it frees: handovers are long lists.
constexpr unsigned kPollMicroseconds = 20000;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
      .count();
}

constexpr uint64_t kNoCase = ~uint64_t{0};

/// What the workers and the parent share. Plain atomics in shared memory.
struct Shared {
  std::atomic<uint64_t> next{0};  ///< The next case: files first, then random traces.
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> files{0}, traces{0}, executions{0}, ops{0}, findings{0};
  /// What has been found, as hashes of signatures: each kind is looked into once.
  std::array<std::atomic<uint64_t>, kFindingsMax> seen{};

  /// False if this signature is there already.
  bool note(const std::string& signature) {
    ++findings;
    const uint64_t hash = std::hash<std::string>{}(signature) | 1;
    for (std::atomic<uint64_t>& one : seen) {
      uint64_t expected = 0;
      if (one.compare_exchange_strong(expected, hash)) return true;
      if (expected == hash) return false;
    }
    return false;
  }
};

/// One worker.
struct Slot {
  std::atomic<uint64_t> current{kNoCase};
  std::atomic<int64_t> since_ms{0};
};

/// One tree.
struct TreeSums {
  std::atomic<uint64_t> executions{0}, ops{0}, skipped{0};
};

class Check {
 public:
  Check(const CheckOptions& options, const std::atomic<bool>& stop,
        const std::function<void(const CheckProgress&)>& progress)
      : options_(options),
        stop_(stop),
        progress_(progress),
        cases_(options.files.empty() ? corpus_cases(options.corpora, options.trees.size())
                                     : file_cases(options.files, options.trees.size())),
        named_(named_releases(cases_)),
        source_{options.seed, options.trees, boots_among(cases_)},
        random_seconds_(options.files.empty() ? options.seconds : 0),
        shared_(1),
        slots_(options.jobs),
        entries_(cases_.size()),
        sums_(options.trees.size()),
        known_(options.trees.size() * known_names().size()),
        workers_(options.jobs, -1) {}

  CheckResult run();

 private:
  /// A case with a finding.
  struct Bad {
    uint64_t number;
    double seconds;
  };

  [[noreturn]] void work(size_t slot);
  CaseResult judge_number(uint64_t number) const;
  Verdict judge_apart_guarded(const std::function<Verdict()>& judged, double seconds) const;
  size_t tree_of(uint64_t number) const;
  void add(uint64_t number, const CaseResult& result);
  void start(size_t slot);
  void collect_ended();
  void end_late();
  bool enough() const;
  bool working() const;
  void report_progress();
  void sum_up();
  void look_into_new();
  void look_into(const Bad& bad);
  void look_into_random(const Bad& bad, const Verdict& verdict);
  std::string write_small(const Trace& trace, const Verdict& verdict,
                          const RandomCase& which) const;

  const CheckOptions& options_;
  const std::atomic<bool>& stop_;
  const std::function<void(const CheckProgress&)>& progress_;
  std::vector<CheckCase> cases_;
  std::vector<std::string> named_;
  RandomSource source_;
  double random_seconds_;
  SharedMemory<Shared> shared_;
  SharedMemory<Slot> slots_;
  SharedMemory<std::atomic<EntryState>> entries_;
  SharedMemory<TreeSums> sums_;
  SharedMemory<std::atomic<uint64_t>> known_;  // Of each tree, in the order of known_names().
  std::vector<pid_t> workers_;
  std::vector<Bad> bad_;  // As they came.
  size_t looked_into_ = 0;
  std::set<std::string> seen_;  // What they came to.
  Clock::time_point start_ = Clock::now();
  CheckResult result_;
};

size_t Check::tree_of(uint64_t number) const {
  if (number < cases_.size()) return cases_[number].tree;
  return random_case(number - cases_.size(), options_.trees.size()).tree;
}

CaseResult Check::judge_number(uint64_t number) const {
  if (number < cases_.size()) return judge_case(cases_[number], options_.trees, named_);
  const RandomCase which = random_case(number - cases_.size(), options_.trees.size());
  const Trace trace = random_trace(source_, which);
  return judge_random(trace, which, options_.trees, "");
}

void Check::add(uint64_t number, const CaseResult& result) {
  Shared& shared = shared_[0];
  shared.traces += result.traces;
  shared.executions += result.executions;
  shared.ops += result.ops;
  if (number < cases_.size()) {
    ++shared.files;
    entries_[number] = result.entry;
  }
  const size_t tree = tree_of(number);
  if (tree == kOurs) return;
  sums_[tree].executions += result.executions;
  sums_[tree].ops += result.ops;
  sums_[tree].skipped += result.skipped;
  const std::span<const std::string> names = known_names();
  for (const auto& [name, count] : result.known) {
    const auto at = std::lower_bound(names.begin(), names.end(), name) - names.begin();
    known_[tree * names.size() + static_cast<size_t>(at)] += count;
  }
}

void Check::work(size_t slot) {
  signal(SIGINT, SIG_IGN);  // The parent decides when to stop.
  signal(SIGTERM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  mallopt(M_MMAP_MAX, 0);
  // What a crash says is asked for again, when the case is looked into.
  if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
  std::optional<LinuxGuard> guard;
  if (!options_.trees.empty()) guard.emplace();
  Shared& shared = shared_[0];
  while (!shared.stop) {
    const uint64_t number = shared.next++;
    if (number >= cases_.size() && random_seconds_ <= 0) break;
    slots_[slot].since_ms = now_ms();
    slots_[slot].current = number;
    const CaseResult result = judge_number(number);
    add(number, result);
    // Every file is looked into; of random traces, one of each kind.
    const bool found =
        !result.verdict.good() && (shared.note(result.verdict.signature) || number < cases_.size());
    if (found) _exit(1);
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

/// Many kinds of findings, or one that is everywhere.
bool Check::enough() const {
  const Shared& shared = shared_[0];
  return bad_.size() >= kFindingsMax || (shared.findings >= kFindingsMax &&
                                         shared.findings * kTracesPerFinding > shared.executions);
}

/// A worker that ended while it had a case has found something; another takes its place.
void Check::collect_ended() {
  for (size_t slot = 0; slot < workers_.size(); ++slot) {
    int status = 0;
    if (workers_[slot] <= 0 || waitpid(workers_[slot], &status, WNOHANG) != workers_[slot])
      continue;
    workers_[slot] = -1;
    const uint64_t number = slots_[slot].current;
    if (number != kNoCase) bad_.push_back({number, since(start_)});
    if (enough()) shared_[0].stop = true;
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
  return std::any_of(workers_.begin(), workers_.end(), [](pid_t worker) { return worker > 0; });
}

void Check::report_progress() {
  const Shared& shared = shared_[0];
  progress_({shared.files, cases_.size(), shared.executions, shared.ops, result_.findings,
             since(start_)});
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
    look_into_new();
    if (!random_since && shared_[0].next > cases_.size()) random_since = Clock::now();
    if (stop_ || (random_since && since(*random_since) >= random_seconds_) || enough()) {
      shared_[0].stop = true;
    }
    if (since(reported) >= 0.5) {
      report_progress();
      reported = Clock::now();
    }
    usleep(kPollMicroseconds);
  }
  look_into_new();
  report_progress();
  sum_up();
  result_.interrupted = stop_;
  result_.seconds = since(start_);
  return std::move(result_);
}

void Check::sum_up() {
  const Shared& shared = shared_[0];
  result_.traces = shared.traces;
  result_.executions = shared.executions;
  result_.ops = shared.ops;
  const std::span<const std::string> names = known_names();
  std::set<std::string> met;
  for (size_t tree = 0; tree < options_.trees.size(); ++tree) {
    TreeResult& out = result_.trees.emplace_back();
    out.name = options_.trees[tree].tree->name();
    out.executions = sums_[tree].executions;
    out.ops = sums_[tree].ops;
    out.skipped = sums_[tree].skipped;
    for (size_t i = 0; i < names.size(); ++i) {
      const uint64_t count = known_[tree * names.size() + i];
      if (count != 0) out.known[names[i]] = count;
      if (count != 0) met.insert(names[i]);
    }
  }
  for (size_t i = 0; i < cases_.size(); ++i) {
    if (cases_[i].tree == kOurs || cases_[i].kind != CheckCase::Kind::Divergence) continue;
    TreeResult& out = result_.trees[cases_[i].tree];
    const std::string name = std::filesystem::path{cases_[i].path}.stem().string();
    switch (entries_[i].load()) {
      case EntryState::Shown: out.shown.push_back(name); break;
      case EntryState::Fixed: out.fixed.push_back(name); break;
      case EntryState::Unexpected: out.unexpected.push_back(name); break;
      default: break;
    }
  }
  result_.known = met.size();
}

Verdict Check::judge_apart_guarded(const std::function<Verdict()>& judged, double seconds) const {
  return judge_apart(
      [&] {
        std::optional<LinuxGuard> guard;
        if (!options_.trees.empty()) guard.emplace();
        return judged();
      },
      seconds);
}

/// At once, while the workers go on: nobody waits an hour for what was found in the first minute.
void Check::look_into_new() {
  for (; looked_into_ < bad_.size(); ++looked_into_) look_into(bad_[looked_into_]);
}

/// Judges a bad case again, makes it small if it was a random one, and stores it.
void Check::look_into(const Bad& bad) {
  const Verdict verdict =
      judge_apart_guarded([&] { return judge_number(bad.number).verdict; }, kCaseSecondsMax);
  if (verdict.good()) {
    result_.problems.push_back(
        fmt::format("case {} of seed {} failed once and not again", bad.number, options_.seed));
    return;
  }
  if (verdict.signature == kUnreadable) {
    if (seen_.insert(verdict.report).second) result_.problems.push_back(verdict.report);
    return;
  }
  if (bad.number >= cases_.size()) {
    if (seen_.insert(verdict.signature).second) look_into_random(bad, verdict);
    return;
  }
  const CheckCase& which = cases_[bad.number];
  const bool ours = which.tree == kOurs;
  const bool boot = which.kind == CheckCase::Kind::Boot;
  const std::string again = !ours  ? options_.trees[which.tree].command
                            : boot ? "ci/lab replay --backend model"
                                   : "ci/lab check";
  result_.findings.push_back({which.path + ": " + verdict.signature, verdict.report, which.path,
                              again + " " + which.path, bad.seconds, ours});
}

void Check::look_into_random(const Bad& bad, const Verdict& verdict) {
  const RandomCase which = random_case(bad.number - cases_.size(), options_.trees.size());
  const auto tell = [&](int to) { tell_random_trace(source_, which, to); };
  // A crash adds what it says behind the last op: the parser leaves that out.
  Trace trace = parse_trace(text_apart(tell, kTrialSecondsMax)).trace;
  const bool ours = which.tree == kOurs;
  if (!ours) trace = for_linux(std::move(trace), *options_.trees[which.tree].tree);
  const auto judged = [&](const Trace& trial, const std::string& file) {
    return judge_apart_guarded(
        [&] { return judge_random(trial, which, options_.trees, file).verdict; }, kTrialSecondsMax);
  };
  const auto began = Clock::now();
  trace = minimize(trace, [&](const Trace& smaller) {
    const double budget = stop_ ? kMinimiseAfterCtrlC : options_.minimise_seconds;
    return since(began) <= budget && judged(smaller, "").signature == verdict.signature;
  });
  const std::string file = write_small(trace, verdict, which);
  trace = read_trace(file).trace;  // The report names lines of this file.
  const std::string command = ours ? "ci/lab check" : options_.trees[which.tree].command;
  result_.findings.push_back({"random trace: " + verdict.signature, judged(trace, file).report,
                              file, command + " " + file, bad.seconds, ours});
}

std::string Check::write_small(const Trace& trace, const Verdict& verdict,
                               const RandomCase& which) const {
  namespace fs = std::filesystem;
  fs::create_directories(options_.findings);
  const std::string who = which.tree == kOurs ? "core" : options_.trees[which.tree].tree->name();
  Trace stored = trace;
  stored.comments = {verdict.signature,
                     fmt::format("Found by lab-check, seed {}, random trace {} of {}.",
                                 options_.seed, which.index, who)};
  const fs::path path = fs::path{options_.findings} /
                        fmt::format("check-{}-{}-{}.txt", options_.seed, who, which.index);
  std::ofstream{path} << to_text(stored);
  return path.string();
}

}  // namespace

CheckResult run_check(const CheckOptions& options, const std::atomic<bool>& stop,
                      const std::function<void(const CheckProgress&)>& progress) {
  return Check{options, stop, progress}.run();
}

}  // namespace memblock::lab
