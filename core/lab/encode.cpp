// A trace into bytes, in the shortest form of each number.
#include "lab/codec.h"
#include "lab/codec_format.h"

namespace memblock::lab {
namespace {

using namespace codec;

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
    for (size_t i = 0; i < kCapacities.size(); ++i) {
      if (kCapacities[i] == capacity) return static_cast<uint8_t>(i);
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
    // From -1, "none", up; 0 is "unset".
    const auto from_none = static_cast<uint64_t>(int64_t{nid.value} + 1);
    if (from_none < 7) return byte(from_none + 1);
    byte(kRawNode);
    fixed(from_none, 2);
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
