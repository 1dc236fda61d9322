// Start state and scheduled marks, worked out with sets of ranges: no memblock is needed for it.
#include "lab/bootlog_start.h"

#include <fmt/format.h>

#include "lab/bootlog_builder.h"
#include "lab/bootlog_ranges.h"

namespace memblock::lab {
namespace {

/// The first dump that can be used, or nothing.
const LoggedDump* first_dump(const LoggedBoot& boot) {
  for (const LoggedDump& dump : boot.dumps) {
    if (dump.damage.empty()) return &dump;
  }
  return nullptr;
}

/// What the printed calls alone lead to.
class PrintedCalls {
 public:
  void see(const Event& event) {
    if (event.kind == EventKind::Allocation) {
      if (event.result) reserved_.add(*event.result);
      return;
    }
    if (event.kind == EventKind::Call) see_call(event.line);
  }

  void see_call(const LogLine& line) {
    const PhysRange range = line.range();
    switch (line.kind) {
      case LogKind::Add: memory_.add(range); break;
      case LogKind::Remove: memory_.subtract(range); break;
      case LogKind::Reserve: reserved_.add(range); break;
      case LogKind::Free:
        for (const PhysRange gap : reserved_.missing(range)) freed_untaken_.add(gap);
        reserved_.subtract(range);
        break;
      default: break;
    }
  }

  const RangeSet& of(TableId id) const { return id == TableId::Memory ? memory_ : reserved_; }
  const RangeSet& freed_untaken() const { return freed_untaken_; }

 private:
  RangeSet memory_;
  RangeSet reserved_;
  RangeSet freed_untaken_;
};

}  // namespace

std::vector<InferredOp> infer_start(const LoggedBoot& boot, const BootFacts& facts) {
  std::vector<InferredOp> ops;
  const LoggedDump* dump = first_dump(boot);
  if (facts.complete || dump == nullptr) return ops;
  PrintedCalls calls;
  size_t by_growth = 0;
  for (const Event& event : boot.events) {
    while (by_growth < boot.by_growth.size() && boot.by_growth[by_growth].line < event.line.line) {
      calls.see_call(boot.by_growth[by_growth++]);
    }
    if (event.kind == EventKind::Dump && &boot.dumps[event.dump] == dump) break;
    calls.see(event);
  }
  for (const TableId id : {TableId::Memory, TableId::Reserved}) {
    RangeSet missing;
    for (const Region& region : dump->table(id).regions) {
      for (const PhysRange gap : calls.of(id).missing(region.range())) missing.add(gap);
    }
    const char* table = id == TableId::Memory ? "memory" : "reserved";
    for (const PhysRange range : missing.ranges()) {
      ops.push_back({range_op(id == TableId::Memory ? OpCode::Add : OpCode::Reserve, range),
                     fmt::format("in {} at the dump of line {}, and no call before it says so: "
                                 "made before memblock=debug was parsed",
                                 table, dump->line)});
    }
  }
  for (const PhysRange range : calls.freed_untaken().ranges()) {
    ops.push_back({range_op(OpCode::Reserve, range),
                   "freed later, and no call shows it reserved: made before memblock=debug was "
                   "parsed"});
  }
  return ops;
}

std::vector<ScheduledOp> infer_marks(const LoggedBoot& boot, size_t events_before_start) {
  std::vector<ScheduledOp> marks;
  size_t from = events_before_start;  // First event after the last dump.
  std::array<RangeSet, 2> known;      // Of mirror and nomap, at the last dump.
  for (size_t at = 0; at < boot.events.size(); ++at) {
    if (boot.events[at].kind != EventKind::Dump) continue;
    const LoggedDump& dump = boot.dumps[boot.events[at].dump];
    if (!dump.damage.empty() || !dump.with_kinds) continue;
    std::array<RangeSet, 2> now;
    for (const Region& region : dump.table(TableId::Memory).regions) {
      for (size_t which = 0; which < 2; ++which) {
        const RegionFlags flag = which == 0 ? kMirror : kNomap;
        if (!region.flags.has(flag)) continue;
        now[which].add(region.range());
        for (const PhysRange range : known[which].missing(region.range())) {
          // As early as can be: once the memory is there, and once nothing more is allocated in it
          // that the mark would have kept away.
          size_t after = from;
          for (size_t i = from; i < at; ++i) {
            const Event& event = boot.events[i];
            const bool adds = event.kind == EventKind::Call && event.line.kind == LogKind::Add &&
                              event.line.range().overlaps(range);
            const bool allocates = event.kind == EventKind::Allocation && event.result &&
                                   event.result->overlaps(range) && flag == kNomap;
            if (adds || allocates) after = i + 1;
          }
          marks.push_back(
              {after,
               {range_op(flag == kNomap ? OpCode::MarkNomap : OpCode::MarkMirror, range),
                fmt::format("the dump of line {} shows this mark", dump.line)}});
        }
      }
    }
    known = now;
    from = at + 1;
  }
  std::stable_sort(marks.begin(), marks.end(),
                   [](const ScheduledOp& a, const ScheduledOp& b) { return a.after < b.after; });
  return marks;
}

}  // namespace memblock::lab
