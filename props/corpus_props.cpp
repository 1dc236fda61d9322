// corpus_runner BACKEND [CORPORA]: replays every trace of corpora/{spec,regress,divergences} on one
// backend (the core, the core through its C API, the model), checks every expectation, compares
// core and model, and checks the rules of the files.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "lab/compare.h"
#include "lab/core_backend.h"
#include "lab/model.h"
#include "lab/words.h"
#include "props/c_backend.h"

namespace memblock::lab {
namespace {

namespace fs = std::filesystem;

/// What went wrong in one file, each a line or a block of lines that names the file.
using Findings = std::vector<std::string>;

std::vector<fs::path> trace_files(const fs::path& folder) {
  std::vector<fs::path> out;
  if (!fs::is_directory(folder)) return out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator{folder}) {
    if (entry.is_regular_file() && entry.path().extension() == ".txt") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool comments_mention(const Trace& trace, std::string_view words) {
  return std::any_of(trace.comments.begin(), trace.comments.end(), [&](const std::string& line) {
    return line.find(words) != std::string::npos;
  });
}

bool expects_something(const Trace& trace) {
  return std::any_of(trace.steps.begin(), trace.steps.end(),
                     [](const Step& step) { return step.expected.has_value(); });
}

/// Printing loses nothing but comments between ops.
void check_text(const std::string& file, const Trace& trace, Findings& out) {
  const std::string canonical = to_text(trace);
  const ParsedTrace again = parse_trace(canonical);
  if (!again.ok()) {
    out.push_back(file + ": its canonical text does not parse: " +
                  to_text("canonical", again.errors.front()));
  } else if (!(again.trace == trace)) {
    out.push_back(file + ": its canonical text parses to another trace");
  } else if (to_text(again.trace) != canonical) {
    out.push_back(file + ": its canonical text does not print back to itself");
  }
}

void check_header(const std::string& file, const Trace& trace, std::string_view folder,
                  Findings& out) {
  if (trace.comments.empty()) {
    out.push_back(file + ":1:1: no header; say in a comment what the trace shows");
  }
  if (!expects_something(trace)) {
    out.push_back(file + ":1:1: nothing is expected; add `-> outcome` where it matters");
  }
  static const std::map<std::string_view, std::vector<std::string_view>> kWords = {
      {"spec", {}},
      {"regress", {"Found by", "Cause"}},
      {"divergences", {"Kernels:", "Linux:", "Trigger:", "Harm:", "Intended"}}};
  for (const std::string_view words : kWords.at(folder)) {
    if (comments_mention(trace, words)) continue;
    out.push_back(fmt::format("{}:1:1: the header lacks `{}`; see corpora/README.md", file, words));
  }
}

/// NNNN-slug.txt, each number once.
void check_regress_names(const std::vector<fs::path>& files, Findings& out) {
  static const std::regex kName{"([0-9]{4})-[a-z0-9]+(-[a-z0-9]+)*\\.txt"};
  std::map<std::string, std::string> seen;
  for (const fs::path& path : files) {
    const std::string name = path.filename().string();
    std::smatch match;
    if (!std::regex_match(name, match, kName)) {
      out.push_back(path.string() +
                    ": not named NNNN-slug.txt, such as 0007-free-across-merge.txt");
    } else if (const auto [other, added] = seen.emplace(match[1], name); !added) {
      out.push_back(fmt::format("{}: number {} is taken by {}; use the next free one",
                                path.string(), match[1].str(), other->second));
    }
  }
}

/// The page that explains the grammar names every op, error and flag.
void check_readme(const fs::path& corpora, Findings& out) {
  const fs::path path = corpora / "README.md";
  std::ifstream file{path};
  const std::string page{std::istreambuf_iterator<char>{file}, {}};
  const auto is_word = [&](size_t at) {
    return at < page.size() && (std::isalnum(static_cast<unsigned char>(page[at])) != 0 ||
                                page[at] == '_' || page[at] == '-');
  };
  const auto need = [&](std::string_view word) {
    for (size_t at = page.find(word); at != std::string::npos; at = page.find(word, at + 1)) {
      if ((at == 0 || !is_word(at - 1)) && !is_word(at + word.size())) return;
    }
    out.push_back(fmt::format("{}: does not mention `{}`", path.string(), word));
  };
  for (const OpSpec& spec : kOpSpecs) need(spec.name);
  for (int i = 0; i <= static_cast<int>(Status::Discarded); ++i) {
    need(status_word(static_cast<Status>(i)));
  }
  for (uint32_t bit = 1; bit <= kReservedNoinit.bits; bit <<= 1) {
    std::string word;
    append_flags(word, RegionFlags{bit});
    need(word);
  }
}

template <Backend B>
Findings check_file(const fs::path& path, std::string_view folder, size_t& expectations) {
  const std::string file = path.string();
  Findings out;
  const ParsedTrace parsed = read_trace(file);
  for (const Diagnostic& error : parsed.errors) out.push_back(to_text(file, error));
  if (!parsed.ok()) return out;
  const Trace& trace = parsed.trace;
  check_header(file, trace, folder, out);
  check_text(file, trace, out);
  for (const Unmet& unmet : check_expectations<B>(trace)) {
    out.push_back(report(unmet, trace, file, B::name()));
  }
  if constexpr (!std::same_as<B, Model>) {
    if (const auto divergence = compare<B, Model>(trace)) {
      out.push_back(report(*divergence, trace, file));
    }
  }
  for (const Step& step : trace.steps)
    expectations += static_cast<size_t>(step.expected.has_value());
  return out;
}

template <Backend B>
int run(const fs::path& corpora) {
  size_t files = 0;
  size_t expectations = 0;
  Findings findings;
  for (const std::string_view folder : {"spec", "regress", "divergences"}) {
    const std::vector<fs::path> paths = trace_files(corpora / folder);
    if (paths.empty()) {
      findings.push_back(fmt::format("{}: holds no traces", (corpora / folder).string()));
    }
    if (folder == "regress") check_regress_names(paths, findings);
    for (const fs::path& path : paths) {
      const Findings more = check_file<B>(path, folder, expectations);
      findings.insert(findings.end(), more.begin(), more.end());
    }
    files += paths.size();
  }
  check_readme(corpora, findings);
  for (const std::string& finding : findings) fmt::print(stderr, "{}\n", finding);
  fmt::print("{}: {} traces, {} expectations, {} findings\n", B::name(), files, expectations,
             findings.size());
  return findings.empty() ? 0 : 1;
}

int main_of(int argc, char** argv) {
  const std::string backend = argc > 1 ? argv[1] : "";
  const fs::path corpora = argc > 2 ? argv[2] : "corpora";
  using Run = int (*)(const fs::path&);
  const std::map<std::string, Run> runs = {{"flat", run<FlatBackend>},
                                           {"tree", run<TreeBackend>},
                                           {"small-tree", run<SmallTreeBackend>},
                                           {"c", run<CBackend>},
                                           {"model", run<Model>}};
  if (argc > 3 || !runs.contains(backend)) {
    fmt::print(stderr, "usage: corpus_runner flat|tree|small-tree|c|model [CORPORA]\n");
    return 2;
  }
  if (!fs::is_directory(corpora)) {
    fmt::print(stderr, "{}: not a folder; run from the root of the repository or name corpora\n",
               corpora.string());
    return 2;
  }
  return runs.at(backend)(corpora);
}

}  // namespace
}  // namespace memblock::lab

int main(int argc, char** argv) { return memblock::lab::main_of(argc, argv); }
