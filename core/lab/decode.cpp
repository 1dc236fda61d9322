// Bytes into a trace. Each form of a number has its counterpart in encode.cpp.
#include <algorithm>

#include "lab/codec.h"
#include "lab/codec_format.h"

namespace memblock::lab {
namespace {

using namespace codec;

// Room for steps is made on this guess, as growing moves them all; long traces grow all the same.
constexpr size_t kFewOpBytes = 3;
constexpr size_t kRoomMax = 20;

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }

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
    out.steps.reserve(std::min(in_.size() / kFewOpBytes + 1, kRoomMax));
    while (!in_.empty() && out.steps.size() < kStepsMax) read_op(out.steps.emplace_back().op);
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

  void read_op(Op& out) {
    out.code = static_cast<OpCode>(in_.byte() % kOpCount);
    const OpSpec& spec = spec_of(out.code);
    for (size_t i = 0; i < spec.field_count; ++i) read_field(out, spec.fields[i]);
    mend(out);
  }

  Reader in_;
  Edges edges_;
  Unit unit_;
};

}  // namespace

Trace decode(std::span<const uint8_t> bytes) { return Decoder{bytes}.trace(); }

}  // namespace memblock::lab
