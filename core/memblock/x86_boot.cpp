// What x86 does between firmware map and memblock.
#include "memblock/x86_boot.h"

namespace memblock {
namespace {

constexpr uint64_t kBiosPage = 4096;  // The page of the real-mode vectors, whatever the page size.
constexpr PhysAddr kBiosBegin{640 << 10};
constexpr PhysAddr kBiosEnd{1 << 20};
constexpr PhysRange kLowMemory{PhysAddr{0}, PhysAddr{64 << 10}};  // Some BIOSes scribble there.

template <RegionTable Table>
Status reserve_if_any(BasicMemblock<Table>& memblock, PhysRange range) {
  return range.empty() ? Status::Ok : memblock.reserve(range);
}

/// `range` with its end rounded up to a page, as far as there are addresses.
PhysRange to_page_end(PhysRange range, uint64_t page_size) {
  const PhysAddr end{align_up(range.end.value, page_size)};
  return PhysRange{range.base, end < range.end ? kPhysAddrMax : end};
}

template <RegionTable Table>
Status load_entry(BasicMemblock<Table>& memblock, const E820Entry& entry) {
  const PhysRange range = PhysRange::from_size(entry.base, entry.size);
  switch (entry.type) {
    case E820Type::SoftReserved: return memblock.reserve(range);
    case E820Type::Ram:
    case E820Type::ReservedKern: return memblock.add(range);
    default: return Status::Ok;
  }
}

}  // namespace

template <RegionTable Table>
Status early_reserve(BasicMemblock<Table>& memblock, const X86BootLayout& layout) {
  Status status = reserve_if_any(memblock, layout.kernel_image);
  if (status == Status::Ok) status = memblock.reserve(kLowMemory);
  if (status == Status::Ok && !layout.initrd.empty()) {
    status = memblock.reserve(to_page_end(layout.initrd, memblock.machine().page_size()));
  }
  for (const PhysRange& node : layout.setup_data) {
    if (status == Status::Ok) status = reserve_if_any(memblock, node);
  }
  if (status == Status::Ok) status = reserve_if_any(memblock, layout.bios);
  return status;
}

Status trim_bios_range(E820Table& table) {
  return table.all_or_nothing([&table] {
    Status status =
        table.update(PhysAddr{0}, kBiosPage, E820Type::Ram, E820Type::Reserved).status();
    if (status != Status::Ok) return status;
    status = table.remove(kBiosBegin, kBiosEnd - kBiosBegin, E820Type::Ram).status();
    return status == Status::Ok ? table.sanitize() : status;
  });
}

Status add_kernel_range(E820Table& table, PhysRange kernel) {
  if (table.mapped_all(kernel, E820Type::Ram)) return Status::Ok;
  return table.all_or_nothing([&table, kernel] {
    const Status status = table.remove(kernel.base, kernel.size(), E820Type::None).status();
    if (status != Status::Ok) return status;
    return table.append({kernel.base, kernel.size(), E820Type::Ram});
  });
}

template <RegionTable Table>
Status load_e820(BasicMemblock<Table>& memblock, const E820Table& table) {
  memblock.allow_resize();
  for (const E820Entry& entry : table.entries()) {
    const Status status = load_entry(memblock, entry);
    if (status != Status::Ok) return status;
  }
  memblock.trim_memory(memblock.machine().page_size());
  return Status::Ok;
}

template Status early_reserve(BasicMemblock<FlatTable>&, const X86BootLayout&);
template Status load_e820(BasicMemblock<FlatTable>&, const E820Table&);

}  // namespace memblock
