// `reserve_mem=`: reservations that are found by name.
#include "memblock/named_reservations.h"

#include "memblock/parse_size.h"

namespace memblock {
namespace {

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Whether `name` fits, says something, and ends where it seems to.
bool is_name(std::string_view name) {
  bool blank = true;
  for (const char c : name) {
    if (c == '\0') return false;
    if (!is_space(c)) blank = false;
  }
  return !blank && name.size() < NamedReservations::kNameBytes;
}

/// Whether `stored`, which ends with a zero, says `name`, which holds none.
bool same_name(const std::array<char, NamedReservations::kNameBytes>& stored,
               std::string_view name) {
  if (name.size() >= stored.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '\0' || stored[i] != name[i]) return false;
  }
  return stored[name.size()] == '\0';
}

}  // namespace

Status NamedReservations::parse(std::string_view& option, uint64_t cache_line, Wish& wish) const {
  if (count_ == kNamesMax) return Status::Busy;
  const Result<uint64_t> size = parse_size(option);
  if (!size.ok() || size.value() == 0 || !take(option, ':')) return Status::Invalid;
  const Result<uint64_t> asked = parse_size(option);
  if (!asked.ok() || !take(option, ':') || !is_name(option)) return Status::Invalid;
  wish = Wish{size.value(), max(asked.value(), cache_line)};
  if (!is_power_of_two(wish.align)) return Status::Invalid;
  return find(option).ok() ? Status::Busy : Status::Ok;
}

PhysRange NamedReservations::keep(std::string_view name, PhysRange range) {
  Entry& entry = entries_[count_++];
  entry.name.fill('\0');
  for (size_t i = 0; i < name.size(); ++i) entry.name[i] = name[i];
  entry.range = range;
  return range;
}

Result<PhysRange> NamedReservations::find(std::string_view name) const {
  for (const Entry& entry : entries()) {
    if (same_name(entry.name, name)) return entry.range;
  }
  return Status::NotFound;
}

}  // namespace memblock
