// The tree's arch/x86/kernel/e820.c as an E820 table, its command line and its boot steps.
#include "lab/linux_backend.h"

namespace memblock::lab {
namespace {

std::vector<char> writable(std::string_view text) {
  std::vector<char> out(text.begin(), text.end());
  out.push_back('\0');
  return out;
}

}  // namespace

LinuxE820Map::LinuxE820Map(const struct LinuxE820* calls, uint32_t capacity) : calls_(calls) {
  if (calls_ != nullptr) calls_->reset(capacity);
}

Status LinuxE820Map::append(const E820Entry& entry) {
  if (calls_ == nullptr) return Status::Invalid;
  calls_->append(entry.base.value, entry.size, static_cast<uint32_t>(entry.type));
  return Status::Ok;  // Nobody is told whether there was room.
}

Result<uint64_t> LinuxE820Map::update(PhysAddr base, uint64_t size, E820Type from, E820Type to) {
  return calls_->update(base.value, size, static_cast<uint32_t>(from), static_cast<uint32_t>(to));
}

Result<uint64_t> LinuxE820Map::remove(PhysAddr base, uint64_t size, E820Type type) {
  return calls_->remove(base.value, size, static_cast<uint32_t>(type), type != E820Type::None);
}

bool LinuxE820Map::mapped_any(PhysRange range, E820Type type) const {
  return calls_->mapped_any(range.base.value, range.end.value, static_cast<uint32_t>(type));
}

bool LinuxE820Map::mapped_all(PhysRange range, E820Type type) const {
  return calls_->mapped_all(range.base.value, range.end.value, static_cast<uint32_t>(type));
}

Result<E820Type> LinuxE820Map::type_of(PhysRange range) const {
  const int type = calls_->type_of(range.base.value, range.end.value);
  constexpr int kInvalid = -22;
  if (type == kInvalid) return Status::NotFound;
  return static_cast<E820Type>(type);
}

Status LinuxE820Map::sanitize() { return calls_->sanitize() == 0 ? Status::Ok : Status::Invalid; }

uint64_t LinuxE820Map::end_of_ram_pfn(uint64_t limit_pfn, unsigned) const {
  return calls_->end_of_ram_pfn(limit_pfn);
}

Result<PhysRange> LinuxE820Map::search_gap() const {
  uint64_t base = 0, size = 0;
  if (!calls_->search_gap(&base, &size)) return Status::NotFound;
  return PhysRange::from_size(PhysAddr{base}, size);
}

std::vector<E820Entry> LinuxE820Map::entries() const {
  std::vector<E820Entry> out;
  if (calls_ == nullptr) return out;
  const uint32_t count = calls_->count();
  out.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t base = 0, size = 0;
    uint32_t type = 0;
    calls_->entry(i, &base, &size, &type);
    out.push_back({PhysAddr{base}, size, static_cast<E820Type>(type)});
  }
  return out;
}

Status LinuxE820Options::mem(std::string_view value) {
  return map_.calls()->mem_option(writable(value).data()) < 0 ? Status::Invalid : Status::Ok;
}

Status LinuxE820Options::memmap(std::string_view value) {
  return map_.calls()->memmap_option(writable(value).data()) < 0 ? Status::Invalid : Status::Ok;
}

Status LinuxE820Options::finish() {
  map_.calls()->finish_options();
  return Status::Ok;
}

Status load_e820(LinuxBackend& backend, const LinuxE820Map& map) {
  static_cast<void>(backend);
  map.calls()->load();
  return Status::Ok;
}

// The kernel's own order of calls; setup.c is not part of the object.
Status early_reserve(LinuxBackend& backend, const X86BootLayout& layout) {
  const uint64_t page = backend.machine().page_size();
  std::vector<PhysRange> ranges{layout.kernel_image, PhysRange{PhysAddr{0}, PhysAddr{0x10000}}};
  if (!layout.initrd.empty()) {
    const uint64_t end = align_up(layout.initrd.end.value, page);
    ranges.push_back({layout.initrd.base, end == 0 ? kPhysAddrMax : PhysAddr{end}});
  }
  ranges.insert(ranges.end(), layout.setup_data.begin(), layout.setup_data.end());
  ranges.push_back(layout.bios);
  for (const PhysRange& range : ranges) {
    if (range.empty()) continue;
    if (const Status status = backend.reserve(range); status != Status::Ok) return status;
  }
  return Status::Ok;
}

Status trim_bios_range(LinuxE820Map& map) {
  const auto ram = static_cast<uint32_t>(E820Type::Ram);
  map.calls()->update(0, 0x1000, ram, static_cast<uint32_t>(E820Type::Reserved));
  map.calls()->remove(0xa0000, 0x60000, ram, true);
  return map.sanitize();
}

Status add_kernel_range(LinuxE820Map& map, PhysRange kernel) {
  if (map.mapped_all(kernel, E820Type::Ram)) return Status::Ok;
  map.calls()->remove(kernel.base.value, kernel.size(), static_cast<uint32_t>(E820Type::Ram),
                      false);
  return map.append({kernel.base, kernel.size(), E820Type::Ram});
}

}  // namespace memblock::lab
