// Turning lines about the firmware's map into ops on the E820 table.
#include "lab/bootlog_maps.h"

#include <algorithm>

#include "lab/bootlog_scan.h"
#include "lab/rules.h"

namespace memblock::lab {
namespace {

/// A kernel cuts longer lines.
constexpr size_t kCommandLineWhole = 970;

bool is_entry_of(const Event& event, std::string_view who) {
  return event.kind == EventKind::Hint && event.line.kind == LogKind::E820Entry &&
         event.line.text == who;
}

bool fits_a_map(const LogLine& line) { return line.base <= line.last; }

E820Entry entry_of(const LogLine& line) {
  return {PhysAddr{line.base}, line.last - line.base + 1, line.type};
}

}  // namespace

MapRules::MapRules(const LoggedBoot& boot, ImportedBoot& out, TraceBuilder& builder)
    : boot_(boot), out_(out), builder_(builder), user_map_(SIZE_MAX) {
  for (size_t i = 0; i < boot.events.size() && user_map_ == SIZE_MAX; ++i) {
    if (is_entry_of(boot.events[i], "user")) user_map_ = i;
  }
  // The map as firmware gave it is there before the first step.
  for (const Event& event : boot.events) {
    const LogLine& line = event.line;
    const bool entry = event.kind == EventKind::Hint && line.kind == LogKind::E820Entry;
    if (entry && line.text.substr(0, 4) == "BIOS" && fits_a_map(line)) take_firmware(line);
  }
}

void MapRules::take_firmware(const LogLine& line) {
  if (out_.trace.e820.size() >= out_.trace.limits.e820) return;
  const E820Entry entry = entry_of(line);
  out_.trace.e820.push_back(entry);
  builder_.firmware_entry(entry);
}

void MapRules::hint(size_t index) {
  const LogLine& line = boot_.events[index].line;
  switch (line.kind) {
    case LogKind::E820Entry:
      if (line.text == "user" && !user_taken_) take_options(index);
      if (line.text == "extended" && !extended_taken_) take_extended(index);
      break;
    // What options do is printed edit by edit too; the options themselves stand for that.
    case LogKind::E820Update:
      if (user_map_ == SIZE_MAX || index > user_map_) take_edit(line, OpCode::E820Update);
      break;
    case LogKind::E820Remove:
      if (user_map_ == SIZE_MAX || index > user_map_) take_edit(line, OpCode::E820Remove);
      break;
    default: break;
  }
}

void MapRules::take_edit(const LogLine& line, OpCode code) {
  if (!fits_a_map(line) || line.type == line.new_type) return;
  Op op;
  op.code = code;
  op.min = PhysAddr{line.base};
  op.size = line.last - line.base + 1;
  op.type = line.type;
  op.new_type = line.new_type;
  builder_.printed(std::move(op), line.line);
}

void MapRules::take_options(size_t index) {
  user_taken_ = true;
  const uint32_t line = boot_.events[index].line.line;
  if (out_.facts.command_line.size() >= kCommandLineWhole) {
    take_printed(index);
    return;
  }
  Scanner scan(out_.facts.command_line);
  while (true) {
    const std::string_view word = scan.word();
    if (word.empty()) break;
    if (word.substr(0, 4) != "mem=" && word.substr(0, 7) != "memmap=") continue;
    Op op;
    op.code = OpCode::E820Option;
    op.text = std::string(word.substr(0, kTextBytesMax));
    builder_.printed(std::move(op), line);
  }
  Op finish;
  finish.code = OpCode::E820FinishOptions;
  builder_.printed(std::move(finish), line);
  expect_map(index);
}

/// The map as it is printed, for a command line that is cut off where it is printed.
void MapRules::take_printed(size_t index) {
  const uint32_t line = boot_.events[index].line.line;
  for (Op& op : forcing_ops(printed_map(index))) builder_.printed(std::move(op), line);
  Op sanitize;
  sanitize.code = OpCode::E820Sanitize;
  builder_.printed(std::move(sanitize), line);
}

void MapRules::take_extended(size_t index) {
  extended_taken_ = true;
  const uint32_t line = boot_.events[index].line.line;
  for (const E820Entry& entry : printed_map(index)) {
    const auto known = builder_.map();
    if (std::find(known.begin(), known.end(), entry) != known.end()) continue;
    builder_.printed(append_op(entry), line);
  }
  Op sanitize;
  sanitize.code = OpCode::E820Sanitize;
  builder_.printed(std::move(sanitize), line);
  expect_map(index);
}

/// The map whose first line is event `index`.
std::vector<E820Entry> MapRules::printed_map(size_t index) const {
  std::vector<E820Entry> map;
  const std::string& who = boot_.events[index].line.text;
  for (size_t i = index; i < boot_.events.size() && is_entry_of(boot_.events[i], who); ++i) {
    if (fits_a_map(boot_.events[i].line)) map.push_back(entry_of(boot_.events[i].line));
  }
  return map;
}

void MapRules::expect_map(size_t index) {
  Outcome expected;
  for (const E820Entry& entry : printed_map(index)) {
    // A type that is not one of this kernel's words cannot be compared.
    if (entry.type == E820Type::None) return;
    expected.values.insert(expected.values.end(),
                           {entry.base.value, entry.size, static_cast<uint32_t>(entry.type)});
  }
  builder_.map(boot_.events[index].line.line, std::move(expected));
}

}  // namespace memblock::lab
