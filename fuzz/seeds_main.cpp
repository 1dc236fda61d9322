// lab-seeds: makes the inputs with which a fuzz target begins, out of the corpora.
//
//   traces     every trace, encoded
//   texts      every trace, as the text it is
//   cmdlines   memory options of the traces' ops and of the command lines in boot logs
//   bootlogs   the parts of each boot log that speak of memory, cut into pieces that are fuzzed
//   costs      searches and edits on the patterns that fuzz_cost begins with
//   choices    random bytes of many lengths, for targets whose bytes are decisions of a generator
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "fuzz/cost_seeds.h"
#include "lab/bootlog_text.h"
#include "lab/codec.h"
#include "lab/text.h"

namespace {

namespace fs = std::filesystem;
using memblock::lab::Trace;

constexpr int kExitOk = 0;
constexpr int kExitFinding = 1;
constexpr int kExitUsage = 2;

struct Arguments {
  std::string kind;
  std::string corpora;
  std::string out;
  size_t longest = 4096;
};

/// Writes each seed once, under a number; too long ones are left out and counted.
class Seeds {
 public:
  Seeds(std::string folder, size_t longest) : folder_(std::move(folder)), longest_(longest) {}

  void add(std::string_view bytes) {
    if (bytes.size() > longest_) {
      ++too_long_;
    } else if (known_.emplace(bytes).second) {
      std::ofstream out{fmt::format("{}/{:04}", folder_, known_.size()), std::ios::binary};
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      if (!out) throw fs::filesystem_error{"cannot write a seed", folder_, std::error_code{}};
    }
  }

  size_t count() const { return known_.size(); }
  size_t too_long() const { return too_long_; }

 private:
  std::string folder_;
  size_t longest_;
  size_t too_long_ = 0;
  std::set<std::string, std::less<>> known_;
};

std::vector<fs::path> files_below(const fs::path& folder, bool (*wanted)(const fs::path&)) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, error)) {
    if (entry.is_regular_file() && wanted(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool is_trace(const fs::path& path) { return path.extension() == ".txt"; }

std::vector<fs::path> logs_in(const Arguments& arguments, std::string_view folder) {
  return files_below(fs::path{arguments.corpora} / folder, [](const fs::path& path) {
    return path.string().find(".log") != std::string::npos;
  });
}

std::string read_whole(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

std::string as_bytes(const Trace& trace) {
  const std::vector<uint8_t> bytes = memblock::lab::encode(trace);
  return {bytes.begin(), bytes.end()};
}

/// The whole trace, and each beginning that is half as long: short seeds are mutated faster.
void add_trace(Seeds& seeds, Trace trace) {
  trace.comments.clear();
  for (memblock::lab::Step& step : trace.steps) step.expected.reset();
  seeds.add(as_bytes(trace));
  while (trace.steps.size() > 16) {
    trace.steps.resize(trace.steps.size() / 2);
    seeds.add(as_bytes(trace));
  }
}

bool parsed(const fs::path& path, Trace& trace) {
  memblock::lab::ParsedTrace result = memblock::lab::read_trace(path.string());
  if (!result.ok()) {
    fmt::print(stderr, "{}\n", memblock::lab::to_text(path.string(), result.errors.front()));
    return false;
  }
  trace = std::move(result.trace);
  return true;
}

bool traces(const Arguments& arguments, Seeds& seeds) {
  for (const fs::path& path : files_below(arguments.corpora, is_trace)) {
    Trace trace;
    if (!parsed(path, trace)) return false;
    add_trace(seeds, std::move(trace));
  }
  return true;
}

bool texts(const Arguments& arguments, Seeds& seeds) {
  for (const fs::path& path : files_below(arguments.corpora, is_trace)) {
    seeds.add(read_whole(path));
  }
  return true;
}

/// The words of a command line that speak of memory.
void add_options(Seeds& seeds, std::string_view line) {
  std::string options;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    for (const char* prefix : {"mem=", "memmap=", "reserve_mem="}) {
      if (word.starts_with(prefix)) options.append(options.empty() ? "" : " ").append(word);
    }
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  if (!options.empty()) seeds.add(options);
}

bool cmdlines(const Arguments& arguments, Seeds& seeds) {
  for (const fs::path& path : files_below(arguments.corpora, is_trace)) {
    Trace trace;
    if (!parsed(path, trace)) return false;
    for (const memblock::lab::Step& step : trace.steps) {
      const bool named = step.op.code == memblock::lab::OpCode::ReserveMem;
      if (!step.op.text.empty()) seeds.add((named ? "reserve_mem=" : "") + step.op.text);
    }
  }
  for (const fs::path& path : logs_in(arguments, "boots")) {
    const std::string text = memblock::lab::load_text(path.string()).text;
    memblock::lab::for_each_line(text, [&](uint32_t, std::string_view line) {
      if (line.find("ommand line: ") != std::string_view::npos) add_options(seeds, line);
    });
  }
  return true;
}

bool speaks_of_memory(std::string_view line) {
  constexpr std::string_view kWords[] = {"memblock",    "MEMBLOCK", "e820", "memory",
                                         "reserved",    "NUMA",     "SRAT", "Linux version",
                                         "ommand line", "efi:",     "[0x0"};
  return std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view word) {
    return line.find(word) != std::string_view::npos;
  });
}

/// What made the importer go wrong once, as it is; of boots whole lines, as many as fit: the
/// beginning of the log, then pieces from further on.
bool bootlogs(const Arguments& arguments, Seeds& seeds) {
  constexpr size_t kPiecesMax = 4;
  for (const fs::path& path : logs_in(arguments, "regress")) seeds.add(read_whole(path));
  for (const fs::path& path : logs_in(arguments, "boots")) {
    const std::string text = memblock::lab::load_text(path.string()).text;
    std::vector<std::string> pieces(1);
    memblock::lab::for_each_line(text, [&](uint32_t, std::string_view line) {
      if (!speaks_of_memory(line) || line.size() + 1 > arguments.longest) return;
      if (pieces.back().size() + line.size() + 1 > arguments.longest) pieces.emplace_back();
      pieces.back().append(line).append("\n");
    });
    const size_t stride = std::max<size_t>(1, pieces.size() / kPiecesMax);
    for (size_t i = 0; i < pieces.size(); i += stride) seeds.add(pieces[i]);
  }
  return true;
}

bool costs(const Arguments&, Seeds& seeds) {
  for (const Trace& trace : memblock::fuzz::cost_seeds()) seeds.add(as_bytes(trace));
  return true;
}

bool choices(const Arguments& arguments, Seeds& seeds) {
  std::mt19937 random{1};
  for (size_t length = 1; length <= arguments.longest; length += 1 + length / 4) {
    std::string bytes(length, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    seeds.add(bytes);
  }
  return true;
}

int run(const Arguments& arguments) {
  fs::remove_all(arguments.out);
  fs::create_directories(arguments.out);
  Seeds seeds{arguments.out, arguments.longest};
  const bool right = arguments.kind == "traces"     ? traces(arguments, seeds)
                     : arguments.kind == "texts"    ? texts(arguments, seeds)
                     : arguments.kind == "cmdlines" ? cmdlines(arguments, seeds)
                     : arguments.kind == "bootlogs" ? bootlogs(arguments, seeds)
                     : arguments.kind == "costs"    ? costs(arguments, seeds)
                                                    : choices(arguments, seeds);
  if (!right) return kExitFinding;
  if (seeds.count() == 0) {
    fmt::print(stderr, "lab-seeds: {} holds nothing that makes {}\n", arguments.corpora,
               arguments.kind);
    return kExitUsage;
  }
  fmt::print("{}: {} seeds, {} too long\n", arguments.out, seeds.count(), seeds.too_long());
  return kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Makes the inputs with which a fuzz target begins, out of the corpora."};
  Arguments arguments;
  app.add_option("KIND", arguments.kind, "traces, texts, cmdlines, bootlogs, costs or choices")
      ->required()
      ->check(CLI::IsMember({"traces", "texts", "cmdlines", "bootlogs", "costs", "choices"}));
  app.add_option("CORPORA", arguments.corpora, "The folder of the corpora")->required();
  app.add_option("--out", arguments.out, "Folder for the seeds; what is in it goes")->required();
  app.add_option("--longest", arguments.longest, "Bytes of the longest seed")
      ->capture_default_str();
  app.footer("Example: lab-seeds traces corpora --out build/fuzz/fuzz-seeds/ops");
  try {
    app.parse(argc, argv);
    return run(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const fs::filesystem_error& error) {
    fmt::print(stderr, "lab-seeds: {}\n", error.what());
    return kExitUsage;
  }
}
