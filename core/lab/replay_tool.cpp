// Replaying files one after the other, and telling what came of it.
#include "lab/replay_tool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "lab/bootlog_map.h"
#include "lab/bootlog_replay.h"
#include "lab/replay_json.h"
#include "lab/text.h"

namespace memblock::lab {
namespace {

constexpr size_t kContext = 6;      // Calls shown before and after a difference.
constexpr size_t kWrongShown = 10;  // Differences shown for one log.

std::string tally_text(const char* what, const Tally& tally) {
  return fmt::format("{} {}/{}", what, tally.right, tally.checked);
}

/// The worse of two results of the same log: right is what both have right.
void keep_worse(Tally& total, const Tally& other) {
  total.right = std::min(total.right, other.right);
}

class ReplayTool {
 public:
  explicit ReplayTool(const ReplayOptions& options) : options_(options) {
    backends_ = options.backends;
    if (backends_.empty()) backends_.emplace_back("tree");
  }

  int run() {
    for (const std::string& backend : backends_) {
      const auto known = replay_backends();
      if (std::find(known.begin(), known.end(), backend) == known.end()) {
        fmt::print(stderr, "lab-replay: no backend called \"{}\"; there are: {}\n", backend,
                   fmt::join(known, ", "));
        return 2;
      }
    }
    for (const std::string& file : options_.files) replay_file(file);
    fmt::print("total: logs {}/{}, allocations {}/{}, dumps {}/{}, inferred {}\n", logs_.right,
               logs_.checked, allocations_.right, allocations_.checked, dumps_.right,
               dumps_.checked, inferred_);
    std::fflush(stdout);
    if (!write_outputs()) return 2;
    if (unreadable_) return 2;
    return logs_.right == logs_.checked ? 0 : 1;
  }

 private:
  void replay_file(const std::string& file) {
    LoadedText loaded = load_text(file);
    for (const LogDiagnostic& diagnostic : loaded.diagnostics) complain(diagnostic);
    if (!loaded.readable) {
      unreadable_ = true;
      return;
    }
    const std::string name = file == "-" ? "(standard input)" : file;
    if (looks_like_trace(loaded.text)) {
      replay_trace(name, loaded.text);
      return;
    }
    std::vector<ImportedBoot> boots = import_bootlog(loaded.text, name);
    bool any = false;
    for (size_t i = 0; i < boots.size(); ++i) {
      for (const LogDiagnostic& diagnostic : boots[i].diagnostics) complain(diagnostic);
      if (boots[i].empty()) continue;
      any = true;
      if (boots.size() > 1) boots[i].file = fmt::format("{} (boot {})", name, i + 1);
      replay_boot(boots[i]);
    }
    if (any) return;
    complain({name, 0,
              "no line about memory in it; boot with memblock=debug and take the log with dmesg"});
    unreadable_ = true;
  }

  void replay_boot(const ImportedBoot& boot) {
    std::optional<ReplayReport> worst;
    Tally allocations;
    Tally dumps;
    bool right = true;
    for (const std::string& backend : backends_) {
      ReplayReport report = replay(boot, backend);
      print_line(report);
      if (options_.explain) explain(boot, report);
      right = right && report.right();
      if (!worst) {
        allocations = report.allocations;
        dumps = report.dumps;
      } else {
        keep_worse(allocations, report.allocations);
        keep_worse(dumps, report.dumps);
      }
      json_.add(boot, report);
      worst = std::move(report);
    }
    add(logs_, {right ? 1u : 0u, 1});
    add(allocations_, allocations);
    add(dumps_, dumps);
    inferred_ += worst->inferred;
    if (options_.map) fmt::print("{}", map_picture(boot));
    if (!options_.trace.empty()) keep_trace(playable_trace(boot));
  }

  void print_line(const ReplayReport& report) {
    const std::string backend = backends_.size() > 1 ? fmt::format(" on {}", report.backend) : "";
    fmt::print("{}{}: calls {}, {}, {}, inferred {}{}\n", report.file, backend, report.calls,
               tally_text("allocations", report.allocations), tally_text("dumps", report.dumps),
               report.inferred, notes_text(report));
    size_t shown = 0;
    for (const WrongAllocation& wrong : report.wrong) {
      if (++shown > kWrongShown) break;
      fmt::print("  {}:{}: {}\n", report.file, wrong.line, wrong.what);
    }
    if (report.wrong.size() > kWrongShown) {
      fmt::print("  and {} more allocations\n", report.wrong.size() - kWrongShown);
    }
    for (const DumpVerdict& verdict : report.verdicts) {
      for (const std::string& difference : verdict.differences) {
        fmt::print("  {}:{}: dump: {}\n", report.file, verdict.line, difference);
      }
    }
    for (const WrongMap& wrong : report.wrong_maps) {
      fmt::print("  {}:{}: {}\n", report.file, wrong.line, wrong.what);
    }
    if (!report.broken.empty()) fmt::print("  {}: {}\n", report.file, report.broken);
  }

  static std::string notes_text(const ReplayReport& report) {
    const std::string maps =
        report.maps.checked == 0 ? "" : ", " + tally_text("firmware maps", report.maps);
    std::vector<std::string> names;
    for (const DumpVerdict& verdict : report.verdicts) {
      for (const std::string& name : verdict.divergences) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
    }
    return names.empty() ? maps
                         : fmt::format("{}, known divergences {}", maps, fmt::join(names, " "));
  }

  void explain(const ImportedBoot& boot, const ReplayReport& report) {
    size_t first = boot.trace.steps.size();
    if (!report.wrong.empty()) first = report.wrong[0].step;
    for (const DumpVerdict& verdict : report.verdicts) {
      if (!verdict.right) first = std::min(first, verdict.step);
    }
    if (first < boot.trace.steps.size()) {
      fmt::print("  around the first difference (line in the log, call):\n");
      const size_t from = first - std::min(first, kContext);
      const size_t to = std::min(boot.trace.steps.size(), first + kContext + 1);
      for (size_t i = from; i < to; ++i) {
        fmt::print("  {} {}\n", i == first ? '>' : ' ', step_text(boot, i));
      }
    } else {
      fmt::print("  no difference\n");
    }
    fmt::print("  inferred calls:\n");
    for (size_t i = 0; i < boot.notes.size(); ++i) {
      if (boot.notes[i].kind != StepKind::Inferred && !boot.notes[i].guessed_request) continue;
      fmt::print("    {}\n", step_text(boot, i));
    }
  }

  static bool looks_like_trace(std::string_view text) {
    // The first line of a trace that is no comment is one of the language; a log's never is.
    bool is_trace = false;
    bool decided = false;
    for_each_line(text, [&](uint32_t, std::string_view line) {
      if (decided) return;
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
      if (line.empty() || line[0] == '#') return;
      decided = true;
      const std::string_view word = line.substr(0, line.find(' '));
      is_trace = word == "limits" || word == "e820" || word == "noprint";
      for (const OpSpec& spec : kOpSpecs) is_trace = is_trace || spec.name == word;
    });
    return is_trace;
  }

  void replay_trace(const std::string& name, const std::string& text) {
    const ParsedTrace parsed = parse_trace(text);
    for (const Diagnostic& error : parsed.errors) {
      fmt::print(stderr, "{}\n", to_text(name, error));
    }
    if (!parsed.ok()) {
      unreadable_ = true;
      return;
    }
    bool right = true;
    for (const std::string& backend : backends_) {
      const TraceReport report = replay_trace_on(parsed.trace, backend);
      fmt::print("{}{}: calls {}, {}\n", name,
                 backends_.size() > 1 ? fmt::format(" on {}", backend) : "", report.calls,
                 tally_text("expectations", report.expectations));
      for (const std::string& difference : report.differences) {
        fmt::print("  {}:{}\n", name, difference);
      }
      right = right && report.expectations.right == report.expectations.checked;
    }
    add(logs_, {right ? 1u : 0u, 1});
    if (!options_.trace.empty()) keep_trace(parsed.trace);
  }

  void complain(const LogDiagnostic& diagnostic) {
    std::fflush(stdout);
    fmt::print(stderr, "{}\n", diagnostic.to_string());
    json_.add(diagnostic);
  }

  void keep_trace(const Trace& trace) {
    if (traces_++ == 0) trace_text_ = to_text(trace);
  }

  static void add(Tally& total, const Tally& more) {
    total.right += more.right;
    total.checked += more.checked;
  }

  bool write_outputs() {
    bool written = true;
    if (traces_ > 1) {
      fmt::print(stderr, "lab-replay: --trace takes one boot, but there are {}; give one log\n",
                 traces_);
      written = false;
    } else if (traces_ == 1) {
      written = write(options_.trace, trace_text_);
    }
    if (!options_.json.empty()) {
      written =
          write(options_.json, json_.to_text(logs_, allocations_, dumps_, inferred_)) && written;
    }
    return written;
  }

  static bool write(const std::string& path, const std::string& text) {
    if (path == "-") {
      fmt::print("{}", text);
      return true;
    }
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file.fail()) return true;
    fmt::print(stderr, "{}: cannot be written; is the directory there?\n", path);
    return false;
  }

  const ReplayOptions& options_;
  std::vector<std::string> backends_;
  ReplayJson json_;
  Tally logs_;
  Tally allocations_;
  Tally dumps_;
  uint64_t inferred_ = 0;
  bool unreadable_ = false;
  std::string trace_text_;
  size_t traces_ = 0;
};

}  // namespace

int run_replay_tool(const ReplayOptions& options) { return ReplayTool(options).run(); }

}  // namespace memblock::lab
