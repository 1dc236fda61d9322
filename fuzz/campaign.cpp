#include "fuzz/campaign.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <filesystem>
#include <memory>

#include "fuzz/process.h"

namespace memblock::fuzz {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr unsigned kRepeatsMax = 10;  // Of one finding, before its target gets no more time.
constexpr double kGraceSeconds = 20;  // For a process to end by itself once its time is over.
constexpr double kSampleSeconds = 1;
constexpr double kPlainLineSeconds = 10;

/// Time for one target on one slot.
struct Slice {
  size_t target = 0;
  double seconds = 0;
};

/// Gives each target the same share of `jobs` times the wall clock: fills one slot after the other
/// and carries what does not fit to the next (McNaughton's rule), so that none idles.
std::vector<std::deque<Slice>> plan(const CampaignOptions& options) {
  std::vector<std::deque<Slice>> slots(options.jobs);
  if (options.runs != 0) {
    for (size_t i = 0; i < options.targets.size(); ++i) {
      slots[i % options.jobs].push_back({i, 0});
    }
    return slots;
  }
  const double share = options.seconds * options.jobs / static_cast<double>(options.targets.size());
  size_t slot = 0;
  double used = 0;
  for (size_t i = 0; i < options.targets.size(); ++i) {
    for (double left = share; left > 0.5 && slot < slots.size();) {
      const double part = std::min(left, options.seconds - used);
      if (part > 0.5) slots[slot].push_back({i, part});
      left -= part;
      used += part;
      if (used > options.seconds - 0.5) {
        ++slot;
        used = 0;
      }
    }
  }
  return slots;
}

/// One process at a time, one slice after the other.
struct Slot {
  std::deque<Slice> slices;
  std::unique_ptr<Process> process;
  EngineLog log;
  Clock::time_point slice_start;
  Clock::time_point process_start;
  bool interrupted = false;
};

class Campaign {
 public:
  Campaign(const CampaignOptions& options, const std::atomic<bool>& stop)
      : options_(options), stop_(stop) {}

  CampaignResult run();

 private:
  double elapsed() const { return seconds_since(start_); }
  static double seconds_since(Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  }

  bool advance(Slot& slot);
  void start_process(Slot& slot);
  void process_ended(Slot& slot, const Ending& ending);
  bool keep_finding(const Slot& slot);
  bool slice_goes_on(const Slot& slot, bool repeats) const;
  void wait(std::vector<Slot>& slots) const;
  void show(const std::vector<Slot>& slots);
  std::vector<std::string> command(const Slice& slice, double seconds, unsigned number) const;

  const CampaignOptions& options_;
  const std::atomic<bool>& stop_;
  CampaignResult result_;
  Clock::time_point start_ = Clock::now();
  double shown_at_ = 0;
  double sampled_at_ = 0;
  unsigned processes_ = 0;
};

std::vector<std::string> Campaign::command(const Slice& slice, double seconds,
                                           unsigned number) const {
  const Target& target = *options_.targets[slice.target];
  const std::string name{target.name};
  std::vector<std::string> words{
      fmt::format("{}/{}", options_.programs, target.program),
      fmt::format("-seed={}", (options_.seed * 1000003 + number) % 0xffffffff),
      fmt::format("-max_len={}", target.input_bytes_max),
      fmt::format("-artifact_prefix={}/{}-", options_.findings, name),
      "-entropic=0",  // It takes a fifth of the time here, and gains nothing for it.
      "-print_final_stats=1", "-timeout=60", "-report_slow_units=30", "-rss_limit_mb=2048",
      // Others may add to the same corpus only if there are more processes than targets.
      options_.jobs > options_.targets.size() ? "-reload=1" : "-reload=0"};
  words.push_back(options_.runs != 0
                      ? fmt::format("-runs={}", options_.runs)
                      : fmt::format("-max_total_time={}", std::max(1.0, std::round(seconds))));
  if (!target.dictionary.empty()) {
    words.push_back(fmt::format("-dict={}/{}", options_.dictionaries, target.dictionary));
  }
  words.push_back(fmt::format("{}/{}", options_.corpus, name));
  const std::string seeds = fmt::format("{}/{}", options_.seeds, name);
  if (fs::is_directory(seeds)) words.push_back(seeds);
  return words;
}

void Campaign::start_process(Slot& slot) {
  const Slice& slice = slot.slices.front();
  TargetResult& result = result_.targets[slice.target];
  const double left = slice.seconds - seconds_since(slot.slice_start);
  slot.log = EngineLog{};
  slot.interrupted = false;
  slot.process = std::make_unique<Process>();
  slot.process_start = Clock::now();
  const std::vector<std::string> words = command(slice, left, ++processes_);
  if (slot.process->start(words)) {
    ++result.starts;
    return;
  }
  result.problem =
      fmt::format("{} cannot be started; build it with `cmake --build` first", words[0]);
  slot.process.reset();
  slot.slices.pop_front();
  slot.slice_start = Clock::now();
}

/// Files the input that failed. True if this kind of finding has come too often to go on.
bool Campaign::keep_finding(const Slot& slot) {
  const Target* target = options_.targets[slot.slices.front().target];
  const std::string signature = slot.log.signature();
  for (Finding& known : result_.findings) {
    if (known.target == target && known.signature == signature) {
      std::error_code ignored;
      if (known.artifact != slot.log.artifact()) fs::remove(slot.log.artifact(), ignored);
      return ++known.times >= kRepeatsMax;
    }
  }
  result_.findings.push_back(
      {target, signature, slot.log.artifact(), 1, elapsed(), slot.log.tail()});
  if (options_.terminal) fmt::print("\r\x1b[K");
  fmt::print("finding in {} after {:.0f} s: {}\n", target->name, elapsed(), signature);
  std::fflush(stdout);
  return false;
}

bool Campaign::slice_goes_on(const Slot& slot, bool repeats) const {
  if (stop_ || repeats || options_.runs != 0) return false;
  return slot.slices.front().seconds - seconds_since(slot.slice_start) >= 1.5;
}

void Campaign::process_ended(Slot& slot, const Ending& ending) {
  const int code = ending.code;
  TargetResult& result = result_.targets[slot.slices.front().target];
  const Progress& progress = slot.log.progress();
  result.seconds += seconds_since(slot.process_start);
  result.cpu_seconds += ending.cpu_seconds;
  result.executions += progress.executions;
  result.new_units += progress.new_units;
  if (progress.edges != 0) result.last = progress;
  bool repeats = false;
  bool broken = false;
  constexpr int kEngineInterrupted = 72;
  if (!slot.log.artifact().empty()) {
    repeats = keep_finding(slot);
  } else if (code != 0 && !(slot.interrupted && (code == kEngineInterrupted || code > 128))) {
    const std::vector<std::string>& tail = slot.log.tail();
    result.problem = fmt::format("ended with code {}: {}", code, tail.empty() ? "" : tail.back());
    broken = true;
  }
  slot.process.reset();
  if (!broken && code != 0 && slice_goes_on(slot, repeats)) return;
  slot.slices.pop_front();
  slot.slice_start = Clock::now();
}

/// Does what is due on one slot. False once it has nothing left to do.
bool Campaign::advance(Slot& slot) {
  if (!slot.process) {
    if (stop_ || slot.slices.empty()) return false;
    start_process(slot);
    return true;
  }
  std::vector<std::string> lines;
  slot.process->read_lines(lines);
  const Ending ending = slot.process->poll_ending(lines);
  for (const std::string& line : lines) slot.log.add_line(line);
  if (ending.ended) {
    process_ended(slot, ending);
    return true;
  }
  const double over =
      options_.runs != 0 ? 0 : seconds_since(slot.slice_start) - slot.slices.front().seconds;
  if (stop_ && !slot.interrupted) {
    slot.process->interrupt();
    slot.interrupted = true;
    slot.slices.front().seconds = seconds_since(slot.slice_start);
  } else if (over > kGraceSeconds) {
    slot.interrupted = true;
    slot.process->kill();
  }
  return true;
}

void Campaign::wait(std::vector<Slot>& slots) const {
  std::vector<pollfd> waiting;
  for (const Slot& slot : slots) {
    if (slot.process && slot.process->output() >= 0) {
      waiting.push_back({slot.process->output(), POLLIN, 0});
    }
  }
  poll(waiting.data(), waiting.size(), 50);
}

void Campaign::show(const std::vector<Slot>& slots) {
  const double now = elapsed();
  const bool sample = now - sampled_at_ >= kSampleSeconds;
  const bool line = now - shown_at_ >= (options_.terminal ? kSampleSeconds : kPlainLineSeconds);
  if (sample) sampled_at_ = now;
  if (line) shown_at_ = now;
  if (!sample && !line) return;
  std::string text;
  for (const Slot& slot : slots) {
    if (!slot.process) continue;
    TargetResult& result = result_.targets[slot.slices.front().target];
    const Progress& progress = slot.log.progress();
    if (sample) result.samples.push_back({now, progress});
    text += fmt::format("  {}: {} exec, {}/s, cov {} ft {}, corpus {} (+{})", result.target->name,
                        progress.executions, progress.exec_per_second, progress.edges,
                        progress.features, progress.corpus_units, progress.new_units);
  }
  if (!line || text.empty()) return;
  const std::string clock = options_.runs != 0
                                ? fmt::format("{:.0f} s", now)
                                : fmt::format("{:.0f}/{:.0f} s", now, options_.seconds);
  if (options_.terminal) {
    fmt::print("\r\x1b[K{}{}", clock, text);
  } else {
    fmt::print("{}{}\n", clock, text);
  }
  std::fflush(stdout);
}

CampaignResult Campaign::run() {
  for (const Target* target : options_.targets) {
    result_.targets.push_back({});
    result_.targets.back().target = target;
    fs::create_directories(fmt::format("{}/{}", options_.corpus, target->name));
  }
  fs::create_directories(options_.findings);
  std::vector<Slot> slots(options_.jobs);
  std::vector<std::deque<Slice>> slices = plan(options_);
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i].slices = std::move(slices[i]);
    slots[i].slice_start = Clock::now();
  }
  for (bool busy = true; busy;) {
    busy = false;
    for (Slot& slot : slots) busy = advance(slot) || busy;
    show(slots);
    wait(slots);
  }
  if (options_.terminal) fmt::print("\r\x1b[K");
  result_.seconds = elapsed();
  result_.interrupted = stop_;
  return std::move(result_);
}

}  // namespace

bool CampaignResult::has_problem() const {
  return std::any_of(targets.begin(), targets.end(), [this](const TargetResult& target) {
    return !target.problem.empty() || (target.starts == 0 && !interrupted);
  });
}

CampaignResult run_campaign(const CampaignOptions& options, const std::atomic<bool>& stop) {
  return Campaign{options, stop}.run();
}

}  // namespace memblock::fuzz
