// The rules for valid ops, limits, expectations and traces.
#include "lab/rules.h"

#include <algorithm>

namespace memblock::lab {
namespace {

bool has_field(const OpSpec& spec, Field field) {
  const auto end = spec.fields.begin() + spec.field_count;
  return std::find(spec.fields.begin(), end, field) != end;
}

/// Copies the members of `from` that `field` stands for.
void copy_field(Op& to, const Op& from, Field field) {
  switch (field) {
    case Field::Range: to.range = from.range; break;
    case Field::Size:
    case Field::Bytes:
    case Field::Pfn: to.size = from.size; break;
    case Field::Align: to.align = from.align; break;
    case Field::Within:
      to.min = from.min;
      to.max = from.max;
      break;
    case Field::Min:
    case Field::Address: to.min = from.min; break;
    case Field::Nid: to.nid = from.nid; break;
    case Field::Flags: to.flags = from.flags; break;
    case Field::Table: to.table = from.table; break;
    case Field::On:
    case Field::Down: to.on = from.on; break;
    case Field::Exact: to.exact = from.exact; break;
    case Field::WithinLimit: to.within_limit = from.within_limit; break;
    case Field::RetryBelow: to.retry_below_min = from.retry_below_min; break;
    case Field::Zero: to.zero = from.zero; break;
    case Field::Type: to.type = from.type; break;
    case Field::NewType: to.new_type = from.new_type; break;
    case Field::Text: to.text = from.text; break;
    case Field::Extent:
      to.min = from.min;
      to.size = from.size;
      break;
    case Field::Initrd: to.initrd = from.initrd; break;
    case Field::Bios: to.bios = from.bios; break;
    case Field::SetupData: to.setup_data = from.setup_data; break;
  }
}

Op only_own_fields(const Op& op) {
  const OpSpec& spec = spec_of(op.code);
  Op own;
  own.code = op.code;
  for (size_t i = 0; i < spec.field_count; ++i) copy_field(own, op, spec.fields[i]);
  return own;
}

/// A `max` that stands for the current limit, and so may be below `min`.
bool names_no_bound(PhysAddr max) { return max <= kUpToLimitNoLeakTrace; }

bool fits_node(NodeId nid) { return nid.value >= kNoNode.value && nid.value <= kUnsetNode.value; }

bool is_comment(const std::string& text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::any_of(text.begin(), text.end(), is_control)) return false;
  return text.empty() || text.back() != ' ';
}

bool is_inverted(PhysRange range) { return range.end < range.base; }

bool has_inverted_range(const Op& op) {
  return is_inverted(op.range) || is_inverted(op.initrd) || is_inverted(op.bios) ||
         std::any_of(op.setup_data.begin(), op.setup_data.end(), is_inverted);
}

void order(PhysRange& range) {
  if (is_inverted(range)) std::swap(range.base, range.end);
}

std::string in_step(size_t index, const std::string& broken) {
  return broken.empty() ? broken : "step " + std::to_string(index + 1) + ": " + broken;
}

}  // namespace

std::string rule_broken_by(const Op& op) {
  if (static_cast<size_t>(op.code) >= kOpCount) return "there is no such op";
  if (has_inverted_range(op)) return "a range ends before it begins; swap its ends";
  if (op.align != 0 && !is_power_of_two(op.align)) {
    return "align is not a power of two; use 0x1, 0x2, 0x4, ...";
  }
  if (op.code == OpCode::TrimMemory && op.align == 0) {
    return "trim_memory needs an alignment; add align=0x1000";
  }
  if (op.code == OpCode::FreeLate && op.range.size() > kFreeLateBytesMax) {
    return "free_late reports page by page; use a range of at most 0x4000000 bytes";
  }
  if (has_field(spec_of(op.code), Field::Within) && op.max < op.min && !names_no_bound(op.max)) {
    return "the window ends before it begins; swap its ends";
  }
  if (!fits_node(op.nid)) return "no such node; use 0 to 1023, none or unset";
  if (!kAllFlags.has(op.flags)) return "unknown flag bits; use the names of corpora/README.md";
  if (op.text.size() > kTextBytesMax) return "the text is too long; use at most 4096 bytes";
  if (op.setup_data.size() > kSetupDataMax) return "too many setup_data ranges; use at most 64";
  if (static_cast<uint8_t>(op.table) > static_cast<uint8_t>(TableId::Physmem)) {
    return "no such table; use memory, reserved or physmem";
  }
  if (!(only_own_fields(op) == op)) {
    return "a field is set that " + std::string{spec_of(op.code).name} + " does not have";
  }
  return {};
}

Op made_valid(Op op) {
  op = only_own_fields(op);
  mend(op);
  return op;
}

void mend(Op& op) {
  order(op.range);
  order(op.initrd);
  order(op.bios);
  std::for_each(op.setup_data.begin(), op.setup_data.end(), order);
  if (op.align != 0 && !is_power_of_two(op.align)) op.align &= ~op.align + 1;
  if (op.code == OpCode::TrimMemory && op.align == 0) op.align = 1;
  if (op.code == OpCode::FreeLate && op.range.size() > kFreeLateBytesMax) {
    op.range.end = op.range.base + kFreeLateBytesMax;
  }
  if (has_field(spec_of(op.code), Field::Within) && op.max < op.min && !names_no_bound(op.max)) {
    std::swap(op.min, op.max);
  }
  if (!fits_node(op.nid)) op.nid = kUnsetNode;
  op.flags = op.flags & kAllFlags;
  if (op.text.size() > kTextBytesMax) op.text.resize(kTextBytesMax);
  if (op.setup_data.size() > kSetupDataMax) op.setup_data.resize(kSetupDataMax);
  if (static_cast<uint8_t>(op.table) > static_cast<uint8_t>(TableId::Physmem)) {
    op.table = TableId::Memory;
  }
}

std::string rule_broken_by(const Limits& limits) {
  const auto bad_capacity = [](uint32_t n) { return n == 0 || n > kCapacityMax; };
  if (bad_capacity(limits.memory) || bad_capacity(limits.reserved) ||
      bad_capacity(limits.physmem) || bad_capacity(limits.e820)) {
    return "a capacity is out of range; use 1 to 1048576";
  }
  if (limits.page_shift < 12 || limits.page_shift > 16) {
    return "page_shift is out of range; use 12 to 16";
  }
  if (limits.region_bytes < kRegionBytesMin || limits.region_bytes > kRegionBytesMax) {
    return "region_bytes is out of range; use 8 to 256";
  }
  return {};
}

size_t values_each(Answer answer) {
  switch (answer) {
    case Answer::Nothing:
    case Answer::Lines: return 0;
    case Answer::Address:
    case Answer::Number:
    case Answer::YesNo:
    case Answer::Type: return 1;
    case Answer::Indexes: return 2;
    case Answer::Pfns:
    case Answer::Entries: return 3;
    case Answer::Regions:
    case Answer::Handover: return 4;
  }
  return 0;
}

bool is_list(Answer answer) {
  return answer == Answer::Regions || answer == Answer::Pfns || answer == Answer::Handover ||
         answer == Answer::Entries || answer == Answer::Lines;
}

namespace {

bool fits_node_value(uint64_t value) { return value + (uint64_t{1} << 31) < uint64_t{1} << 32; }

bool element_fits(Answer answer, const uint64_t* v) {
  constexpr uint64_t k32Bits = ~uint32_t{0};
  switch (answer) {
    case Answer::YesNo: return v[0] <= 1;
    case Answer::Type: return v[0] <= k32Bits;
    case Answer::Indexes: return v[0] <= v[1];
    case Answer::Regions: return v[0] <= v[1] && fits_node_value(v[2]) && v[3] <= k32Bits;
    case Answer::Pfns: return v[0] <= v[1] && fits_node_value(v[2]);
    case Answer::Entries: return v[2] <= k32Bits;
    case Answer::Handover:
      // A free chunk has an order and no node; kept pages have a range and a node.
      return (v[0] == 0 && v[2] < 64 && v[3] == ~uint64_t{0}) ||
             (v[0] == 1 && v[1] <= v[2] && fits_node_value(v[3]));
    default: return true;
  }
}

}  // namespace

std::string rule_broken_by(const Op& op, const Outcome& expected) {
  const Answer answer = spec_of(op.code).answer;
  if (expected.warnings != 0) return "warnings cannot be expected; leave them 0";
  if (static_cast<uint8_t>(expected.status) > static_cast<uint8_t>(Status::Discarded)) {
    return "no such status";
  }
  if (answer != Answer::Lines && !expected.lines.empty()) return "this op answers no lines";
  if (expected.status != Status::Ok) {
    return expected.values.empty() && expected.lines.empty() ? std::string{}
                                                             : "an error has no values";
  }
  const size_t each = values_each(answer);
  const size_t count = each == 0 ? 0 : expected.values.size() / each;
  if (expected.values.size() != each * (is_list(answer) ? count : 1)) {
    return "the wrong number of values for this op";
  }
  for (size_t i = 0; i < count; ++i) {
    if (!element_fits(answer, &expected.values[i * each])) return "a value that cannot be answered";
  }
  return {};
}

std::string rule_broken_by(const Trace& trace) {
  if (std::string broken = rule_broken_by(trace.limits); !broken.empty()) return broken;
  if (trace.e820.size() > trace.limits.e820) {
    return "the map has more entries than limits e820 allows";
  }
  for (const E820Entry& entry : trace.e820) {
    if (entry.wraps()) return "a map entry wraps past the top of the address space";
  }
  if (!std::all_of(trace.comments.begin(), trace.comments.end(), is_comment)) {
    return "a comment holds control characters or ends in a blank";
  }
  if (trace.steps.size() > kStepsMax) return "too many steps";
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    const Step& step = trace.steps[i];
    std::string broken = rule_broken_by(step.op);
    if (broken.empty() && step.expected) broken = rule_broken_by(step.op, *step.expected);
    if (!broken.empty()) return in_step(i, broken);
  }
  return {};
}

bool meets(const Op& op, const Outcome& expected, const Outcome& actual) {
  if (expected.status != actual.status) return false;
  const Answer answer = spec_of(op.code).answer;
  if (answer == Answer::Lines) return expected.lines == actual.lines;
  if (is_list(answer)) return expected.values == actual.values;
  return actual.values.size() >= expected.values.size() &&
         std::equal(expected.values.begin(), expected.values.end(), actual.values.begin());
}

}  // namespace memblock::lab
