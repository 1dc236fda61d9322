// Laws of memblock: equality with the model on random traces, what a failure leaves behind, round
// trips, and what must not matter (order, splitting, shifting, direction, interruption).
#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "lab/minimize.h"
#include "lab/model.h"
#include "props/cases.h"
#include "props/rc.h"
#include "props/table_under_law.h"

namespace memblock::lab {
namespace {

constexpr uint64_t kPage = 4096;

std::vector<Region> copy(RegionView view) { return {view.begin(), view.end()}; }

/// All tables, for "nothing has changed".
std::vector<std::vector<Region>> all_tables(const LawBackend& m) {
  return {copy(m.memory()), copy(m.reserved()), copy(m.physmem())};
}

std::array<size_t, 3> capacities(const LawBackend& m) {
  return {m.table(TableId::Memory).capacity(), m.table(TableId::Reserved).capacity(),
          m.table(TableId::Physmem).capacity()};
}

/// Runs `trace` and leaves the backend in the state it leads to.
template <class B>
void run(B& backend, const Trace& trace) {
  for (const Step& step : trace.steps) static_cast<void>(apply(backend, step.op));
}

/// Large tables that never grow, in a random state.
Trace pick_state() {
  RcChoices choices;
  OpMix mix = OpMix::memblock_only();
  mix.small_tables = false;
  mix[OpCode::AllowResize] = mix[OpCode::FreeAll] = mix[OpCode::Discard] = 0;
  return gen_trace(choices, swarm(choices, mix));
}

uint64_t pick(uint64_t below) { return RcChoices{}.below(below); }

PhysRange pick_pages(uint64_t first, uint64_t count) {
  const uint64_t base = pick(count);
  return PhysRange::from_size(PhysAddr{(first + base) * kPage}, (1 + pick(count - base)) * kPage);
}

// ---- Against the model

/// Both backends with the call trace on: every line must agree, of nested growth too.
void expect_same_call_trace(const Trace& trace) {
  LawBackend core{trace.limits};
  Model model{trace.limits};
  core.set_trace(true);
  model.set_trace(true);
  core.set_caller("props+0x1/0x2");
  model.set_caller("props+0x1/0x2");
  for (const Step& step : trace.steps) {
    static_cast<void>(apply(core, step.op));
    static_cast<void>(apply(model, step.op));
    RC_ASSERT(core.observed().lines == model.observed().lines);
  }
}

/// Fails with the smallest trace. RapidCheck, which shrinks choices and not traces, comes by many
/// times: each kind of divergence is made small once.
void expect_agreement(const Trace& trace) {
  static std::map<std::string, std::string> small_reports;
  const auto divergence = compare<LawBackend, Model>(trace);
  if (!divergence) return;
  std::string& told = small_reports[signature_of(*divergence, trace)];
  if (told.empty()) {
    const Trace small = minimize_divergence<LawBackend, Model>(trace, {.trials_max = 4000});
    told = report(*compare<LawBackend, Model>(small), small, "");
  }
  RC_FAIL(told);
}

bool model_laws() {
  bool ok = true;
  ok &= holds("core and model agree after every op",
              [](const Trace& trace) { expect_agreement(trace); });
  ok &= holds("core and model agree in tables that begin with 1 to 8 regions and grow", [] {
    RcChoices choices;
    OpMix mix = OpMix::memblock_only();
    mix.patterns = 24;
    mix.draws_max = 60;
    Trace trace = gen_trace(choices, swarm(choices, mix));
    trace.limits.memory = 1 + static_cast<uint32_t>(pick(8));
    trace.limits.reserved = 1 + static_cast<uint32_t>(pick(8));
    Op allow;
    allow.code = OpCode::AllowResize;
    trace.steps.insert(
        trace.steps.begin() + static_cast<ptrdiff_t>(pick(4) % (trace.steps.size() + 1)),
        Step{allow, {}, 0});
    expect_agreement(trace);
  });
  ok &= holds("core and model print the same call trace",
              [](const Trace& trace) { expect_same_call_trace(trace); });
  ok &= holds("a query changes nothing", [](const Trace& trace) {
    LawBackend core{trace.limits};
    run(core, trace);
    const auto before = all_tables(core);
    const Op op = *rc::gen::suchThat(ops(), [](const Op& candidate) {
      return candidate.code >= OpCode::PhysMemSize && candidate.code <= OpCode::Gaps;
    });
    static_cast<void>(apply(core, op));
    RC_ASSERT(all_tables(core) == before);
  });
  return ok;
}

// ---- Failure

/// Calls that are several calls to memblock: each of those keeps the law by itself.
bool is_compound(OpCode code) { return code == OpCode::E820Load || code == OpCode::EarlyReserve; }

bool failure_laws() {
  bool ok = true;
  ok &= holds("a call that fails leaves every region as it was", [](const Trace& trace) {
    LawBackend core{trace.limits};
    for (const Step& step : trace.steps) {
      const auto before = all_tables(core);
      const auto capacities_before = capacities(core);
      const Outcome outcome = apply(core, step.op);
      if (outcome.status == Status::Ok || is_compound(step.op.code)) continue;
      const auto after = all_tables(core);
      RC_ASSERT(after[0] == before[0]);
      RC_ASSERT(after[2] == before[2]);
      // A table that grew meanwhile has its storage reserved.
      if (capacities(core) == capacities_before) RC_ASSERT(after[1] == before[1]);
      RC_ASSERT(core.is_valid());
    }
  });

  ok &= holds("without the permission to grow, a table full is a failure that says so", [] {
    Limits limits;
    limits.reserved = 1 + static_cast<uint32_t>(pick(8));
    LawBackend core{limits};
    RC_ASSERT(core.add({PhysAddr{0}, PhysAddr{64 * kPage}}) == Status::Ok);
    for (uint64_t i = 0; i < limits.reserved; ++i) {
      const auto range = PhysRange::from_size(PhysAddr{2 * i * kPage}, kPage);
      RC_ASSERT(core.reserve(range) == Status::Ok);
    }
    const auto before = all_tables(core);
    const PhysRange far = PhysRange::from_size(PhysAddr{40 * kPage}, kPage);
    RC_ASSERT(core.reserve(far) == Status::TableFull);
    RC_ASSERT(core.reserve({PhysAddr{0}, PhysAddr{50 * kPage}}) == Status::TableFull);
    // In a full table even freeing fails: two spare slots are asked for.
    RC_ASSERT(core.free(PhysRange::from_size(PhysAddr{0}, kPage)) == Status::TableFull);
    // What is reserved already needs no slot.
    RC_ASSERT(core.reserve(PhysRange::from_size(PhysAddr{0}, 8)) == Status::Ok);
    RC_ASSERT(all_tables(core) == before);
    RC_ASSERT(core.is_valid());
  });

  ok &=
      holds("after discard() changes are refused and queries see nothing", [](const Trace& trace) {
        LawBackend core{trace.limits};
        run(core, trace);
        core.discard();
        RC_ASSERT(core.add({PhysAddr{0}, PhysAddr{kPage}}) == Status::Discarded);
        RC_ASSERT(core.reserve({PhysAddr{0}, PhysAddr{kPage}}) == Status::Discarded);
        RC_ASSERT(core.phys_alloc(1, 1).status() == Status::Discarded);
        RC_ASSERT(core.mark_mirror({PhysAddr{0}, PhysAddr{kPage}}) == Status::Discarded);
        RC_ASSERT(core.memory().empty() && core.reserved().empty() && core.physmem().empty());
        RC_ASSERT(core.phys_mem_size() == 0u && core.reserved_size() == 0u);
        RC_ASSERT(!core.is_memory(PhysAddr{0}) && core.is_valid());
      });
  return ok;
}

// ---- Round trips

bool round_trip_laws() {
  bool ok = true;
  ok &= holds("add then remove of new memory restores memory", [] {
    const Trace trace = pick_state();
    LawBackend core{trace.limits};
    run(core, trace);
    const PhysRange range = pick_pages(pick(64), 40);
    RC_PRE(!core.overlaps(TableId::Memory, range));
    const auto before = all_tables(core);
    RC_ASSERT(core.add(range, NodeId{static_cast<int32_t>(pick(3))}) == Status::Ok);
    RC_ASSERT(core.remove(range) == Status::Ok);
    RC_ASSERT(all_tables(core) == before);
  });
  ok &= holds("allocate then free restores the reservations", [] {
    const Trace trace = pick_state();
    LawBackend core{trace.limits};
    run(core, trace);
    const auto before = all_tables(core);
    const uint64_t size = 1 + pick(4 * kPage);
    const auto place = core.phys_alloc(size, uint64_t{1} << pick(16));
    if (!place.ok()) return;
    RC_ASSERT(core.free(PhysRange::from_size(place.value(), size)) == Status::Ok);
    RC_ASSERT(all_tables(core) == before);
  });
  ok &= holds("mark then clear of plain memory restores memory", [] {
    const Trace trace = pick_state();
    LawBackend core{trace.limits};
    run(core, trace);
    RC_ASSERT(core.clear_nomap(kAllMemory) == Status::Ok);
    RC_ASSERT(core.clear_hotplug(kAllMemory) == Status::Ok);
    const auto before = all_tables(core);
    const PhysRange range = pick_pages(pick(64), 40);
    RC_ASSERT(core.mark_nomap(range) == Status::Ok);
    RC_ASSERT(core.mark_hotplug(range) == Status::Ok);
    RC_ASSERT(core.clear_nomap(range) == Status::Ok);
    RC_ASSERT(core.clear_hotplug(range) == Status::Ok);
    RC_ASSERT(all_tables(core) == before);
  });
  ok &= holds("doing it twice is doing it once: add, reserve, remove, free, mark, set_node", [] {
    const Trace trace = pick_state();
    LawBackend core{trace.limits};
    run(core, trace);
    const PhysRange range = pick_pages(pick(64), 40);
    const auto again = [&](auto&& call) {
      RC_ASSERT(call() == Status::Ok);
      const auto once = all_tables(core);
      RC_ASSERT(call() == Status::Ok);
      RC_ASSERT(all_tables(core) == once);
    };
    again([&] { return core.add(range, NodeId{1}); });
    again([&] { return core.reserve(range); });
    again([&] { return core.mark_hotplug(range); });
    again([&] { return core.set_node(range, TableId::Memory, NodeId{2}); });
    again([&] { return core.free(range); });
    again([&] { return core.remove(range); });
  });
  return ok;
}

// ---- What must not matter

struct Piece {
  PhysRange range;
  NodeId nid;
  RegionFlags flags;
};

/// Disjoint ranges, some of them touching.
std::vector<Piece> pick_disjoint() {
  std::vector<Piece> out;
  uint64_t page = pick(4);
  for (uint64_t i = pick(12); i-- > 0;) {
    const uint64_t pages = 1 + pick(4);
    const RegionFlags flags{static_cast<uint32_t>(pick(2) * kNomap.bits)};
    out.push_back({PhysRange::from_size(PhysAddr{page * kPage}, pages * kPage),
                   NodeId{static_cast<int32_t>(pick(2))}, flags});
    page += pages + pick(3);
  }
  return out;
}

std::vector<std::vector<Region>> added(const std::vector<Piece>& pieces) {
  LawBackend core{Limits{}};
  for (const Piece& piece : pieces) {
    RC_ASSERT(core.add(piece.range, piece.nid, piece.flags) == Status::Ok);
    RC_ASSERT(core.reserve(piece.range, piece.nid) == Status::Ok);
  }
  RC_ASSERT(core.is_valid());
  return all_tables(core);
}

/// Ops inside a box of pages that names addresses only in it, so that the box can be moved.
std::vector<Op> pick_box_ops(uint64_t box_pages) {
  static constexpr OpCode kCodes[] = {
      OpCode::Add,        OpCode::Remove,        OpCode::Reserve,    OpCode::Free,
      OpCode::MarkMirror, OpCode::MarkHotplug,   OpCode::MarkNomap,  OpCode::ClearNomap,
      OpCode::SetNode,    OpCode::AllocTryNid,   OpCode::PhysAlloc,  OpCode::PhysAllocRange,
      OpCode::Allocate,   OpCode::SetBottomUp,   OpCode::TrimMemory, OpCode::CapMemoryRange,
      OpCode::AllocNode,  OpCode::SetMovableNode};
  std::vector<Op> out;
  for (uint64_t i = pick(24); i-- > 0;) {
    Op op;
    op.code = kCodes[pick(std::size(kCodes))];
    op.range = pick_pages(0, box_pages);
    op.size = 1 + pick(6 * kPage);
    op.align = uint64_t{1} << pick(15);
    op.nid = NodeId{static_cast<int32_t>(pick(3)) - 1};
    op.min = PhysAddr{pick(box_pages) * kPage};
    op.max = op.min + (1 + pick(box_pages)) * kPage;
    op.on = pick(2) != 0;
    op.exact = pick(2) != 0;
    op.within_limit = pick(2) != 0;
    out.push_back(made_valid(op));
  }
  return out;
}

Op shifted(Op op, uint64_t by) {
  const OpSpec& spec = spec_of(op.code);
  for (size_t i = 0; i < spec.field_count; ++i) {
    if (spec.fields[i] == Field::Range) {
      op.range = PhysRange{op.range.base + by, op.range.end + by};
    }
    if (spec.fields[i] == Field::Within) {
      op.min = op.min + by;
      op.max = op.max + by;
    }
  }
  return op;
}

std::vector<Region> shifted(RegionView view, uint64_t by) {
  std::vector<Region> out = copy(view);
  for (Region& region : out) region.base = region.base + by;
  return out;
}

bool irrelevance_laws() {
  bool ok = true;
  ok &= holds("the order of disjoint adds does not matter", [] {
    const std::vector<Piece> pieces = pick_disjoint();
    std::vector<Piece> shuffled = pieces;
    for (size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[pick(i)]);
    RC_ASSERT(added(pieces) == added(shuffled));
  });
  ok &= holds("an add in two parts is the same add", [] {
    std::vector<Piece> pieces = pick_disjoint();
    const auto whole = added(pieces);
    std::vector<Piece> parts;
    for (const Piece& piece : pieces) {
      const PhysAddr middle = piece.range.base + pick(piece.range.size() + 1);
      parts.push_back({{piece.range.base, middle}, piece.nid, piece.flags});
      parts.push_back({{middle, piece.range.end}, piece.nid, piece.flags});
    }
    RC_ASSERT(added(parts) == whole);
  });
  ok &= holds("moving every address moves every answer", [] {
    // Far above page 0 on both sides; every alignment in play divides the distance.
    constexpr uint64_t kHere = uint64_t{1} << 24;
    const uint64_t by = (1 + pick(1000)) << 24;
    Limits limits;
    limits.memory = 1 + static_cast<uint32_t>(pick(12));
    limits.reserved = 1 + static_cast<uint32_t>(pick(12));
    LawBackend here{limits};
    LawBackend there{limits};
    if (pick(2) != 0) {
      here.allow_resize();
      there.allow_resize();
    }
    for (const Op& op : pick_box_ops(64)) {
      const Outcome a = apply(here, shifted(op, kHere));
      Outcome b = apply(there, shifted(op, kHere + by));
      if (spec_of(op.code).answer == Answer::Address && b.status == Status::Ok) b.values[0] -= by;
      RC_ASSERT(a == b);
      RC_ASSERT(shifted(here.memory(), by) == copy(there.memory()));
      RC_ASSERT(shifted(here.reserved(), by) == copy(there.reserved()));
    }
  });
  ok &= holds("bottom-up in a mirrored machine is top-down", [] {
    constexpr uint64_t kPages = 256;
    const auto mirrored = [](PhysRange range) {
      return PhysRange{PhysAddr{kPages * kPage - range.end.value},
                       PhysAddr{kPages * kPage - range.base.value}};
    };
    LawBackend up{Limits{}};
    LawBackend down{Limits{}};
    up.set_bottom_up(true);
    for (uint64_t i = pick(8); i-- > 0;) {
      // Page 0 is never handed out, so neither machine may have memory at its ends.
      const PhysRange range = pick_pages(1, kPages - 2);
      const NodeId nid{static_cast<int32_t>(pick(2))};
      RC_ASSERT(up.add(range, nid) == Status::Ok);
      RC_ASSERT(down.add(mirrored(range), nid) == Status::Ok);
      const PhysRange taken = pick_pages(1, kPages - 2);
      RC_ASSERT(up.reserve(taken) == Status::Ok);
      RC_ASSERT(down.reserve(mirrored(taken)) == Status::Ok);
      const uint64_t align = kPage << pick(4);
      const uint64_t size = align * (1 + pick(3));
      const NodeId wanted{static_cast<int32_t>(pick(3)) - 1};
      const PhysRange window = pick_pages(0, kPages);
      const auto a = up.alloc_try_nid_raw(size, align, window.base, window.end, wanted);
      const PhysRange other = mirrored(window);
      // Without the second try below min, which has no mirror image.
      AllocRequest request{.size = size, .align = align, .min = other.base, .max = other.end};
      request.nid = wanted;
      const bool in_window = a.ok() && window.base <= a.value();
      if (a.ok() && !in_window)
        RC_ASSERT(up.free(PhysRange::from_size(a.value(), size)) == Status::Ok);
      const auto b = down.allocate(request);
      RC_ASSERT(in_window == b.ok());
      if (b.ok()) {
        RC_ASSERT(mirrored(PhysRange::from_size(a.value(), size)) ==
                  PhysRange::from_size(b.value(), size));
      }
    }
  });
  return ok;
}

// ---- Walks

template <class Answer, class Walk>
std::vector<Answer> drain(Walk walk) {
  std::vector<Answer> out;
  for (Answer answer; walk.next(answer);) out.push_back(answer);
  RC_ASSERT(!walk.next(out.emplace_back()));  // It ends for good.
  out.pop_back();
  return out;
}

std::vector<LawBackend::RangeWalk> walks_of(const LawBackend& m, Direction direction) {
  const PhysRange window = pick_pages(pick(64), 64);
  const RegionFlags flags{static_cast<uint32_t>(pick(kAllFlags.bits + 1))};
  const NodeId nid{static_cast<int32_t>(pick(4)) - 1};
  return {m.mem_ranges(direction), m.reserved_ranges(direction),
          m.free_ranges(nid, flags, direction), m.free_ranges(kNoNode, flags, direction, window)};
}

bool walk_laws() {
  bool ok = true;
  ok &= holds("a walk down is the walk up in reverse", [](const Trace& trace) {
    LawBackend core{trace.limits};
    run(core, trace);
    const PhysRange window = pick_pages(pick(64), 64);
    const RegionFlags flags{static_cast<uint32_t>(pick(kAllFlags.bits + 1))};
    const NodeId nid{static_cast<int32_t>(pick(4)) - 1};
    auto up = drain<WalkedRange>(core.free_ranges(nid, flags, Direction::Up, window));
    const auto down = drain<WalkedRange>(core.free_ranges(nid, flags, Direction::Down, window));
    std::reverse(up.begin(), up.end());
    RC_ASSERT(up == down);
    auto memory_up = drain<WalkedRange>(core.mem_ranges(Direction::Up));
    std::reverse(memory_up.begin(), memory_up.end());
    RC_ASSERT(memory_up == drain<WalkedRange>(core.mem_ranges(Direction::Down)));
    auto taken_up = drain<WalkedRange>(core.reserved_ranges(Direction::Up));
    std::reverse(taken_up.begin(), taken_up.end());
    RC_ASSERT(taken_up == drain<WalkedRange>(core.reserved_ranges(Direction::Down)));
  });
  ok &= holds("a walk resumed from a saved place gives the rest, range by range or by each()",
              [](const Trace& trace) {
                LawBackend core{trace.limits};
                run(core, trace);
                const Direction direction = pick(2) == 0 ? Direction::Up : Direction::Down;
                for (LawBackend::RangeWalk& walk : walks_of(core, direction)) {
                  const auto whole = drain<WalkedRange>(walk);
                  const uint64_t until = pick(whole.size() + 1);
                  std::vector<WalkedRange> parts;
                  WalkedRange range;
                  for (uint64_t i = 0; i < until; ++i) {
                    RC_ASSERT(walk.next(range));
                    parts.push_back(range);
                  }
                  LawBackend::RangeWalk saved = walk;
                  while (walk.next(range)) {
                  }
                  const auto rest = drain<WalkedRange>(saved);
                  std::vector<WalkedRange> visited;
                  saved.each([&](const WalkedRange& found) { visited.push_back(found); });
                  RC_ASSERT(visited == rest);
                  parts.insert(parts.end(), rest.begin(), rest.end());
                  RC_ASSERT(parts == whole);
                }
              });
  ok &= holds(
      "no walk gives an empty range, and a window cuts the walk it is put on",
      [](const Trace& trace) {
        LawBackend core{trace.limits};
        run(core, trace);
        const PhysRange window = pick_pages(pick(64), 64);
        std::vector<WalkedRange> cut;
        for (WalkedRange range : drain<WalkedRange>(core.free_ranges())) {
          RC_ASSERT(!range.range.empty());
          if (!range.range.overlaps(window)) continue;
          range.range = {max(range.range.base, window.base), min(range.range.end, window.end)};
          cut.push_back(range);
        }
        const auto windowed =
            drain<WalkedRange>(core.free_ranges(kNoNode, kNoFlags, Direction::Up, window));
        RC_ASSERT(windowed == cut);
      });
  return ok;
}

}  // namespace
}  // namespace memblock::lab

int main() {
  using namespace memblock::lab;
  set_cases(1000);
  bool ok = model_laws();
  ok &= failure_laws();
  ok &= round_trip_laws();
  ok &= irrelevance_laws();
  ok &= walk_laws();
  return ok ? 0 : 1;
}
