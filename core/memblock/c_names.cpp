// The C API's named reservations and numbers. Texts of C end with a zero.
#include "memblock/c_convert.h"
#include "memblock/named_reservations.h"
#include "memblock/parse_size.h"

using namespace memblock;     // NOLINT(google-build-using-namespace)
using namespace memblock::c;  // NOLINT(google-build-using-namespace)

static_assert(MBL_NAMES_MAX == NamedReservations::kNamesMax);
static_assert(MBL_NAME_BYTES == NamedReservations::kNameBytes);

namespace {

mbl_status parse(Result<uint64_t> (*parser)(std::string_view&), const char* text, uint64_t* value,
                 const char** rest) {
  std::string_view left = text_of(text);
  return hand_out(parser(left), [&](uint64_t number) {
    *value = number;
    if (rest != nullptr) *rest = left.data();
  });
}

}  // namespace

extern "C" {

void mbl_names_init(mbl_names* names) { *names = boxed<mbl_names>(NamedReservations{}); }

mbl_status mbl_names_add(mbl_names* names, mbl_memblock* m, const char* option, mbl_range* range) {
  return hand_out(inside<NamedReservations>(names).add(core(m), text_of(option)), range);
}

mbl_status mbl_names_find(const mbl_names* names, const char* name, mbl_range* range) {
  return hand_out(inside<NamedReservations>(names).find(text_of(name)), range);
}

size_t mbl_names_count(const mbl_names* names) {
  return inside<NamedReservations>(names).entries().size();
}

const char* mbl_names_entry(const mbl_names* names, size_t index, mbl_range* range) {
  const auto entries = inside<NamedReservations>(names).entries();
  MEMBLOCK_ASSERT(index < entries.size());
  if (range != nullptr) *range = to_c(entries[index].range);
  return entries[index].name.data();
}

mbl_status mbl_parse_number(const char* text, uint64_t* value, const char** rest) {
  return parse(parse_number, text, value, rest);
}

mbl_status mbl_parse_size(const char* text, uint64_t* value, const char** rest) {
  return parse(parse_size, text, value, rest);
}

}  // extern "C"
