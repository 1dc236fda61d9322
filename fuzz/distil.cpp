#include "fuzz/distil.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "fuzz/process.h"

namespace memblock::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr double kMergeSecondsMax = 3600;

size_t files_in(const fs::path& folder) {
  std::error_code error;
  return static_cast<size_t>(
      std::distance(fs::directory_iterator{folder, error}, fs::directory_iterator{}));
}

bool distil_one(const Target& target, const CampaignOptions& options) {
  const fs::path corpus = fs::path{options.corpus} / target.name;
  const fs::path fresh = corpus.string() + ".distilled";
  const fs::path seeds = fs::path{options.seeds} / target.name;
  fs::create_directories(corpus);
  fs::remove_all(fresh);
  fs::create_directories(fresh);
  std::vector<std::string> command{
      fmt::format("{}/{}", options.programs, target.program), "-set_cover_merge=1",
      fmt::format("-max_len={}", target.input_bytes_max), fresh.string(), corpus.string()};
  if (fs::is_directory(seeds)) command.push_back(seeds.string());
  const size_t before = files_in(corpus);
  std::vector<std::string> lines;
  const int code = run_to_end(command, kMergeSecondsMax, lines);
  if (code != 0 || files_in(fresh) == 0) {
    fmt::print("{}: the merge failed (code {}): {}\n", target.name, code,
               lines.empty() ? "" : lines.back());
    fs::remove_all(fresh);
    return false;
  }
  fs::remove_all(corpus);
  fs::rename(fresh, corpus);
  fmt::print("{}: {} inputs, {} before\n", target.name, files_in(corpus), before);
  return true;
}

}  // namespace

bool distil(const CampaignOptions& options) {
  size_t failed = 0;
  for (const Target* target : options.targets) failed += distil_one(*target, options) ? 0 : 1;
  return failed == 0;
}

}  // namespace memblock::fuzz
