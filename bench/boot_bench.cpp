#include "bench/boot_bench.h"

#include <algorithm>
#include <filesystem>

#include "lab/bootlog.h"

namespace memblock::bench {
namespace {

namespace fs = std::filesystem;

bool between(lab::OpCode code, lab::OpCode first, lab::OpCode last) {
  return first <= code && code <= last;
}

/// Calls that leave the tables as they are, or only print.
bool asks_only(const lab::Op& op) {
  using enum lab::OpCode;
  return between(op.code, SearchPfnNid, ValidateNumaCoverage) ||
         between(op.code, PhysMemSize, FreePfnsInZone) || op.code == Dump ||
         op.code == FindReserveMem || between(op.code, E820MappedAny, E820TypeOf) ||
         between(op.code, E820EndOfRam, E820SearchGap) || op.code == E820Entries;
}

std::string log_name(const fs::path& path) {
  const std::string file = path.filename().string();
  return file.substr(0, file.find(".log"));
}

}  // namespace

std::vector<BootWorkload> load_boots(const std::string& folder, std::string& problem) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().find(".log") != std::string::npos) {
      files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    problem = folder + " holds no boot logs; name their folder with --boots";
    return {};
  }
  std::sort(files.begin(), files.end());
  std::vector<BootWorkload> workloads;
  for (const fs::path& file : files) {
    std::vector<lab::LogDiagnostic> failed;
    for (lab::ImportedBoot& boot : lab::import_bootlog_file(file.string(), failed)) {
      // A boot ends where the page allocator begins; the handover has a benchmark of its own.
      const auto handover =
          std::find_if(boot.trace.steps.begin(), boot.trace.steps.end(),
                       [](const lab::Step& step) { return step.op.code == lab::OpCode::FreeAll; });
      boot.trace.steps.erase(handover, boot.trace.steps.end());
      std::erase_if(boot.trace.steps, [](const lab::Step& step) { return asks_only(step.op); });
      if (boot.trace.steps.empty()) continue;  // A log that does not show single calls.
      workloads.push_back({log_name(file), std::move(boot.trace)});
    }
  }
  return workloads;
}

}  // namespace memblock::bench
