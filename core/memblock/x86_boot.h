// What x86 does between firmware map and memblock: early reservations, BIOS trimming, loading.
#pragma once

#include "memblock/e820.h"
#include "memblock/memblock.h"

namespace memblock {

/// What the boot loader placed and the firmware keeps, filled in by the caller. Empty ranges are
/// left out.
struct X86BootLayout {
  PhysRange kernel_image;                 ///< Text to the end of bss.
  PhysRange initrd;                       ///< Its end is rounded up to a page.
  std::span<const PhysRange> setup_data;  ///< Each node of the list and what it points to.
  PhysRange bios;                         ///< EBDA start (or 640 KiB) to 1 MiB.
};

/// `range` with its end rounded up to a page, as far as there are addresses; an empty one stays so.
constexpr PhysRange to_page_end(PhysRange range, uint64_t page_size) {
  if (range.empty()) return range;
  const PhysAddr end{align_up(range.end.value, page_size)};
  return PhysRange{range.base, end < range.end ? kPhysAddrMax : end};
}

/// Reserves the kernel image, the first 64 KiB, initrd, setup data and BIOS area, in that order.
/// Errors: TableFull; what was reserved before stays. Linux: early_reserve_memory().
template <RegionTable Table>
Status early_reserve(BasicMemblock<Table>& memblock, const X86BootLayout& layout) {
  const auto reserve = [&memblock](PhysRange range) {
    return range.empty() ? Status::Ok : memblock.reserve(range);
  };
  // Some BIOSes scribble over the first 64 KiB.
  const PhysRange low_memory{PhysAddr{0}, PhysAddr{64 << 10}};
  const PhysRange initrd = to_page_end(layout.initrd, memblock.machine().page_size());
  Status status = Status::Ok;
  for (const PhysRange& range : {layout.kernel_image, low_memory, initrd}) {
    if (status == Status::Ok) status = reserve(range);
  }
  for (const PhysRange& node : layout.setup_data) {
    if (status == Status::Ok) status = reserve(node);
  }
  return status == Status::Ok ? reserve(layout.bios) : status;
}

/// Makes the first 4 KiB reserved and drops RAM in [640 KiB, 1 MiB), then sanitises.
/// Errors: TableFull; the table is then as it was. Linux: trim_bios_range().
Status trim_bios_range(E820Table& table);

/// Makes `kernel` RAM, whatever else it was, if the map does not say so for all of it.
/// Errors: TableFull; the table is then as it was. Linux: e820_add_kernel_range().
Status add_kernel_range(E820Table& table, PhysRange kernel);

/// Loads the map: RAM (also what setup data made ReservedKern) is added, soft-reserved is reserved,
/// the rest ignored; tables may grow from now on; memory regions shrink to whole pages.
/// Errors: TableFull; what was loaded before stays, and nothing is shrunk. Linux:
/// e820__memblock_setup().
template <RegionTable Table>
Status load_e820(BasicMemblock<Table>& memblock, const E820Table& table) {
  memblock.allow_resize();
  for (const E820Entry& entry : table.entries()) {
    const PhysRange range = PhysRange::from_size(entry.base, entry.size);
    Status status = Status::Ok;
    if (entry.type == E820Type::SoftReserved) {
      status = memblock.reserve(range);
    } else if (entry.type == E820Type::Ram || entry.type == E820Type::ReservedKern) {
      status = memblock.add(range);
    }
    if (status != Status::Ok) return status;
  }
  memblock.trim_memory(memblock.machine().page_size());
  return Status::Ok;
}

}  // namespace memblock
