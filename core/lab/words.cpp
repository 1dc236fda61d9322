// One table for each kind of word, read in both directions.
#include "lab/words.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace memblock::lab {
namespace {

template <class T>
struct Word {
  T value;
  std::string_view word;
};

constexpr auto kFlagWords = std::to_array<Word<RegionFlags>>({{kHotplug, "hotplug"},
                                                              {kMirror, "mirror"},
                                                              {kNomap, "nomap"},
                                                              {kDriverManaged, "driver_managed"},
                                                              {kReservedNoinit, "noinit"}});

constexpr auto kTableWords = std::to_array<Word<TableId>>(
    {{TableId::Memory, "memory"}, {TableId::Reserved, "reserved"}, {TableId::Physmem, "physmem"}});

constexpr auto kTypeWords =
    std::to_array<Word<E820Type>>({{E820Type::None, "none"},
                                   {E820Type::Ram, "ram"},
                                   {E820Type::Reserved, "reserved"},
                                   {E820Type::Acpi, "acpi"},
                                   {E820Type::Nvs, "nvs"},
                                   {E820Type::Unusable, "unusable"},
                                   {E820Type::Pmem, "pmem"},
                                   {E820Type::Pram, "pram"},
                                   {E820Type::ReservedKern, "reserved_kern"},
                                   {E820Type::SoftReserved, "soft_reserved"}});

constexpr auto kStatusWords =
    std::to_array<Word<Status>>({{Status::Ok, "ok"},
                                 {Status::TableFull, "table-full"},
                                 {Status::NoFit, "no-fit"},
                                 {Status::Invalid, "invalid"},
                                 {Status::NotFound, "not-found"},
                                 {Status::Busy, "busy"},
                                 {Status::NoMemoryYet, "no-memory-yet"},
                                 {Status::AfterHandover, "after-handover"},
                                 {Status::Discarded, "discarded"}});

template <class T, size_t N>
std::string_view word_of(const std::array<Word<T>, N>& words, T value) {
  for (const Word<T>& word : words) {
    if (word.value == value) return word.word;
  }
  return {};
}

template <class T, size_t N>
std::optional<T> value_of(const std::array<Word<T>, N>& words, std::string_view text) {
  for (const Word<T>& word : words) {
    if (word.word == text) return word.value;
  }
  return std::nullopt;
}

using Wide = unsigned __int128;

void append_wide_hex(std::string& out, Wide value) {
  std::array<char, 34> digits;
  size_t at = digits.size();
  do {
    digits[--at] = "0123456789abcdef"[static_cast<unsigned>(value & 15)];
    value >>= 4;
  } while (value != 0);
  out += "0x";
  out.append(&digits[at], digits.size() - at);
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + static_cast<size_t>(a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

void append_hex(std::string& out, uint64_t value) { append_wide_hex(out, value); }

void append_number(std::string& out, uint64_t value) {
  if (value < 0x1000) {
    out += std::to_string(value);
  } else {
    append_hex(out, value);
  }
}

void append_range(std::string& out, uint64_t base, uint64_t end) {
  out += '[';
  append_hex(out, base);
  out += ", ";
  append_hex(out, end);
  out += ')';
}

void append_extent(std::string& out, uint64_t base, uint64_t size) {
  out += '[';
  append_hex(out, base);
  out += ", ";
  append_wide_hex(out, Wide{base} + size);
  out += ')';
}

void append_flags(std::string& out, RegionFlags flags) {
  if (flags == kNoFlags) {
    out += "none";
    return;
  }
  bool first = true;
  for (const auto& [flag, word] : kFlagWords) {
    if (!flags.has(flag)) continue;
    if (!first) out += '|';
    out += word;
    first = false;
  }
  const RegionFlags unknown = without(flags, kAllFlags);
  if (unknown == kNoFlags) return;
  if (!first) out += '|';
  append_hex(out, unknown.bits);
}

void append_nid(std::string& out, NodeId nid) {
  if (nid == kNoNode) {
    out += "none";
  } else if (nid == kUnsetNode) {
    out += "unset";
  } else {
    out += std::to_string(nid.value);
  }
}

void append_type(std::string& out, E820Type type) {
  const std::string_view word = word_of(kTypeWords, type);
  if (word.empty()) {
    append_hex(out, static_cast<uint32_t>(type));
  } else {
    out += word;
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < ' ' || byte > '~') {
      out += "\\x";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string_view table_word(TableId table) { return word_of(kTableWords, table); }
std::string_view status_word(Status status) { return word_of(kStatusWords, status); }

std::optional<RegionFlags> flag_of_word(std::string_view word) {
  return value_of(kFlagWords, word);
}
std::optional<TableId> table_of_word(std::string_view word) { return value_of(kTableWords, word); }
std::optional<E820Type> type_of_word(std::string_view word) { return value_of(kTypeWords, word); }
std::optional<Status> status_of_word(std::string_view word) { return value_of(kStatusWords, word); }

std::optional<OpCode> code_of_name(std::string_view name) {
  static const std::unordered_map<std::string_view, OpCode> codes = [] {
    std::unordered_map<std::string_view, OpCode> map;
    for (const OpSpec& spec : kOpSpecs) map.emplace(spec.name, spec.code);
    return map;
  }();
  const auto found = codes.find(name);
  if (found == codes.end()) return std::nullopt;
  return found->second;
}

// Slips of the pen keep the first letter and nearly the length; only such names are worth
// measuring.
std::string_view nearest_name(std::string_view name) {
  std::string_view best;
  size_t best_distance = 3;
  for (const OpSpec& spec : kOpSpecs) {
    if (name.empty() || spec.name[0] != name[0]) continue;
    if (name.size() > spec.name.size() + 2 || spec.name.size() > name.size() + 2) continue;
    const size_t distance = edit_distance(name, spec.name);
    if (distance >= best_distance) continue;
    best = spec.name;
    best_distance = distance;
  }
  return best;
}

}  // namespace memblock::lab
