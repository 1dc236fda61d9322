// lab-keep: makes a finding small and files it among the regressions.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "lab/codec.h"
#include "lab/compare.h"
#include "lab/judge.h"
#include "lab/minimize.h"
#include "lab/model.h"
#include "lab/text.h"

namespace {

using namespace memblock::lab;
namespace fs = std::filesystem;

constexpr int kExitOk = 0;
constexpr int kExitUsage = 2;
constexpr double kTrialSecondsMax = 10;

const char* const kFooter =
    "FILE is a trace as text, or the bytes of a fuzzer (fuzz_ops and its kin). The trace is made "
    "as\n"
    "small as it gets while it still fails in the same way; one that does not fail (because the "
    "bug\n"
    "is mended already) is kept as it is. Expectations that a trace lacks are filled in with the\n"
    "model's answers. Bytes are kept beside the text.\n"
    "Exit code: 0 kept, 2 wrong usage or unreadable.\n\n"
    "Example:\n"
    "  ci/lab keep findings/check-7-1234.txt free-across-merge \\\n"
    "    --found-by 'lab-check, seed 7' --cause 'merge() joined regions of two nodes'";

struct Arguments {
  std::string file;
  std::string slug;
  std::string found_by;
  std::string cause;
  std::string corpora = "corpora";
  std::string json;
  double seconds = 60;
  bool as_is = false;
};

/// The input as it was, and the trace it stands for.
struct Input {
  std::string bytes;
  Trace trace;
  bool binary = false;
};

/// Text that does not parse is taken for bytes only if no person can have written it.
bool looks_binary(const std::string& bytes) {
  return std::any_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x7f || (byte < 0x20 && c != '\n' && c != '\t' && c != '\r');
  });
}

/// Empty, or what is wrong.
std::string read_input(const std::string& path, Input& input) {
  std::ifstream in{path, std::ios::binary};
  input.bytes.assign(std::istreambuf_iterator<char>{in}, {});
  if (!in.good() && !in.eof()) return path + ": cannot be read";
  input.binary = looks_binary(input.bytes);
  if (input.binary) {
    input.trace =
        decode({reinterpret_cast<const uint8_t*>(input.bytes.data()), input.bytes.size()});
    return {};
  }
  ParsedTrace parsed = parse_trace(input.bytes);
  if (!parsed.ok()) return to_text(path, parsed.errors.front());
  input.trace = std::move(parsed.trace);
  return input.trace.steps.empty() ? path + ": holds no op; give a finding" : std::string{};
}

/// Where the finding goes: the next free number, and the slug.
struct Name {
  std::string text;
  std::string taken_by;  ///< The file that has the slug already, or empty.
};

Name next_name(const fs::path& folder, const std::string& slug) {
  int highest = 0;
  Name name;
  for (const fs::directory_entry& entry : fs::directory_iterator{folder}) {
    const std::string stem = entry.path().stem().string();
    if (stem.size() <= 5 || stem[4] != '-') continue;
    highest = std::max(highest, std::atoi(stem.c_str()));
    if (stem.substr(5) == slug) name.taken_by = entry.path().string();
  }
  name.text = fmt::format("{:04}-{}", highest + 1, slug);
  return name;
}

Trace made_small(const Trace& trace, const std::string& signature, double seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  return minimize(trace, [&](const Trace& smaller) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    return judge_apart([&] { return judge(smaller, ""); }, kTrialSecondsMax).signature == signature;
  });
}

bool write_file(const fs::path& path, const std::string& content) {
  std::ofstream out{path, std::ios::binary};
  out << content;
  return out.good();
}

int run(const Arguments& arguments) {
  Input input;
  if (const std::string problem = read_input(arguments.file, input); !problem.empty()) {
    fmt::print(stderr, "lab-keep: {}\n", problem);
    return kExitUsage;
  }
  if (!fs::is_directory(arguments.corpora)) {
    fmt::print(stderr, "lab-keep: no folder {}; name the one of the corpora with --corpora\n",
               arguments.corpora);
    return kExitUsage;
  }
  const fs::path folder = fs::path{arguments.corpora} / "regress";
  fs::create_directories(folder);
  const auto [name, taken_by] = next_name(folder, arguments.slug);
  if (!taken_by.empty()) {
    fmt::print(stderr, "lab-keep: {} has this slug already; choose another\n", taken_by);
    return kExitUsage;
  }
  const Verdict verdict = judge_apart([&] { return judge(input.trace, ""); }, kTrialSecondsMax);
  Trace kept = input.trace;
  if (verdict.good()) {
    fmt::print("it does not fail (any more): kept as it is\n");
  } else if (!arguments.as_is) {
    fmt::print("{}: making it small ...\n", verdict.signature);
    std::fflush(stdout);
    kept = made_small(input.trace, verdict.signature, arguments.seconds);
    fmt::print("{} of {} ops still show it\n", kept.steps.size(), input.trace.steps.size());
  }
  const bool expects = std::any_of(kept.steps.begin(), kept.steps.end(),
                                   [](const Step& step) { return step.expected.has_value(); });
  // The model says what is intended; were it the one to blame, its answers would be no use.
  if (!expects) kept = with_answers<Model>(std::move(kept));
  std::string title = arguments.slug;
  std::replace(title.begin(), title.end(), '-', ' ');
  kept.comments = {
      name.substr(0, 4) + " " + title + (verdict.good() ? "" : ": " + verdict.signature),
      "Found by " + arguments.found_by, "Cause: " + arguments.cause};
  const fs::path text = folder / (name + ".txt");
  bool written = write_file(text, to_text(kept));
  fmt::print("{}\n", text.string());
  if (input.binary) {
    const std::vector<uint8_t> bytes = encode(bare(kept));
    const fs::path binary = folder / (name + ".bin");
    written = written && write_file(binary, std::string{bytes.begin(), bytes.end()});
    fmt::print("{}\n", binary.string());
  }
  if (!arguments.json.empty()) {
    const nlohmann::ordered_json all{{"file", text.string()},
                                     {"signature", verdict.signature},
                                     {"ops_before", input.trace.steps.size()},
                                     {"ops", kept.steps.size()}};
    written = written && write_file(arguments.json, all.dump(2) + "\n");
  }
  if (written) return kExitOk;
  fmt::print(stderr, "lab-keep: {} cannot be written\n", folder.string());
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Makes a finding small and files it as corpora/regress/NNNN-SLUG.txt.", "lab-keep"};
  Arguments arguments;
  app.add_option("FILE", arguments.file, "The finding")->required()->check(CLI::ExistingFile);
  app.add_option("SLUG", arguments.slug, "A few words with dashes, such as free-across-merge")
      ->required()
      ->check([](const std::string& slug) {
        const bool good =
            !slug.empty() && slug.front() != '-' && slug.back() != '-' &&
            slug.find("--") == std::string::npos &&
            slug.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
        return good ? std::string{} : "lower-case letters, digits and single dashes only";
      });
  app.add_option("--found-by", arguments.found_by, "Who or what found it, for the header")
      ->default_val("hand");
  app.add_option("--cause", arguments.cause, "What was wrong, for the header")
      ->default_val("not yet known");
  app.add_option("--corpora", arguments.corpora, "Folder of the corpora")
      ->envname("MEMBLOCK_LAB_CORPORA")
      ->capture_default_str();
  app.add_option("--minimise-time", arguments.seconds, "Seconds to make it small")
      ->capture_default_str();
  app.add_flag("--as-is", arguments.as_is, "Do not make it small");
  app.add_option("--json", arguments.json, "Write what was kept to this file");
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
    return run(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lab-keep: {}\n", error.what());
    return kExitUsage;
  }
}
