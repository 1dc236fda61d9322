// What a kernel does with memblock: register memory, reserve, allocate, hand over.
#include "memblock/memblock.h"

using memblock::PhysAddr, memblock::PhysRange, memblock::Region, memblock::Status;

extern "C" void memblock_panic(const char*, const char*, int) { __builtin_trap(); }  // yours

static Region memory[128], reserved[128];  // doubles into memory of its own when that is full
static char ram[16 << 20];                 // stands for the direct map: physical 0 is ram[0]
static uint64_t pages_freed;

int main() {
  memblock::Platform platform;
  platform.phys_to_virt = [](void*, PhysRange range) -> void* { return ram + range.base.value; };
  memblock::Memblock boot({.memory = memory, .reserved = reserved, .physmem = {}}, platform);

  // From your firmware: 16 MiB of memory on node 0, the kernel's image at 1 MiB.
  Status status = boot.add({PhysAddr{0x0}, PhysAddr{sizeof(ram)}}, memblock::NodeId{0});
  if (status == Status::Ok) status = boot.reserve({PhysAddr{0x100000}, PhysAddr{0x400000}});
  if (status != Status::Ok) return 1;
  boot.allow_resize();

  // 16 KiB for page tables, page-aligned and zeroed: from the top of memory.
  const memblock::Result<PhysAddr> tables = boot.alloc(0x4000, 0x1000);
  if (!tables.ok() || tables.value() != PhysAddr{0xffc000}) return 1;

  // Your page allocator takes all that is still free, in chunks of 2^order pages.
  memblock::PageSink sink;
  sink.free_pages = [](void*, uint64_t, unsigned order) { pages_freed += uint64_t{1} << order; };
  return boot.free_all(sink) == pages_freed && pages_freed == 4096 - 768 - 4 ? 0 : 1;
}
