// Limits: forgetting memory above an amount or outside a range, and trimming to whole units.
#pragma once

#include "memblock/memblock.h"

namespace memblock {

// Where the first `bytes` of memory end; the top of the address space if there is less.
template <RegionTable Table>
PhysAddr BasicMemblock<Table>::address_of_amount(uint64_t bytes) const {
  for (const Region& region : memory()) {
    if (bytes <= region.size) return region.base + bytes;
    bytes -= region.size;
  }
  return kPhysAddrMax;
}

// Growth is tried as for any removal, so that addresses agree with Linux; but cutting an end off
// needs no slot, and the limit must hold.
template <RegionTable Table>
void BasicMemblock<Table>::cut_reserved(PhysRange range) {
  if (range.empty()) return;
  static_cast<void>(make_spare_slots(TableId::Reserved, range));
  mutable_table(TableId::Reserved).remove(range);
}

template <RegionTable Table>
Status BasicMemblock<Table>::enforce_memory_limit(uint64_t bytes) {
  if (discarded_) return Status::Discarded;
  if (bytes == 0) return Status::Ok;
  const PhysRange above{address_of_amount(bytes), kPhysAddrMax};
  if (above.empty()) return Status::Ok;
  if (const Status status = erase(TableId::Memory, above); status != Status::Ok) return status;
  cut_reserved(above);
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::cap_memory_range(PhysRange range) {
  if (discarded_) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  if (memory_.total_bytes() == 0) {
    print_no_memory_yet();
    return Status::NoMemoryYet;
  }
  if (const Status status = make_spare_slots(TableId::Memory, range); status != Status::Ok) {
    return status;
  }
  mutable_table(TableId::Memory).keep(range, kNomap);
  cut_reserved(PhysRange{PhysAddr{0}, range.base});
  cut_reserved(PhysRange{range.end, kPhysAddrMax});
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::mem_limit_remove_map(uint64_t bytes) {
  if (discarded_) return Status::Discarded;
  if (bytes == 0) return Status::Ok;
  const PhysAddr end = address_of_amount(bytes);
  return end == kPhysAddrMax ? Status::Ok : cap_memory_range(PhysRange{PhysAddr{0}, end});
}

template <RegionTable Table>
void BasicMemblock<Table>::trim_memory(uint64_t align) {
  mutable_table(TableId::Memory).trim(align);
}

}  // namespace memblock
