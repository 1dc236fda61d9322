// Any bytes are a kernel command line: its memory options act on the map of a PC and on a small
// memblock, in the core and in the model, with room to spare and with full tables.
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/finding.h"
#include "lab/e820_case.h"
#include "lab/plain_machine.h"
#include "memblock/named_reservations.h"

namespace {

using namespace memblock;
using namespace memblock::lab;

constexpr std::string_view kReserveMem = "reserve_mem=";
constexpr uint64_t kLowRam = 0x9fc00;
constexpr uint64_t kRamEnd = 0x7ffdf000;

const std::vector<E820Entry> kMap{
    {PhysAddr{0}, kLowRam, E820Type::Ram},
    {PhysAddr{kLowRam}, 0xa0000 - kLowRam, E820Type::Reserved},
    {PhysAddr{0xf0000}, 0x10000, E820Type::Reserved},
    {PhysAddr{0x100000}, kRamEnd - 0x100000, E820Type::Ram},
    {PhysAddr{kRamEnd}, 0x80000000 - kRamEnd, E820Type::Acpi},
    {PhysAddr{0x100000000}, 0x80000000, E820Type::Ram},
};

[[noreturn]] void complain(std::string_view line, std::string_view kind, const std::string& what) {
  fuzz::finding(kind, "command line: " + std::string{line} + '\n' + what);
}

template <class Visit>
void for_each_word(std::string_view line, Visit&& visit) {
  while (!line.empty()) {
    const size_t end = std::min(line.find_first_of(" \n"), line.size());
    if (end != 0) visit(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
}

/// `mem=` and `memmap=` of the line, and sanitising at its end.
void check_map(std::string_view line, size_t spare) {
  E820Case test;
  test.capacity = static_cast<uint32_t>(kMap.size() + spare);
  for (const E820Entry& entry : kMap) {
    Op op;
    op.code = OpCode::E820Append;
    op.min = entry.base;
    op.size = entry.size;
    op.type = entry.type;
    test.ops.push_back(op);
  }
  for_each_word(line, [&test](std::string_view word) {
    if (!word.starts_with("mem=") && !word.starts_with("memmap=")) return;
    Op op;
    op.code = OpCode::E820Option;
    op.text = word;
    test.ops.push_back(op);
  });
  Op finish;
  finish.code = OpCode::E820FinishOptions;
  test.ops.push_back(finish);
  const auto difference = first_difference(test);
  if (difference) complain(line, difference->kind, difference->report);
}

/// `reserve_mem=` of the line.
void check_names(std::string_view line, size_t capacity) {
  PlainMachine left{capacity};
  PlainMachine right{capacity};
  for (PlainMachine* machine : {&left, &right}) {
    static_cast<void>(machine->memblock.add({PhysAddr{0x100000}, PhysAddr{kRamEnd}}));
  }
  NamedReservations core;
  ModelNamed model;
  for_each_word(line, [&](std::string_view word) {
    if (!word.starts_with(kReserveMem)) return;
    const std::string_view value = word.substr(kReserveMem.size());
    const auto from_core = core.add(left.memblock, value);
    const auto from_model = model.add(right.plain, value);
    const std::string_view name = value.substr(value.rfind(':') + 1);
    if (from_core != from_model || !same_regions(left, right) ||
        core.find(name) != model.find(name)) {
      complain(line, "core and model disagree on reserve_mem=",
               std::string{"core: "} + status_text(from_core.status()) +
                   ", model: " + status_text(from_model.status()));
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line{reinterpret_cast<const char*>(data), size};
  check_map(line, 0);
  check_map(line, 12);
  check_names(line, 2);
  check_names(line, 16);
  return 0;
}
