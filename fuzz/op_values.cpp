// Values for ops: addresses at and around edges that are in play, sizes that reach from one to the
// next, texts that parse.
#include <array>

#include "fuzz/op_moves.h"
#include "lab/rules.h"

namespace memblock::fuzz {

using lab::Field;
using lab::Op;
using lab::OpCode;
using lab::Trace;

namespace {

constexpr uint64_t kTop = ~uint64_t{0};

void add_range(std::vector<uint64_t>& edges, PhysRange range) {
  if (range.empty() && range.base.value == 0) return;
  edges.push_back(range.base.value);
  edges.push_back(range.end.value);
}

const std::vector<OpCode>& changing_codes() {
  using enum OpCode;
  static const std::vector<OpCode> codes{Add,
                                         Add,
                                         Add,
                                         Remove,
                                         Reserve,
                                         Reserve,
                                         Reserve,
                                         Free,
                                         Free,
                                         FreeVirt,
                                         PhysmemAdd,
                                         MarkHotplug,
                                         ClearHotplug,
                                         MarkMirror,
                                         MarkNomap,
                                         ClearNomap,
                                         MarkReservedNoinit,
                                         SetNode,
                                         SetNode,
                                         Isolate,
                                         EnforceMemoryLimit,
                                         CapMemoryRange,
                                         MemLimitRemoveMap,
                                         TrimMemory};
  return codes;
}

const std::vector<OpCode>& allocating_codes() {
  using enum OpCode;
  static const std::vector<OpCode> codes{
      Allocate,        Allocate,       Allocate,       PhysAllocRange,   PhysAlloc,
      PhysAllocTryNid, Alloc,          AllocRaw,       AllocFrom,        AllocLow,
      AllocNode,       AllocTryNid,    AllocTryNidRaw, AllocExactNidRaw, SetBottomUp,
      SetLimit,        SetMovableNode, AllowResize,    ReserveMem};
  return codes;
}

}  // namespace

void Moves::find_edges(const Trace& trace) {
  page_ = uint64_t{1} << trace.limits.page_shift;
  edges_.clear();
  for (const lab::Step& step : trace.steps) {
    const Op& op = step.op;
    add_range(edges_, op.range);
    add_range(edges_, op.initrd);
    add_range(edges_, op.bios);
    if (op.min.value != 0) edges_.push_back(op.min.value);
    if (op.max.value > kUpToLimitNoLeakTrace.value) edges_.push_back(op.max.value);
  }
  for (const E820Entry& entry : trace.e820) {
    edges_.push_back(entry.base.value);
    edges_.push_back(entry.base.value + entry.size);
  }
}

uint64_t Moves::address() {
  if (!edges_.empty() && chance(75)) {
    const uint64_t edge = any_of(edges_);
    switch (below(8)) {
      case 0: return edge + page_;
      case 1: return edge - page_;
      case 2: return edge + 1;
      case 3: return edge - 1;
      case 4: return edge + size();
      case 5: return edge - size();
      default: return edge;
    }
  }
  static constexpr std::array<uint64_t, 8> kLandmarks{0,
                                                      uint64_t{640} << 10,
                                                      uint64_t{1} << 20,
                                                      uint64_t{16} << 20,
                                                      uint64_t{1} << 32,
                                                      uint64_t{1} << 52,
                                                      kTop - 4095,
                                                      kTop};
  switch (below(4)) {
    case 0: return kLandmarks[below(kLandmarks.size())];
    case 1: return below(16) * page_ + below(2) * below(page_);
    case 2: return (uint64_t{1} << below(64)) + below(4) * page_;
    default: return below(64) * page_;
  }
}

uint64_t Moves::size() {
  switch (below(6)) {
    case 0: return below(3);
    case 1: return page_ * (1 + below(4)) + below(3) - 1;
    case 2: return uint64_t{1} << below(48);
    case 3:
      if (edges_.size() >= 2) return any_of(edges_) - any_of(edges_);
      return page_;
    default: return page_ * (1 + below(8));
  }
}

PhysRange Moves::range() {
  const uint64_t a = address();
  const uint64_t b = chance(50) ? address() : a + size();
  return a <= b ? PhysRange{PhysAddr{a}, PhysAddr{b}} : PhysRange{PhysAddr{b}, PhysAddr{a}};
}

NodeId Moves::node() {
  switch (below(8)) {
    case 0: return kNoNode;
    case 1: return NodeId{static_cast<int32_t>(below(kNodesMax))};
    case 2:
    case 3:
    case 4: return NodeId{static_cast<int32_t>(below(3))};
    default: return kUnsetNode;
  }
}

RegionFlags Moves::flags() {
  if (chance(60)) return kNoFlags;
  if (chance(80)) return RegionFlags{1u << below(5)};
  return RegionFlags{static_cast<uint32_t>(below(kAllFlags.bits + 1))};
}

E820Type Moves::type() {
  using enum E820Type;
  static const std::vector<E820Type> types{None, Ram,  Ram,  Ram,          Reserved,     Acpi,
                                           Nvs,  Pmem, Pram, ReservedKern, SoftReserved, Unusable};
  return chance(95) ? any_of(types) : E820Type{static_cast<uint32_t>(below(300))};
}

std::string Moves::text(OpCode code) {
  static constexpr std::array<const char*, 9> kUnits{"", "", "K", "M", "G", "k", "T", "E", "x"};
  const auto number = [this] {
    const uint64_t value = chance(50) ? address() : below(4096);
    std::string digits = std::to_string(value);
    if (chance(40)) {
      digits = "0x";
      static constexpr char kHex[] = "0123456789abcdef";
      for (int shift = 60; shift >= 0; shift -= 4) digits += kHex[(value >> shift) & 15];
    }
    return digits + kUnits[below(kUnits.size())];
  };
  if (code == OpCode::FindReserveMem)
    return std::string(1 + below(2), static_cast<char>('a' + below(3)));
  if (code == OpCode::ReserveMem) {
    return number() + ":" + std::to_string(uint64_t{1} << below(24)) + ":" +
           std::string(1 + below(17), static_cast<char>('a' + below(3)));
  }
  if (chance(25)) return "mem=" + (chance(10) ? std::string{"nopentium"} : number());
  std::string out = "memmap=";
  for (uint64_t items = 1 + below(3); items != 0; --items) {
    static constexpr std::array<const char*, 6> kAt{"@", "#", "$", "!", "%", ""};
    const size_t at = below(kAt.size());
    if (chance(10))
      out += "exactmap";
    else
      out += number() + kAt[at] + (at < 5 ? number() : std::string{});
    if (at == 4 && chance(70)) out += "-" + std::to_string(below(13));
    if (at == 4 && chance(70)) out += "+" + std::to_string(below(13));
    if (items != 1) out += ",";
  }
  return out;
}

void Moves::fill_field(Op& op, Field field) {
  switch (field) {
    case Field::Range: op.range = range(); break;
    case Field::Size:
    case Field::Bytes: op.size = size(); break;
    case Field::Pfn: op.size = address() / page_ + below(2); break;
    case Field::Align:
      op.align = chance(20) ? 0 : uint64_t{1} << below(chance(80) ? 22 : 64);
      break;
    case Field::Within: {
      const PhysRange window = range();
      op.min = chance(50) ? PhysAddr{0} : window.base;
      op.max = chance(40) ? PhysAddr{below(2)} : chance(30) ? kPhysAddrMax : window.end;
      break;
    }
    case Field::Min:
    case Field::Address: op.min = PhysAddr{address()}; break;
    case Field::Nid: op.nid = node(); break;
    case Field::Flags: op.flags = flags(); break;
    case Field::Table: op.table = static_cast<TableId>(below(5) % 3); break;
    case Field::On:
    case Field::Down: op.on = chance(50); break;
    case Field::Exact: op.exact = chance(25); break;
    case Field::WithinLimit: op.within_limit = chance(25); break;
    case Field::RetryBelow: op.retry_below_min = chance(40); break;
    case Field::Zero: op.zero = chance(15); break;
    case Field::Type: op.type = type(); break;
    case Field::NewType: op.new_type = type(); break;
    case Field::Text: op.text = text(op.code); break;
    case Field::Extent:
      op.min = PhysAddr{address()};
      op.size = size();
      break;
    case Field::Initrd: op.initrd = range(); break;
    case Field::Bios: op.bios = range(); break;
    case Field::SetupData:
      op.setup_data.clear();
      for (uint64_t count = below(3); count != 0; --count) op.setup_data.push_back(range());
      break;
  }
}

OpCode Moves::random_code(const Trace& trace) {
  const uint64_t roll = below(100);
  // What is already there comes again: a trace keeps its subject.
  if (roll < 25 && !trace.steps.empty()) return any_of(trace.steps).op.code;
  if (roll < 60) return any_of(changing_codes());
  if (roll < 85) return any_of(allocating_codes());
  return static_cast<OpCode>(below(lab::kOpCount));
}

Op Moves::random_op(const Trace& trace) {
  Op op;
  op.code = random_code(trace);
  const lab::OpSpec& spec = lab::spec_of(op.code);
  for (size_t i = 0; i < spec.field_count; ++i) fill_field(op, spec.fields[i]);
  return lab::made_valid(std::move(op));
}

}  // namespace memblock::fuzz
