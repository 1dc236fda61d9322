// Laws of the boot-log importer: what a kernel prints reads back as it was, however it was dressed
// up on its way, and no text at all can do it harm. And what calls of a boot are changed into.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lab/alter.h"
#include "lab/bootlog_builder.h"
#include "lab/bootlog_map.h"
#include "lab/bootlog_replay.h"
#include "lab/check_cases.h"
#include "lab/workload.h"
#include "props/rc.h"

namespace memblock::lab {
namespace {

/// Calls that a kernel prints and that its log alone tells the results of.
OpMix printed_ops() {
  OpMix mix = OpMix::memblock_only();
  mix.weights.fill(0);
  mix.patterns = 0;
  for (const OpCode code : {OpCode::Add, OpCode::Remove, OpCode::Reserve, OpCode::Free}) {
    mix[code] = 4;
  }
  for (const OpCode code : {OpCode::AllocTryNid, OpCode::AllocTryNidRaw, OpCode::PhysAllocRange}) {
    mix[code] = 6;
  }
  mix[OpCode::Dump] = 1;
  return mix;
}

/// A trace of such calls on a machine with Linux's tables, closed by a dump.
Trace printed_trace() {
  RcChoices choices;
  Trace trace = gen_trace(choices, printed_ops());
  trace.limits = Limits{};
  trace.e820.clear();
  Step dump;
  dump.op.code = OpCode::Dump;
  trace.steps.push_back(dump);
  for (Step& step : trace.steps) {
    step.expected.reset();
    // Only these are printed with their kind.
    if (step.op.code == OpCode::Reserve) step.op.nid = kUnsetNode;
    if (step.op.code == OpCode::Reserve) step.op.flags = kNoFlags;
    if (step.op.code == OpCode::Add && is_node(step.op.nid)) step.op.nid = kUnsetNode;
    if (step.op.code == OpCode::Add) step.op.flags = kNoFlags;
    // An empty range at 0 is printed like all of memory.
    const bool ranged = step.op.code <= OpCode::Free;
    if (ranged && step.op.range.empty()) step.op.range = PhysRange{PhysAddr{0}, PhysAddr{0x1000}};
  }
  return trace;
}

/// What a kernel would have logged while `trace` ran, and what memblock held at the end.
struct Logged {
  std::vector<std::string> lines;
  std::vector<Region> memory;
  std::vector<Region> reserved;
  size_t allocations = 0;
  size_t dumps = 0;
};

Logged log_of(const Trace& trace) {
  Logged logged;
  // Of all architectures only this one prints every call from the first.
  logged.lines.emplace_back("Linux version 6.1.0-s390x (props)");
  FlatBackend core(trace.limits);
  core.allow_resize();
  core.set_trace(true);
  core.set_caller("props_bootlog+0x1/0x2");
  for (const Step& step : trace.steps) {
    core.observed().clear();
    (void)apply(core, step.op);
    logged.allocations += spec_of(step.op.code).answer == Answer::Address ? 1 : 0;
    logged.dumps += step.op.code == OpCode::Dump ? 1 : 0;
    for (const std::string& line : core.observed().lines) logged.lines.push_back(line);
  }
  logged.memory.assign(core.memory().begin(), core.memory().end());
  logged.reserved.assign(core.reserved().begin(), core.reserved().end());
  return logged;
}

std::string joined(const std::vector<std::string>& lines, const std::string& head,
                   const std::string& end) {
  std::string text;
  for (const std::string& line : lines) text.append(head).append(line).append(end);
  return text;
}

/// The ways in which lines reach people.
struct Dress {
  const char* name;
  const char* head;
  const char* end;
};

constexpr Dress kDresses[] = {
    {"bare", "", "\n"},
    {"time stamps", "[    0.000000] ", "\n"},
    {"carriage returns", "[    0.000000] ", "\r\n"},
    {"levels", "<6>[    0.000000] ", "\n"},
    {"printk callers", "[    0.000000][    T0] ", "\n"},
    {"syslog", "Nov 23 05:21:00 host kernel: [    0.000000] ", "\n"},
    {"journal", "2026-11-23T05:21:00+0000 host kernel: ", "\n"},
    {"monotonic journal", "[    0.000000] host kernel: ", "\n"},
    {"dmesg -x", "kern  :info  : [    0.000000] ", "\n"},
    {"dmesg -T", "[Mon Nov 23 05:21:00 2026] ", "\n"},
    {"mail quotes", "> > [    0.000000] ", "\n"},
    {"blanks", "    [    0.000000] ", "  \n"},
};

/// A piece of a real log, chosen by chance.
std::string log_piece() {
  static const std::vector<std::string> logs = [] {
    std::vector<std::string> texts;
    for (const char* name : {"61-numa2-4G", "g612-numa8-8G", "arm64-612-16k-2G", "ppc64el-61-2G",
                             "riscv64-612-rsv-2G", "armhf-61-armmp-1G", "61-numafake32-4G"}) {
      texts.push_back(load_text(fmt::format("corpora/boots/{}.log.gz", name)).text);
      if (texts.back().empty()) throw std::runtime_error("run props_bootlog from the root");
    }
    return texts;
  }();
  RcChoices choices;
  return logs[choices.below(logs.size())];
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for_each_line(text, [&](uint32_t, std::string_view line) { lines.emplace_back(line); });
  return lines;
}

/// A real log with its lines torn, lost, doubled, moved and stirred.
std::string damaged_log() {
  RcChoices choices;
  std::vector<std::string> lines = lines_of(log_piece());
  const size_t wounds = 1 + choices.below(8);
  for (size_t i = 0; i < wounds && !lines.empty(); ++i) {
    const size_t at = choices.below(lines.size());
    std::string& line = lines[at];
    switch (choices.below(8)) {
      case 0: line.resize(choices.below(line.size() + 1)); break;
      case 1: lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at)); break;
      case 2: lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), line); break;
      case 3: std::swap(line, lines[choices.below(lines.size())]); break;
      case 4: lines.resize(at); break;
      case 5: lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(at)); break;
      case 6: line += lines[choices.below(lines.size())]; break;
      default:
        if (!line.empty()) line[choices.below(line.size())] = static_cast<char>(choices.below(256));
    }
  }
  return joined(lines, "", "\n");
}

/// All that must hold of any text: both backends judge it alike, and its trace is a valid one.
void importer_is_total(const std::string& text) {
  for (const ImportedBoot& boot : import_bootlog(text, "log")) {
    RC_ASSERT(boot.notes.size() == boot.trace.steps.size());
    const ReplayReport on_core = replay(boot, "tree");
    const ReplayReport on_model = replay(boot, "model");
    RC_ASSERT(on_core.broken.empty());
    RC_ASSERT(on_core.allocations == on_model.allocations);
    RC_ASSERT(on_core.dumps == on_model.dumps);
    const Trace trace = playable_trace(boot);
    RC_ASSERT(rule_broken_by(trace) == std::string());
    const TraceReport played = replay_trace_on(trace, "tree");
    RC_ASSERT(played.expectations.right == played.expectations.checked);
    (void)map_picture(boot);
  }
}

bool printed_calls_come_back() {
  return holds("import: the core's own call trace replays to the same tables", [] {
    const Logged logged = log_of(printed_trace());
    const auto boots = import_bootlog(joined(logged.lines, "[    0.000000] ", "\n"), "log");
    RC_ASSERT(boots.size() == 1u);
    const ReplayReport report = replay(boots[0], "tree");
    RC_ASSERT(report.dumps.checked == logged.dumps);
    RC_ASSERT(report.allocations.checked == logged.allocations);
    for (const WrongAllocation& wrong : report.wrong) RC_FAIL(wrong.what);
    for (const DumpVerdict& verdict : report.verdicts) {
      for (const std::string& difference : verdict.differences) RC_FAIL(difference);
    }
  });
}

bool dumps_read_back() {
  return holds("import: a printed dump reads back as the tables it shows", [] {
    const Logged logged = log_of(printed_trace());
    const auto boots = import_bootlog(joined(logged.lines, "", "\n"), "log");
    const LoggedDump& last = boots.at(0).dumps.back();
    RC_ASSERT(last.damage == std::string());
    const auto same = [](const std::vector<Region>& read, const std::vector<Region>& held) {
      RC_ASSERT(read.size() == held.size());
      for (size_t i = 0; i < read.size(); ++i) {
        RC_ASSERT(read[i].range() == held[i].range());
        RC_ASSERT(read[i].flags == held[i].flags);
        RC_ASSERT(is_node(read[i].nid) == is_node(held[i].nid));
      }
    };
    same(last.table(TableId::Memory).regions, logged.memory);
    same(last.table(TableId::Reserved).regions, logged.reserved);
  });
}

bool dress_does_not_matter() {
  return holds("import: how the lines were dressed up on their way does not matter", [] {
    const Logged logged = log_of(printed_trace());
    std::optional<Trace> bare;
    for (const Dress& dress : kDresses) {
      const auto boots = import_bootlog(joined(logged.lines, dress.head, dress.end), "log");
      RC_ASSERT(boots.size() == 1u);
      if (!bare) bare = boots[0].trace;
      if (!(boots[0].trace == *bare)) RC_FAIL(fmt::format("{} gives another trace", dress.name));
    }
  });
}

bool real_logs_undress() {
  return holds("import: a real log without time stamps gives the same calls", [] {
    const std::string text = log_piece();
    std::string bare;
    for_each_line(text, [&](uint32_t, std::string_view line) {
      bare.append(strip_line(line).text).append("\r\n");
    });
    RC_ASSERT(import_bootlog(text, "log").at(0).trace == import_bootlog(bare, "log").at(0).trace);
  });
}

bool packing_does_not_matter() {
  return holds("read: cut or garbled packed data is read as far as it goes", [] {
    RcChoices choices;
    std::string bytes = load_text("corpora/boots/ppc64el-61-2G.log.gz").text;
    std::string magic = choices.below(2) == 0 ? "\x1f\x8b\x08" : "\x28\xb5\x2f\xfd";
    magic += bytes.substr(0, choices.below(200));
    const LoadedText loaded = unpack_text(magic, "log", 1 << 16);
    RC_ASSERT(loaded.readable);
    RC_ASSERT(loaded.text.size() <= size_t{1} << 16);
    RC_ASSERT(!loaded.diagnostics.empty());
  });
}

/// Texts that did harm once.
constexpr const char* kFindings[] = {
    // A region whose base has more digits than its end: fuzz_bootlog, an inverted range.
    "MEMBLOCK configuration:\n memory.cnt  = 0x1\n memory[0x0]\t[0x1000000000-0x00000fff], "
    "0x1000000000001000 bytes flags: 0x0\n reserved.cnt  = 0x0\n",
};

bool any_log_is_survived() {
  bool ok = holds("import: a damaged log does no harm", [] { importer_is_total(damaged_log()); });
  ok &= holds("import: what did harm once does no more", [] {
    for (const char* text : kFindings) importer_is_total(text);
  });
  ok &= holds("import: no text does harm", [](const std::string& text) {
    importer_is_total(text);
    importer_is_total("memblock_add: [" + text +
                      "\nMEMBLOCK configuration:\n memory.cnt  = " + text);
  });
  return ok;
}

bool boots_are_altered() {
  bool ok = holds("alter: a boot with calls changed is a valid trace, alike for the same choices",
                  [](const Trace& boot) {
                    const auto seed = *rc::gen::arbitrary<uint64_t>();
                    PrngChoices choices{seed};
                    PrngChoices again{seed};
                    const Trace altered = BootAlterer{choices, boot}.trace();
                    RC_ASSERT(rule_broken_by(altered) == "");
                    RC_ASSERT((BootAlterer{again, boot}.trace() == altered));
                  });
  ok &= holds("alter: of a boot some calls are changed, and most are not", [] {
    const Trace boot = laptop().trace;
    PrngChoices choices{*rc::gen::arbitrary<uint64_t>()};
    size_t changed = 0, made_up = 0, all = 0;
    for (int i = 0; i < 8; ++i) {
      const Trace altered = BootAlterer{choices, boot}.trace();
      changed += static_cast<size_t>(altered.steps != boot.steps);
      all += altered.steps.size();
      for (const Step& step : altered.steps) {
        made_up += static_cast<size_t>(std::ranges::find(boot.steps, step) == boot.steps.end());
      }
    }
    RC_ASSERT(changed != 0u);
    RC_ASSERT(made_up < all / 8);
    RC_ASSERT(all >= 6 * boot.steps.size());
  });
  ok &= holds("alter: some of the random traces that lab-check draws are altered boots", [] {
    const std::string log = "corpora/boots/61-tiny-128M.log.gz";
    const Trace boot = playable_trace(import_bootlog(load_text(log).text, log).front());
    const std::vector<CheckTree> no_kernel;
    const RandomSource source{*rc::gen::arbitrary<uint64_t>(), no_kernel, {log}};
    size_t altered = 0;
    for (uint64_t number = 0; number < 32; ++number) {
      const Trace drawn = random_trace(source, random_case(number, 0));
      const auto is_boots = [&](const Step& step) {
        return std::ranges::find(boot.steps, step.op, &Step::op) != boot.steps.end();
      };
      const auto kept = std::ranges::count_if(drawn.steps, is_boots);
      altered += static_cast<size_t>(static_cast<size_t>(kept) > boot.steps.size() / 2);
    }
    RC_ASSERT(altered == 2u);
  });
  return ok;
}

int run() {
  bool ok = printed_calls_come_back();
  ok &= dumps_read_back();
  ok &= dress_does_not_matter();
  ok &= real_logs_undress();
  ok &= packing_does_not_matter();
  ok &= any_log_is_survived();
  ok &= boots_are_altered();
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace memblock::lab

int main() { return memblock::lab::run(); }
