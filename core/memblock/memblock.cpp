// Memblock: registering, flags, NUMA, queries and walks. The other verbs live in alloc.cpp,
// grow.cpp, limits.cpp, handover.cpp and print.cpp.
#include "memblock/memblock.h"

namespace memblock {

Memblock::Memblock(const Storage& storage, const Platform& platform, const Machine& machine)
    : platform_(platform),
      machine_(machine),
      memory_(storage.memory),
      reserved_(storage.reserved),
      physmem_(storage.physmem) {
  MEMBLOCK_ASSERT(machine.page_shift >= 12 && machine.page_shift <= 16);
}

const FlatTable& Memblock::table(TableId id) const {
  return id == TableId::Memory ? memory_ : id == TableId::Reserved ? reserved_ : physmem_;
}

FlatTable& Memblock::mutable_table(TableId id) { return const_cast<FlatTable&>(table(id)); }

void Memblock::warn(Warning warning) const {
  if (platform_.warn != nullptr) platform_.warn(platform_.context, warning);
}

// ---- Registering

// A gap in front of a region of another kind means that the caller took that memory for new.
void Memblock::warn_of_overlap(const FlatTable& table, PhysRange range, RegionFlags flags,
                               NodeId nid) const {
  const IndexRange old = table.overlapping(range);
  PhysAddr reached = range.base;
  for (size_t i = old.first; i < old.last; ++i) {
    if (reached < table[i].base) {
      if (table[i].nid != nid) warn(Warning::OverlapOtherNode);
      if (table[i].flags != flags) warn(Warning::OverlapOtherFlags);
    }
    reached = table[i].end();
  }
}

Status Memblock::insert(TableId id, PhysRange range, RegionFlags flags, NodeId nid) {
  if (discarded_) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  FlatTable& table = mutable_table(id);
  // Growth may change the very table that grows, so the pieces are counted anew each time.
  while (table.count() + table.gaps(range) > table.capacity()) {
    if (!grow(id, range)) return Status::TableFull;
  }
  warn_of_overlap(table, range, flags, nid);
  table.insert(range, flags, nid);
  return Status::Ok;
}

Status Memblock::make_spare_slots(TableId id, PhysRange range) {
  const FlatTable& table = this->table(id);
  while (table.count() + 2 > table.capacity()) {
    if (!grow(id, range)) return Status::TableFull;
  }
  return Status::Ok;
}

Status Memblock::erase(TableId id, PhysRange range) {
  if (discarded_) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  if (const Status status = make_spare_slots(id, range); status != Status::Ok) return status;
  mutable_table(id).remove(range);
  return Status::Ok;
}

Status Memblock::add(PhysRange range, NodeId nid, RegionFlags flags) {
  if (nid == kUnsetNode && flags == kNoFlags) {
    trace_range("memblock_add", range, caller_);
  } else {
    trace_region("memblock_add_node", range, nid, flags);
  }
  return insert(TableId::Memory, range, flags, nid);
}

Status Memblock::remove(PhysRange range) {
  trace_range("memblock_remove", range, caller_);
  return erase(TableId::Memory, range);
}

Status Memblock::reserve(PhysRange range, NodeId nid, RegionFlags flags) {
  if (nid == kUnsetNode && flags == kNoFlags) {
    trace_range("memblock_reserve", range, caller_);
  } else {
    trace_region("__memblock_reserve", range, nid, flags);
  }
  return insert(TableId::Reserved, range, flags, nid);
}

Status Memblock::free(PhysRange range) {
  trace_range("memblock_phys_free", range, caller_);
  return erase(TableId::Reserved, range);
}

Status Memblock::free_virt(const void* pointer, uint64_t size) {
  if (pointer == nullptr) return Status::Ok;
  if (platform_.virt_to_phys == nullptr) return Status::Invalid;
  return free(PhysRange::from_size(platform_.virt_to_phys(platform_.context, pointer), size));
}

Status Memblock::physmem_add(PhysRange range) {
  trace_range("memblock_physmem_add", range, caller_);
  return insert(TableId::Physmem, range, kNoFlags, kUnsetNode);
}

void Memblock::adopt(TableId id, std::span<Region> storage, size_t count, uint64_t total_bytes,
                     PhysRange place) {
  if (discarded_) return;
  FlatTable& table = mutable_table(id);
  if (storage.data() != table.storage().data()) origin(id) = Origin{.place = place};
  table.adopt(storage, count, total_bytes);
}

// ---- Flags and nodes

template <class Change>
Status Memblock::change_inside(TableId id, PhysRange range, Change change) {
  if (discarded_) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  if (const Status status = make_spare_slots(id, range); status != Status::Ok) return status;
  FlatTable& table = mutable_table(id);
  const IndexRange inside = table.isolate(range);
  change(table, inside);
  table.merge(inside);
  return Status::Ok;
}

Status Memblock::mark_hotplug(PhysRange range) {
  return change_inside(TableId::Memory, range, [](FlatTable& table, IndexRange inside) {
    table.set_flags(inside, kHotplug);
  });
}

Status Memblock::clear_hotplug(PhysRange range) {
  return change_inside(TableId::Memory, range, [](FlatTable& table, IndexRange inside) {
    table.clear_flags(inside, kHotplug);
  });
}

Status Memblock::mark_mirror(PhysRange range) {
  if (!discarded_) has_mirror_ = true;
  return change_inside(TableId::Memory, range, [](FlatTable& table, IndexRange inside) {
    table.set_flags(inside, kMirror);
  });
}

Status Memblock::mark_nomap(PhysRange range) {
  return change_inside(TableId::Memory, range, [](FlatTable& table, IndexRange inside) {
    table.set_flags(inside, kNomap);
  });
}

Status Memblock::clear_nomap(PhysRange range) {
  return change_inside(TableId::Memory, range, [](FlatTable& table, IndexRange inside) {
    table.clear_flags(inside, kNomap);
  });
}

Status Memblock::mark_reserved_noinit(PhysRange range) {
  return change_inside(TableId::Reserved, range, [](FlatTable& table, IndexRange inside) {
    table.set_flags(inside, kReservedNoinit);
  });
}

Status Memblock::set_node(PhysRange range, TableId table, NodeId nid) {
  return change_inside(table, range, [nid](FlatTable& changed, IndexRange inside) {
    changed.set_node(inside, nid);
  });
}

Result<IndexRange> Memblock::isolate(TableId table, PhysRange range) {
  IndexRange positions;
  const Status status = change_inside(
      table, range, [&positions](FlatTable&, IndexRange inside) { positions = inside; });
  if (status != Status::Ok) return status;
  return positions;
}

Result<PfnRange> Memblock::search_pfn_nid(uint64_t pfn) const {
  if (pfn > (kPhysAddrMax.value >> machine_.page_shift)) return Status::NotFound;
  const PhysAddr address{pfn << machine_.page_shift};
  const size_t index = memory_.first_ending_after(address);
  if (!memory_.holds(index, address)) return Status::NotFound;
  const Region& region = memory_[index];
  return PfnRange{region.base.value >> machine_.page_shift,
                  region.end().value >> machine_.page_shift, region.nid};
}

uint64_t Memblock::bytes_without_node() const {
  uint64_t bytes = 0;
  for (const Region& region : memory()) {
    const PfnRange pages = memory_pfns(region);
    if (!is_node(region.nid) && pages.first < pages.last) {
      bytes += (pages.last - pages.first) << machine_.page_shift;
    }
  }
  return bytes;
}

bool Memblock::validate_numa_coverage(uint64_t threshold_bytes) const {
  const uint64_t bytes = bytes_without_node();
  if (bytes <= threshold_bytes) return true;
  print_no_node_coverage(bytes);
  return false;
}

// ---- Queries

uint64_t Memblock::estimated_free_pages() const {
  const uint64_t memory = memory_.total_bytes();
  const uint64_t reserved = reserved_.total_bytes();
  return reserved < memory ? (memory - reserved) >> machine_.page_shift : 0;
}

PhysAddr Memblock::start_of_dram() const {
  return memory_.count() == 0 ? PhysAddr{0} : memory_[0].base;
}

PhysAddr Memblock::end_of_dram() const {
  return memory_.count() == 0 ? PhysAddr{0} : memory_[memory_.count() - 1].end();
}

bool Memblock::is_memory(PhysAddr address) const {
  return memory_.holds(memory_.first_ending_after(address), address);
}

bool Memblock::is_reserved(PhysAddr address) const {
  return reserved_.holds(reserved_.first_ending_after(address), address);
}

bool Memblock::is_map_memory(PhysAddr address) const {
  const size_t index = memory_.first_ending_after(address);
  return memory_.holds(index, address) && !memory_[index].flags.has(kNomap);
}

bool Memblock::is_region_memory(PhysRange range) const {
  const size_t index = memory_.first_ending_after(range.base);
  return memory_.holds(index, range.base) && range.end <= memory_[index].end();
}

bool Memblock::overlaps(TableId table, PhysRange range) const {
  return !this->table(table).overlapping(range).empty();
}

bool Memblock::is_region_reserved(PhysRange range) const {
  return overlaps(TableId::Reserved, range);
}

PfnRange Memblock::memory_pfns(const Region& region) const {
  PfnRange pages = whole_pages(region.range(), machine_.page_shift);
  pages.nid = region.nid;
  return pages;
}

PfnRange Memblock::reserved_pfns(const Region& region) const {
  PfnRange pages = touched_pages(region.range(), machine_.page_shift);
  pages.nid = region.nid;
  return pages;
}

// ---- Walks

RegionFilter Memblock::filter(NodeId nid, RegionFlags flags) const {
  return RegionFilter{nid, flags, movable_node_, false};
}

RangeWalk Memblock::mem_ranges(Direction direction) const {
  return RangeWalk{memory_, nullptr, filter(kNoNode, kHotplug | kDriverManaged), direction};
}

RangeWalk Memblock::reserved_ranges(Direction direction) const {
  return RangeWalk{reserved_, nullptr, RegionFilter{.everything = true}, direction};
}

RangeWalk Memblock::free_ranges(NodeId nid, RegionFlags flags, Direction direction,
                                PhysRange window) const {
  return RangeWalk{memory_, &reserved_, filter(nid, flags), direction, window};
}

RangeWalk Memblock::physmem_ranges(TableId minus) const {
  return RangeWalk{physmem_, &table(minus), RegionFilter{.everything = true}, Direction::Up};
}

RangeWalk Memblock::physmem_ranges() const {
  return RangeWalk{physmem_, nullptr, RegionFilter{.everything = true}, Direction::Up};
}

PfnWalk Memblock::mem_pfns(NodeId nid) const { return {memory_, nid, machine_.page_shift}; }

ZoneWalk Memblock::free_pfns_in_zone(PfnRange zone) const {
  return {memory_, reserved_, filter(zone.nid, kNoFlags), zone, machine_.page_shift};
}

// ---- Checking

int Memblock::first_broken_invariant() const {
  const FlatTable* tables[] = {&memory_, &reserved_, &physmem_};
  for (int i = 0; i < 3; ++i) {
    const int broken = tables[i]->first_broken_invariant();
    if (broken != 0) return 10 * i + broken;
  }
  for (const Origin& origin : origins_) {
    if (!can_resize_ && (!origin.place.empty() || origin.late != nullptr)) return 31;
  }
  return 0;
}

}  // namespace memblock
