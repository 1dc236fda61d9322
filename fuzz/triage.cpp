#include "fuzz/triage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/op_input.h"
#include "fuzz/process.h"
#include "lab/compare_tables.h"
#include "lab/core_backend.h"
#include "lab/judge.h"
#include "lab/minimize.h"
#include "lab/model.h"
#include "lab/text.h"

namespace memblock::fuzz {
namespace {

namespace fs = std::filesystem;
using lab::Trace;

constexpr double kRunSecondsMax = 30;  // Of one input.
constexpr size_t kSaidLinesMax = 12;

std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out{path, std::ios::binary};
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string as_bytes(const Trace& trace) {
  const std::vector<uint8_t> bytes = lab::encode(trace);
  return {bytes.begin(), bytes.end()};
}

Trace trace_of(const std::string& bytes) {
  return trace_of_input({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

std::string hex_dump(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    out += fmt::format("{:02x}{}", static_cast<uint8_t>(bytes[i]), i % 32 == 31 ? "\n" : " ");
  }
  return out + "\n";
}

/// Runs one input in the target's own program.
class Runner {
 public:
  explicit Runner(std::string program)
      : program_(std::move(program)),
        scratch_(
            (fs::temp_directory_path() / fmt::format("lab-fuzz-{}-input", getpid())).string()) {}
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner() {
    std::error_code ignored;
    fs::remove(scratch_, ignored);
  }

  /// What it says of a file; the signature is empty when nothing is wrong.
  std::string signature_of_file(const std::string& file, std::vector<std::string>& said) const {
    said.clear();
    const int code = run_to_end({program_, "-timeout=10", file}, kRunSecondsMax, said);
    if (code == 0) return {};
    EngineLog log;
    for (const std::string& line : said) log.add_line(line);
    return code == -1 ? "timeout" : log.signature();
  }

  std::string signature_of_bytes(std::string_view bytes) const {
    write_file(scratch_, bytes);
    std::vector<std::string> said;
    return signature_of_file(scratch_, said);
  }

 private:
  std::string program_;
  std::string scratch_;
};

/// What the core and the model make of a trace, without starting the program: much faster. A crash
/// has no signature here.
std::string divergence_signature(const Trace& trace) {
  return lab::judge_apart(
             [&] {
               const auto found = lab::compare_tables(trace);
               return found ? lab::Verdict{lab::signature_of(*found, trace), ""} : lab::Verdict{};
             },
             kRunSecondsMax)
      .signature;
}

Trace smaller(const Trace& trace, const std::string& wanted, const Runner& runner, double seconds) {
  const auto start = std::chrono::steady_clock::now();
  const bool diverges = divergence_signature(trace) == wanted;
  return lab::minimize(trace, [&](const Trace& trial) {
    const std::chrono::duration<double> used = std::chrono::steady_clock::now() - start;
    // minimize() must hear yes of the trace it began with; when time is over, of nothing else.
    if (used.count() > seconds) return trial == trace;
    return wanted ==
           (diverges ? divergence_signature(trial) : runner.signature_of_bytes(as_bytes(trial)));
  });
}

/// libFuzzer's own minimiser, for inputs that have no ops.
std::string smaller_bytes(const std::string& artifact, const std::string& wanted,
                          const Runner& runner, const std::string& program, double seconds) {
  const std::string out = artifact + ".smaller";
  std::vector<std::string> lines;
  run_to_end({program, "-minimize_crash=1", fmt::format("-max_total_time={:.0f}", seconds),
              "-exact_artifact_path=" + out, artifact},
             seconds + kRunSecondsMax, lines);
  const std::string bytes = read_file(out);
  std::error_code ignored;
  fs::remove(out, ignored);
  // It may have slipped to another bug.
  const bool same = !bytes.empty() && runner.signature_of_bytes(bytes) == wanted;
  return same ? bytes : read_file(artifact);
}

/// The lines about the finding itself, without the engine's.
std::vector<std::string> essence(const std::vector<std::string>& lines) {
  std::vector<std::string> out;
  for (const std::string& line : lines) {
    const bool engine = line.starts_with("INFO:") || line.starts_with("Running:") ||
                        line.find("Running 1 inputs") != std::string::npos || line.empty() ||
                        line.find("loaded ") == 0;
    if (!engine && out.size() < kSaidLinesMax) out.push_back(line);
  }
  return out;
}

}  // namespace

bool about_time(const Finding& finding) {
  return finding.signature.starts_with("slow unit") ||
         finding.signature.find("timeout") != std::string::npos;
}

Report triage(const Finding& finding, const CampaignOptions& options, double seconds) {
  Report report;
  report.finding = finding;
  report.smallest = finding.artifact;
  const std::string program = fmt::format("{}/{}", options.programs, finding.target->program);
  const Runner runner{program};
  std::vector<std::string> said;
  const std::string signature = runner.signature_of_file(finding.artifact, said);
  // An input that was slow must be slow when it runs alone; others may have kept the machine busy.
  const bool was_slow = about_time(finding);
  report.reproduced = was_slow ? !signature.empty() : signature == finding.signature;
  report.replay_command = fmt::format("{} {}", program, finding.artifact);
  if (!report.reproduced) {
    report.said = essence(finding.tail);
    return report;
  }
  const std::string original = read_file(finding.artifact);
  if (finding.target->kind == InputKind::Trace) {
    const Trace trace = smaller(trace_of(original), signature, runner, seconds);
    report.smallest = finding.artifact + ".min";
    report.text_file = finding.artifact + ".txt";
    write_file(report.smallest, as_bytes(trace));
    report.shown = lab::to_text(trace);
    write_file(report.text_file, report.shown);
    report.keep_command = fmt::format("ci/lab keep {} SLUG --found-by '{}, seed {}'",
                                      report.text_file, finding.target->program, options.seed);
  } else {
    const std::string bytes = smaller_bytes(finding.artifact, signature, runner, program, seconds);
    report.smallest = finding.artifact + ".min";
    write_file(report.smallest, bytes);
    report.shown = finding.target->kind == InputKind::Text ? bytes + "\n" : hex_dump(bytes);
  }
  runner.signature_of_file(report.smallest, said);
  report.said = essence(said);
  report.replay_command = fmt::format("{} {}", program, report.smallest);
  return report;
}

}  // namespace memblock::fuzz
