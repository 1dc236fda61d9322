// Laws of the op language: text, bytes, rules and comparison, over random traces and random bytes.
#include <algorithm>
#include <iostream>
#include <utility>

#include "lab/codec.h"
#include "lab/compare.h"
#include "lab/minimize.h"
#include "lab/model.h"
#include "lab/workload.h"
#include "props/rc.h"

namespace memblock::lab {
namespace {

/// A trace with all that a file can hold: comments, a map, and what the core answered as what is
/// expected.
rc::Gen<Trace> full_traces() {
  return rc::gen::exec([] {
    RcChoices choices;
    Trace trace = gen_trace(choices, swarm(choices, OpMix::everything()));
    static const std::string kComments[] = {"0001 one line", "", "  indented", "caf\xc3\xa9 -> #"};
    for (uint64_t i = choices.below(4); i != 0; --i) {
      trace.comments.push_back(kComments[choices.below(std::size(kComments))]);
    }
    for (uint64_t i = choices.below(std::min(4u, trace.limits.e820 + 1)); i != 0; --i) {
      E820Entry entry{PhysAddr{choices.below(16) << 12}, choices.below(32) << 8, E820Type::Ram};
      if (choices.below(4) == 3) entry = {PhysAddr{0} - 4096, 4096, E820Type{0x63}};
      trace.e820.push_back(entry);
    }
    if (choices.below(2) == 0) return trace;
    Trace answered = with_answers<FlatBackend>(trace);
    for (Step& step : answered.steps) {
      if (choices.below(3) == 2) step.expected.reset();
    }
    return answered;
  });
}

rc::Gen<std::vector<uint8_t>> byte_strings() {
  return rc::gen::resize(300, rc::gen::arbitrary<std::vector<uint8_t>>());
}

/// Canonical text with a few characters changed, dropped or doubled: what hostile or careless
/// people write.
rc::Gen<std::string> damaged_texts() {
  return rc::gen::exec([] {
    RcChoices choices;
    std::string text = to_text(*full_traces());
    static constexpr std::string_view kPieces[] = {
        "[", ")", "0x",  "\"", "->",     " -> none\n",           ";",   "\n", "=",
        "|", "#", "\\x", "  ", "nid=-1", "99999999999999999999", "\xff"};
    for (uint64_t i = 1 + choices.below(6); i != 0 && !text.empty(); --i) {
      const size_t at = choices.below(text.size());
      switch (choices.below(4)) {
        case 0: text.erase(at, 1 + choices.below(8)); break;
        case 1: text.insert(at, kPieces[choices.below(std::size(kPieces))]); break;
        case 2: text[at] = static_cast<char>(choices.below(256)); break;
        default: text.insert(at, text.substr(choices.below(text.size()), 40)); break;
      }
    }
    return text;
  });
}

/// One wrong text each, and all that must be said about it.
struct WrongText {
  const char* text;
  const char* said;
};

constexpr WrongText kWrongTexts[] = {
    {"reserv [0x0, 0x1000)", "1:1: there is no op `reserv`; did you mean `reserve`?"},
    {"\n  frobnicate", "2:3: there is no op `frobnicate`; corpora/README.md lists them"},
    {"[0x0, 0x1000)", "1:1: expected an op, limits or e820, found `[0x0,`"},
    {"add", "1:4: add needs a range such as [0x1000, 0x2000)"},
    {"add [0x2000, 0x1000)", "1:5: the range ends before it begins; swap its ends"},
    {"add [0x0, 0x1000]",
     "1:17: expected `)`: ranges are half-open, the end is not part of them; found `]`"},
    {"add [0x0 0x1000)", "1:10: expected `,` between base and end, found `0x1000)`"},
    {"add [0x0, 0x1000) nid=1024K", "1:1: no such node; use 0 to 1023, none or unset"},
    {"add [0x0, 0x1000) nid=1 nid=2", "1:25: `nid` is given twice; drop one"},
    {"add [0x0, 0x1000) size=1", "1:19: add has no `size`; see corpora/README.md"},
    {"add [0x0, 0x1000) zero", "1:19: add does not take `zero` here; see corpora/README.md"},
    {"add [0x0, 0x1000) flags=hot",
     "1:25: unknown flag; use hotplug, mirror, nomap, driver_managed or noinit, joined by |"},
    {"add [0x0, 0x10000000000000000)", "1:11: the number is too large for the end of a range"},
    {"add [0x0, 0x1000) -> maybe", "1:22: expected ok or an error such as table-full"},
    {"add [0x0, 0x1000) ->", "1:21: expected an outcome behind `->`"},
    {"add [0x0, 0x1000) -> ok ok", "1:25: expected the end of the line, found `ok`"},
    {"alloc align=64", "1:15: alloc needs size=0x1000"},
    {"alloc size=1 align=3", "1:20: align=0x3 is not a power of two; use 0x1, 0x2, 0x4, ..."},
    {"alloc size=1x", "1:12: expected a number of bytes, found a number with `x` behind it"},
    {"alloc size=1 -> yes", "1:17: expected an address or an error, found `yes`"},
    {"trim_memory", "1:1: trim_memory needs an alignment; add align=0x1000"},
    {"phys_alloc_range size=1 within=[9, 8)",
     "1:1: the window ends before it begins; swap its ends"},
    {"free_late [0x0, 0x4000001)",
     "1:1: free_late reports page by page; use a range of at most 0x4000000 bytes"},
    {"is_memory", "1:10: is_memory needs an address such as 0x1000"},
    {"is_memory 0x0 -> 1", "1:18: expected yes or no, found `1`"},
    {"count", "1:6: count needs a table: memory, reserved or physmem"},
    {"regions memory ->\nhas_mirror",
     "1:1: `->` with nothing behind it; put the items on indented lines below, or write none"},
    {"regions memory ->\n  0x1000",
     "2:3: expected a range such as [0x1000, 0x2000), found `0x1000`"},
    {"find_reserve_mem \"a", "1:20: the quote is not closed; add `\"`"},
    {"find_reserve_mem \"\\q\"", "1:21: unknown escape in quotes; use \\\", \\\\, \\t or \\x41"},
    {"e820_append [0x0, 0x1000) tea",
     "1:27: e820_append does not take `tea` here; see corpora/README.md"},
    {"e820 [0x0, 0x1000) tea",
     "1:20: expected an entry type such as ram, reserved, acpi or 0x63, found `tea`"},
    {"e820 [0x1000, 0x10000000000000001) ram",
     "1:1: the entry wraps past the top of the address space; end it at 0x10000000000000000 at "
     "most"},
    {"has_mirror\ne820 [0x0, 0x1000) ram",
     "2:1: the map comes before the first op; use e820_append from here on"},
    {"limits memory=0", "1:1: a capacity is out of range; use 1 to 1048576"},
    {"limits page_shift=11", "1:1: page_shift is out of range; use 12 to 16"},
    {"limits memory=4\nlimits reserved=4", "2:1: limits are given twice; join the lines"},
    {"limits colour=4",
     "1:14: expected memory=, reserved=, physmem=, e820=, page_shift= or region_bytes="},
    {"limits e820=1\ne820 [0x0, 0x1) ram\ne820 [0x1, 0x2) ram",
     "1:1: the map has 2 entries; write limits e820=2 or more"},
};

bool diagnostics_are_as_documented() {
  bool ok = true;
  for (const WrongText& wrong : kWrongTexts) {
    std::string said;
    for (const Diagnostic& error : parse_trace(wrong.text).errors) {
      said += (said.empty() ? "" : " | ") + to_text("", error).substr(1);
    }
    if (said == wrong.said) continue;
    std::cout << "wrong text: " << wrong.text << "\n  expected " << wrong.said << "\n  but said "
              << said << '\n';
    ok = false;
  }
  std::cout << "- text: " << std::size(kWrongTexts) << " wrong texts, each with its diagnostic: "
            << (ok ? "as documented" : "not as documented") << '\n';
  return ok;
}

size_t lines_in(std::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
}

void check_parsed(const std::string& text, const ParsedTrace& parsed) {
  RC_ASSERT(parsed.errors.size() <= kDiagnosticsMax + 1);
  for (const Diagnostic& error : parsed.errors) {
    RC_ASSERT(error.line >= 1u);
    RC_ASSERT(error.line <= lines_in(text));
    RC_ASSERT(!error.message.empty());
    RC_ASSERT(std::all_of(error.message.begin(), error.message.end(),
                          [](char c) { return c >= ' ' && c <= '~'; }));
  }
  if (parsed.ok()) RC_ASSERT(rule_broken_by(parsed.trace) == "");
}

bool text_laws() {
  bool ok = true;
  ok &= holds("text: parse(print(t)) == t", [] {
    const Trace trace = *full_traces();
    const ParsedTrace parsed = parse_trace(to_text(trace));
    RC_ASSERT(parsed.errors == std::vector<Diagnostic>{});
    RC_ASSERT(parsed.trace == trace);
  });
  ok &= holds("text: canonical text prints back to itself", [] {
    const std::string text = to_text(*full_traces());
    RC_ASSERT(to_text(parse_trace(text).trace) == text);
  });
  ok &= holds("text: comments, blank lines and blanks between ops change nothing", [] {
    const Trace trace = *full_traces();
    std::string text = "\n";
    for (const char c : to_text(bare(trace)))
      text += c == '\n' ? "   # note\r\n\n\t\n" : std::string(1, c);
    const ParsedTrace parsed = parse_trace(text);
    RC_ASSERT(parsed.errors == std::vector<Diagnostic>{});
    RC_ASSERT(parsed.trace.steps == bare(trace).steps);
  });
  ok &= holds("text: damaged text is read or refused with a place inside it", [] {
    const std::string text = *damaged_texts();
    check_parsed(text, parse_trace(text));
  });
  ok &= holds("text: any bytes are read or refused with a place inside them", [] {
    const std::vector<uint8_t> bytes = *byte_strings();
    const std::string text{bytes.begin(), bytes.end()};
    check_parsed(text, parse_trace(text));
  });
  ok &= holds("text: each line that is wrong is reported by itself", [] {
    const Trace trace = bare(*rc::gen::arbitrary<Trace>());
    const uint64_t wrong = *rc::gen::inRange<uint64_t>(1, kDiagnosticsMax);
    std::string text = to_text(trace);
    const size_t before = lines_in(text);
    for (uint64_t i = 0; i < wrong; ++i) text += "reserve [0x2000, 0x1000)\n";
    const ParsedTrace parsed = parse_trace(text);
    RC_ASSERT(parsed.errors.size() == wrong);
    RC_ASSERT(parsed.errors.front().line == before);
    RC_ASSERT(parsed.errors.front().column == 9u);
    RC_ASSERT(parsed.trace.steps == trace.steps);
  });
  return ok;
}

bool byte_laws() {
  bool ok = true;
  ok &= holds("bytes: decode(encode(t)) == t", [] {
    const Trace trace = bare(*full_traces());
    RC_ASSERT(decode(encode(trace)) == trace);
  });
  ok &= holds("bytes: every byte string is a valid trace", [] {
    const Trace trace = decode(*byte_strings());
    RC_ASSERT(rule_broken_by(trace) == "");
  });
  ok &= holds("bytes: what a byte string stands for survives encoding and printing", [] {
    const Trace trace = decode(*byte_strings());
    RC_ASSERT(decode(encode(trace)) == trace);
    RC_ASSERT(parse_trace(to_text(trace)).trace == trace);
  });
  ok &= holds("bytes: raw fields of any value survive", [] {
    // The generator likes small numbers; the codec must not.
    Trace trace;
    Op op = *rc::gen::arbitrary<Op>();
    const auto any = rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<uint64_t>());
    const uint64_t a = *any >> *rc::gen::inRange(0, 64);
    const uint64_t b = *any >> *rc::gen::inRange(0, 64);
    op.range = PhysRange{PhysAddr{std::min(a, b)}, PhysAddr{std::max(a, b)}};
    op.min = PhysAddr{a};
    op.max = PhysAddr{b};
    op.size = *any >> *rc::gen::inRange(0, 64);
    op.nid = NodeId{*rc::gen::inRange(-1, kNodesMax + 1)};
    op.type = static_cast<E820Type>(*rc::gen::arbitrary<uint32_t>());
    op.text = *rc::gen::arbitrary<std::string>();
    trace.limits.page_shift = *rc::gen::inRange(12u, 17u);
    trace.limits.memory = *rc::gen::inRange(1u, kCapacityMax + 1);
    for (int i = 0; i < 3; ++i) trace.steps.push_back(Step{made_valid(op), {}, 0});
    RC_ASSERT(rule_broken_by(trace) == "");
    RC_ASSERT(decode(encode(trace)) == trace);
    RC_ASSERT(parse_trace(to_text(trace)).trace == trace);
  });
  return ok;
}

/// Whether the core ever answers `status`, which stands in for a bug.
bool ever_answers(const Trace& trace, Status status) {
  FlatBackend core{trace.limits};
  if (!append_firmware_map(core, trace)) return false;
  return std::any_of(trace.steps.begin(), trace.steps.end(),
                     [&](const Step& step) { return apply(core, step.op).status == status; });
}

bool minimiser_laws() {
  bool ok = true;
  ok &= holds("minimize: the result is valid, still fails, and no op of it can be spared", [] {
    OpMix mix = OpMix::memblock_only();
    mix.draws_max = 60;
    // Without growth, freeing all and lone reservations fill the table, whatever came before.
    mix.begins_with_memory = false;
    mix[OpCode::AllowResize] = mix[OpCode::Discard] = 0;
    Trace trace = *traces(mix);
    trace.limits.reserved = std::min(trace.limits.reserved, 8u);
    Op clear;
    clear.code = OpCode::Free;
    clear.range = kAllMemory;
    trace.steps.push_back(Step{clear, {}, 0});
    for (uint64_t i = 0; i < 16; ++i) {
      Op op;
      op.code = OpCode::Reserve;
      op.range = PhysRange::from_size(PhysAddr{0x10000000 + 2 * i * 4096}, 4096);
      trace.steps.push_back(Step{op, {}, 0});
    }
    const auto fails = [](const Trace& t) { return ever_answers(t, Status::TableFull); };
    RC_ASSERT(fails(trace));
    const Trace small = minimize(trace, fails);
    RC_ASSERT(rule_broken_by(small) == "");
    RC_ASSERT(fails(small));
    for (size_t i = 0; i < small.steps.size(); ++i) {
      Trace without = small;
      without.steps.erase(without.steps.begin() + static_cast<ptrdiff_t>(i));
      RC_ASSERT(!fails(without));
    }
    // A one-slot table refuses the first remove, mark or second region.
    RC_ASSERT(small.steps.size() <= trace.steps.size());
    if (trace.limits.memory == 1 || trace.limits.reserved == 1) RC_ASSERT(small.steps.size() <= 4u);
  });
  ok &= holds("minimize: far addresses come near and keep what they have in common", [] {
    // Fails as long as a reservation touches the end of memory.
    const auto fails = [](const Trace& trace) {
      FlatBackend core{trace.limits};
      for (const Step& step : trace.steps) static_cast<void>(apply(core, step.op));
      return !core.memory().empty() && !core.reserved().empty() &&
             core.memory().back().end() == core.reserved().back().end();
    };
    Trace trace;
    const uint64_t base = *rc::gen::inRange<uint64_t>(1, uint64_t{1} << 40) << 12;
    const uint64_t pages = *rc::gen::inRange<uint64_t>(2, 1 << 20);
    for (const uint64_t first : {uint64_t{0}, pages / 2}) {
      Op op;
      op.code = first == 0 ? OpCode::Add : OpCode::Reserve;
      op.range = PhysRange{PhysAddr{base + (first << 12)}, PhysAddr{base + (pages << 12)}};
      trace.steps.push_back(Step{op, {}, 0});
    }
    const Trace small = minimize(trace, fails);
    RC_ASSERT(small.steps.size() == 2u);
    for (const Step& step : small.steps) RC_ASSERT(step.op.range.end <= PhysAddr{0x2000});
  });
  return ok;
}

/// Backends that are wrong in one way each: compare() must see all of them.
struct Forgetful : FlatBackend {
  using FlatBackend::FlatBackend;
  static constexpr const char* name() { return "forgetful"; }
  Status free(PhysRange) { return Status::Ok; }
};
struct Miscounting : FlatBackend {
  using FlatBackend::FlatBackend;
  static constexpr const char* name() { return "miscounting"; }
  uint64_t reserved_size() const { return FlatBackend::reserved_size() + 1; }
};
struct Broken : FlatBackend {
  using FlatBackend::FlatBackend;
  static constexpr const char* name() { return "broken"; }
  int first_broken_invariant() const { return reserved().empty() ? 0 : 14; }
};
struct Uncleared : FlatBackend {
  using FlatBackend::FlatBackend;
  static constexpr const char* name() { return "uncleared"; }
  const std::vector<PhysRange>& zeroed() const { return none; }
  std::vector<PhysRange> none;
};

/// The first step whose effect on the core satisfies `wanted(op, outcome, core)`.
template <class Wanted>
std::optional<size_t> first_step(const Trace& trace, Wanted wanted) {
  FlatBackend core{trace.limits};
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    core.forget_zeroed();
    const std::vector<Region> before{core.reserved().begin(), core.reserved().end()};
    const Outcome outcome = apply(core, trace.steps[i].op);
    if (wanted(trace.steps[i].op, outcome, before, core)) return i;
  }
  return std::nullopt;
}

void expect_found_at(const std::optional<Divergence>& found, std::optional<size_t> step,
                     const Trace& trace, const std::string& what) {
  RC_ASSERT(found.has_value() == step.has_value());
  if (!found) return;
  RC_ASSERT(found->step == *step);
  RC_ASSERT(found->what == what);
  const std::string text = report(*found, trace, "some/file.txt");
  RC_ASSERT(text.find(to_text(trace.steps[*step].op)) != std::string::npos);
  RC_ASSERT(text.find("again: ci/lab check some/file.txt") != std::string::npos);
}

bool comparison_laws() {
  using Before = const std::vector<Region>&;
  bool ok = true;
  ok &= rc::check("compare: a report shows where long answers part, and stays short", [] {
    const auto length = *rc::gen::inRange<size_t>(1, 100000);
    const auto place = *rc::gen::inRange<size_t>(0, length);
    Divergence divergence;
    divergence.answer_a = divergence.answer_b = std::string(length, '-');
    divergence.answer_a.replace(place, 1, "<");
    divergence.answer_b.replace(place, 1, ">");
    Trace trace;
    trace.steps.emplace_back();
    const std::string text = report(divergence, trace, "some/file.txt");
    RC_ASSERT(text.find('<') != std::string::npos && text.find('>') != std::string::npos);
    RC_ASSERT(text.size() < 2000);
  });
  ok &= holds("compare: a free that frees nothing is seen at once", [](const Trace& t) {
    size_t capacity = t.limits.reserved;
    const auto step = first_step(
        t, [&](const Op& op, const Outcome& out, Before before, const FlatBackend& core) {
          const size_t was = std::exchange(capacity, core.table(TableId::Reserved).capacity());
          return op.code == OpCode::Free &&
                 (out.status != Status::Ok || out.warnings != 0 || !out.values.empty() ||
                  was != capacity || !detail::same(before, core.reserved()));
        });
    const auto found = compare<FlatBackend, Forgetful>(t);
    RC_ASSERT(found.has_value() == step.has_value());
    if (found) RC_ASSERT(found->step == *step);
  });
  ok &= holds("compare: a wrong total is seen after the first op", [](const Trace& t) {
    RC_PRE(!t.steps.empty());
    const auto found = compare<FlatBackend, Miscounting>(t);
    RC_ASSERT(found.has_value());
    const auto asks =
        first_step(t, [](const Op& op, auto&...) { return op.code == OpCode::ReservedSize; });
    if (asks != std::optional<size_t>{0}) {
      expect_found_at(found, 0, t, "totals differ");
    }
  });
  ok &= holds("compare: a broken invariant is seen at the op that broke it", [](const Trace& t) {
    const auto step = first_step(t, [](const Op&, const Outcome&, Before, const FlatBackend& core) {
      return !core.reserved().empty();
    });
    expect_found_at(compare<FlatBackend, Broken>(t), step, t, "broken breaks its invariant 14");
  });
  ok &= holds("compare: memory that was not cleared is seen", [](const Trace& t) {
    const auto step = first_step(t, [](const Op&, const Outcome&, Before, const FlatBackend& core) {
      return !core.zeroed().empty();
    });
    expect_found_at(compare<FlatBackend, Uncleared>(t), step, t, "what was cleared differs");
  });
  // What comes and goes between two looks can be missed, but not what changes a sum.
  ok &= holds("compare: what is seen by looking rarely is what is seen by looking always",
              [](const Trace& t) {
                const auto always = compare<FlatBackend, Forgetful>(t);
                const auto rarely = compare<FlatBackend, Forgetful>(t, {.dense_regions_max = 0});
                if (rarely) RC_ASSERT(always.has_value() && always->step == rarely->step);
                const auto miscounted =
                    compare<FlatBackend, Miscounting>(t, {.dense_regions_max = 0});
                RC_ASSERT(miscounted.has_value() == !t.steps.empty());
              });
  return ok;
}

bool run_laws() {
  bool ok = true;
  ok &= holds("rules: generated traces are valid",
              [](const Trace& trace) { RC_ASSERT(rule_broken_by(trace) == ""); });
  ok &= holds("rules: made_valid() leaves a valid op alone and mends any other", [](Op op) {
    RC_ASSERT(made_valid(op) == op);
    op.align = *rc::gen::arbitrary<uint64_t>();
    op.code = static_cast<OpCode>(*rc::gen::inRange<size_t>(0, kOpCount));
    op.nid = NodeId{*rc::gen::arbitrary<int32_t>()};
    op.flags = RegionFlags{*rc::gen::arbitrary<uint32_t>()};
    op.exact = true;
    RC_ASSERT(rule_broken_by(made_valid(op)) == "");
  });
  ok &= holds("replay: the core agrees with itself, and meets its own answers", [](const Trace& t) {
    RC_ASSERT(!(compare<FlatBackend, FlatBackend>(t)));
    const Trace answered = with_answers<FlatBackend>(t);
    RC_ASSERT(rule_broken_by(answered) == "");
    RC_ASSERT(check_expectations<FlatBackend>(answered).empty());
  });
  ok &= holds("replay: a wrong expectation is reported where it stands", [](const Trace& t) {
    Trace answered = with_answers<FlatBackend>(t);
    RC_PRE(!answered.steps.empty());
    const auto at = *rc::gen::inRange<size_t>(0, answered.steps.size());
    Outcome& expected = *answered.steps[at].expected;
    expected = Outcome{expected.status == Status::Busy ? Status::Invalid : Status::Busy, {}, {}, 0};
    const std::vector<Unmet> unmet = check_expectations<FlatBackend>(answered);
    RC_ASSERT(unmet.size() == 1u);
    RC_ASSERT(unmet[0].step == at);
  });
  return ok;
}

/// Workloads are fixed, so one run each says all.
bool workload_laws() {
  bool ok = true;
  for (const Workload& workload : workloads(256)) {
    std::string wrong = rule_broken_by(workload.trace);
    if (wrong.empty()) {
      const auto found = compare<FlatBackend, Model>(workload.trace);
      if (found) wrong = report(*found, workload.trace, "");
    }
    // A workload whose calls fail measures nothing.
    FlatBackend core{workload.trace.limits};
    if (!append_firmware_map(core, workload.trace)) wrong = "its map does not fit";
    for (const Step& step : workload.trace.steps) {
      const Outcome outcome = apply(core, step.op);
      if (outcome.status != Status::Ok && wrong.empty()) {
        wrong = to_text(step.op) + " -> " + to_text(step.op, outcome);
      }
    }
    std::cout << "- workload " << workload.name << ": " << workload.trace.steps.size() << " ops, "
              << core.table(TableId::Reserved).capacity() << " reserved slots: "
              << (wrong.empty() ? "core and model agree, no call fails" : wrong) << "\n";
    ok &= wrong.empty();
  }
  return ok;
}

}  // namespace
}  // namespace memblock::lab

int main() {
  using namespace memblock::lab;
  const bool said = diagnostics_are_as_documented();
  const bool text = text_laws();
  const bool bytes = byte_laws();
  const bool minimiser = minimiser_laws();
  const bool comparison = comparison_laws();
  const bool runs = run_laws();
  const bool fixed = workload_laws();
  return said && text && bytes && minimiser && comparison && runs && fixed ? 0 : 1;
}
