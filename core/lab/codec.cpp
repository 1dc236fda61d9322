// One description of the byte format, walked by a reader and by a writer. Each form of a number is
// written down once for each direction, next to the other.
#include "lab/codec.h"

#include <array>
#include <optional>

#include "lab/rules.h"

namespace memblock::lab {
namespace {

// A number begins with a byte: its form in the low three bits, an argument in the upper five.
enum class Form : uint8_t {
  Pages,      // argument whole pages
  LowPower,   // 1 << argument
  HighPower,  // 1 << (32 + argument)
  Edge,       // an edge of an earlier range, the argument-th last, plus a signed byte: see below
  ManyPages,  // (argument << 16 | two bytes) whole pages
  Raw,        // (argument % 8) + 1 bytes, lowest first
  Small,      // argument
  Top,        // 0 - 1 - argument
};

constexpr uint64_t kArgumentMax = 31;
constexpr size_t kEdges = 32;

/// Edges of the last ranges, the latest first. Reader and writer fill theirs alike.
class Edges {
 public:
  void add(PhysRange range) {
    add(range.base.value);
    add(range.end.value);
  }
  void add(uint64_t address) { edges_[next_++ % kEdges] = address; }
  uint64_t at(size_t back) const { return edges_[(next_ + 2 * kEdges - 1 - back) % kEdges]; }

 private:
  std::array<uint64_t, kEdges> edges_{};
  size_t next_ = 0;
};

/// What a number counts: addresses and sizes come in pages of bytes, page frames in ones.
struct Unit {
  unsigned page_shift = 12;
  bool frames = false;

  uint64_t of_pages(uint64_t pages) const { return frames ? pages : pages << page_shift; }
  uint64_t of_edge(uint64_t edge) const { return frames ? edge >> page_shift : edge; }
};

// -64 to 63 pages away; beyond that -64 to 63 bytes.
uint64_t edge_distance(uint8_t byte, const Unit& unit) {
  const auto pages = static_cast<int8_t>(static_cast<uint8_t>(byte << 1)) / 2;
  const auto distance = static_cast<uint64_t>(int64_t{pages});
  return (byte & 0x80) != 0 ? distance : unit.of_pages(distance);
}

// E820 types in the order of their codes; a code from kRawType on is followed by four bytes.
constexpr auto kTypes =
    std::to_array<E820Type>({E820Type::Ram, E820Type::Reserved, E820Type::Acpi, E820Type::Nvs,
                             E820Type::Unusable, E820Type::None, E820Type::Pmem, E820Type::Pram,
                             E820Type::ReservedKern, E820Type::SoftReserved});
constexpr uint8_t kRawType = 240;

constexpr uint8_t kRawNode = 250;     // Followed by two bytes.
constexpr uint8_t kManyRanges = 252;  // Followed by a count.
constexpr auto kCapacities = std::to_array<uint32_t>({128, 1, 2, 3, 4, 8, 64});
constexpr uint8_t kOtherCapacity = 7;
constexpr uint8_t kOtherLimits = 0x40;
constexpr uint8_t kHasMap = 0x80;

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }

  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const uint8_t out = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return out;
  }

  uint64_t fixed(size_t count) {
    uint64_t out = 0;
    for (size_t i = 0; i < count; ++i) out |= uint64_t{byte()} << (8 * i);
    return out;
  }

  /// Seven bits a byte, lowest first.
  uint64_t varint() {
    uint64_t out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t next = byte();
      out |= uint64_t{next & 0x7fu} << shift;
      if (next < 0x80) break;
    }
    return out;
  }

  std::span<const uint8_t> take(size_t count) {
    const auto out = bytes_.first(count < bytes_.size() ? count : bytes_.size());
    bytes_ = bytes_.subspan(out.size());
    return out;
  }

 private:
  std::span<const uint8_t> bytes_;
};

class Decoder {
 public:
  explicit Decoder(std::span<const uint8_t> bytes) : in_(bytes) {}

  Trace trace() {
    Trace out;
    const uint8_t head = in_.byte();
    read_limits(head, out.limits);
    unit_.page_shift = out.limits.page_shift;
    if ((head & kHasMap) != 0) read_map(out);
    while (!in_.empty() && out.steps.size() < kStepsMax) out.steps.push_back(Step{op(), {}, 0});
    return out;
  }

 private:
  uint32_t capacity() { return static_cast<uint32_t>(1 + in_.varint() % kCapacityMax); }

  void read_limits(uint8_t head, Limits& limits) {
    const uint8_t memory = head & 7;
    const uint8_t reserved = head >> 3 & 7;
    limits.memory = memory == kOtherCapacity ? capacity() : kCapacities[memory];
    limits.reserved = reserved == kOtherCapacity ? capacity() : kCapacities[reserved];
    if ((head & kOtherLimits) == 0) return;
    limits.physmem = capacity();
    limits.e820 = capacity();
    limits.page_shift = 12 + in_.byte() % 5;
    constexpr uint32_t kRegionBytes = kRegionBytesMax - kRegionBytesMin + 1;
    limits.region_bytes = static_cast<uint32_t>(kRegionBytesMin + in_.varint() % kRegionBytes);
  }

  void read_map(Trace& out) {
    const uint64_t count = in_.varint();
    while (!in_.empty() && out.e820.size() < count && out.e820.size() < out.limits.e820) {
      E820Entry entry;
      read_extent(entry.base, entry.size);
      entry.type = type();
      if (entry.wraps()) entry.size = 0 - entry.base.value;
      out.e820.push_back(entry);
    }
  }

  uint64_t number(const Unit& unit) {
    const uint8_t head = in_.byte();
    const uint64_t argument = head >> 3;
    switch (static_cast<Form>(head & 7)) {
      case Form::Pages: return unit.of_pages(argument);
      case Form::LowPower: return uint64_t{1} << argument;
      case Form::HighPower: return uint64_t{1} << (32 + argument);
      case Form::Edge: return unit.of_edge(edges_.at(argument)) + edge_distance(in_.byte(), unit);
      case Form::ManyPages: return unit.of_pages(argument << 16 | in_.fixed(2));
      case Form::Raw: return in_.fixed(argument % 8 + 1);
      case Form::Small: return argument;
      case Form::Top: return ~argument;
    }
    return 0;
  }

  uint64_t number() { return number(unit_); }

  PhysRange range(const Unit& unit) {
    const uint64_t base = number(unit);
    const bool from_edge = end_is_an_edge();
    const uint64_t second = number(unit);
    if (!from_edge) return PhysRange::from_size(PhysAddr{base}, second);
    return PhysRange{PhysAddr{base < second ? base : second},
                     PhysAddr{base < second ? second : base}};
  }

  PhysRange range() {
    const PhysRange out = range(unit_);
    edges_.add(out);
    return out;
  }

  /// What follows a base is a size, but an edge or the top is the end itself.
  bool end_is_an_edge() {
    const auto form = static_cast<Form>(peek() & 7);
    return form == Form::Edge || form == Form::Top;
  }

  uint8_t peek() const {
    Reader ahead = in_;
    return ahead.byte();
  }

  void read_extent(PhysAddr& base, uint64_t& size) {
    base = PhysAddr{number()};
    const bool from_edge = end_is_an_edge();
    size = number();
    if (from_edge) size -= base.value;
    edges_.add(base.value);
    edges_.add(base.value + size);
  }

  NodeId nid() {
    const uint8_t code = in_.byte();
    if (code >= kRawNode) return NodeId{static_cast<int32_t>(in_.fixed(2) % (kNodesMax + 2)) - 1};
    switch (code % 8) {
      case 0: return kUnsetNode;
      case 1: return kNoNode;
      default: return NodeId{code % 8 - 2};
    }
  }

  E820Type type() {
    const uint8_t code = in_.byte();
    if (code >= kRawType) return static_cast<E820Type>(in_.fixed(4));
    return kTypes[code % kTypes.size()];
  }

  uint64_t align() {
    const uint8_t code = in_.byte();
    return code == 0 ? 0 : uint64_t{1} << ((code - 1) % 64);
  }

  std::string text() {
    const auto bytes = in_.take(in_.varint() % (kTextBytesMax + 1));
    return std::string{bytes.begin(), bytes.end()};
  }

  void read_setup_data(std::vector<PhysRange>& out) {
    const uint8_t code = in_.byte();
    const size_t count = code < kManyRanges ? code % 4 : in_.byte() % (kSetupDataMax + 1);
    for (size_t i = 0; i < count; ++i) out.push_back(range());
  }

  void read_field(Op& op, Field field) {
    switch (field) {
      case Field::Range:
        op.range =
            op.code == OpCode::FreePfnsInZone ? range(Unit{unit_.page_shift, true}) : range();
        break;
      case Field::Size:
      case Field::Bytes: op.size = number(); break;
      case Field::Pfn: op.size = number(Unit{unit_.page_shift, true}); break;
      case Field::Align: op.align = align(); break;
      case Field::Within:
        op.min = PhysAddr{number()};
        op.max = PhysAddr{number()};
        break;
      case Field::Min:
      case Field::Address: op.min = PhysAddr{number()}; break;
      case Field::Nid: op.nid = nid(); break;
      case Field::Flags: op.flags = RegionFlags{in_.byte() & kAllFlags.bits}; break;
      case Field::Table: op.table = static_cast<TableId>(in_.byte() % 3); break;
      case Field::On:
      case Field::Down: op.on = (in_.byte() & 1) != 0; break;
      case Field::Exact: op.exact = (in_.byte() & 1) != 0; break;
      case Field::WithinLimit: op.within_limit = (in_.byte() & 1) != 0; break;
      case Field::RetryBelow: op.retry_below_min = (in_.byte() & 1) != 0; break;
      case Field::Zero: op.zero = (in_.byte() & 1) != 0; break;
      case Field::Type: op.type = type(); break;
      case Field::NewType: op.new_type = type(); break;
      case Field::Text: op.text = text(); break;
      case Field::Extent: read_extent(op.min, op.size); break;
      case Field::Initrd: op.initrd = range(); break;
      case Field::Bios: op.bios = range(); break;
      case Field::SetupData: read_setup_data(op.setup_data); break;
    }
  }

  Op op() {
    Op out;
    out.code = static_cast<OpCode>(in_.byte() % kOpCount);
    const OpSpec& spec = spec_of(out.code);
    for (size_t i = 0; i < spec.field_count; ++i) read_field(out, spec.fields[i]);
    return made_valid(std::move(out));
  }

  Reader in_;
  Edges edges_;
  Unit unit_;
};

class Encoder {
 public:
  std::vector<uint8_t> bytes(const Trace& trace) {
    unit_.page_shift = trace.limits.page_shift;
    write_limits(trace.limits, trace.e820.empty() ? 0 : kHasMap);
    if (!trace.e820.empty()) {
      varint(trace.e820.size());
      for (const E820Entry& entry : trace.e820) {
        write_extent(entry.base, entry.size);
        write_type(entry.type);
      }
    }
    for (const Step& step : trace.steps) write_op(step.op);
    return std::move(out_);
  }

 private:
  void byte(uint64_t value) { out_.push_back(static_cast<uint8_t>(value)); }

  void fixed(uint64_t value, size_t count) {
    for (size_t i = 0; i < count; ++i) byte(value >> (8 * i));
  }

  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte((value & 0x7f) | 0x80);
    byte(value);
  }

  static uint8_t capacity_code(uint32_t capacity) {
    for (uint8_t i = 0; i < kCapacities.size(); ++i) {
      if (kCapacities[i] == capacity) return i;
    }
    return kOtherCapacity;
  }

  void write_limits(const Limits& limits, uint8_t head) {
    const Limits usual;
    const uint8_t memory = capacity_code(limits.memory);
    const uint8_t reserved = capacity_code(limits.reserved);
    const bool others = limits.physmem != usual.physmem || limits.e820 != usual.e820 ||
                        limits.page_shift != usual.page_shift ||
                        limits.region_bytes != usual.region_bytes;
    byte(head | memory | reserved << 3 | (others ? kOtherLimits : 0));
    if (memory == kOtherCapacity) varint(limits.memory - 1);
    if (reserved == kOtherCapacity) varint(limits.reserved - 1);
    if (!others) return;
    varint(limits.physmem - 1);
    varint(limits.e820 - 1);
    byte(limits.page_shift - 12);
    varint(limits.region_bytes - kRegionBytesMin);
  }

  void head(Form form, uint64_t argument) { byte(argument << 3 | static_cast<uint8_t>(form)); }

  bool write_short(uint64_t value, const Unit& unit) {
    const uint64_t page = unit.of_pages(1);
    if (value % page == 0 && value / page <= kArgumentMax) {
      head(Form::Pages, value / page);
    } else if (is_power_of_two(value)) {
      const auto log2 = static_cast<uint64_t>(__builtin_ctzll(value));
      head(log2 < 32 ? Form::LowPower : Form::HighPower, log2 % 32);
    } else if (value <= kArgumentMax) {
      head(Form::Small, value);
    } else {
      return false;
    }
    return true;
  }

  bool write_top(uint64_t value) {
    if (~value > kArgumentMax) return false;
    head(Form::Top, ~value);
    return true;
  }

  bool write_edge(uint64_t value, const Unit& unit) {
    for (size_t back = 0; back < kEdges; ++back) {
      const uint64_t from = unit.of_edge(edges_.at(back));
      const auto distance = static_cast<int64_t>(value - from);
      const auto page = static_cast<int64_t>(unit.of_pages(1));
      const int64_t pages = distance / page;
      const bool whole = distance % page == 0 && pages >= -64 && pages < 64;
      if (!whole && (distance < -64 || distance >= 64)) continue;
      head(Form::Edge, back);
      byte(whole ? pages & 0x7f : (distance & 0x7f) | 0x80);
      return true;
    }
    return false;
  }

  void write_long(uint64_t value, const Unit& unit) {
    const uint64_t page = unit.of_pages(1);
    if (value % page == 0 && value / page < (kArgumentMax + 1) << 16) {
      head(Form::ManyPages, value / page >> 16);
      fixed(value / page, 2);
      return;
    }
    size_t count = 1;
    while (count < 8 && value >> (8 * count) != 0) ++count;
    head(Form::Raw, count - 1);
    fixed(value, count);
  }

  void number(uint64_t value, const Unit& unit) {
    if (write_short(value, unit) || write_top(value) || write_edge(value, unit)) return;
    write_long(value, unit);
  }
  void number(uint64_t value) { number(value, unit_); }

  /// Base, then the size or, in the forms that say so, the end.
  void write_ends(uint64_t base, uint64_t size, uint64_t end, const Unit& unit) {
    number(base, unit);
    if (write_short(size, unit) || write_top(end) || write_edge(end, unit)) return;
    write_long(size, unit);
  }

  void write_range(PhysRange range) {
    write_ends(range.base.value, range.size(), range.end.value, unit_);
    edges_.add(range);
  }

  void write_extent(PhysAddr base, uint64_t size) {
    write_ends(base.value, size, base.value + size, unit_);
    edges_.add(base.value);
    edges_.add(base.value + size);
  }

  void write_nid(NodeId nid) {
    if (nid == kUnsetNode) return byte(0);
    if (nid.value < 6) return byte(static_cast<uint64_t>(nid.value + 2));
    byte(kRawNode);
    fixed(static_cast<uint64_t>(nid.value + 1), 2);
  }

  void write_type(E820Type type) {
    for (size_t i = 0; i < kTypes.size(); ++i) {
      if (kTypes[i] == type) return byte(i);
    }
    byte(kRawType);
    fixed(static_cast<uint32_t>(type), 4);
  }

  void write_align(uint64_t align) {
    byte(align == 0 ? 0 : 1 + static_cast<uint64_t>(__builtin_ctzll(align)));
  }

  void write_text(const std::string& text) {
    varint(text.size());
    out_.insert(out_.end(), text.begin(), text.end());
  }

  void write_setup_data(const std::vector<PhysRange>& ranges) {
    if (ranges.size() < 4) {
      byte(ranges.size());
    } else {
      byte(kManyRanges);
      byte(ranges.size());
    }
    for (const PhysRange& range : ranges) write_range(range);
  }

  void write_field(const Op& op, Field field) {
    const Unit frames{unit_.page_shift, true};
    switch (field) {
      case Field::Range:
        if (op.code != OpCode::FreePfnsInZone) return write_range(op.range);
        write_ends(op.range.base.value, op.range.size(), op.range.end.value, frames);
        break;
      case Field::Size:
      case Field::Bytes: number(op.size); break;
      case Field::Pfn: number(op.size, frames); break;
      case Field::Align: write_align(op.align); break;
      case Field::Within:
        number(op.min.value);
        number(op.max.value);
        break;
      case Field::Min:
      case Field::Address: number(op.min.value); break;
      case Field::Nid: write_nid(op.nid); break;
      case Field::Flags: byte(op.flags.bits); break;
      case Field::Table: byte(static_cast<uint8_t>(op.table)); break;
      case Field::On:
      case Field::Down: byte(op.on ? 1 : 0); break;
      case Field::Exact: byte(op.exact ? 1 : 0); break;
      case Field::WithinLimit: byte(op.within_limit ? 1 : 0); break;
      case Field::RetryBelow: byte(op.retry_below_min ? 1 : 0); break;
      case Field::Zero: byte(op.zero ? 1 : 0); break;
      case Field::Type: write_type(op.type); break;
      case Field::NewType: write_type(op.new_type); break;
      case Field::Text: write_text(op.text); break;
      case Field::Extent: write_extent(op.min, op.size); break;
      case Field::Initrd: write_range(op.initrd); break;
      case Field::Bios: write_range(op.bios); break;
      case Field::SetupData: write_setup_data(op.setup_data); break;
    }
  }

  void write_op(const Op& op) {
    byte(static_cast<uint8_t>(op.code));
    const OpSpec& spec = spec_of(op.code);
    for (size_t i = 0; i < spec.field_count; ++i) write_field(op, spec.fields[i]);
  }

  std::vector<uint8_t> out_;
  Edges edges_;
  Unit unit_;
};

}  // namespace

Trace decode(std::span<const uint8_t> bytes) { return Decoder{bytes}.trace(); }

std::vector<uint8_t> encode(const Trace& trace) { return Encoder{}.bytes(trace); }

Trace bare(Trace trace) {
  trace.comments.clear();
  for (Step& step : trace.steps) {
    step.expected.reset();
    step.line = 0;
  }
  return trace;
}

}  // namespace memblock::lab
