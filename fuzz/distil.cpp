#include "fuzz/distil.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fuzz/process.h"

namespace memblock::fuzz {
namespace {

namespace fs = std::filesystem;

using Clock = std::chrono::steady_clock;

size_t files_in(const fs::path& folder) {
  std::error_code error;
  return static_cast<size_t>(
      std::distance(fs::directory_iterator{folder, error}, fs::directory_iterator{}));
}

/// Artifacts of one target: what failed while its inputs were run.
size_t artifacts(const CampaignOptions& options, const Target& target) {
  const std::string prefix = fmt::format("{}-", target.name);
  std::error_code error;
  return static_cast<size_t>(
      std::count_if(fs::directory_iterator{options.findings, error}, fs::directory_iterator{},
                    [&](const fs::directory_entry& entry) {
                      return entry.path().filename().string().starts_with(prefix);
                    }));
}

std::vector<std::string> merge_command(const Target& target, const CampaignOptions& options,
                                       const fs::path& fresh, const fs::path& corpus) {
  std::vector<std::string> words{
      fmt::format("{}/{}", options.programs, target.program),
      "-set_cover_merge=1",
      fmt::format("-max_len={}", target.input_bytes_max),
      fmt::format("-artifact_prefix={}/{}-", options.findings, target.name),
      fresh.string(),
      corpus.string()};
  const fs::path seeds = fs::path{options.seeds} / target.name;
  if (fs::is_directory(seeds)) words.push_back(seeds.string());
  return words;
}

/// Runs the merge to its end, saying now and then how far it is. Empty, or what went wrong.
std::string run_merge(const std::vector<std::string>& command, const Target& target, bool terminal,
                      const std::atomic<bool>& stop) {
  Process process;
  EngineLog log;
  if (!process.start(command)) return fmt::format("{} cannot be started", command.front());
  auto shown = Clock::now();
  for (;;) {
    pollfd waiting{process.output(), POLLIN, 0};
    poll(&waiting, process.output() >= 0 ? 1 : 0, 50);
    std::vector<std::string> lines;
    process.read_lines(lines);
    const Ending ending = process.poll_ending(lines);
    for (const std::string& line : lines) log.add_line(line);
    if (stop) return "interrupted";
    if (ending.ended && ending.code == 0) return {};
    if (ending.ended) {
      return fmt::format("the merge ended with code {}: {}", ending.code,
                         log.tail().empty() ? "" : log.tail().back());
    }
    if (terminal && Clock::now() - shown > std::chrono::seconds{1}) {
      shown = Clock::now();
      fmt::print("\r\x1b[K{}: {} inputs run", target.name, log.progress().executions);
      std::fflush(stdout);
    }
  }
}

Distilled distil_one(const Target& target, const CampaignOptions& options,
                     const std::atomic<bool>& stop) {
  const fs::path corpus = fs::path{options.corpus} / target.name;
  const fs::path fresh = corpus.string() + ".distilled";
  const fs::path old = corpus.string() + ".old";
  fs::create_directories(corpus);
  fs::create_directories(options.findings);
  fs::remove_all(fresh);
  fs::create_directories(fresh);
  Distilled result;
  result.target = &target;
  result.before = files_in(corpus);
  const size_t failed_before = artifacts(options, target);
  const auto start = Clock::now();
  result.problem =
      run_merge(merge_command(target, options, fresh, corpus), target, options.terminal, stop);
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  result.failing = artifacts(options, target) - failed_before;
  if (result.problem.empty() && files_in(fresh) == 0) result.problem = "there are no inputs";
  if (result.problem.empty()) {
    // At each moment one of the two corpora is complete and has a name.
    fs::remove_all(old);
    fs::rename(corpus, old);
    fs::rename(fresh, corpus);
    fs::remove_all(old);
  } else {
    fs::remove_all(fresh);
  }
  result.after = files_in(corpus);
  return result;
}

void print(const Distilled& result, const CampaignOptions& options) {
  if (options.terminal) fmt::print("\r\x1b[K");
  if (!result.problem.empty()) {
    fmt::print("{}: {}; its corpus is as it was\n", result.target->name, result.problem);
  } else {
    fmt::print("{}: {} inputs, {} before, {:.0f} s\n", result.target->name, result.after,
               result.before, result.seconds);
  }
  if (result.failing != 0) {
    fmt::print("{}: {} inputs fail; they are in {}/{}-*\n", result.target->name, result.failing,
               options.findings, result.target->name);
  }
  std::fflush(stdout);
}

}  // namespace

std::vector<Distilled> distil(const CampaignOptions& options, const std::atomic<bool>& stop) {
  std::vector<Distilled> results;
  for (const Target* target : options.targets) {
    if (stop) break;
    results.push_back(distil_one(*target, options, stop));
    print(results.back(), options);
  }
  return results;
}

bool write_json(const std::string& path, const std::vector<Distilled>& results) {
  nlohmann::ordered_json targets = nlohmann::ordered_json::array();
  for (const Distilled& result : results) {
    targets.push_back({{"name", result.target->name},
                       {"inputs", result.after},
                       {"inputs_before", result.before},
                       {"failing", result.failing},
                       {"seconds", result.seconds},
                       {"problem", result.problem}});
  }
  std::ofstream out{path};
  out << nlohmann::ordered_json{{"targets", std::move(targets)}}.dump(2) << '\n';
  return out.good();
}

}  // namespace memblock::fuzz
