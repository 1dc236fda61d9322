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

/// Reserves the kernel image, the first 64 KiB, initrd, setup data and BIOS area, in that order.
/// Errors: TableFull; what was reserved before stays. Linux: early_reserve_memory().
template <RegionTable Table>
Status early_reserve(BasicMemblock<Table>& memblock, const X86BootLayout& layout);

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
Status load_e820(BasicMemblock<Table>& memblock, const E820Table& table);

}  // namespace memblock
