// Calls of C whose answers come through pointers, and the callbacks on the way back.
#include "props/c_backend.h"

namespace memblock::lab {
namespace {

const mbl_region* to_c(const Region& region) {
  return reinterpret_cast<const mbl_region*>(&region);
}

/// A value that no answer has: seen again, it was not written.
constexpr mbl_phys kUntouched = 0x5eed5eed5eed5eed;

/// Runs `call`, which writes an address.
template <class Call>
Result<PhysAddr> address_of(Call&& call) {
  mbl_phys found = kUntouched;
  const mbl_status status = call(&found);
  return written_if_ok(status, found, kUntouched, PhysAddr{found});
}

/// Runs `call`, which writes a range.
template <class Call>
Result<PhysRange> range_of(Call&& call) {
  const mbl_range untouched{kUntouched, kUntouched};
  mbl_range found = untouched;
  const mbl_status status = call(&found);
  return written_if_ok(status, found, untouched, from_c(found));
}

/// Runs `call`, which writes a number.
template <class Call>
Result<uint64_t> number_of(Call&& call) {
  uint64_t found = kUntouched;
  const mbl_status status = call(&found);
  return written_if_ok(status, found, uint64_t{kUntouched}, found);
}

mbl_machine c_machine_of(const Limits& limits) {
  mbl_machine machine = mbl_default_machine();
  machine.page_shift = limits.page_shift;
  machine.region_bytes = limits.region_bytes;
  return machine;
}

mbl_region* as_c(std::span<Region> regions) {
  return reinterpret_cast<mbl_region*>(regions.data());
}

}  // namespace

size_t CTable::gaps(PhysRange range) const {
  size_t pieces = 0;
  PhysAddr reached = range.base;
  for (const Region& region : regions()) {
    if (region.end() <= range.base || range.end <= region.base) continue;
    if (reached < region.base) ++pieces;
    reached = region.end();
  }
  return reached < range.end ? pieces + 1 : pieces;
}

// ---- E820 and names

CMap::CMap(const Limits& limits, std::span<E820Entry> storage, std::span<E820Entry> workspace) {
  mbl_e820_init(&map_, reinterpret_cast<mbl_e820_entry*>(storage.data()), limits.e820,
                reinterpret_cast<mbl_e820_entry*>(workspace.data()));
}

std::span<const E820Entry> CMap::entries() const {
  return {reinterpret_cast<const E820Entry*>(mbl_e820_entries(&map_)), mbl_e820_count(&map_)};
}

Status CMap::append(const E820Entry& entry) {
  return from_c(mbl_e820_append(&map_, reinterpret_cast<const mbl_e820_entry*>(&entry)));
}

Result<uint64_t> CMap::update(PhysAddr base, uint64_t size, E820Type from, E820Type to) {
  return number_of([&](uint64_t* bytes) {
    return mbl_e820_update(&map_, base.value, size, static_cast<mbl_e820_type>(from),
                           static_cast<mbl_e820_type>(to), bytes);
  });
}

Result<uint64_t> CMap::remove(PhysAddr base, uint64_t size, E820Type type) {
  return number_of([&](uint64_t* bytes) {
    return mbl_e820_remove(&map_, base.value, size, static_cast<mbl_e820_type>(type), bytes);
  });
}

bool CMap::mapped_any(PhysRange range, E820Type type) const {
  return mbl_e820_mapped_any(&map_, lab::to_c(range), static_cast<mbl_e820_type>(type));
}

bool CMap::mapped_all(PhysRange range, E820Type type) const {
  return mbl_e820_mapped_all(&map_, lab::to_c(range), static_cast<mbl_e820_type>(type));
}

Result<E820Type> CMap::type_of(PhysRange range) const {
  constexpr mbl_e820_type kNoType = 0x5eed5eed;
  mbl_e820_type type = kNoType;
  const mbl_status status = mbl_e820_type_of(&map_, lab::to_c(range), &type);
  return written_if_ok(status, type, kNoType, static_cast<E820Type>(type));
}

Result<PhysRange> CMap::search_gap() const {
  return range_of([&](mbl_range* gap) { return mbl_e820_search_gap(&map_, gap); });
}

Result<PhysRange> CNames::add(CBackend& backend, std::string_view option) {
  const std::string text{option};
  return range_of(
      [&](mbl_range* range) { return mbl_names_add(&names_, backend.c(), text.c_str(), range); });
}

Result<PhysRange> CNames::find(std::string_view name) const {
  const std::string text{name};
  return range_of([&](mbl_range* range) { return mbl_names_find(&names_, text.c_str(), range); });
}

Status load_e820(CBackend& backend, CMap& map) {
  return from_c(mbl_load_e820(backend.c(), map.c()));
}

Status early_reserve(CBackend& backend, const X86BootLayout& layout) {
  const mbl_boot_layout plain{lab::to_c(layout.kernel_image), lab::to_c(layout.initrd),
                              reinterpret_cast<const mbl_range*>(layout.setup_data.data()),
                              layout.setup_data.size(), lab::to_c(layout.bios)};
  return from_c(mbl_early_reserve(backend.c(), &plain));
}

// ---- The memblock

CBackend::CBackend(const Limits& limits)
    : CoreStorage(limits, FlatTable::storage_for),
      CorePlatform(limits),
      platform_(CorePlatform::callbacks()),
      map_(limits, CoreStorage::map(), CoreStorage::map_workspace()),
      options_(map_) {
  const Storage tables = CoreStorage::tables();
  const mbl_storage storage{as_c(tables.memory),    tables.memory.size(), as_c(tables.reserved),
                            tables.reserved.size(), as_c(tables.physmem), tables.physmem.size()};
  mbl_platform platform = callbacks();
  platform.context = this;
  const mbl_machine machine = c_machine_of(limits);
  mbl_init(&m_, &storage, &platform, &machine);
}

void CBackend::begin_op() {
  const void* const tables[] = {memory().data(), reserved().data(), physmem().data()};
  CorePlatform::keep_only(tables);
}

mbl_platform CBackend::callbacks() {
  mbl_platform out{};
  out.phys_to_virt = [](void* self, mbl_range range) {
    const Platform& platform = static_cast<CBackend*>(self)->platform_;
    return platform.phys_to_virt(platform.context, from_c(range));
  };
  out.virt_to_phys = [](void* self, const void* pointer) {
    const Platform& platform = static_cast<CBackend*>(self)->platform_;
    return platform.virt_to_phys(platform.context, pointer).value;
  };
  out.zero = [](void* self, mbl_range range) {
    const Platform& platform = static_cast<CBackend*>(self)->platform_;
    platform.zero(platform.context, from_c(range));
  };
  out.late_alloc = [](void* self, uint64_t bytes) {
    const Platform& platform = static_cast<CBackend*>(self)->platform_;
    return platform.late_alloc(platform.context, bytes);
  };
  out.late_free = [](void* self, void* pointer, uint64_t bytes) {
    const Platform& platform = static_cast<CBackend*>(self)->platform_;
    platform.late_free(platform.context, pointer, bytes);
  };
  out.warn = [](void* self, mbl_warning warning) {
    const Platform& platform = static_cast<CBackend*>(self)->platform_;
    platform.warn(platform.context, static_cast<Warning>(warning));
  };
  out.print = [](void* self, const char* line, size_t length) {
    const Platform& platform = static_cast<CBackend*>(self)->platform_;
    platform.print(platform.context, line, length);
  };
  return out;
}

// C has a short call for what is asked mostly, and one that names everything.
Status CBackend::add(PhysRange range, NodeId nid, RegionFlags flags) {
  const bool plain = nid == kUnsetNode && flags == kNoFlags;
  return from_c(plain ? mbl_add(&m_, lab::to_c(range))
                      : mbl_add_node(&m_, lab::to_c(range), nid.value, flags.bits));
}

Status CBackend::reserve(PhysRange range, NodeId nid, RegionFlags flags) {
  const bool plain = nid == kUnsetNode && flags == kNoFlags;
  return from_c(plain ? mbl_reserve(&m_, lab::to_c(range))
                      : mbl_reserve_node(&m_, lab::to_c(range), nid.value, flags.bits));
}

Result<IndexRange> CBackend::isolate(TableId table, PhysRange range) {
  constexpr size_t kNowhere = ~size_t{0};
  IndexRange found{kNowhere, kNowhere};
  const mbl_status status =
      mbl_isolate(&m_, lab::to_c(table), lab::to_c(range), &found.first, &found.last);
  return written_if_ok(status, found, IndexRange{kNowhere, kNowhere}, found);
}

Result<PhysAddr> CBackend::allocate(const AllocRequest& asked) {
  mbl_request request{};
  request.size = asked.size;
  request.align = asked.align;
  request.min = asked.min.value;
  request.max = asked.max.value;
  request.nid = asked.nid.value;
  request.exact_nid = asked.exact_nid;
  request.within_limit = asked.within_limit;
  request.retry_below_min = asked.retry_below_min;
  request.zero = asked.zero;
  request.traced_as = asked.traced_as;
  return address_of([&](mbl_phys* found) { return mbl_allocate(&m_, &request, found); });
}

Result<PhysAddr> CBackend::phys_alloc_range(uint64_t size, uint64_t align, PhysAddr min,
                                            PhysAddr max) {
  return address_of([&](mbl_phys* found) {
    return mbl_phys_alloc_range(&m_, size, align, min.value, max.value, found);
  });
}

Result<PhysAddr> CBackend::phys_alloc(uint64_t size, uint64_t align) {
  return address_of([&](mbl_phys* found) { return mbl_phys_alloc(&m_, size, align, found); });
}

Result<PhysAddr> CBackend::phys_alloc_try_nid(uint64_t size, uint64_t align, NodeId nid) {
  return address_of(
      [&](mbl_phys* found) { return mbl_phys_alloc_try_nid(&m_, size, align, nid.value, found); });
}

Result<PhysAddr> CBackend::alloc(uint64_t size, uint64_t align) {
  return address_of([&](mbl_phys* found) { return mbl_alloc(&m_, size, align, found); });
}

Result<PhysAddr> CBackend::alloc_raw(uint64_t size, uint64_t align) {
  return address_of([&](mbl_phys* found) { return mbl_alloc_raw(&m_, size, align, found); });
}

Result<PhysAddr> CBackend::alloc_from(uint64_t size, uint64_t align, PhysAddr min) {
  return address_of(
      [&](mbl_phys* found) { return mbl_alloc_from(&m_, size, align, min.value, found); });
}

Result<PhysAddr> CBackend::alloc_low(uint64_t size, uint64_t align) {
  return address_of([&](mbl_phys* found) { return mbl_alloc_low(&m_, size, align, found); });
}

Result<PhysAddr> CBackend::alloc_node(uint64_t size, uint64_t align, NodeId nid) {
  return address_of(
      [&](mbl_phys* found) { return mbl_alloc_node(&m_, size, align, nid.value, found); });
}

Result<PhysAddr> CBackend::alloc_try_nid(uint64_t size, uint64_t align, PhysAddr min, PhysAddr max,
                                         NodeId nid) {
  return address_of([&](mbl_phys* found) {
    return mbl_alloc_try_nid(&m_, size, align, min.value, max.value, nid.value, found);
  });
}

Result<PhysAddr> CBackend::alloc_try_nid_raw(uint64_t size, uint64_t align, PhysAddr min,
                                             PhysAddr max, NodeId nid) {
  return address_of([&](mbl_phys* found) {
    return mbl_alloc_try_nid_raw(&m_, size, align, min.value, max.value, nid.value, found);
  });
}

Result<PhysAddr> CBackend::alloc_exact_nid_raw(uint64_t size, uint64_t align, PhysAddr min,
                                               PhysAddr max, NodeId nid) {
  return address_of([&](mbl_phys* found) {
    return mbl_alloc_exact_nid_raw(&m_, size, align, min.value, max.value, nid.value, found);
  });
}

Result<PfnRange> CBackend::search_pfn_nid(uint64_t pfn) const {
  const mbl_pfns untouched{kUntouched, kUntouched, -2};
  mbl_pfns found = untouched;
  const mbl_status status = mbl_search_pfn_nid(&m_, pfn, &found);
  return written_if_ok(status, found.first, untouched.first, from_c(found));
}

PfnRange CBackend::memory_pfns(const Region& region) const {
  return from_c(mbl_memory_pfns(&m_, to_c(region)));
}

PfnRange CBackend::reserved_pfns(const Region& region) const {
  return from_c(mbl_reserved_pfns(&m_, to_c(region)));
}

uint64_t CBackend::free_all(const PageSink& sink, uint64_t max_pfn) {
  sink_ = sink;
  mbl_page_sink c_sink{};
  c_sink.context = this;
  c_sink.free_pages = [](void* self, uint64_t pfn, unsigned order) {
    const PageSink& to = static_cast<CBackend*>(self)->sink_;
    to.free_pages(to.context, pfn, order);
  };
  c_sink.keep_pages = [](void* self, mbl_pfns pages) {
    const PageSink& to = static_cast<CBackend*>(self)->sink_;
    to.keep_pages(to.context, from_c(pages));
  };
  return mbl_free_all(&m_, &c_sink, max_pfn);
}

}  // namespace memblock::lab
