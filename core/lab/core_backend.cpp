// The fake machine under the core: heap blocks stand for physical memory.
#include "lab/core_backend.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace memblock::lab {
namespace {

std::unique_ptr<std::byte[]> raw_bytes(size_t count, size_t element) {
  return std::unique_ptr<std::byte[]>{new std::byte[count * element]};
}

template <class T>
std::span<T> as_elements(const std::unique_ptr<std::byte[]>& bytes, size_t count) {
  return {reinterpret_cast<T*>(bytes.get()), count};
}

}  // namespace

Machine machine_of(const Limits& limits) {
  Machine machine;
  machine.page_shift = limits.page_shift;
  machine.region_bytes = limits.region_bytes;
  return machine;
}

CoreStorage::CoreStorage(const Limits& limits, size_t (*storage_for)(size_t))
    : memory_regions_(storage_for(limits.memory)),
      reserved_regions_(storage_for(limits.reserved)),
      physmem_regions_(storage_for(limits.physmem)),
      map_entries_(limits.e820),
      memory_(raw_bytes(memory_regions_, sizeof(Region))),
      reserved_(raw_bytes(reserved_regions_, sizeof(Region))),
      physmem_(raw_bytes(physmem_regions_, sizeof(Region))),
      map_(raw_bytes(map_entries_, sizeof(E820Entry))),
      map_workspace_(raw_bytes(map_entries_, sizeof(E820Entry) * E820Table::kWorkspaceSlots)) {}

Storage CoreStorage::tables() {
  return Storage{as_elements<Region>(memory_, memory_regions_),
                 as_elements<Region>(reserved_, reserved_regions_),
                 as_elements<Region>(physmem_, physmem_regions_)};
}

std::span<E820Entry> CoreStorage::map() { return as_elements<E820Entry>(map_, map_entries_); }

std::span<E820Entry> CoreStorage::map_workspace() {
  return as_elements<E820Entry>(map_workspace_, map_entries_ * E820Table::kWorkspaceSlots);
}

CorePlatform::~CorePlatform() {
  for (void* block : blocks_) std::free(block);
  for (const LateBlock& block : late_blocks_) std::free(block.memory);
}

Platform CorePlatform::callbacks() {
  Platform platform;
  platform.context = this;
  platform.phys_to_virt = [](void* self, PhysRange range) {
    return static_cast<CorePlatform*>(self)->block_at(range);
  };
  // Pointers are the physical addresses themselves: apply() makes them so.
  platform.virt_to_phys = [](void*, const void* pointer) {
    return PhysAddr{reinterpret_cast<uintptr_t>(pointer)};
  };
  platform.zero = [](void* self, PhysRange range) {
    static_cast<CorePlatform*>(self)->zeroed_.push_back(range);
  };
  platform.late_alloc = [](void* self, uint64_t bytes) {
    return static_cast<CorePlatform*>(self)->late_alloc(bytes);
  };
  platform.late_free = [](void* self, void* pointer, uint64_t bytes) {
    static_cast<CorePlatform*>(self)->late_free(pointer, bytes);
  };
  platform.warn = [](void* self, Warning warning) {
    static_cast<CorePlatform*>(self)->observed_.warnings |= 1u << static_cast<unsigned>(warning);
  };
  platform.print = [](void* self, const char* line, size_t length) {
    static_cast<CorePlatform*>(self)->observed_.lines.emplace_back(line, length);
  };
  return platform;
}

// Where the machine accounts fewer bytes for a region than this program needs, the block makes up
// for it; it holds as many regions as the growth paid for and not one more.
void* CorePlatform::block_at(PhysRange range) {
  if (!can_touch(range)) return nullptr;
  const uint64_t regions = range.size() / region_bytes_;
  void* memory = std::malloc(regions * sizeof(Region));
  if (memory == nullptr) throw std::bad_alloc{};
  blocks_.push_back(memory);
  return memory;
}

void CorePlatform::keep_only(std::span<const void* const> used) {
  std::erase_if(blocks_, [used](void* block) {
    const bool lives = std::find(used.begin(), used.end(), block) != used.end();
    if (!lives) std::free(block);
    return !lives;
  });
}

void* CorePlatform::late_alloc(uint64_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc{};
  late_blocks_.push_back(LateBlock{memory, bytes});
  return memory;
}

void CorePlatform::late_free(void* pointer, uint64_t bytes) {
  const auto found = std::find_if(
      late_blocks_.begin(), late_blocks_.end(),
      [=](const LateBlock& block) { return block.memory == pointer && block.bytes == bytes; });
  MEMBLOCK_ASSERT(found != late_blocks_.end());
  late_blocks_.erase(found);
  std::free(pointer);
}

}  // namespace memblock::lab
