// Random traces. Where randomness comes from is the caller's: a seed for campaigns and benchmarks,
// RapidCheck for properties. 0 is always the simplest choice, so shrinking choices simplifies.
#pragma once

#include "lab/core_backend.h"
#include "lab/rules.h"

namespace memblock::lab {

/// A source of choices: below(n) is one of 0 to n - 1. Requires: n > 0.
template <class C>
concept Choices = requires(C choices, uint64_t n) {
  { choices.below(n) } -> std::convertible_to<uint64_t>;
};

/// Choices from a seed; the same ones on every machine.
class PrngChoices {
 public:
  explicit PrngChoices(uint64_t seed) : state_(seed) {}

  uint64_t below(uint64_t n) {
    // splitmix64; the slight bias towards low numbers does not matter here.
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % n;
  }

 private:
  uint64_t state_;
};

/// How often each op is drawn, and what a trace looks like.
struct OpMix {
  std::array<uint16_t, kOpCount> weights{};
  uint16_t patterns = 4;  ///< Of 64 draws, how many are several ops made for each other.
  size_t draws_max = 32;
  uint64_t universe_pages = 48;  ///< Where most addresses come from.
  bool small_tables = true;      ///< Tables of 1 to 8 regions, where growth happens early.
  bool begins_with_memory = true;
  size_t fill_max = 20;  ///< A pattern that fills a table makes no more regions at a time.

  uint16_t& operator[](OpCode code) { return weights[static_cast<size_t>(code)]; }
  uint16_t operator[](OpCode code) const { return weights[static_cast<size_t>(code)]; }

  /// All ops; what changes tables comes more often, what ends a boot less.
  static OpMix everything();
  /// everything() without the E820 ops and named reservations.
  static OpMix memblock_only();
  /// Only the E820 table and how it gets into memblock.
  static OpMix e820_only();
};

/// `mix` with about half of its ops switched off, so that rare combinations become common.
template <Choices C>
OpMix swarm(C& choices, OpMix mix) {
  uint64_t left = 0;
  for (uint16_t& weight : mix.weights) {
    if (choices.below(2) != 0) weight = 0;
    left += weight;
  }
  if (left == 0) mix[OpCode::Add] = mix[OpCode::Reserve] = 1;
  return mix;
}

/// Makes one trace, with the core running along: its regions are the edges in play, and its next
/// allocation can be foretold.
template <Choices C>
class TraceGenerator {
 public:
  TraceGenerator(C& choices, const OpMix& mix) : choices_(choices), mix_(mix) {
    for (const uint16_t weight : mix_.weights) total_weight_ += weight;
  }

  Trace trace() {
    Trace out;
    out.limits = limits();
    if constexpr (requires { choices_.made(out.limits); }) choices_.made(out.limits);
    page_ = uint64_t{1} << out.limits.page_shift;
    FlatBackend core{out.limits};
    core_ = &core;
    trace_ = &out;
    if (mix_.begins_with_memory) begin();
    const uint64_t draws = below(mix_.draws_max + 1);
    for (uint64_t i = 0; i < draws && total_weight_ != 0; ++i) {
      if (below(64) >= 64u - mix_.patterns) {
        pattern();
      } else {
        push(op(drawn_code()));
      }
    }
    return out;
  }

  /// One op of this kind, with fields that fit the tables as they are.
  Op op(OpCode code) {
    Op out;
    out.code = code;
    const OpSpec& spec = spec_of(code);
    for (size_t i = 0; i < spec.field_count; ++i) fill(out, spec.fields[i]);
    return made_valid(std::move(out));
  }

 private:
  uint64_t below(uint64_t n) { return choices_.below(n); }
  bool coin() { return below(2) != 0; }

  template <class T, size_t N>
  T one_of(const T (&list)[N]) {
    return list[below(N)];
  }

  Limits limits() {
    Limits out;
    if (mix_.small_tables) {
      static constexpr uint32_t kCapacities[] = {4, 1, 2, 3, 5, 8, 16, 128};
      out.memory = one_of(kCapacities);
      out.reserved = one_of(kCapacities);
      out.physmem = one_of(kCapacities);
      static constexpr uint32_t kMapCapacities[] = {128, 1, 3, 8};
      out.e820 = one_of(kMapCapacities);
    }
    if (below(8) == 7) out.page_shift = static_cast<uint32_t>(12 + below(5));
    if (below(8) == 7) out.region_bytes = static_cast<uint32_t>(8 + 8 * below(16));
    return out;
  }

  void push(const Op& op) {
    if constexpr (requires { choices_.made(op); }) choices_.made(op);  // Before it can crash.
    trace_->steps.push_back(Step{op, {}, 0});
    static_cast<void>(apply(*core_, op));
  }

  void push_range(OpCode code, PhysRange range) {
    Op op;
    op.code = code;
    op.range = range;
    push(op);
  }

  /// Memory to work with, and in most traces the permission to grow.
  void begin() {
    push_range(OpCode::Add, pages(1, mix_.universe_pages));
    if (below(4) != 3) push(op(OpCode::AllowResize));
  }

  OpCode drawn_code() {
    uint64_t rest = below(total_weight_);
    size_t i = 0;
    while (rest >= mix_.weights[i]) rest -= mix_.weights[i++];
    return static_cast<OpCode>(i);
  }

  PhysRange pages(uint64_t first, uint64_t count) const {
    return PhysRange::from_size(PhysAddr{first * page_}, count * page_);
  }

  /// An end of a region that is in one of the tables right now.
  uint64_t edge() {
    const RegionView view = detail::regions_of(*core_, table());
    if (view.empty()) return below(mix_.universe_pages) * page_;
    const Region& region = view[below(view.size())];
    return coin() ? region.end().value : region.base.value;
  }

  uint64_t address() {
    static constexpr uint64_t kLandmarks[] = {0x100000,     0x100000000,      uint64_t{1} << 52,
                                              ~uint64_t{0}, ~uint64_t{0xfff}, 1};
    switch (below(8)) {
      case 0:
      case 1:
      case 2: return below(mix_.universe_pages) * page_;
      case 3: return edge();
      case 4: return edge() + below(3) * page_;
      case 5: return edge() - below(3) * page_;
      case 6: return edge() + below(3) - 1;
      default: return one_of(kLandmarks);
    }
  }

  uint64_t size() {
    switch (below(8)) {
      case 0:
      case 1: return page_;
      case 2:
      case 3: return (1 + below(8)) * page_;
      case 4: return 1 + below(2 * page_);
      case 5: return uint64_t{1} << below(64);
      case 6: return mix_.universe_pages * page_;
      default: return coin() ? ~uint64_t{0} : 0;
    }
  }

  PhysRange range() {
    const uint64_t base = address();
    if (below(4) != 3) return PhysRange::from_size(PhysAddr{base}, size());
    const uint64_t end = address();
    return PhysRange{PhysAddr{base < end ? base : end}, PhysAddr{base < end ? end : base}};
  }

  uint64_t align() {
    switch (below(5)) {
      case 0: return page_;
      case 1: return 64;
      case 2: return page_ << below(6);
      case 3: return uint64_t{1} << below(64);
      default: return 0;
    }
  }

  NodeId nid() {
    switch (below(6)) {
      case 0: return kUnsetNode;
      case 1: return kNoNode;
      case 2: return NodeId{static_cast<int32_t>(below(kNodesMax))};
      default: return NodeId{static_cast<int32_t>(below(3))};
    }
  }

  RegionFlags flags() {
    if (below(3) != 2) return kNoFlags;
    return RegionFlags{static_cast<uint32_t>(below(kAllFlags.bits + 1))};
  }

  TableId table() {
    static constexpr TableId kTables[] = {TableId::Memory, TableId::Reserved, TableId::Memory,
                                          TableId::Reserved, TableId::Physmem};
    return one_of(kTables);
  }

  E820Type type() {
    static constexpr E820Type kTypes[] = {
        E820Type::Ram,          E820Type::Reserved, E820Type::Acpi, E820Type::Nvs,
        E820Type::Unusable,     E820Type::Pmem,     E820Type::Pram, E820Type::ReservedKern,
        E820Type::SoftReserved, E820Type::None,     E820Type{99}};
    return one_of(kTypes);
  }

  std::string number_text(uint64_t value) {
    if (coin() || value % page_ != 0) return std::to_string(value);
    return std::to_string(value >> 10) + "K";
  }

  std::string text(OpCode code) {
    static constexpr const char* kNames[] = {"a", "b", "trace", "fifteen_letters"};
    if (code == OpCode::FindReserveMem) return one_of(kNames);
    if (code == OpCode::ReserveMem) {
      const bool plain = below(4) != 3;
      const std::string bytes = number_text(plain ? (1 + below(4)) * page_ : size());
      return bytes + ":" + number_text(plain ? page_ : align()) + ":" + one_of(kNames);
    }
    if (below(3) == 2) return "mem=" + number_text(address());
    std::string out = "memmap=";
    for (uint64_t i = 0, count = 1 + below(3); i < count; ++i) {
      if (i != 0) out += ',';
      out += memmap_item();
    }
    return out;
  }

  std::string memmap_item() {
    static constexpr const char* kSeparators[] = {"@", "#", "$", "!", "%", ""};
    if (below(16) == 15) return "exactmap";
    const std::string separator = one_of(kSeparators);
    std::string out = number_text(size()) + separator;
    if (!separator.empty()) out += number_text(address());
    if (separator == "%") {
      if (coin()) out += "-" + std::to_string(below(6));
      if (coin()) out += "+" + std::to_string(1 + below(5));
    }
    return out;
  }

  void fill(Op& op, Field field) {
    switch (field) {
      case Field::Range: fill_range(op); break;
      case Field::Size:
      case Field::Bytes: op.size = size(); break;
      case Field::Pfn: op.size = address() / page_; break;
      case Field::Align: op.align = align(); break;
      case Field::Within:
        if (coin()) break;
        op.min = PhysAddr{address()};
        op.max = PhysAddr{below(3) == 0 ? below(2) : address()};
        break;
      case Field::Min:
      case Field::Address: op.min = PhysAddr{address()}; break;
      case Field::Nid: op.nid = nid(); break;
      case Field::Flags: op.flags = flags(); break;
      case Field::Table: op.table = table(); break;
      case Field::On:
      case Field::Down: op.on = coin(); break;
      case Field::Exact: op.exact = coin(); break;
      case Field::WithinLimit: op.within_limit = coin(); break;
      case Field::RetryBelow: op.retry_below_min = coin(); break;
      case Field::Zero: op.zero = coin(); break;
      case Field::Type: op.type = type(); break;
      case Field::NewType: op.new_type = type(); break;
      case Field::Text: op.text = text(op.code); break;
      case Field::Extent:
        op.min = PhysAddr{address()};
        op.size = size();
        break;
      case Field::Initrd: op.initrd = coin() ? range() : PhysRange{}; break;
      case Field::Bios: op.bios = coin() ? range() : PhysRange{}; break;
      case Field::SetupData:
        for (uint64_t i = below(3); i != 0; --i) op.setup_data.push_back(range());
        break;
    }
  }

  void fill_range(Op& op) {
    op.range = range();
    if (op.code != OpCode::FreePfnsInZone) return;
    op.range =
        PhysRange{PhysAddr{op.range.base.value / page_}, PhysAddr{op.range.end.value / page_}};
  }

  // ---- Several ops made for each other

  void pattern() {
    switch (below(6)) {
      case 0: reserve_next_allocation(); break;
      case 1: fill_table(TableId::Reserved); break;
      case 2: wide_reserve(); break;
      case 3: hand_over(); break;
      case 4: allocate_row(); break;
      default: fill_table(TableId::Memory); break;
    }
  }

  /// Reserves just where the next allocation would go, then allocates.
  void reserve_next_allocation() {
    const uint64_t bytes = size();
    auto walk =
        core_->free_ranges(kNoNode, kNoFlags, core_->bottom_up() ? Direction::Up : Direction::Down);
    for (WalkedRange free; walk.next(free);) {
      if (free.range.size() < bytes || free.range.base < PhysAddr{page_}) continue;
      const PhysAddr next = core_->bottom_up() ? free.range.base : free.range.end - bytes;
      push_range(OpCode::Reserve, PhysRange::from_size(next, below(2) == 0 ? page_ : bytes));
      break;
    }
    Op alloc;
    alloc.code = OpCode::PhysAlloc;
    alloc.size = bytes;
    alloc.align = 64;
    push(alloc);
  }

  /// Allocations that ask for the same, as those of a boot do, now and then for another block or
  /// within other limits.
  void allocate_row() {
    if (mix_[OpCode::Allocate] == 0) return;
    Op usual = op(OpCode::Allocate);
    usual.size = (1 + below(4)) * page_;
    usual.align = page_ << below(2);
    for (uint64_t i = 2 + below(10); i != 0; --i) {
      Op alloc = usual;
      if (below(4) == 0) alloc.size = size();
      if (below(8) == 0) alloc.align = align();
      push(alloc);
      if (below(16) == 0 && mix_[OpCode::SetLimit] != 0) push(op(OpCode::SetLimit));
    }
  }

  /// Lone pages, until 0 to 2 slots are left.
  void fill_table(TableId id) {
    const uint64_t leave = below(3);
    const bool memory = id == TableId::Memory;
    uint64_t first = (memory ? 4 : 1) * mix_.universe_pages;
    for (size_t i = 0; i < mix_.fill_max; ++i, first += 2) {
      const size_t count = core_->table(id).count();
      if (count + leave >= core_->table(id).capacity()) break;
      push_range(memory ? OpCode::Add : OpCode::Reserve, pages(first, 1));
    }
  }

  /// The end of early boot, in a third of the cases; what comes then is late frees and hotplug.
  void hand_over() {
    if (below(3) != 0 || mix_[OpCode::FreeAll] == 0) return;
    push(op(OpCode::FreeAll));
    push(op(OpCode::FreeLate));
  }

  /// One reservation over everything, with gaps wherever nothing is reserved yet.
  void wide_reserve() {
    push_range(OpCode::Reserve, pages(below(4), 2 + below(4 * mix_.universe_pages)));
  }

  C& choices_;
  OpMix mix_;
  uint64_t total_weight_ = 0;
  uint64_t page_ = 4096;
  FlatBackend* core_ = nullptr;
  Trace* trace_ = nullptr;
};

/// A valid trace of ops drawn from `mix`.
template <Choices C>
Trace gen_trace(C& choices, const OpMix& mix) {
  return TraceGenerator<C>{choices, mix}.trace();
}

}  // namespace memblock::lab
