// What counts as the same between a kernel and us.
#include "lab/linux_compare.h"

#include <algorithm>

namespace memblock::lab {
namespace {

bool allocates(OpCode code) {
  return (code >= OpCode::Allocate && code <= OpCode::AllocExactNidRaw) ||
         code == OpCode::ReserveMem;
}

/// Calls that return nothing in Linux: whether they failed shows in the tables only.
bool returns_nothing(OpCode code) {
  return code == OpCode::FreeVirt || code == OpCode::EnforceMemoryLimit ||
         code == OpCode::CapMemoryRange || code == OpCode::MemLimitRemoveMap ||
         code == OpCode::E820Load;
}

bool same_status(OpCode code, Status ours, Status kernel) {
  if (ours == kernel) return true;
  if (allocates(code)) return ours == Status::TableFull && kernel == Status::NoFit;
  return returns_nothing(code) && ours == Status::TableFull && kernel == Status::Ok;
}

/// Pages `[first, last)` and what is said of their node.
struct Kept {
  uint64_t first, last;
  int64_t nid;
};
constexpr int64_t kAnyNode = -2;

/// Which pages stay in use, each once, in order. The last report of a page has the last word.
std::vector<Kept> kept_pages(const std::vector<uint64_t>& handover) {
  std::vector<uint64_t> edges;
  std::vector<Kept> reports;
  for (size_t i = 0; i + 3 < handover.size(); i += 4) {
    if (handover[i] != 1) continue;
    const auto nid = static_cast<int64_t>(handover[i + 3]);
    const bool named = nid >= 0 && nid < kNodesMax;
    reports.push_back({handover[i + 1], handover[i + 2], named ? nid : kAnyNode});
    edges.insert(edges.end(), {handover[i + 1], handover[i + 2]});
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<Kept> out;
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    int64_t nid = kAnyNode;
    bool reported = false;
    for (const Kept& report : reports) {
      if (report.first > edges[i] || report.last <= edges[i]) continue;
      reported = true;
      nid = report.nid;
    }
    if (reported) out.push_back({edges[i], edges[i + 1], nid});
  }
  return out;
}

/// Page by page the same nodes, as far as both say.
bool same_kept(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  const std::vector<Kept> ours = kept_pages(a), kernel = kept_pages(b);
  size_t i = 0, j = 0;
  uint64_t at = 0;
  while (i < ours.size() && j < kernel.size()) {
    const uint64_t from_a = std::max(at, ours[i].first), from_b = std::max(at, kernel[j].first);
    if (from_a != from_b) return false;
    if (ours[i].nid != kernel[j].nid && ours[i].nid != kAnyNode && kernel[j].nid != kAnyNode) {
      return false;
    }
    at = std::min(ours[i].last, kernel[j].last);
    i += static_cast<size_t>(ours[i].last == at);
    j += static_cast<size_t>(kernel[j].last == at);
  }
  return i == ours.size() && j == kernel.size();
}

std::vector<uint64_t> freed_pages(const std::vector<uint64_t>& handover) {
  std::vector<uint64_t> out;
  for (size_t i = 0; i + 3 < handover.size(); i += 4) {
    if (handover[i] == 0) out.insert(out.end(), {handover[i + 1], handover[i + 2]});
  }
  return out;
}

/// Lines without what a kernel says of empty tables and ours does not.
std::vector<std::string> without_empty_tables(std::vector<std::string> lines) {
  const auto says = [](const std::string& line, const char* what) {
    return line.find(what) != std::string::npos;
  };
  std::erase_if(lines, [&](const std::string& line) {
    return says(line, "physmem.cnt  = 0x0") ||
           says(line, "[0x0000000000000000-0xffffffffffffffff], 0x0000000000000000 bytes");
  });
  return lines;
}

bool same_lines(const Outcome& ours, const Outcome& kernel) {
  if (ours.lines == kernel.lines) return true;
  std::vector<std::string> left = without_empty_tables(kernel.lines);
  if (left.size() != ours.lines.size()) {
    std::erase_if(left, [](const std::string& line) {
      return line.find("physmem.cnt  = 0x1") != std::string::npos;
    });
  }
  if (left.size() != ours.lines.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    std::string line = left[i];
    // The dummy entry is counted.
    const size_t count = line.find(".cnt  = 0x1");
    if (line != ours.lines[i] && left.size() != kernel.lines.size() && count != std::string::npos) {
      line = line.substr(0, count) + ".cnt  = 0x0";
    }
    if (line != ours.lines[i]) return false;
  }
  return true;
}

bool same(RegionView a, RegionView b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

Tables tables_of(const LinuxSide& side) {
  const auto copy = [](RegionView view) { return std::vector<Region>(view.begin(), view.end()); };
  return {copy(side.memory), copy(side.reserved), copy(side.physmem), side.e820};
}

std::string phrase(const LinuxDifference& d) {
  if (!d.dead.empty()) return "the kernel died: " + d.dead;
  if (d.tables) return "tables differ";
  if (d.answer) return "answers differ";
  if (d.map) return "E820 tables differ";
  if (d.capacities) return "capacities differ";
  if (d.totals) return "totals differ";
  if (d.cleared) return "what was cleared differs";
  if (d.warnings) return "warnings differ";
  return "the kernel warns: " + d.other_warning;
}

}  // namespace

std::vector<E820Entry> without_empty(std::vector<E820Entry> map) {
  std::erase_if(map, [](const E820Entry& entry) { return entry.size == 0; });
  return map;
}

bool same_answer(const Op& op, const Outcome& ours, const Outcome& kernel) {
  if (!same_status(op.code, ours.status, kernel.status)) return false;
  if (!same_lines(ours, kernel)) return false;
  if (ours.values == kernel.values || ours.status != kernel.status) return true;
  // Compared by themselves, without empty entries.
  if (op.code == OpCode::E820Entries) return true;
  if (spec_of(op.code).answer != Answer::Handover) return false;
  return freed_pages(ours.values) == freed_pages(kernel.values) &&
         same_kept(ours.values, kernel.values);
}

LinuxDifference difference_of(const Op& op, const LinuxSide& ours, const LinuxSide& kernel,
                              const LinuxBackend& backend, bool grew) {
  LinuxDifference out;
  out.dead = backend.dead();
  if (!backend.other_warnings().empty()) out.other_warning = backend.other_warnings().front();
  out.answer = !same_answer(op, ours.answer, kernel.answer);
  // Linux looks for overlaps before it knows whether there is room, and again after growth; and
  // who asks after the handover is warned of anything.
  constexpr uint32_t kOverlaps = 1u << static_cast<unsigned>(Warning::OverlapOtherNode) |
                                 1u << static_cast<unsigned>(Warning::OverlapOtherFlags);
  constexpr uint32_t kMirror = 1u << static_cast<unsigned>(Warning::NotMirrored);
  uint32_t ignored = ours.answer.status == Status::AfterHandover       ? ~0u
                     : ours.answer.status == Status::TableFull || grew ? kOverlaps
                                                                       : 0;
  if (backend.panicked()) ignored |= kMirror;  // It would have come later.
  out.warnings = (ours.answer.warnings & ~ignored) != (kernel.answer.warnings & ~ignored);
  out.tables = !same(ours.memory, kernel.memory) || !same(ours.reserved, kernel.reserved) ||
               !same(ours.physmem, kernel.physmem);
  out.totals =
      ours.memory_bytes != kernel.memory_bytes || ours.reserved_bytes != kernel.reserved_bytes;
  out.capacities =
      !backend.discarded() && !std::equal(std::begin(ours.capacities), std::end(ours.capacities),
                                          std::begin(kernel.capacities));
  out.map = without_empty(ours.e820) != without_empty(kernel.e820);
  out.cleared = ours.cleared != kernel.cleared;
  return out;
}

Divergence linux_divergence(const LinuxStep& step, size_t index, const char* ours,
                            const std::string& tree) {
  Divergence out;
  out.kind = step.difference.tables ? Divergence::Kind::Regions : Divergence::Kind::Outcome;
  out.step = index;
  out.what = phrase(step.difference);
  out.name_a = ours;
  out.name_b = tree;
  const auto text = [&](const Outcome& outcome) {
    return to_text(step.op, outcome) + detail::warnings_text(outcome.warnings) +
           detail::lines_text(outcome);
  };
  out.answer_a = text(step.ours.answer);
  out.answer_b = text(step.kernel.answer);
  out.tables_a = tables_of(step.ours);
  out.tables_b = tables_of(step.kernel);
  return out;
}

}  // namespace memblock::lab
