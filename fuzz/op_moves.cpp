#include "fuzz/op_moves.h"

#include <algorithm>
#include <array>

#include "lab/core_backend.h"
#include "lab/rules.h"

namespace memblock::fuzz {

using lab::Op;
using lab::OpCode;
using lab::Step;
using lab::Trace;

namespace {

/// No move asks the core to fill a larger table than this.
constexpr size_t kFillMax = 24;

/// The core as it stands after the first `steps` steps.
std::unique_ptr<lab::FlatBackend> core_after(const Trace& trace, size_t steps) {
  auto core = std::make_unique<lab::FlatBackend>(trace.limits);
  static_cast<void>(append_firmware_map(*core, trace));
  for (size_t i = 0; i < steps; ++i) static_cast<void>(lab::apply(*core, trace.steps[i].op));
  return core;
}

bool allocates(OpCode code) { return code >= OpCode::Allocate && code <= OpCode::AllocExactNidRaw; }

Op reserve_op(PhysRange range) {
  Op op;
  op.code = OpCode::Reserve;
  op.range = range;
  return op;
}

void shift_address(PhysAddr& address, uint64_t distance) { address = address + distance; }

/// Both ends move; a range that would wrap is turned around, as made_valid() would.
void shift_range(PhysRange& range, uint64_t distance) {
  if (range.empty() && range.base.value == 0) return;
  const PhysAddr base = range.base + distance;
  const PhysAddr end = range.end + distance;
  range = base <= end ? PhysRange{base, end} : PhysRange{end, base};
}

void shift_op(Op& op, uint64_t distance) {
  shift_range(op.range, distance);
  shift_range(op.initrd, distance);
  shift_range(op.bios, distance);
  for (PhysRange& range : op.setup_data) shift_range(range, distance);
  if (op.min.value != 0) shift_address(op.min, distance);
  if (op.max.value > kUpToLimitNoLeakTrace.value && op.max != kPhysAddrMax) {
    shift_address(op.max, distance);
  }
  op = lab::made_valid(std::move(op));
}

}  // namespace

void Moves::insert(Trace& trace, size_t at, Op op) {
  trace.steps.insert(trace.steps.begin() + static_cast<ptrdiff_t>(at), Step{std::move(op), {}, 0});
}

void Moves::insert_op(Trace& trace) { insert(trace, place(trace), random_op(trace)); }

void Moves::erase_ops(Trace& trace) {
  if (trace.steps.empty()) return;
  const size_t first = below(trace.steps.size());
  const size_t count = chance(70) ? 1 : 1 + below(trace.steps.size() - first);
  const auto from = trace.steps.begin() + static_cast<ptrdiff_t>(first);
  trace.steps.erase(from, from + static_cast<ptrdiff_t>(count));
}

void Moves::duplicate_op(Trace& trace) {
  if (trace.steps.empty()) return insert_op(trace);
  insert(trace, place(trace), any_of(trace.steps).op);
}

void Moves::swap_ops(Trace& trace) {
  if (trace.steps.size() < 2) return insert_op(trace);
  std::swap(trace.steps[below(trace.steps.size())], trace.steps[below(trace.steps.size())]);
}

void Moves::change_field(Trace& trace) {
  if (trace.steps.empty()) return insert_op(trace);
  Op& op = trace.steps[below(trace.steps.size())].op;
  if (chance(10)) op.code = random_code(trace);  // The same arguments to another call.
  const lab::OpSpec& spec = lab::spec_of(op.code);
  if (spec.field_count != 0) fill_field(op, spec.fields[below(spec.field_count)]);
  op = lab::made_valid(std::move(op));
}

/// Moves one end of a range by a page or a byte: adjacency and overlap by one.
void Moves::nudge(Trace& trace) {
  if (trace.steps.empty()) return insert_op(trace);
  Op& op = trace.steps[below(trace.steps.size())].op;
  const std::array<uint64_t, 4> steps{page_, 0 - page_, 1, ~uint64_t{0}};
  const uint64_t by = steps[below(steps.size())];
  PhysAddr base = op.range.base;
  PhysAddr end = op.range.end;
  switch (below(5)) {
    case 0: shift_address(base, by); break;
    case 1: shift_address(end, by); break;
    case 2:
      shift_address(base, by);
      shift_address(end, by);
      break;
    case 3: op.size += by; break;
    default: shift_address(chance(50) ? op.min : op.max, by); break;
  }
  op.range = base <= end ? PhysRange{base, end} : PhysRange{end, base};
  op = lab::made_valid(std::move(op));
}

void Moves::change_limits(Trace& trace) {
  lab::Limits& limits = trace.limits;
  const auto capacity = [this] {
    return static_cast<uint32_t>(chance(80) ? 1 + below(8) : chance(50) ? 128 : 1 + below(64));
  };
  switch (below(7)) {
    case 0:
    case 1: limits.memory = capacity(); break;
    case 2:
    case 3: limits.reserved = capacity(); break;
    case 4: limits.physmem = capacity(); break;
    case 5: limits.e820 = std::max(capacity(), static_cast<uint32_t>(trace.e820.size())); break;
    default:
      limits.page_shift = static_cast<uint32_t>(chance(70) ? 12 : 12 + below(5));
      limits.region_bytes = static_cast<uint32_t>(chance(70) ? sizeof(Region) : 8 + below(4) * 8);
      break;
  }
}

void Moves::change_map(Trace& trace) {
  const E820Entry entry{PhysAddr{address()}, size(), type()};
  if (entry.wraps()) return;
  switch (trace.e820.empty() ? 0 : below(4)) {
    case 0:
      if (trace.e820.size() < trace.limits.e820) {
        trace.e820.insert(trace.e820.begin() + static_cast<ptrdiff_t>(below(trace.e820.size() + 1)),
                          entry);
      }
      break;
    case 1: trace.e820[below(trace.e820.size())] = entry; break;
    case 2: trace.e820[below(trace.e820.size())].type = type(); break;
    default:
      trace.e820.erase(trace.e820.begin() + static_cast<ptrdiff_t>(below(trace.e820.size())));
      break;
  }
  if (chance(30)) {
    Op load;
    load.code = OpCode::E820Load;
    insert(trace, place(trace), load);
  }
}

/// Adds regions that touch nothing until a table is full but for a few slots.
void Moves::fill_table(Trace& trace) {
  const size_t at = place(trace);
  const std::unique_ptr<lab::FlatBackend> core = core_after(trace, at);
  const bool memory = chance(40);
  const FlatTable& table = core->table(memory ? TableId::Memory : TableId::Reserved);
  const size_t spare = table.capacity() - std::min(table.count(), table.capacity());
  const size_t left = below(4);
  const size_t count = std::min(kFillMax, spare > left ? spare - left : 0);
  const uint64_t base = align_down(address(), page_);
  for (size_t i = 0; i < count; ++i) {
    Op op = reserve_op(PhysRange::from_size(PhysAddr{base + i * 2 * page_}, page_));
    if (memory) op.code = OpCode::Add;
    insert(trace, at + i, lab::made_valid(std::move(op)));
  }
}

/// The same with a firmware map that has as many holes, and loading it; now and then for tables of
/// the usual size, which costs as much time as a hundred ops.
void Moves::fill_map(Trace& trace) {
  const size_t left = below(4);
  const size_t most = chance(6) ? 128 : kFillMax;
  const size_t want = std::min<size_t>(trace.limits.memory, most);
  const size_t count = want > left ? want - left : 1;
  if (trace.limits.e820 < count) trace.limits.e820 = static_cast<uint32_t>(count);
  const uint64_t base = chance(70) ? uint64_t{1} << 20 : align_down(address() >> 1, page_);
  trace.e820.clear();
  for (size_t i = 0; i < count; ++i) {
    trace.e820.push_back({PhysAddr{base + i * 2 * page_}, page_, E820Type::Ram});
  }
  Op load;
  load.code = OpCode::E820Load;
  insert(trace, below(std::min<size_t>(trace.steps.size(), 3) + 1), load);
}

/// Takes what the next allocation would get, so that it must look elsewhere.
void Moves::reserve_next_allocation(Trace& trace) {
  std::vector<size_t> allocations;
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    if (allocates(trace.steps[i].op.code)) allocations.push_back(i);
  }
  if (allocations.empty()) return insert_op(trace);
  const size_t at = any_of(allocations);
  const Op& allocation = trace.steps[at].op;
  const std::unique_ptr<lab::FlatBackend> core = core_after(trace, at);
  const lab::Outcome answer = lab::apply(*core, allocation);
  if (answer.status != Status::Ok || answer.values.empty()) return insert_op(trace);
  const PhysAddr got{answer.values[0]};
  PhysRange taken = PhysRange::from_size(got, allocation.size);
  switch (below(4)) {
    case 0: taken = PhysRange::from_size(got, 1); break;            // Only its first byte,
    case 1: taken = PhysRange::from_size(taken.end - 1, 1); break;  // or its last,
    case 2: taken = PhysRange::from_size(got + below(allocation.size), page_); break;
    default: break;  // or all of it.
  }
  insert(trace, at, lab::made_valid(reserve_op(taken)));
}

/// One call across many regions, holes included.
void Moves::reserve_widely(Trace& trace) {
  if (edges_.size() < 2) return insert_op(trace);
  const auto [low, high] = std::minmax_element(edges_.begin(), edges_.end());
  uint64_t base = *low - (chance(50) ? below(2) * page_ : 0);
  uint64_t end = *high + (chance(50) ? below(2) * page_ : 0);
  if (base > end) std::swap(base, end);
  Op op = random_op(trace);
  static constexpr std::array<OpCode, 8> kCalls{
      OpCode::Reserve, OpCode::Reserve, OpCode::Add,       OpCode::Free,
      OpCode::Remove,  OpCode::SetNode, OpCode::MarkNomap, OpCode::MarkHotplug};
  op.code = kCalls[below(kCalls.size())];
  op.range = PhysRange{PhysAddr{base}, PhysAddr{end}};
  insert(trace, chance(70) ? trace.steps.size() : place(trace), lab::made_valid(std::move(op)));
}

/// Moves everything elsewhere: to the top of the address space, below 4 GiB, off page boundaries.
void Moves::shift_all(Trace& trace) {
  if (edges_.empty()) return;
  const auto [low, high] = std::minmax_element(edges_.begin(), edges_.end());
  const std::array<uint64_t, 6> distances{
      ~uint64_t{0} - *high,        page_ - *low, (uint64_t{1} << 32) - *high,
      (uint64_t{1} << 52) - *high, page_ / 2,    1};
  const uint64_t distance = distances[below(distances.size())];
  for (Step& step : trace.steps) shift_op(step.op, distance);
  for (E820Entry& entry : trace.e820) {
    E820Entry moved = entry;
    moved.base = entry.base + distance;
    if (!moved.wraps()) entry = moved;
  }
}

void Moves::allow_growth(Trace& trace) {
  Op op;
  op.code = chance(85) ? OpCode::AllowResize : OpCode::LateAllocatorUp;
  insert(trace, chance(60) ? 0 : place(trace), op);
}

void Moves::one_move(Trace& trace) {
  find_edges(trace);
  const uint64_t roll = below(100);
  if (roll < 22) return insert_op(trace);
  if (roll < 34) return erase_ops(trace);
  if (roll < 40) return duplicate_op(trace);
  if (roll < 46) return swap_ops(trace);
  if (roll < 62) return change_field(trace);
  if (roll < 72) return nudge(trace);
  if (roll < 78) return change_limits(trace);
  if (roll < 82) return change_map(trace);
  if (roll < 83) return fill_map(trace);
  // These two ask the core. A bug that stops it must show in the target, not here, so they ask only
  // about traces that the target has run.
  if (roll < 87) return as_executed_ ? fill_table(trace) : insert_op(trace);
  if (roll < 91) return as_executed_ ? reserve_next_allocation(trace) : insert_op(trace);
  if (roll < 95) return reserve_widely(trace);
  if (roll < 97) return shift_all(trace);
  allow_growth(trace);
}

void Moves::mutate(Trace& trace, size_t steps_max) {
  as_executed_ = true;
  for (uint64_t moves = 1 + below(3); moves != 0; --moves) {
    one_move(trace);
    as_executed_ = false;
  }
  if (trace.steps.size() > steps_max) trace.steps.resize(steps_max);
}

Trace Moves::cross(const Trace& first, const Trace& second, size_t steps_max) {
  Trace child;
  child.limits = chance(50) ? first.limits : second.limits;
  child.e820 = chance(50) ? first.e820 : second.e820;
  if (child.e820.size() > child.limits.e820) child.e820.resize(child.limits.e820);
  const size_t head = below(first.steps.size() + 1);
  const size_t tail = below(second.steps.size() + 1);
  child.steps.assign(first.steps.begin(), first.steps.begin() + static_cast<ptrdiff_t>(head));
  find_edges(first);
  const uint64_t here = edges_.empty() ? 0 : any_of(edges_);
  find_edges(second);
  const uint64_t there = edges_.empty() ? 0 : any_of(edges_);
  const bool rebase = chance(60);
  for (size_t i = tail; i < second.steps.size(); ++i) {
    child.steps.push_back(second.steps[i]);
    if (rebase) shift_op(child.steps.back().op, here - there);
  }
  if (child.steps.size() > steps_max) child.steps.resize(steps_max);
  return child;
}

}  // namespace memblock::fuzz
