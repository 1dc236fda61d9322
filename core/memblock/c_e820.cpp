// The C API's firmware map, its options, and the way into memblock.
#include "memblock/c_convert.h"
#include "memblock/e820_options.h"
#include "memblock/x86_boot.h"

using namespace memblock;     // NOLINT(google-build-using-namespace)
using namespace memblock::c;  // NOLINT(google-build-using-namespace)

static_assert(sizeof(mbl_e820_entry) == sizeof(E820Entry));
static_assert(alignof(mbl_e820_entry) == alignof(E820Entry));
static_assert(offsetof(mbl_e820_entry, type) == offsetof(E820Entry, type));
static_assert(MBL_E820_SOFT_RESERVED == static_cast<uint32_t>(E820Type::SoftReserved));
static_assert(MBL_E820_PRAM == static_cast<uint32_t>(E820Type::Pram));
static_assert(MBL_E820_WORKSPACE_SLOTS == E820Table::kWorkspaceSlots);
static_assert(MBL_E820_ENTRIES_MAX == kE820EntriesMax);
static_assert(MBL_E820_ENTRIES_ZERO_PAGE == kE820EntriesZeroPage);

namespace {

E820Table& map_of(mbl_e820* table) { return inside<E820Table>(table); }
const E820Table& map_of(const mbl_e820* table) { return inside<E820Table>(table); }
E820Type type_from(mbl_e820_type type) { return static_cast<E820Type>(type); }

mbl_status hand_out_bytes(const Result<uint64_t>& result, uint64_t* bytes) {
  return hand_out(result, [bytes](uint64_t changed) {
    if (bytes != nullptr) *bytes = changed;
  });
}

mbl_status carry_out(mbl_e820* table, const char* value, bool* user_defined,
                     Status (E820Options::*option)(std::string_view)) {
  E820Options options{map_of(table)};
  const Status status = (options.*option)(text_of(value));
  if (options.user_defined()) *user_defined = true;
  return to_c(status);
}

}  // namespace

extern "C" {

const char* mbl_e820_type_text(mbl_e820_type type) { return e820_type_text(type_from(type)); }

void mbl_e820_init(mbl_e820* table, mbl_e820_entry* storage, size_t capacity,
                   mbl_e820_entry* workspace) {
  static_assert(sizeof(E820Table) <= MBL_E820_BYTES && alignof(E820Table) <= alignof(mbl_e820));
  const auto entries = [](mbl_e820_entry* first) { return reinterpret_cast<E820Entry*>(first); };
  new (Place{table->opaque}) E820Table({entries(storage), capacity},
                                       {entries(workspace), E820Table::kWorkspaceSlots * capacity});
}

size_t mbl_e820_count(const mbl_e820* table) { return map_of(table).count(); }
size_t mbl_e820_capacity(const mbl_e820* table) { return map_of(table).capacity(); }

const mbl_e820_entry* mbl_e820_entries(const mbl_e820* table) {
  return reinterpret_cast<const mbl_e820_entry*>(map_of(table).entries().data());
}

void mbl_e820_clear(mbl_e820* table) { map_of(table).clear(); }

mbl_status mbl_e820_append(mbl_e820* table, const mbl_e820_entry* entry) {
  return to_c(map_of(table).append({PhysAddr{entry->base}, entry->size, type_from(entry->type)}));
}

mbl_status mbl_e820_update(mbl_e820* table, mbl_phys base, uint64_t size, mbl_e820_type from,
                           mbl_e820_type to, uint64_t* bytes) {
  return hand_out_bytes(map_of(table).update(PhysAddr{base}, size, type_from(from), type_from(to)),
                        bytes);
}

mbl_status mbl_e820_remove(mbl_e820* table, mbl_phys base, uint64_t size, mbl_e820_type type,
                           uint64_t* bytes) {
  return hand_out_bytes(map_of(table).remove(PhysAddr{base}, size, type_from(type)), bytes);
}

bool mbl_e820_mapped_any(const mbl_e820* table, mbl_range range, mbl_e820_type type) {
  return map_of(table).mapped_any(from_c(range), type_from(type));
}

bool mbl_e820_mapped_all(const mbl_e820* table, mbl_range range, mbl_e820_type type) {
  return map_of(table).mapped_all(from_c(range), type_from(type));
}

mbl_status mbl_e820_type_of(const mbl_e820* table, mbl_range range, mbl_e820_type* type) {
  return hand_out(map_of(table).type_of(from_c(range)),
                  [type](E820Type found) { *type = static_cast<uint32_t>(found); });
}

mbl_status mbl_e820_sanitize(mbl_e820* table) { return to_c(map_of(table).sanitize()); }

uint64_t mbl_e820_end_of_ram_pfn(const mbl_e820* table, uint64_t limit_pfn, unsigned page_shift) {
  return map_of(table).end_of_ram_pfn(limit_pfn, page_shift);
}

mbl_status mbl_e820_search_gap(const mbl_e820* table, mbl_range* gap) {
  return hand_out(map_of(table).search_gap(), gap);
}

mbl_status mbl_e820_all_or_nothing(mbl_e820* table,
                                   mbl_status (*steps)(void* context, mbl_e820* table),
                                   void* context) {
  return to_c(
      map_of(table).all_or_nothing([&] { return static_cast<Status>(steps(context, table)); }));
}

mbl_status mbl_e820_mem_option(mbl_e820* table, const char* value, bool* user_defined) {
  return carry_out(table, value, user_defined, &E820Options::mem);
}

mbl_status mbl_e820_memmap_option(mbl_e820* table, const char* value, bool* user_defined) {
  return carry_out(table, value, user_defined, &E820Options::memmap);
}

mbl_status mbl_e820_finish_options(mbl_e820* table, bool user_defined) {
  return user_defined ? mbl_e820_sanitize(table) : MBL_OK;
}

mbl_status mbl_early_reserve(mbl_memblock* m, const mbl_boot_layout* layout) {
  X86BootLayout plain;
  plain.kernel_image = from_c(layout->kernel_image);
  plain.initrd = from_c(layout->initrd);
  plain.setup_data = {reinterpret_cast<const PhysRange*>(layout->setup_data),
                      layout->setup_data_count};
  plain.bios = from_c(layout->bios);
  return to_c(early_reserve(core(m), plain));
}

mbl_status mbl_e820_trim_bios_range(mbl_e820* table) {
  return to_c(trim_bios_range(map_of(table)));
}

mbl_status mbl_e820_add_kernel_range(mbl_e820* table, mbl_range kernel) {
  return to_c(add_kernel_range(map_of(table), from_c(kernel)));
}

mbl_status mbl_load_e820(mbl_memblock* m, const mbl_e820* table) {
  return to_c(load_e820(core(m), map_of(table)));
}

}  // extern "C"
