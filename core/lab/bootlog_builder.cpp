// Steps of an imported trace, carried out as they are added.
#include "lab/bootlog_builder.h"

#include "lab/bootlog_compare.h"
#include "lab/rules.h"

namespace memblock::lab {
TraceBuilder::TraceBuilder(ImportedBoot& boot, const BootFacts& facts)
    : boot_(boot), facts_(facts), core_(facts.limits) {}

Outcome TraceBuilder::push(Op op, StepNote note) {
  op = made_valid(std::move(op));
  const uint64_t before = core_.phys_mem_size();
  const bool of_dump = op.code == OpCode::Regions;
  const bool wanted = !of_dump || boot_.dumps[note.dump].damage.empty();
  Outcome outcome = wanted ? apply(core_, op) : Outcome{};
  if (op.code == OpCode::TrimMemory) trim_excess_ += before - core_.phys_mem_size();
  Step step;
  step.op = std::move(op);
  step.line = note.line;
  boot_.trace.steps.push_back(std::move(step));
  boot_.notes.push_back(std::move(note));
  return outcome;
}

Outcome TraceBuilder::printed(Op op, uint32_t line) {
  StepNote note;
  note.line = line;
  return push(std::move(op), std::move(note));
}

Outcome TraceBuilder::inferred(Op op, uint32_t line, std::string why) {
  StepNote note;
  note.kind = StepKind::Inferred;
  note.line = line;
  note.why = std::move(why);
  return push(std::move(op), std::move(note));
}

void TraceBuilder::allocation(Op op, StepNote note) {
  note.kind = StepKind::Allocation;
  const std::optional<PhysRange> result = note.result;
  const Outcome outcome = push(std::move(op), std::move(note));
  Step& step = boot_.trace.steps.back();
  if (boot_.notes.back().unexplained) return;
  Outcome expected;
  if (result) {
    expected.values = {result->base.value};
  } else {
    expected.status = outcome.status == Status::Ok ? Status::NoFit : outcome.status;
  }
  step.expected = std::move(expected);
  if (!lands(outcome, result)) force_allocation(core_, outcome, step.op.size, result);
}

void TraceBuilder::dump(uint32_t line, size_t dump) {
  const LoggedDump& logged = boot_.dumps[dump];
  const TablesHeld held{core_.memory(), core_.reserved(), core_.physmem(), core_.phys_mem_size(),
                        core_.reserved_size()};
  DumpVerdict verdict;
  compare_dump(logged, trim_excess_, held, verdict);
  for (const TableId id : {TableId::Memory, TableId::Reserved}) {
    Op op;
    op.code = OpCode::Regions;
    op.table = id;
    StepNote note;
    note.line = line;
    note.dump = dump;
    if (id == TableId::Memory) note.kind = StepKind::Dump;
    Outcome answer = push(std::move(op), std::move(note));
    if (logged.damage.empty() && !verdict.tables_differ) {
      boot_.trace.steps.back().expected = std::move(answer);
    }
  }
  boot_.trim_excess.push_back(trim_excess_);
  if (!verdict.tables_differ) return;
  // What follows is worked out from what the kernel had.
  for (const Op& op : forcing_ops(logged)) (void)apply(core_, op);
}

std::vector<Op> forcing_ops(const LoggedDump& dump) {
  std::vector<Op> ops;
  for (const TableId id : {TableId::Memory, TableId::Reserved}) {
    const bool memory = id == TableId::Memory;
    ops.push_back(range_op(memory ? OpCode::Remove : OpCode::Free, kAllMemory));
    for (const Region& region : dump.table(id).regions) {
      Op op = range_op(memory ? OpCode::Add : OpCode::Reserve, region.range());
      op.nid = region.nid;
      op.flags = RegionFlags{region.flags.bits & kAllFlags.bits};
      ops.push_back(made_valid(std::move(op)));
    }
  }
  return ops;
}

Op append_op(const E820Entry& entry) {
  Op op;
  op.code = OpCode::E820Append;
  op.min = entry.base;
  op.size = entry.size;
  op.type = entry.type;
  return op;
}

std::vector<Op> forcing_ops(const std::vector<E820Entry>& map) {
  std::vector<Op> ops;
  // An entry may end at 2^64, and no size does.
  constexpr uint64_t kHalf = uint64_t{1} << 63;
  for (const uint64_t base : {uint64_t{0}, kHalf}) {
    Op& half = ops.emplace_back();
    half.code = OpCode::E820Remove;
    half.min = PhysAddr{base};
    half.size = kHalf;
    half.type = E820Type::None;
  }
  for (const E820Entry& entry : map) ops.push_back(made_valid(append_op(entry)));
  return ops;
}

std::vector<E820Entry> map_of(const Outcome& outcome) {
  std::vector<E820Entry> map;
  const std::vector<uint64_t>& values = outcome.values;
  for (size_t i = 0; i + 2 < values.size(); i += 3) {
    map.push_back({PhysAddr{values[i]}, values[i + 1], static_cast<E820Type>(values[i + 2])});
  }
  return map;
}

void TraceBuilder::firmware_entry(const E820Entry& entry) { (void)core_.e820().append(entry); }

void TraceBuilder::map(uint32_t line, Outcome expected) {
  Op op;
  op.code = OpCode::E820Entries;
  StepNote note;
  note.kind = StepKind::Map;
  note.line = line;
  const Outcome held = push(std::move(op), std::move(note));
  if (held != expected) {
    boot_.notes.back().why = "the options do not lead to the map printed";
    for (const Op& force : forcing_ops(map_of(expected))) (void)apply(core_, force);
  }
  boot_.trace.steps.back().expected = std::move(expected);
}

bool TraceBuilder::would_fit(const AllocRequest& request) {
  const Result<PhysAddr> found = core_.allocate(request);
  if (!found.ok()) return false;
  (void)core_.free(PhysRange::from_size(found.value(), request.size));
  return true;
}

}  // namespace memblock::lab
