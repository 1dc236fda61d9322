// Between the types of memblock_c.h and those of the core. For the files that carry out the C API;
// no embedder needs it.
#pragma once

#include <string_view>

#include "memblock/memblock.h"
#include "memblock/memblock_c.h"

namespace memblock::c {

// Tables, ranges and entries are the caller's memory and are used in place.
static_assert(sizeof(mbl_region) == sizeof(Region) && alignof(mbl_region) == alignof(Region));
static_assert(offsetof(mbl_region, flags) == offsetof(Region, flags));
static_assert(sizeof(mbl_range) == sizeof(PhysRange) && alignof(mbl_range) == alignof(PhysRange));
static_assert(MBL_UNSET_NODE == kUnsetNode.value && MBL_NO_NODE == kNoNode.value);
static_assert(MBL_RESERVED_NOINIT == kReservedNoinit.bits && MBL_NOMAP == kNomap.bits);
static_assert(MBL_DISCARDED == static_cast<int>(Status::Discarded));
static_assert(MBL_GROWTH_FAILED == static_cast<int>(Warning::GrowthFailed));
static_assert(MBL_PHYSMEM == static_cast<int>(TableId::Physmem));
static_assert(MBL_DOWN == static_cast<int>(Direction::Down));
static_assert(MBL_ORDER_MAX == kOrderMax && MBL_PHYS_MAX == kPhysAddrMax.value);

/// What an mbl_memblock holds. The core calls back with this as its context.
struct Box {
  mbl_platform platform;
  mbl_page_sink sink;
  FlatMemblock memblock;

  Box(const mbl_storage& storage, const mbl_platform& asked, const mbl_machine& machine);
};

/// Makes an object in storage of the caller. (The standard placement new is a hosted header's.)
struct Place {
  void* address;
};

}  // namespace memblock::c

inline void* operator new(size_t, memblock::c::Place place) noexcept { return place.address; }

namespace memblock::c {

template <class Inside, class Outside>
Inside& inside(Outside* object) {
  static_assert(sizeof(Inside) <= sizeof(Outside) && alignof(Inside) <= alignof(Outside));
  return *__builtin_launder(static_cast<Inside*>(static_cast<void*>(object->opaque)));
}

template <class Inside, class Outside>
const Inside& inside(const Outside* object) {
  return inside<Inside>(const_cast<Outside*>(object));
}

/// An opaque object that holds a copy of `value`.
template <class Outside, class Inside>
Outside boxed(const Inside& value) {
  static_assert(sizeof(Inside) <= sizeof(Outside) && alignof(Inside) <= alignof(Outside));
  Outside out{};
  __builtin_memcpy(out.opaque, &value, sizeof(value));
  return out;
}

inline FlatMemblock& core(mbl_memblock* m) { return inside<Box>(m).memblock; }
inline const FlatMemblock& core(const mbl_memblock* m) { return inside<Box>(m).memblock; }

inline mbl_status to_c(Status status) { return static_cast<mbl_status>(status); }
inline mbl_range to_c(PhysRange range) { return {range.base.value, range.end.value}; }
inline mbl_pfns to_c(const PfnRange& pfns) { return {pfns.first, pfns.last, pfns.nid.value}; }
inline mbl_walked to_c(const WalkedRange& walked) {
  return {to_c(walked.range), walked.nid.value, walked.flags.bits};
}
inline const mbl_region* to_c(const Region* regions) {
  return reinterpret_cast<const mbl_region*>(regions);
}

inline PhysRange from_c(mbl_range range) {
  return PhysRange{PhysAddr{range.base}, PhysAddr{range.end}};
}
inline PfnRange from_c(const mbl_pfns& pfns) { return {pfns.first, pfns.last, NodeId{pfns.nid}}; }
inline TableId from_c(mbl_table_id id) { return static_cast<TableId>(id); }
inline Direction from_c(mbl_direction direction) { return static_cast<Direction>(direction); }
inline Region* from_c(mbl_region* regions) { return reinterpret_cast<Region*>(regions); }

/// A text that ends with a zero. (strlen() is a hosted function.)
constexpr std::string_view text_of(const char* text) {
  size_t length = 0;
  while (text[length] != '\0') ++length;
  return {text, length};
}

/// Writes the value of `result`, unless nobody wants it, and says how it went.
template <class T, class Write>
mbl_status hand_out(const Result<T>& result, Write write) {
  if (result.ok()) write(result.value());
  return to_c(result.status());
}

inline mbl_status hand_out(const Result<PhysAddr>& result, mbl_phys* found) {
  return hand_out(result, [found](PhysAddr address) { *found = address.value; });
}

inline mbl_status hand_out(const Result<PhysRange>& result, mbl_range* range) {
  return hand_out(result, [range](PhysRange got) {
    if (range != nullptr) *range = to_c(got);
  });
}

}  // namespace memblock::c
