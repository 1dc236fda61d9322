// `mem=` and `memmap=`. Every item is read to its end before it acts.
#include "memblock/e820_options.h"

#include "memblock/parse_size.h"

namespace memblock {
namespace {

constexpr uint64_t kTypeMax = 0xffffffff;
constexpr std::string_view kExactmap = "exactmap";

/// An item of `memmap=`, read.
struct Item {
  char form = 0;  ///< 'x' for exactmap, the separator, or 0 for a size alone.
  uint64_t size = 0;
  PhysAddr base{0};
  E820Type from = E820Type::None;
  E820Type to = E820Type::None;
};

/// Reads `sign` and a type if `text` begins with the sign. False if no type follows it.
bool take_type(std::string_view& text, char sign, E820Type& type) {
  if (text.empty() || text[0] != sign) return true;
  text.remove_prefix(1);
  const Result<uint64_t> number = parse_number(text);
  if (!number.ok() || number.value() > kTypeMax) return false;
  type = static_cast<E820Type>(number.value());
  return true;
}

/// Cuts `text` behind its first comma and returns what stands before it; false in `more` if there
/// is no comma. (string_view::find would call into libc.)
std::string_view take_item(std::string_view& text, bool& more) {
  size_t length = 0;
  while (length < text.size() && text[length] != ',') ++length;
  const std::string_view item{text.data(), length};
  more = length < text.size();
  text.remove_prefix(more ? length + 1 : length);
  return item;
}

bool is_form(char c) { return c == '@' || c == '#' || c == '$' || c == '!' || c == '%'; }

/// Errors: Invalid if anything is missing, does not fit, or is left over.
Result<Item> parse_item(std::string_view text) {
  Item item;
  if (text == kExactmap) {
    item.form = 'x';
    return item;
  }
  const Result<uint64_t> size = parse_size(text);
  if (!size.ok()) return Status::Invalid;
  item.size = size.value();
  if (text.empty()) return item;

  item.form = text[0];
  if (!is_form(item.form)) return Status::Invalid;
  text.remove_prefix(1);
  const Result<uint64_t> base = parse_size(text);
  if (!base.ok()) return Status::Invalid;
  item.base = PhysAddr{base.value()};
  if (item.form == '%') {
    if (!take_type(text, '-', item.from) || !take_type(text, '+', item.to)) return Status::Invalid;
  }
  if (!text.empty()) return Status::Invalid;
  return item;
}

/// RAM from `end` up is not to be used. Linux refuses `mem=0` for the good reason that nothing
/// would be left, and so do we, in either spelling.
Status remove_from(E820Table& table, uint64_t end) {
  if (end == 0) return Status::Invalid;
  return table.remove(PhysAddr{end}, ~end + 1, E820Type::Ram).status();
}

Status change_types(E820Table& table, const Item& item) {
  if (item.to == E820Type::None) return table.remove(item.base, item.size, item.from).status();
  if (item.from == E820Type::None) return table.append({item.base, item.size, item.to});
  return table.update(item.base, item.size, item.from, item.to).status();
}

Status carry_out(E820Table& table, const Item& item) {
  switch (item.form) {
    case 'x': table.clear(); return Status::Ok;
    case '@': return table.append({item.base, item.size, E820Type::Ram});
    case '#': return table.append({item.base, item.size, E820Type::Acpi});
    case '$': return table.append({item.base, item.size, E820Type::Reserved});
    case '!': return table.append({item.base, item.size, E820Type::Pram});
    case '%': return change_types(table, item);
    default: return remove_from(table, item.size);
  }
}

}  // namespace

Status E820Options::mem(std::string_view value) {
  const Result<uint64_t> size = parse_size(value);
  if (!size.ok() || !value.empty()) return Status::Invalid;
  const Status status = remove_from(table_, size.value());
  if (status == Status::Ok) user_defined_ = true;
  return status;
}

Status E820Options::memmap(std::string_view value) {
  Status first_error = Status::Ok;
  for (bool more = true; more;) {
    const Status status = memmap_item(take_item(value, more));
    if (first_error == Status::Ok) first_error = status;
  }
  return first_error;
}

Status E820Options::memmap_item(std::string_view text) {
  const Result<Item> item = parse_item(text);
  if (!item.ok()) return item.status();
  const Status status = carry_out(table_, item.value());
  if (status == Status::Ok) user_defined_ = true;
  return status;
}

Status E820Options::finish() { return user_defined_ ? table_.sanitize() : Status::Ok; }

}  // namespace memblock
