// Generators of E820 cases, and the comparison of core and model.
#include "lab/e820_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>

namespace memblock::lab {
namespace {

constexpr std::array<uint64_t, 20> kPlaces{
    0,           0x1000,     0x2000,     0x3000,        0x9fc00,       0xa0000,    0x100000,
    0x400000,    0x1000000,  0x40000000, 0x80000000,    0xc0000000,    0xffc00000, 0x100000000,
    0x140000000, 1ull << 52, 1ull << 63, 0 - 0x2000ull, 0 - 0x1000ull, 0 - 1ull};

constexpr std::array<E820Type, 14> kTypes{
    E820Type::Ram, E820Type::Reserved, E820Type::Pram, E820Type::SoftReserved, E820Type::Acpi,
    E820Type::Nvs, E820Type::Unusable, E820Type::Pmem, E820Type::ReservedKern, E820Type::None,
    E820Type{6},   E820Type{13},       E820Type{200},  E820Type{0xffffffff}};

/// The ops of a case, the edits twice.
constexpr std::array<OpCode, 20> kCodes{
    OpCode::E820Append,    OpCode::E820Append,        OpCode::E820Append,
    OpCode::E820Append,    OpCode::E820Append,        OpCode::E820Append,
    OpCode::E820Sanitize,  OpCode::E820Update,        OpCode::E820Remove,
    OpCode::E820Option,    OpCode::E820Update,        OpCode::E820Remove,
    OpCode::E820MappedAny, OpCode::E820MappedAll,     OpCode::E820TypeOf,
    OpCode::E820EndOfRam,  OpCode::E820SearchGap,     OpCode::E820FinishOptions,
    OpCode::E820TrimBios,  OpCode::E820AddKernelRange};

template <class T, size_t N>
T pick(Choices& choices, const std::array<T, N>& from) {
  return from[choices.below(N)];
}

/// The answer of one op: a status and, on success, numbers.
struct Reply {
  Status status = Status::Ok;
  std::vector<uint64_t> values;

  friend bool operator==(const Reply&, const Reply&) = default;
};

Reply reply(Status status) { return {status, {}}; }
Reply reply(bool yes) { return {Status::Ok, {yes ? 1u : 0u}}; }
Reply reply(Result<uint64_t> result) {
  return result.ok() ? Reply{Status::Ok, {result.value()}} : reply(result.status());
}
Reply reply(Result<E820Type> result) {
  return result.ok() ? Reply{Status::Ok, {static_cast<uint32_t>(result.value())}}
                     : reply(result.status());
}
Reply reply(Result<PhysRange> result) {
  return result.ok() ? Reply{Status::Ok, {result.value().base.value, result.value().end.value}}
                     : reply(result.status());
}

template <class Map>
Reply run(Map& map, const Op& op) {
  auto& table = map.table;
  const std::string_view text = op.text;
  switch (op.code) {
    case OpCode::E820Append: return reply(table.append({op.min, op.size, op.type}));
    case OpCode::E820Update: return reply(table.update(op.min, op.size, op.type, op.new_type));
    case OpCode::E820Remove: return reply(table.remove(op.min, op.size, op.type));
    case OpCode::E820Sanitize: return reply(table.sanitize());
    case OpCode::E820MappedAny: return reply(table.mapped_any(op.range, op.type));
    case OpCode::E820MappedAll: return reply(table.mapped_all(op.range, op.type));
    case OpCode::E820TypeOf: return reply(table.type_of(op.range));
    case OpCode::E820EndOfRam: return {Status::Ok, {table.end_of_ram_pfn(op.size)}};
    case OpCode::E820SearchGap: return reply(table.search_gap());
    case OpCode::E820TrimBios: return reply(trim_bios_range(table));
    case OpCode::E820AddKernelRange: return reply(add_kernel_range(table, op.range));
    case OpCode::E820FinishOptions: return reply(map.options.finish());
    case OpCode::E820Option:
      if (text.starts_with("mem=")) return reply(map.options.mem(text.substr(4)));
      return reply(map.options.memmap(text.substr(std::string_view{"memmap="}.size())));
    default: MEMBLOCK_ASSERT(false);
  }
}

std::string op_text(const Op& op) {
  std::string text{spec_of(op.code).name};
  const OpSpec& spec = spec_of(op.code);
  for (size_t i = 0; i < spec.field_count; ++i) {
    switch (spec.fields[i]) {
      case Field::Extent: text += fmt::format(" [{:#x}, +{:#x})", op.min.value, op.size); break;
      case Field::Range:
        text += fmt::format(" [{:#x}, {:#x})", op.range.base.value, op.range.end.value);
        break;
      case Field::Type: text += fmt::format(" type={}", static_cast<uint32_t>(op.type)); break;
      case Field::NewType: text += fmt::format(" to={}", static_cast<uint32_t>(op.new_type)); break;
      case Field::Pfn: text += fmt::format(" pfn={:#x}", op.size); break;
      case Field::Text: text += " \"" + op.text + "\""; break;
      default: break;
    }
  }
  return text;
}

std::string reply_text(const Reply& reply) {
  std::string text = status_text(reply.status);
  for (const uint64_t value : reply.values) text += fmt::format(" {:#x}", value);
  return text;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const E820Case& test) {
  out << "limits e820=" << test.capacity << '\n';
  for (const Op& op : test.ops) out << op_text(op) << '\n';
  return out;
}

// ---- Generators ---------------------------------------------------------------------------------

PhysAddr E820Generator::address() {
  uint64_t place = 0;
  switch (choices_.below(8)) {
    case 0: place = choices_.below(16) << 12; break;
    case 1:
    case 2:
    case 3:
    case 4:
      if (!edges_.empty()) {
        place = edges_[edges_.size() - 1 - choices_.below(edges_.size())];
        break;
      }
      [[fallthrough]];
    case 5: place = pick(choices_, kPlaces); break;
    case 6: place = choices_.below(64); break;
    default: place = choices_.below(uint64_t{1} << 33); break;
  }
  switch (choices_.below(8)) {
    case 5: place += 1; break;
    case 6: place -= 1; break;
    case 7: place += choices_.one_in(2) ? 0x1000 : 0 - 0x1000ull; break;
    default: break;
  }
  edges_.push_back(place);
  return PhysAddr{place};
}

E820Type E820Generator::type() {
  // Few types at a time meet more often.
  return choices_.one_in(4) ? pick(choices_, kTypes) : kTypes[choices_.below(4)];
}

uint64_t E820Generator::size_from(uint64_t base, bool wild) {
  uint64_t size = 0;
  switch (choices_.below(8)) {
    case 0:
    case 1:
    case 2:
    case 3: size = address().value - base; break;
    case 4: size = choices_.below(8) << 12; break;
    case 5: size = choices_.below(64); break;
    case 6: size = 0 - base; break;
    default: size = pick(choices_, kPlaces); break;
  }
  const uint64_t room = 0 - base;  // 0 for a base of 0: then all sizes fit.
  if (!wild && room != 0 && size > room) size = room;
  edges_.push_back(base + size);
  return size;
}

E820Entry E820Generator::entry(bool wild) {
  const PhysAddr base = address();
  const uint64_t size = size_from(base.value, wild);
  return {base, size, type()};
}

PhysRange E820Generator::range() {
  const PhysAddr base = address();
  return PhysRange::from_size(base, size_from(base.value, false));
}

std::string E820Generator::number() {
  const uint64_t value = address().value;
  switch (choices_.below(6)) {
    case 0: return fmt::format("{:#x}", value);
    case 1: return fmt::format("{}K", value >> 10);
    case 2: return fmt::format("{}M", value >> 20);
    case 3: return fmt::format("{}", value);
    case 4: return fmt::format("0{:o}", value);
    default: return fmt::format("{}{}", choices_.below(20), "gGtTpPeE"[choices_.below(8)]);
  }
}

std::string E820Generator::memmap_item() {
  if (choices_.one_in(8)) return "exactmap";
  std::string item = number();
  const uint64_t form = choices_.below(7);
  if (form == 6) return item;
  item += "@#$!%%"[form];
  item += number();
  if (form >= 4) {
    if (choices_.one_in(2)) item += fmt::format("-{}", static_cast<uint32_t>(type()));
    if (choices_.one_in(2)) item += fmt::format("+{}", static_cast<uint32_t>(type()));
  }
  return item;
}

void E820Generator::spoil(std::string& text) {
  constexpr std::string_view kBytes{"@#$!%-+,kK0x8fZ \0\xff", 18};
  const size_t at = choices_.below(text.size() + 1);
  if (choices_.one_in(2) && at < text.size()) {
    text.erase(at, 1);
  } else {
    text.insert(at, 1, kBytes[choices_.below(kBytes.size())]);
  }
}

std::string E820Generator::option() {
  if (choices_.one_in(4)) {
    std::string value = number();
    if (choices_.one_in(6)) spoil(value);
    return "mem=" + value;
  }
  std::string value = memmap_item();
  while (choices_.one_in(3)) value += "," + memmap_item();
  if (choices_.one_in(4)) spoil(value);
  return "memmap=" + value;
}

Op E820Generator::op() {
  Op op;
  op.code = pick(choices_, kCodes);
  const OpSpec& spec = spec_of(op.code);
  for (size_t i = 0; i < spec.field_count; ++i) {
    switch (spec.fields[i]) {
      case Field::Extent: {
        const E820Entry extent = entry(choices_.one_in(8));
        op.min = extent.base;
        op.size = extent.size;
        break;
      }
      case Field::Range: op.range = range(); break;
      case Field::Type: op.type = type(); break;
      case Field::NewType: op.new_type = type(); break;
      case Field::Pfn: op.size = choices_.one_in(2) ? ~uint64_t{0} : address().value >> 12; break;
      case Field::Text: op.text = option(); break;
      default: break;
    }
  }
  return op;
}

E820Case E820Generator::test(size_t ops_max) {
  E820Case test;
  test.capacity =
      static_cast<uint32_t>(choices_.one_in(4) ? choices_.below(132) : choices_.below(8) + 1);
  // Enough to fill the table, or a few; then anything.
  const size_t fill = choices_.one_in(2) ? choices_.below(test.capacity + 2) : choices_.below(3);
  for (size_t i = 0; i < fill && i < ops_max; ++i) {
    const E820Entry filler = entry(false);
    Op op;
    op.code = OpCode::E820Append;
    op.min = filler.base;
    op.size = filler.size;
    op.type = filler.type;
    test.ops.push_back(op);
  }
  const size_t more = choices_.below(ops_max + 1);
  for (size_t i = 0; i < more; ++i) test.ops.push_back(op());
  return test;
}

// ---- Comparison ---------------------------------------------------------------------------------

std::optional<E820Difference> first_difference(const E820Case& test) {
  CoreE820 core{test.capacity};
  ModelE820Map model{test.capacity};
  for (size_t i = 0; i < test.ops.size(); ++i) {
    const Op& op = test.ops[i];
    const std::vector<E820Entry> before = model.table.entries();
    const Reply from_core = run(core, op);
    const Reply from_model = run(model, op);
    const std::span<const E820Entry> entries = core.table.entries();

    std::string wrong;
    if (from_core != from_model) wrong = "another answer";
    if (!std::ranges::equal(entries, model.table.entries())) wrong = "another table";
    // Of a list, the items that are right act all the same.
    const bool is_list = op.text.find(',') != std::string::npos;
    if (from_core.status != Status::Ok && !is_list && !std::ranges::equal(entries, before)) {
      wrong = "an error that changed the table";
    }
    if (wrong.empty() && op.code == OpCode::E820Sanitize && from_core.status == Status::Ok) {
      wrong = unsanitised(entries).value_or("");
    }
    if (wrong.empty()) continue;
    return E820Difference{
        fmt::format("{} at {}", wrong, spec_of(op.code).name),
        fmt::format("op {} ({}): {}\nbefore:\n{}core: {}\n{}model: {}\n{}", i, op_text(op), wrong,
                    e820_text(before), reply_text(from_core), e820_text(entries),
                    reply_text(from_model), e820_text(model.table.entries()))};
  }
  return std::nullopt;
}

std::optional<std::string> unsanitised(std::span<const E820Entry> entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    const E820Entry& entry = entries[i];
    if (entry.size == 0) return fmt::format("entry {} is empty", i);
    if (entry.wraps()) return fmt::format("entry {} wraps", i);
    if (entry.type == E820Type::None) return fmt::format("entry {} has no type", i);
    if (i == 0) continue;
    const E820Entry& below = entries[i - 1];
    if (entry.base <= below.last()) return fmt::format("entry {} overlaps the one before it", i);
    const bool stays_cut =
        entry.type == E820Type::Pram || entry.type == E820Type::SoftReserved ||
        (below.base == PhysAddr{0} && entry.last() == kPhysAddrMax && entries.size() == 2);
    if (entry.type == below.type && entry.base == below.last() + 1 && !stays_cut) {
      return fmt::format("entry {} should be one with the one before it", i);
    }
  }
  return std::nullopt;
}

std::string e820_text(std::span<const E820Entry> entries) {
  std::string text;
  for (const E820Entry& entry : entries) {
    text += fmt::format("  [{:#x}, +{:#x}) type={}\n", entry.base.value, entry.size,
                        static_cast<uint32_t>(entry.type));
  }
  return text;
}

}  // namespace memblock::lab
