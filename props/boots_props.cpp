// The recorded boots of corpora/boots, all of them, on the core and on the model: exactly the
// results of corpora/boots-expected/results, and, where a side file tells of the calls that the
// kernel did not print, exactly those calls.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lab/bootlog_builder.h"
#include "lab/bootlog_replay.h"
#include "lab/text.h"

namespace memblock::lab {
namespace {

const std::filesystem::path kBoots = "corpora/boots";
const std::filesystem::path kExpected = "corpora/boots-expected";

int failures = 0;

void fail(const std::string& what) {
  ++failures;
  std::fputs((what + "\n").c_str(), stderr);
}

std::string result_line(const std::string& name, const ReplayReport& report) {
  std::string line = fmt::format("{}: calls {}, allocations {}/{}, dumps {}/{}, inferred {}", name,
                                 report.calls, report.allocations.right, report.allocations.checked,
                                 report.dumps.right, report.dumps.checked, report.inferred);
  if (report.maps.checked != 0) {
    line += fmt::format(", firmware maps {}/{}", report.maps.right, report.maps.checked);
  }
  return line;
}

/// Lines of results by log.
std::map<std::string, std::string> expected_results() {
  std::map<std::string, std::string> results;
  std::istringstream lines(load_text((kExpected / "results").string()).text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    results[line.substr(0, line.find(':'))] = line;
  }
  return results;
}

struct SideCall {
  std::string name;
  std::array<uint64_t, 6> args{};
  bool bottom_up = false;
  uint64_t limit = 0;
  uint64_t memory_count = 0;
  uint64_t reserved_count = 0;
  uint64_t reserved_capacity = 0;
  uint64_t memory_total = 0;
  uint64_t reserved_total = 0;
};

std::vector<SideCall> side_calls(const std::string& path) {
  std::vector<SideCall> calls;
  std::istringstream lines(load_text(path).text);
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    SideCall call;
    call.name = json.at("call").get<std::string>();
    for (size_t i = 0; i < call.args.size(); ++i) call.args[i] = json.at("args").at(i);
    call.bottom_up = json.at("bottom_up");
    call.limit = json.at("current_limit");
    call.memory_count = json.at("memory").at("cnt");
    call.memory_total = json.at("memory").at("total");
    call.reserved_count = json.at("reserved").at("cnt");
    call.reserved_capacity = json.at("reserved").at("max");
    call.reserved_total = json.at("reserved").at("total");
    calls.push_back(std::move(call));
  }
  return calls;
}

/// Follows a boot and its side file at once: at every allocation the kernel's own variables and
/// arguments must be what the importer made of the log.
class SideCheck {
 public:
  SideCheck(std::string name, const ImportedBoot& boot, std::vector<SideCall> calls)
      : name_(std::move(name)), boot_(boot), calls_(std::move(calls)), core_(boot.trace.limits) {}

  void run() {
    (void)append_firmware_map(core_, boot_.trace);
    for (size_t i = 0; i < boot_.trace.steps.size(); ++i) {
      const Op& op = boot_.trace.steps[i].op;
      if (boot_.notes[i].kind == StepKind::Allocation) {
        if (!check_allocation(i)) return;
      }
      const uint64_t before = core_.phys_mem_size();
      (void)apply(core_, op);
      if (op.code == OpCode::TrimMemory) trimmed_ += before - core_.phys_mem_size();
      if (op.code == OpCode::SetNode) ++nodes_set_;
    }
    for (; at_ < calls_.size(); ++at_) {
      if (calls_[at_].name == "memblock_alloc_range_nid") {
        fail(fmt::format("{}: the side file has more allocations than the log", name_));
        return;
      }
    }
    if (checked_ == 0) fail(fmt::format("{}: nothing was compared", name_));
  }

 private:
  const SideCall* next_allocation() {
    while (at_ < calls_.size() && calls_[at_].name != "memblock_alloc_range_nid") ++at_;
    return at_ < calls_.size() ? &calls_[at_++] : nullptr;
  }

  bool check_allocation(size_t step) {
    const SideCall* call = next_allocation();
    if (call == nullptr) {
      fail(fmt::format("{}: the side file has fewer allocations than the log", name_));
      return false;
    }
    ++checked_;
    const Op& op = boot_.trace.steps[step].op;
    const auto same = [&](const char* what, uint64_t kernel, uint64_t replay) {
      if (kernel == replay) return true;
      fail(fmt::format("{}:{}: {}: {} is {:#x} in the kernel and {:#x} in the replay", name_,
                       boot_.notes[step].line, to_text(op), what, kernel, replay));
      return false;
    };
    const bool bounded = op.code != OpCode::PhysAllocRange && op.max > core_.limit();
    const uint64_t max = bounded ? core_.limit().value : op.max.value;
    const bool any = !is_node(op.nid);
    return same("size", call->args[0], op.size) && same("align", call->args[1], op.align) &&
           same("lower bound", call->args[2], op.min.value) &&
           same("upper bound", call->args[3], max) &&
           same("node", call->args[4] & 0xffffffff,
                any ? 0xffffffffu : static_cast<uint64_t>(op.nid.value)) &&
           same("direction", call->bottom_up ? 1 : 0, core_.bottom_up() ? 1 : 0) &&
           same("limit", call->limit, core_.limit().value) &&
           same("memory regions", call->memory_count, core_.memory().size()) &&
           same("memory size", call->memory_total, core_.phys_mem_size() + trimmed_) &&
           same("reserved regions", call->reserved_count, core_.reserved().size()) &&
           same("reserved capacity", call->reserved_capacity,
                core_.table(TableId::Reserved).capacity()) &&
           same("reserved size", call->reserved_total, core_.reserved_size());
  }

  std::string name_;
  const ImportedBoot& boot_;
  std::vector<SideCall> calls_;
  FlatBackend core_;
  size_t at_ = 0;
  size_t checked_ = 0;
  size_t nodes_set_ = 0;
  uint64_t trimmed_ = 0;
};

void check_log(const std::string& path, const std::string& name,
               std::map<std::string, std::string>& expected) {
  std::vector<LogDiagnostic> failed;
  const std::vector<ImportedBoot> boots = import_bootlog_file(path, failed);
  if (boots.size() != 1 || !failed.empty()) {
    fail(fmt::format("{}: should hold exactly one boot", name));
    return;
  }
  for (const LogDiagnostic& diagnostic : boots[0].diagnostics) fail(diagnostic.to_string());
  const auto found = expected.find(name);
  for (const std::string_view backend : replay_backends()) {
    const ReplayReport report = replay(boots[0], backend);
    const std::string line = result_line(name, report);
    if (found == expected.end()) {
      fail("not in results: " + line);
    } else if (found->second != line) {
      fail(fmt::format("on {}: expected {}\n  but got  {}", backend, found->second, line));
    }
    if (!report.broken.empty()) fail(fmt::format("{}: {}", name, report.broken));
  }
  if (found != expected.end()) expected.erase(found);
  const Trace trace = playable_trace(boots[0]);
  const ParsedTrace parsed = parse_trace(to_text(trace));
  if (!parsed.ok() || !(parsed.trace == trace)) {
    fail(fmt::format("{}: the trace does not read back from its text", name));
  }
  const std::string side = (kExpected / (name + ".side.jsonl.gz")).string();
  if (std::filesystem::exists(side)) SideCheck(name, boots[0], side_calls(side)).run();
}

int run() {
  std::map<std::string, std::string> expected = expected_results();
  std::vector<std::filesystem::path> logs;
  for (const auto& entry : std::filesystem::directory_iterator(kBoots)) {
    const std::string name = entry.path().filename().string();
    if (name.size() > 7 && name.substr(name.size() - 7) == ".log.gz") logs.push_back(entry.path());
  }
  std::sort(logs.begin(), logs.end());
  for (const auto& log : logs) {
    const std::string file = log.filename().string();
    check_log(log.string(), file.substr(0, file.size() - 7), expected);
  }
  for (const auto& [name, line] : expected) fail("no such log: " + line);
  if (logs.empty()) fail("no logs in corpora/boots; run from the root of the repository");
  fmt::print("{} boots on {}, {} failures\n", logs.size(), fmt::join(replay_backends(), " and "),
             failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace memblock::lab

int main() { return memblock::lab::run(); }
