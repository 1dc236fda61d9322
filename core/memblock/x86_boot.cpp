// What x86 does to a firmware map before it gets into memblock.
#include "memblock/x86_boot.h"

namespace memblock {
namespace {

constexpr uint64_t kBiosPage = 4096;  // The page of the real-mode vectors, whatever the page size.
constexpr PhysAddr kBiosBegin{640 << 10};
constexpr PhysAddr kBiosEnd{1 << 20};

}  // namespace

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

}  // namespace memblock
