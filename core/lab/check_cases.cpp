#include "lab/check_cases.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "lab/alter.h"
#include "lab/bootlog_replay.h"
#include "lab/bootlog_text.h"
#include "lab/codec.h"
#include "lab/gen.h"
#include "lab/text.h"

namespace memblock::lab {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_in(const fs::path& folder,
                                  const std::function<bool(const fs::path&)>& wanted) {
  std::vector<std::string> out;
  if (!fs::is_directory(folder)) return out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator{folder}) {
    if (entry.is_regular_file() && wanted(entry.path())) out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// All files on our backends, then all of them on each tree.
void add_cases(std::vector<CheckCase>& out, CheckCase::Kind kind,
               const std::vector<std::string>& files, size_t trees) {
  for (const std::string& file : files) out.push_back({kind, file, kOurs});
  for (size_t tree = 0; tree < trees; ++tree) {
    for (const std::string& file : files) out.push_back({kind, file, tree});
  }
}

/// The same number is another trace under another seed, and neighbours have nothing in common.
PrngChoices choices_of(uint64_t seed, const RandomCase& which) {
  PrngChoices mixed{seed + (which.tree + 1) * 0x9e3779b97f4a7c15};
  const uint64_t start = mixed.below(~uint64_t{0}) ^ which.index;
  return PrngChoices{PrngChoices{start}.below(~uint64_t{0})};
}

/// Tells what has been made so far, in case making it is what crashes.
class ToldChoices {
 public:
  ToldChoices(PrngChoices choices, int to) : choices_(choices), to_(to) {}

  uint64_t below(uint64_t n) { return choices_.below(n); }
  void made(const Limits& limits) {
    Trace begun;
    begun.limits = limits;
    tell(to_text(begun));
  }
  void made(const Op& op) { tell(to_text(op) + "\n"); }
  void made(const Trace& trace) { tell(to_text(trace)); }

 private:
  void tell(const std::string& text) const {
    for (size_t written = 0; written < text.size();) {
      const ssize_t put = write(to_, text.data() + written, text.size() - written);
      if (put <= 0) _exit(1);
      written += static_cast<size_t>(put);
    }
  }

  PrngChoices choices_;
  int to_;
};

/// Arrays of more than a page, which tables of a few regions never have.
void with_large_tables(OpMix& mix) {
  mix.small_tables = false;
  mix.fill_max = 200;
  mix.patterns = 12;
}

template <Choices C>
Trace drawn(C& choices, uint64_t index) {
  OpMix mix = index % 8 < 5   ? OpMix::everything()
              : index % 8 < 7 ? OpMix::memblock_only()
                              : OpMix::e820_only();
  if (index % 16 == 1) mix.draws_max = 256;
  if (index % 16 == 3) with_large_tables(mix);
  return gen_trace(choices, swarm(choices, mix));
}

/// Kernels part from us sooner than the model does: more calls of one kind, fewer of them missing.
template <Choices C>
Trace drawn_for_linux(C& choices, uint64_t index) {
  OpMix mix = index % 8 == 7   ? OpMix::e820_only()
              : index % 2 == 0 ? OpMix::memblock_only()
                               : OpMix::everything();
  if (choices.below(2) != 0) mix = swarm(choices, mix);
  if (choices.below(3) == 0) mix.draws_max = 120;
  if (index % 16 == 3) with_large_tables(mix);
  return gen_trace(choices, mix);
}

template <Choices C>
Trace altered_boot(C& choices, const std::vector<std::string>& logs) {
  const std::string& log = logs[choices.below(logs.size())];
  std::vector<ImportedBoot> boots = import_bootlog(load_text(log).text, log);
  if (boots.empty()) return {};
  Trace out = BootAlterer{choices, playable_trace(boots[choices.below(boots.size())])}.trace();
  if constexpr (requires { choices.made(out); }) choices.made(out);
  return out;
}

/// Altered boots are for core and model: nobody has looked yet at what kernels make of them.
template <Choices C>
Trace drawn_case(C& choices, const RandomCase& which, const RandomSource& source) {
  if (which.tree != kOurs) {
    return for_linux(drawn_for_linux(choices, which.index), *source.trees[which.tree].tree);
  }
  if (which.index % 16 == 5 && !source.boots.empty()) return altered_boot(choices, source.boots);
  return drawn(choices, which.index);
}

CaseResult unreadable(const std::string& report) {
  CaseResult out;
  out.verdict = {kUnreadable, report};
  return out;
}

void add(CaseResult& result, const LinuxJudged& judged) {
  if (result.verdict.good()) result.verdict = judged.verdict;
  result.executions += judged.executions;
  result.ops += judged.ops;
  result.skipped += judged.skipped;
  for (const auto& [name, count] : judged.known) result.known[name] += count;
}

CaseResult judge_ours(const Trace& trace, const std::string& file) {
  CaseResult out;
  out.verdict = judge(trace, file);
  out.traces = out.executions = 1;
  out.ops = trace.steps.size();
  return out;
}

CaseResult judge_everywhere(const CheckTree& tree, const Trace& trace, const std::string& file) {
  CaseResult out;
  out.traces = 1;
  for (const LinuxRun run :
       {LinuxRun::Flat, LinuxRun::Tree, LinuxRun::SmallTree, LinuxRun::Model, LinuxRun::Window}) {
    add(out, judge_on_linux(tree, trace, file, run));
  }
  return out;
}

CaseResult judge_boots(const std::string& text, const CheckCase& which,
                       const std::vector<CheckTree>& trees) {
  CaseResult out;
  for (const ImportedBoot& boot : import_bootlog(text, which.path)) {
    if (boot.empty()) continue;
    // Whether the logged answers come out is replay's question; here it is one backend or the
    // other.
    Trace trace = playable_trace(boot);
    for (Step& step : trace.steps) step.expected.reset();
    ++out.traces;
    if (which.tree == kOurs) {
      out.verdict = judge(trace, which.path);
      ++out.executions;
      out.ops += trace.steps.size();
    } else {
      const CheckTree& tree = trees[which.tree];
      add(out, judge_on_linux(tree, for_linux(std::move(trace), *tree.tree), which.path,
                              LinuxRun::Tree));
    }
    if (!out.verdict.good()) return out;
  }
  return out.traces != 0 ? out : unreadable(which.path + ": no boot and no trace in it\n");
}

EntryState entry_state(const CaseResult& result, const std::string& path, const Trace& trace,
                       const LinuxTree& tree, const std::vector<std::string>& named) {
  const std::string name = fs::path{path}.stem().string();
  // Options that are refused after they have acted, whatever is wrong with them, look alike.
  const bool option = name.starts_with("cmdline-") && result.known.contains("cmdline-garbage-acts");
  const bool shown = result.known.contains(name) || option;
  const bool expected = should_show(trace, tree.release(), named);
  if (shown) {
    const bool stranger = std::find(named.begin(), named.end(), tree.release()) == named.end();
    return expected || stranger ? EntryState::Shown : EntryState::Unexpected;
  }
  // A tree that lacks one of the calls cannot show it.
  return expected && result.skipped == 0 ? EntryState::Fixed : EntryState::Absent;
}

/// The trace that a file holds, or what is wrong with it.
struct LoadedTrace {
  std::string text;
  ParsedTrace parsed;
  std::string problem;
  bool boots = false;
};

LoadedTrace load_trace(const CheckCase& which) {
  LoadedTrace out;
  LoadedText loaded = load_text(which.path);
  for (const LogDiagnostic& diagnostic : loaded.diagnostics) {
    if (!loaded.readable) out.problem += diagnostic.to_string() + "\n";
  }
  if (!loaded.readable) return out;
  out.text = std::move(loaded.text);
  out.boots = which.kind == CheckCase::Kind::Boot;
  if (out.boots) return out;
  if (out.text.find('\0') != std::string::npos) {
    out.parsed.trace = decode({reinterpret_cast<const uint8_t*>(out.text.data()), out.text.size()});
    return out;
  }
  out.parsed = parse_trace(out.text);
  if (out.parsed.ok()) return out;
  out.boots = out.text.find("memblock") != std::string::npos ||
              out.text.find("BIOS-e820") != std::string::npos;
  if (out.boots) return out;
  for (const Diagnostic& error : out.parsed.errors) {
    out.problem += to_text(which.path, error) + "\n";
  }
  return out;
}

}  // namespace

std::vector<CheckCase> corpus_cases(const std::string& corpora, size_t trees) {
  const fs::path root{corpora};
  std::vector<CheckCase> out;
  const auto is_text = [](const fs::path& path) { return path.extension() == ".txt"; };
  for (const char* folder : {"spec", "regress", "divergences"}) {
    const auto kind = folder == std::string_view{"divergences"} ? CheckCase::Kind::Divergence
                                                                : CheckCase::Kind::File;
    add_cases(out, kind, files_in(root / folder, is_text), trees);
  }
  const auto is_log = [](const fs::path& path) {
    return path.filename().string().find(".log") != std::string::npos;
  };
  add_cases(out, CheckCase::Kind::Boot, files_in(root / "boots", is_log), trees);
  return out;
}

std::vector<CheckCase> file_cases(const std::vector<std::string>& files, size_t trees) {
  std::vector<CheckCase> out;
  add_cases(out, CheckCase::Kind::File, files, trees);
  return out;
}

std::vector<std::string> boots_among(const std::vector<CheckCase>& cases) {
  std::vector<std::string> out;
  for (const CheckCase& one : cases) {
    if (one.kind == CheckCase::Kind::Boot && one.tree == kOurs) out.push_back(one.path);
  }
  return out;
}

std::vector<std::string> named_releases(const std::vector<CheckCase>& cases) {
  std::vector<std::string> out;
  for (const CheckCase& one : cases) {
    if (one.kind != CheckCase::Kind::Divergence || one.tree != kOurs) continue;
    for (std::string& release : releases_of(read_trace(one.path).trace)) {
      if (std::find(out.begin(), out.end(), release) == out.end()) out.push_back(release);
    }
  }
  return out;
}

RandomCase random_case(uint64_t number, size_t trees) {
  const uint64_t lane = number % (trees + 1);
  return {lane == trees ? kOurs : lane, number / (trees + 1)};
}

Trace random_trace(const RandomSource& source, const RandomCase& which) {
  PrngChoices choices = choices_of(source.seed, which);
  return drawn_case(choices, which, source);
}

void tell_random_trace(const RandomSource& source, const RandomCase& which, int to) {
  ToldChoices choices{choices_of(source.seed, which), to};
  static_cast<void>(drawn_case(choices, which, source));
}

CaseResult judge_case(const CheckCase& which, const std::vector<CheckTree>& trees,
                      const std::vector<std::string>& named) {
  const LoadedTrace loaded = load_trace(which);
  if (!loaded.problem.empty()) return unreadable(loaded.problem);
  if (loaded.boots) return judge_boots(loaded.text, which, trees);
  const Trace& trace = loaded.parsed.trace;
  if (which.tree == kOurs) return judge_ours(trace, which.path);
  CaseResult out = judge_everywhere(trees[which.tree], trace, which.path);
  if (which.kind == CheckCase::Kind::Divergence) {
    out.entry = entry_state(out, which.path, trace, *trees[which.tree].tree, named);
  }
  return out;
}

CaseResult judge_random(const Trace& trace, const RandomCase& which,
                        const std::vector<CheckTree>& trees, const std::string& file) {
  CaseResult out;
  if (which.tree == kOurs) {
    out = judge_ours(trace, file);
  } else {
    // Blocks, because a window is made and given back where one ends.
    static constexpr LinuxRun kTurns[] = {LinuxRun::Flat, LinuxRun::SmallTree, LinuxRun::Tree,
                                          LinuxRun::SmallTree, LinuxRun::Model};
    const LinuxRun run =
        which.index / 512 % 3 == 2 ? LinuxRun::Window : kTurns[which.index % std::size(kTurns)];
    add(out, judge_on_linux(trees[which.tree], trace, file, run));
  }
  out.traces = 0;  // Only those of files are counted.
  return out;
}

}  // namespace memblock::lab
