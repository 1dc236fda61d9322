#include "lab/check_cases.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

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

/// The same number is another trace under another seed, and neighbours have nothing in common.
PrngChoices choices_of(uint64_t seed, uint64_t number) {
  PrngChoices mixed{seed};
  const uint64_t start = mixed.below(~uint64_t{0}) ^ number;
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

template <Choices C>
Trace drawn(C& choices, uint64_t number) {
  OpMix mix = number % 8 < 5   ? OpMix::everything()
              : number % 8 < 7 ? OpMix::memblock_only()
                               : OpMix::e820_only();
  if (number % 16 == 1) mix.draws_max = 256;
  if (number % 16 == 3) mix.small_tables = false;
  return gen_trace(choices, swarm(choices, mix));
}

Verdict unreadable(const std::string& report) { return {kUnreadable, report}; }

Verdict judge_boots(const std::string& text, const std::string& path, CaseCost& cost) {
  Verdict verdict;
  for (const ImportedBoot& boot : import_bootlog(text, path)) {
    if (boot.empty()) continue;
    // Whether the kernel's own answers come out is replay's question; here it is core or model.
    Trace trace = playable_trace(boot);
    for (Step& step : trace.steps) step.expected.reset();
    ++cost.traces;
    cost.ops += trace.steps.size();
    verdict = judge(trace, path);
    if (!verdict.good()) return verdict;
  }
  return cost.traces != 0 ? verdict : unreadable(path + ": no boot and no trace in it\n");
}

}  // namespace

std::vector<CheckCase> corpus_cases(const std::string& corpora) {
  const fs::path root{corpora};
  std::vector<CheckCase> out;
  const auto is_text = [](const fs::path& path) { return path.extension() == ".txt"; };
  for (const char* folder : {"spec", "regress", "divergences"}) {
    const auto kind = folder == std::string_view{"divergences"} ? CheckCase::Kind::Divergence
                                                                : CheckCase::Kind::File;
    for (std::string& path : files_in(root / folder, is_text)) {
      out.push_back({kind, std::move(path)});
    }
  }
  const auto is_log = [](const fs::path& path) {
    return path.filename().string().find(".log") != std::string::npos;
  };
  for (std::string& path : files_in(root / "boots", is_log)) {
    out.push_back({CheckCase::Kind::Boot, std::move(path)});
  }
  return out;
}

std::vector<CheckCase> file_cases(const std::vector<std::string>& files) {
  std::vector<CheckCase> out;
  for (const std::string& file : files) out.push_back({CheckCase::Kind::File, file});
  return out;
}

Trace random_trace(uint64_t seed, uint64_t number) {
  PrngChoices choices = choices_of(seed, number);
  return drawn(choices, number);
}

void tell_random_trace(uint64_t seed, uint64_t number, int to) {
  ToldChoices choices{choices_of(seed, number), to};
  static_cast<void>(drawn(choices, number));
}

Verdict judge_case(const CheckCase& which, CaseCost& cost) {
  const LoadedText loaded = load_text(which.path);
  if (!loaded.readable) {
    std::string report;
    for (const LogDiagnostic& diagnostic : loaded.diagnostics)
      report += diagnostic.to_string() + "\n";
    return unreadable(report);
  }
  if (which.kind == CheckCase::Kind::Boot) return judge_boots(loaded.text, which.path, cost);
  ParsedTrace parsed = parse_trace(loaded.text);
  const bool binary = loaded.text.find('\0') != std::string::npos;
  if (binary) {
    parsed = {};
    parsed.trace =
        decode({reinterpret_cast<const uint8_t*>(loaded.text.data()), loaded.text.size()});
  } else if (!parsed.ok()) {
    const bool log = loaded.text.find("memblock") != std::string::npos ||
                     loaded.text.find("BIOS-e820") != std::string::npos;
    if (log) return judge_boots(loaded.text, which.path, cost);
    std::string report;
    for (const Diagnostic& error : parsed.errors) report += to_text(which.path, error) + "\n";
    return unreadable(report);
  }
  cost = {1, parsed.trace.steps.size()};
  return judge(parsed.trace, which.path);
}

}  // namespace memblock::lab
