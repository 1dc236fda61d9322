// The printer of the text format: walks the row of each op, as the parser does.
#include "lab/text.h"

#include <algorithm>

#include "lab/rules.h"
#include "lab/words.h"

namespace memblock::lab {
namespace {

constexpr size_t kItemsOnOneLine = 3;

void append_key(std::string& out, std::string_view key) {
  out += ' ';
  out += key;
  out += '=';
}

void append_keyed_hex(std::string& out, std::string_view key, uint64_t value) {
  append_key(out, key);
  append_hex(out, value);
}

void append_keyed_range(std::string& out, std::string_view key, PhysRange range) {
  append_key(out, key);
  append_range(out, range.base.value, range.end.value);
}

void append_word_if(std::string& out, bool condition, std::string_view word) {
  if (!condition) return;
  out += ' ';
  out += word;
}

/// Fields with a key of their own, left out when they are what an Op begins with.
void append_keyed_field(std::string& out, const Op& op, Field field) {
  static const Op blank;
  switch (field) {
    case Field::Size: append_keyed_hex(out, "size", op.size); break;
    case Field::Bytes: append_keyed_hex(out, "bytes", op.size); break;
    case Field::Pfn:
      if (op.size != blank.size) append_keyed_hex(out, "pfn", op.size);
      break;
    case Field::Align:
      if (op.align != blank.align) append_keyed_hex(out, "align", op.align);
      break;
    case Field::Within:
      if (op.min == blank.min && op.max == blank.max) break;
      append_key(out, "within");
      append_range(out, op.min.value, op.max.value);
      break;
    case Field::Min:
      if (op.min != blank.min) append_keyed_hex(out, "min", op.min.value);
      break;
    case Field::Nid:
      if (op.nid == blank.nid) break;
      append_key(out, "nid");
      append_nid(out, op.nid);
      break;
    case Field::Flags:
      if (op.flags == blank.flags) break;
      append_key(out, "flags");
      append_flags(out, op.flags);
      break;
    case Field::NewType:
      append_key(out, "to");
      append_type(out, op.new_type);
      break;
    case Field::Initrd:
      if (op.initrd != blank.initrd) append_keyed_range(out, "initrd", op.initrd);
      break;
    case Field::Bios:
      if (op.bios != blank.bios) append_keyed_range(out, "bios", op.bios);
      break;
    case Field::SetupData:
      for (const PhysRange& range : op.setup_data) append_keyed_range(out, "setup_data", range);
      break;
    default: break;
  }
}

void append_field(std::string& out, const Op& op, Field field) {
  switch (field) {
    case Field::Range:
      out += ' ';
      append_range(out, op.range.base.value, op.range.end.value);
      break;
    case Field::Extent:
      out += ' ';
      append_extent(out, op.min.value, op.size);
      break;
    case Field::Table: append_word_if(out, true, table_word(op.table)); break;
    case Field::On: append_word_if(out, true, op.on ? "on" : "off"); break;
    case Field::Exact: append_word_if(out, op.exact, "exact"); break;
    case Field::WithinLimit: append_word_if(out, op.within_limit, "within_limit"); break;
    case Field::RetryBelow: append_word_if(out, op.retry_below_min, "retry_below_min"); break;
    case Field::Zero: append_word_if(out, op.zero, "zero"); break;
    case Field::Down: append_word_if(out, op.on, "down"); break;
    case Field::Address:
      out += ' ';
      append_hex(out, op.min.value);
      break;
    case Field::Type:
      out += ' ';
      append_type(out, op.type);
      break;
    case Field::Text:
      out += ' ';
      append_quoted(out, op.text);
      break;
    default: append_keyed_field(out, op, field); break;
  }
}

NodeId nid_of(uint64_t value) { return NodeId{static_cast<int32_t>(value)}; }

void append_kind(std::string& out, uint64_t nid, uint64_t flags) {
  if (nid_of(nid) != kUnsetNode) {
    append_key(out, "nid");
    append_nid(out, nid_of(nid));
  }
  if (flags == 0) return;
  append_key(out, "flags");
  append_flags(out, RegionFlags{static_cast<uint32_t>(flags)});
}

void append_handover(std::string& out, const uint64_t* v) {
  if (v[0] == 0) {
    out += "free ";
    append_hex(out, v[1]);
    out += " order=";
    out += std::to_string(v[2]);
  } else {
    out += "keep ";
    append_range(out, v[1], v[2]);
    append_kind(out, v[3], 0);
  }
}

/// One element of an answer, from its values_each() values.
void append_element(std::string& out, Answer answer, const uint64_t* v) {
  switch (answer) {
    case Answer::Nothing:
    case Answer::Lines: break;
    case Answer::Address: append_hex(out, v[0]); break;
    case Answer::Number: append_number(out, v[0]); break;
    case Answer::YesNo: out += v[0] != 0 ? "yes" : "no"; break;
    case Answer::Type: append_type(out, static_cast<E820Type>(v[0])); break;
    case Answer::Indexes:
      out += '[' + std::to_string(v[0]) + ", " + std::to_string(v[1]) + ')';
      break;
    case Answer::Regions:
      append_range(out, v[0], v[1]);
      append_kind(out, v[2], v[3]);
      break;
    case Answer::Pfns:
      append_range(out, v[0], v[1]);
      append_kind(out, v[2], 0);
      break;
    case Answer::Handover: append_handover(out, v); break;
    case Answer::Entries:
      append_extent(out, v[0], v[1]);
      out += ' ';
      append_type(out, static_cast<E820Type>(v[2]));
      break;
  }
}

std::vector<std::string> list_items(Answer answer, const Outcome& outcome) {
  std::vector<std::string> items;
  if (answer == Answer::Lines) {
    for (const std::string& line : outcome.lines) append_quoted(items.emplace_back(), line);
    return items;
  }
  const size_t each = values_each(answer);
  for (size_t i = 0; i + each <= outcome.values.size(); i += each) {
    append_element(items.emplace_back(), answer, &outcome.values[i]);
  }
  return items;
}

void append_joined(std::string& out, const std::vector<std::string>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out += "; ";
    out += items[i];
  }
}

/// Behind the values that an answer names stand pages that were handed over by the way.
void append_pages_by_the_way(std::string& out, Answer answer, const Outcome& outcome) {
  const size_t own = is_list(answer) ? outcome.values.size() : values_each(answer);
  if (outcome.values.size() <= own) return;
  const Outcome rest{Status::Ok, {outcome.values.begin() + own, outcome.values.end()}, {}, 0};
  out += ", handing over ";
  append_joined(out, list_items(Answer::Handover, rest));
}

void append_expected(std::string& out, const Step& step) {
  const Answer answer = spec_of(step.op.code).answer;
  out += " ->";
  if (step.expected->status == Status::Ok && is_list(answer)) {
    const std::vector<std::string> items = list_items(answer, *step.expected);
    if (items.size() > kItemsOnOneLine || (answer == Answer::Lines && !items.empty())) {
      for (const std::string& item : items) out += "\n  " + item;
      return;
    }
  }
  out += ' ' + to_text(step.op, *step.expected);
}

void append_limits(std::string& out, const Limits& limits) {
  const Limits blank;
  std::string line;
  const auto put = [&line](std::string_view key, uint32_t value, uint32_t usual) {
    if (value == usual) return;
    append_key(line, key);
    line += std::to_string(value);
  };
  put("memory", limits.memory, blank.memory);
  put("reserved", limits.reserved, blank.reserved);
  put("physmem", limits.physmem, blank.physmem);
  put("e820", limits.e820, blank.e820);
  put("page_shift", limits.page_shift, blank.page_shift);
  put("region_bytes", limits.region_bytes, blank.region_bytes);
  if (!line.empty()) out += "limits" + line + '\n';
}

}  // namespace

std::string to_text(const Op& op) {
  const OpSpec& spec = spec_of(op.code);
  std::string out{spec.name};
  for (size_t i = 0; i < spec.field_count; ++i) append_field(out, op, spec.fields[i]);
  return out;
}

std::string to_text(const Op& op, const Outcome& outcome) {
  if (outcome.status != Status::Ok) return std::string{status_word(outcome.status)};
  const Answer answer = spec_of(op.code).answer;
  std::string out;
  if (is_list(answer)) {
    const std::vector<std::string> items = list_items(answer, outcome);
    if (items.empty()) return "none";
    append_joined(out, items);
    return out;
  }
  if (answer == Answer::Nothing) out += "ok";
  if (outcome.values.size() >= values_each(answer)) {
    append_element(out, answer, outcome.values.data());
  }
  append_pages_by_the_way(out, answer, outcome);
  return out;
}

std::string to_text(const Region& region) {
  std::string out;
  append_range(out, region.base.value, region.end().value);
  append_kind(out, static_cast<uint64_t>(int64_t{region.nid.value}), region.flags.bits);
  return out;
}

std::string to_text(const Trace& trace) {
  std::string out;
  for (const std::string& comment : trace.comments) {
    out += comment.empty() ? "#" : "# " + comment;
    out += '\n';
  }
  append_limits(out, trace.limits);
  for (const E820Entry& entry : trace.e820) {
    out += "e820 ";
    append_extent(out, entry.base.value, entry.size);
    out += ' ';
    append_type(out, entry.type);
    out += '\n';
  }
  for (const Step& step : trace.steps) {
    out += to_text(step.op);
    if (step.expected) append_expected(out, step);
    out += '\n';
  }
  return out;
}

std::string to_text(std::string_view file, const Diagnostic& diagnostic) {
  std::string out{file};
  out += ':' + std::to_string(diagnostic.line) + ':' + std::to_string(diagnostic.column) + ": ";
  return out + diagnostic.message;
}

}  // namespace memblock::lab
