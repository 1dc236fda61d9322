// The rows of kOpSpecs, in the order of OpCode, and what must hold between them.
#include "lab/op.h"

namespace memblock::lab {
namespace {

template <class... Fields>
constexpr OpSpec row(OpCode code, std::string_view name, Answer answer, Fields... fields) {
  static_assert(sizeof...(Fields) <= kFieldsMax);
  return OpSpec{code, name, {fields...}, sizeof...(Fields), answer};
}

}  // namespace

// clang-format off
constexpr std::array<OpSpec, kOpCount> kOpSpecs = {
    // Registering
    row(OpCode::Add, "add", Answer::Nothing, Field::Range, Field::Nid, Field::Flags),
    row(OpCode::Remove, "remove", Answer::Nothing, Field::Range),
    row(OpCode::Reserve, "reserve", Answer::Nothing, Field::Range, Field::Nid, Field::Flags),
    row(OpCode::Free, "free", Answer::Nothing, Field::Range),
    row(OpCode::FreeVirt, "free_virt", Answer::Nothing, Field::Range),
    row(OpCode::PhysmemAdd, "physmem_add", Answer::Nothing, Field::Range),
    // Flags
    row(OpCode::MarkHotplug, "mark_hotplug", Answer::Nothing, Field::Range),
    row(OpCode::ClearHotplug, "clear_hotplug", Answer::Nothing, Field::Range),
    row(OpCode::MarkMirror, "mark_mirror", Answer::Nothing, Field::Range),
    row(OpCode::MarkNomap, "mark_nomap", Answer::Nothing, Field::Range),
    row(OpCode::ClearNomap, "clear_nomap", Answer::Nothing, Field::Range),
    row(OpCode::MarkReservedNoinit, "mark_reserved_noinit", Answer::Nothing, Field::Range),
    // NUMA
    row(OpCode::SetNode, "set_node", Answer::Nothing, Field::Range, Field::Table, Field::Nid),
    row(OpCode::SearchPfnNid, "search_pfn_nid", Answer::Pfns, Field::Pfn),
    row(OpCode::BytesWithoutNode, "bytes_without_node", Answer::Number),
    row(OpCode::ValidateNumaCoverage, "validate_numa_coverage", Answer::YesNo, Field::Bytes),
    // Allocation
    row(OpCode::Allocate, "allocate", Answer::Address, Field::Size, Field::Align, Field::Within,
        Field::Nid, Field::Exact, Field::WithinLimit, Field::RetryBelow, Field::Zero),
    row(OpCode::PhysAllocRange, "phys_alloc_range", Answer::Address, Field::Size, Field::Align,
        Field::Within),
    row(OpCode::PhysAlloc, "phys_alloc", Answer::Address, Field::Size, Field::Align),
    row(OpCode::PhysAllocTryNid, "phys_alloc_try_nid", Answer::Address, Field::Size, Field::Align,
        Field::Nid),
    row(OpCode::Alloc, "alloc", Answer::Address, Field::Size, Field::Align),
    row(OpCode::AllocRaw, "alloc_raw", Answer::Address, Field::Size, Field::Align),
    row(OpCode::AllocFrom, "alloc_from", Answer::Address, Field::Size, Field::Align, Field::Min),
    row(OpCode::AllocLow, "alloc_low", Answer::Address, Field::Size, Field::Align),
    row(OpCode::AllocNode, "alloc_node", Answer::Address, Field::Size, Field::Align, Field::Nid),
    row(OpCode::AllocTryNid, "alloc_try_nid", Answer::Address, Field::Size, Field::Align,
        Field::Within, Field::Nid),
    row(OpCode::AllocTryNidRaw, "alloc_try_nid_raw", Answer::Address, Field::Size, Field::Align,
        Field::Within, Field::Nid),
    row(OpCode::AllocExactNidRaw, "alloc_exact_nid_raw", Answer::Address, Field::Size,
        Field::Align, Field::Within, Field::Nid),
    // Settings
    row(OpCode::SetBottomUp, "set_bottom_up", Answer::Nothing, Field::On),
    row(OpCode::SetLimit, "set_limit", Answer::Nothing, Field::Address),
    row(OpCode::SetMovableNode, "set_movable_node", Answer::Nothing, Field::On),
    row(OpCode::AllowResize, "allow_resize", Answer::Nothing),
    row(OpCode::LateAllocatorUp, "late_allocator_up", Answer::Nothing),
    // Queries
    row(OpCode::PhysMemSize, "phys_mem_size", Answer::Number),
    row(OpCode::ReservedSize, "reserved_size", Answer::Number),
    row(OpCode::EstimatedFreePages, "estimated_free_pages", Answer::Number),
    row(OpCode::StartOfDram, "start_of_dram", Answer::Address),
    row(OpCode::EndOfDram, "end_of_dram", Answer::Address),
    row(OpCode::IsMemory, "is_memory", Answer::YesNo, Field::Address),
    row(OpCode::IsReserved, "is_reserved", Answer::YesNo, Field::Address),
    row(OpCode::IsMapMemory, "is_map_memory", Answer::YesNo, Field::Address),
    row(OpCode::IsRegionMemory, "is_region_memory", Answer::YesNo, Field::Range),
    row(OpCode::IsRegionReserved, "is_region_reserved", Answer::YesNo, Field::Range),
    row(OpCode::Overlaps, "overlaps", Answer::YesNo, Field::Table, Field::Range),
    row(OpCode::HasMirror, "has_mirror", Answer::YesNo),
    row(OpCode::RegionPfns, "region_pfns", Answer::Pfns, Field::Table),
    // Tables as they stand
    row(OpCode::Regions, "regions", Answer::Regions, Field::Table),
    row(OpCode::Count, "count", Answer::Number, Field::Table),
    row(OpCode::Capacity, "capacity", Answer::Number, Field::Table),
    row(OpCode::Gaps, "gaps", Answer::Number, Field::Table, Field::Range),
    row(OpCode::Isolate, "isolate", Answer::Indexes, Field::Table, Field::Range),
    // Walks
    row(OpCode::MemRanges, "mem_ranges", Answer::Regions, Field::Down),
    row(OpCode::ReservedRanges, "reserved_ranges", Answer::Regions, Field::Down),
    row(OpCode::FreeRanges, "free_ranges", Answer::Regions, Field::Within, Field::Nid,
        Field::Flags, Field::Down),
    row(OpCode::PhysmemRanges, "physmem_ranges", Answer::Regions, Field::Table),
    row(OpCode::MemPfns, "mem_pfns", Answer::Pfns, Field::Nid),
    row(OpCode::FreePfnsInZone, "free_pfns_in_zone", Answer::Pfns, Field::Range, Field::Nid),
    // Limits
    row(OpCode::EnforceMemoryLimit, "enforce_memory_limit", Answer::Nothing, Field::Bytes),
    row(OpCode::CapMemoryRange, "cap_memory_range", Answer::Nothing, Field::Range),
    row(OpCode::MemLimitRemoveMap, "mem_limit_remove_map", Answer::Nothing, Field::Bytes),
    row(OpCode::TrimMemory, "trim_memory", Answer::Nothing, Field::Align),
    // Handover
    row(OpCode::FreeAll, "free_all", Answer::Handover, Field::Pfn),
    row(OpCode::FreeLate, "free_late", Answer::Handover, Field::Range),
    row(OpCode::Discard, "discard", Answer::Handover),
    // Printing
    row(OpCode::Dump, "dump", Answer::Lines),
    // Named reservations
    row(OpCode::ReserveMem, "reserve_mem", Answer::Regions, Field::Text),
    row(OpCode::FindReserveMem, "find_reserve_mem", Answer::Regions, Field::Text),
    // E820
    row(OpCode::E820Append, "e820_append", Answer::Nothing, Field::Extent, Field::Type),
    row(OpCode::E820Update, "e820_update", Answer::Number, Field::Extent, Field::Type,
        Field::NewType),
    row(OpCode::E820Remove, "e820_remove", Answer::Number, Field::Extent, Field::Type),
    row(OpCode::E820MappedAny, "e820_mapped_any", Answer::YesNo, Field::Range, Field::Type),
    row(OpCode::E820MappedAll, "e820_mapped_all", Answer::YesNo, Field::Range, Field::Type),
    row(OpCode::E820TypeOf, "e820_type_of", Answer::Type, Field::Range),
    row(OpCode::E820Sanitize, "e820_sanitize", Answer::Nothing),
    row(OpCode::E820EndOfRam, "e820_end_of_ram", Answer::Number, Field::Pfn),
    row(OpCode::E820EndOfLowRam, "e820_end_of_low_ram", Answer::Number),
    row(OpCode::E820SearchGap, "e820_search_gap", Answer::Regions),
    row(OpCode::E820Option, "e820_option", Answer::Nothing, Field::Text),
    row(OpCode::E820FinishOptions, "e820_finish_options", Answer::Nothing),
    row(OpCode::E820Load, "e820_load", Answer::Nothing),
    row(OpCode::E820TrimBios, "e820_trim_bios", Answer::Nothing),
    row(OpCode::E820AddKernelRange, "e820_add_kernel_range", Answer::Nothing, Field::Range),
    row(OpCode::EarlyReserve, "early_reserve", Answer::Nothing, Field::Range, Field::Initrd,
        Field::SetupData, Field::Bios),
    row(OpCode::E820Entries, "e820_entries", Answer::Entries),
};
// clang-format on

namespace {

consteval bool rows_stand_in_order() {
  for (size_t i = 0; i < kOpCount; ++i) {
    if (kOpSpecs[i].code != static_cast<OpCode>(i) || kOpSpecs[i].name.empty()) return false;
  }
  return true;
}

consteval bool names_differ() {
  for (size_t i = 0; i < kOpCount; ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (kOpSpecs[i].name == kOpSpecs[j].name) return false;
    }
  }
  return true;
}

/// The members of Op that a field fills, one bit for each.
consteval unsigned members_of(Field field) {
  switch (field) {
    case Field::Size:
    case Field::Bytes:
    case Field::Pfn: return 1;
    case Field::Min:
    case Field::Address:
    case Field::Within: return 2;
    case Field::Extent: return 1 | 2;
    case Field::On:
    case Field::Down: return 4;
    default: return 8u << static_cast<unsigned>(field);
  }
}

consteval bool fields_do_not_share_a_member() {
  for (const OpSpec& spec : kOpSpecs) {
    unsigned used = 0;
    for (size_t i = 0; i < spec.field_count; ++i) {
      if ((used & members_of(spec.fields[i])) != 0) return false;
      used |= members_of(spec.fields[i]);
    }
  }
  return true;
}

static_assert(rows_stand_in_order());
static_assert(names_differ());
static_assert(fields_do_not_share_a_member());

}  // namespace
}  // namespace memblock::lab
