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
      if (event.result) take(*event.result);
      return;
    }
    if (event.kind == EventKind::Call) see_call(event.line);
  }

  void see_call(const LogLine& line) {
    const PhysRange range = line.range();
    switch (line.kind) {
      case LogKind::Add: memory_.add(range); break;
      case LogKind::Remove: memory_.subtract(range); break;
      case LogKind::Reserve: take(range); break;
      case LogKind::Free:
        // What was taken and freed before was not there from the start.
        for (const PhysRange gap : taken_once_.missing(range)) freed_untaken_.add(gap);
        reserved_.subtract(range);
        break;
      default: break;
    }
  }

  const RangeSet& of(TableId id) const { return id == TableId::Memory ? memory_ : reserved_; }
  const RangeSet& freed_untaken() const { return freed_untaken_; }

 private:
  void take(PhysRange range) {
    reserved_.add(range);
    taken_once_.add(range);
  }

  RangeSet memory_;
  RangeSet reserved_;
  RangeSet taken_once_;
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
    // x86 registers memory long after it has parsed its parameters: nothing of it can be missing.
    if (id == TableId::Memory && facts.arch == Arch::X86 && facts.printed_adds != 0) continue;
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

namespace {

/// Where in `events[from, at)` a mark of `range` belongs: as early as can be, once the memory is
/// there, and, for a mark that keeps allocations away, once nothing more is allocated in it.
size_t place_mark(const LoggedBoot& boot, size_t from, size_t at, PhysRange range,
                  bool keeps_away) {
  size_t after = from;
  for (size_t i = from; i < at; ++i) {
    const Event& event = boot.events[i];
    const bool adds = event.kind == EventKind::Call && event.line.kind == LogKind::Add &&
                      event.line.range().overlaps(range);
    const bool allocates = keeps_away && event.kind == EventKind::Allocation && event.result &&
                           event.result->overlaps(range);
    if (adds || allocates) after = i + 1;
  }
  return after;
}

/// Looking at more events than this for marks is for logs that no kernel wrote.
constexpr size_t kMarkWorkMax = 50'000'000;

}  // namespace

std::vector<ScheduledOp> infer_marks(const LoggedBoot& boot) {
  std::vector<ScheduledOp> marks;
  size_t from = 0;  // First event after the last dump.
  size_t work = 0;
  std::array<RangeSet, 2> known;  // Of mirror and nomap, at the last dump.
  for (size_t at = 0; at < boot.events.size(); ++at) {
    if (boot.events[at].kind != EventKind::Dump) continue;
    const LoggedDump& dump = boot.dumps[boot.events[at].dump];
    if (!dump.damage.empty() || !dump.with_kinds) continue;
    for (const Region& region : dump.table(TableId::Memory).regions) {
      for (const RegionFlags flag : {kMirror, kNomap}) {
        RangeSet& marked = known[flag == kNomap ? 1 : 0];
        if (!region.flags.has(flag)) continue;
        for (const PhysRange range : marked.missing(region.range())) {
          work += at - from;
          const size_t after =
              work > kMarkWorkMax ? at : place_mark(boot, from, at, range, flag == kNomap);
          marks.push_back(
              {after,
               {range_op(flag == kNomap ? OpCode::MarkNomap : OpCode::MarkMirror, range),
                fmt::format("the dump of line {} shows this mark", dump.line)}});
        }
        marked.add(region.range());
      }
    }
    from = at + 1;
  }
  std::stable_sort(marks.begin(), marks.end(),
                   [](const ScheduledOp& a, const ScheduledOp& b) { return a.after < b.after; });
  return marks;
}

}  // namespace memblock::lab
