// Reports of differences: what a person needs to see first.
#include "lab/compare.h"

#include <algorithm>

#include "lab/words.h"

namespace memblock::lab {
namespace {

constexpr size_t kTableLinesMax = 40;
constexpr size_t kTraceStepsMax = 64;
constexpr size_t kAnswerMax = 600;

std::vector<std::string> lines_of(const std::vector<Region>& regions) {
  std::vector<std::string> out;
  out.reserve(regions.size());
  for (const Region& region : regions) out.push_back(to_text(region));
  return out;
}

std::vector<std::string> lines_of(const std::vector<E820Entry>& entries) {
  std::vector<std::string> out;
  for (const E820Entry& entry : entries) {
    std::string& line = out.emplace_back();
    append_extent(line, entry.base.value, entry.size);
    line += ' ';
    append_type(line, entry.type);
  }
  return out;
}

/// Both lists side by side as one column: equal lines once, others with the backend's name. Equal
/// heads and tails of long lists are left out.
void append_table(std::string& out, std::string_view title, const Divergence& divergence,
                  const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.empty() && b.empty()) return;
  out += "  " + std::string{title};
  if (a == b) out += " (equal, " + std::to_string(a.size()) + ")";
  out += ":\n";
  size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  constexpr size_t kContext = 3;
  const size_t skipped = head > kContext ? head - kContext : 0;
  if (skipped != 0) out += "      ... " + std::to_string(skipped) + " equal\n";
  for (size_t i = skipped; i < head; ++i) out += "      " + a[i] + "\n";
  const auto middle = [&](const std::vector<std::string>& list, const std::string& name) {
    const size_t end = list.size() - tail;
    for (size_t i = head; i < std::min(end, head + kTableLinesMax); ++i) {
      out += "    " + name + ": " + list[i] + "\n";
    }
    if (end > head + kTableLinesMax) {
      out += "    " + name + ": ... " + std::to_string(end - head - kTableLinesMax) + " more\n";
    }
  };
  middle(a, divergence.name_a);
  middle(b, divergence.name_b);
  for (size_t i = a.size() - tail; i < std::min(a.size(), a.size() - tail + kContext); ++i) {
    out += "      " + a[i] + "\n";
  }
  if (tail > kContext) out += "      ... " + std::to_string(tail - kContext) + " equal\n";
}

// A handover answers with thousands of chunks: of a long answer only what is near `place` is shown.
std::string near(const std::string& answer, size_t place) {
  if (answer.size() <= kAnswerMax) return answer;
  const size_t begin = place < kAnswerMax / 2 ? 0 : place - kAnswerMax / 2;
  std::string out = begin == 0 ? "" : "... ";
  out += answer.substr(begin, kAnswerMax);
  if (begin + kAnswerMax < answer.size()) out += " ...";
  return out + " (" + std::to_string(answer.size()) + " characters)";
}

void append_answers(std::string& out, const Divergence& divergence) {
  const std::string &a = divergence.answer_a, &b = divergence.answer_b;
  const auto first_other = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  const size_t place = a == b ? 0 : static_cast<size_t>(first_other - a.begin());
  out += "    " + divergence.name_a + ": " + near(a, place) + '\n';
  out += "    " + divergence.name_b + ": " + near(b, place) + '\n';
}

}  // namespace

namespace detail {

std::string warnings_text(uint32_t warnings) {
  static constexpr const char* kNames[] = {"OverlapOtherNode", "OverlapOtherFlags", "NotMirrored",
                                           "AlignZero", "GrowthFailed"};
  std::string out;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if ((warnings >> i & 1) == 0) continue;
    out += out.empty() ? ", warning of " : " and ";
    out += kNames[i];
  }
  return out;
}

std::string lines_text(const Outcome& outcome) {
  std::string out;
  for (const std::string& line : outcome.lines) {
    out += "\n      printed ";
    append_quoted(out, line);
  }
  return out;
}

}  // namespace detail

std::string signature_of(const Divergence& divergence, const Trace& trace) {
  std::string out = divergence.what;
  if (divergence.step < trace.steps.size()) {
    out += " at ";
    out += spec_of(trace.steps[divergence.step].op.code).name;
  }
  return out;
}

std::string report(const Divergence& divergence, const Trace& trace, const std::string& file,
                   const std::string& command) {
  std::string out = "divergence";
  if (divergence.step < trace.steps.size()) {
    const Step& step = trace.steps[divergence.step];
    out += " at op " + std::to_string(divergence.step + 1);
    if (step.line != 0 && !file.empty()) out += " (" + file + ':' + std::to_string(step.line) + ')';
    out += ": " + divergence.what + "\n  " + to_text(step.op) + '\n';
    append_answers(out, divergence);
  } else {
    out += ": " + divergence.what + '\n';
  }
  const auto& [memory_a, reserved_a, physmem_a, e820_a] = divergence.tables_a;
  const auto& [memory_b, reserved_b, physmem_b, e820_b] = divergence.tables_b;
  append_table(out, "memory", divergence, lines_of(memory_a), lines_of(memory_b));
  append_table(out, "reserved", divergence, lines_of(reserved_a), lines_of(reserved_b));
  append_table(out, "physmem", divergence, lines_of(physmem_a), lines_of(physmem_b));
  append_table(out, "e820", divergence, lines_of(e820_a), lines_of(e820_b));
  if (!file.empty()) return out + "  again: " + command + ' ' + file + '\n';
  Trace shown = trace;
  if (divergence.step + 1 < shown.steps.size()) shown.steps.resize(divergence.step + 1);
  if (shown.steps.size() > kTraceStepsMax) {
    return out + "  (the trace is " + std::to_string(shown.steps.size()) + " ops long)\n";
  }
  return out + "  again: " + command + " FILE, with this in FILE:\n" + to_text(shown);
}

std::string report(const Unmet& unmet, const Trace& trace, std::string_view file,
                   std::string_view backend) {
  if (trace.steps.empty()) {
    return std::string{file} + ": expected that " + unmet.expected + ", but " + unmet.actual;
  }
  const Step& step = trace.steps[unmet.step];
  return std::string{file} + ':' + std::to_string(step.line) + ": " + to_text(step.op) +
         ": expected " + unmet.expected + ", but " + std::string{backend} + " answered " +
         unmet.actual;
}

}  // namespace memblock::lab
