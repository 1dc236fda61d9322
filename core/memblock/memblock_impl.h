// BasicMemblock: registering, flags, NUMA, queries and walks. What it takes to make one on a table
// is here and in the files below, for the source files that do so: memblock.cpp is one.
#pragma once

#include "memblock/alloc_impl.h"
#include "memblock/grow_impl.h"
#include "memblock/handover_impl.h"
#include "memblock/limits_impl.h"
#include "memblock/memblock.h"
#include "memblock/print_impl.h"

namespace memblock {

template <RegionTable Table>
BasicMemblock<Table>::BasicMemblock(const Storage& storage, const Platform& platform,
                                    const Machine& machine)
    : platform_(platform),
      can_clear_(platform.zero != nullptr || platform.phys_to_virt != nullptr),
      machine_(machine),
      memory_(storage.memory, TableId::Memory),
      reserved_(storage.reserved, TableId::Reserved),
      physmem_(storage.physmem, TableId::Physmem) {
  MEMBLOCK_ASSERT(machine.page_shift >= 12 && machine.page_shift <= 16);
}

template <RegionTable Table>
const Table& BasicMemblock<Table>::table(TableId id) const {
  return id == TableId::Memory ? memory_ : id == TableId::Reserved ? reserved_ : physmem_;
}

template <RegionTable Table>
Table& BasicMemblock<Table>::known_table(TableId id) {
  return id == TableId::Memory ? memory_ : id == TableId::Reserved ? reserved_ : physmem_;
}

template <RegionTable Table>
Table& BasicMemblock<Table>::mutable_table(TableId id) {
  trails_.forget();
  return known_table(id);
}

template <RegionTable Table>
void BasicMemblock<Table>::warn(Warning warning) const {
  if (platform_.warn != nullptr) platform_.warn(platform_.context, warning);
}

// ---- Registering

// A gap in front of a region of another kind means that the caller took that memory for new.
template <RegionTable Table>
void BasicMemblock<Table>::warn_of_overlap(const Table& table, PhysRange range, RegionFlags flags,
                                           NodeId nid) const {
  PhysAddr reached = range.base;
  Cursor<Table> old{table, range, Direction::Up};
  for (; old.above() != nullptr && old.above()->base < range.end; old.up()) {
    if (reached < old.above()->base) {
      if (old.above()->nid != nid) warn(Warning::OverlapOtherNode);
      if (old.above()->flags != flags) warn(Warning::OverlapOtherFlags);
    }
    reached = old.above()->end();
  }
}

// What has been discarded has no slots, and so never gets far here.
template <RegionTable Table>
Status BasicMemblock<Table>::insert(TableId id, PhysRange range, RegionFlags flags, NodeId nid) {
  if (range.empty() || !known_table(id).insert_alone(range, flags, nid)) {
    return insert_pieces(id, range, flags, nid);
  }
  if (id == TableId::Reserved) {
    trails_.leave_neighbour();
  } else {
    trails_.forget();
  }
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::insert_pieces(TableId id, PhysRange range, RegionFlags flags,
                                           NodeId nid) {
  if (discarded_) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  Table& table = mutable_table(id);
  // Growth may change the very table that grows, so the pieces are counted anew each time.
  bool grew = false;
  while (table.count() + table.gaps(range) > table.capacity()) {
    if (!grow(id, range)) return Status::TableFull;
    grew = true;
  }
  // Nearly always no more was missing than a slot.
  if (grew && table.insert_alone(range, flags, nid)) return Status::Ok;
  warn_of_overlap(table, range, flags, nid);
  table.insert(range, flags, nid);
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::make_spare_slots(TableId id, PhysRange range) {
  const Table& table = this->table(id);
  while (table.count() + 2 > table.capacity()) {
    if (!grow(id, range)) return Status::TableFull;
  }
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::erase(TableId id, PhysRange range) {
  PhysRange gap;
  if (range.empty() || !known_table(id).remove_alone(range, gap)) return erase_pieces(id, range);
  if (id == TableId::Reserved) {
    trails_.freed(gap);
  } else {
    trails_.forget();
  }
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::erase_pieces(TableId id, PhysRange range) {
  if (discarded_) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  if (const Status status = make_spare_slots(id, range); status != Status::Ok) return status;
  mutable_table(id).remove(range);
  return Status::Ok;
}

// What comes in order needs no look at anything else, nor a register more than a caller leaves.
template <RegionTable Table>
Status BasicMemblock<Table>::add(PhysRange range, NodeId nid, RegionFlags flags) {
  if (trace_ || range.empty() || !memory_.append(range, flags, nid)) {
    return add_anywhere(range, nid, flags);
  }
  trails_.forget();
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::add_anywhere(PhysRange range, NodeId nid, RegionFlags flags) {
  trace_region("memblock_add_node", "memblock_add", range, nid, flags);
  return insert(TableId::Memory, range, flags, nid);
}

template <RegionTable Table>
Status BasicMemblock<Table>::remove(PhysRange range) {
  trace_range("memblock_remove", range, caller_);
  return erase(TableId::Memory, range);
}

template <RegionTable Table>
Status BasicMemblock<Table>::reserve(PhysRange range, NodeId nid, RegionFlags flags) {
  if (trace_ || range.empty() || !reserved_.append(range, flags, nid)) {
    return reserve_anywhere(range, nid, flags);
  }
  trails_.leave_neighbour();
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::reserve_anywhere(PhysRange range, NodeId nid, RegionFlags flags) {
  trace_region("__memblock_reserve", "memblock_reserve", range, nid, flags);
  return insert(TableId::Reserved, range, flags, nid);
}

template <RegionTable Table>
Status BasicMemblock<Table>::free(PhysRange range) {
  trace_range("memblock_phys_free", range, caller_);
  return erase(TableId::Reserved, range);
}

template <RegionTable Table>
Status BasicMemblock<Table>::free_virt(const void* pointer, uint64_t size) {
  if (pointer == nullptr) return Status::Ok;
  if (platform_.virt_to_phys == nullptr) return Status::Invalid;
  return free(PhysRange::from_size(platform_.virt_to_phys(platform_.context, pointer), size));
}

template <RegionTable Table>
Status BasicMemblock<Table>::physmem_add(PhysRange range) {
  trace_range("memblock_physmem_add", range, caller_);
  return insert(TableId::Physmem, range, kNoFlags, kUnsetNode);
}

template <RegionTable Table>
void BasicMemblock<Table>::adopt(TableId id, std::span<Region> storage, size_t count,
                                 uint64_t total_bytes,
                                 PhysRange place) requires std::same_as<Table, FlatTable> {
  // (A compiler may look at this for tables that do not have it.)
  if constexpr (requires(Table & table) { table.adopt(storage, count, total_bytes, place); }) {
    if (!discarded_) mutable_table(id).adopt(storage, count, total_bytes, place);
  }
}

// ---- Flags and nodes

template <RegionTable Table>
Status BasicMemblock<Table>::change_inside(TableId id, PhysRange range,
                                           const RegionChange& change) {
  if (range.empty() || !mutable_table(id).change_alone(range, change)) {
    return change_pieces(id, range, change);
  }
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::change_pieces(TableId id, PhysRange range,
                                           const RegionChange& change) {
  if (discarded_) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  if (const Status status = make_spare_slots(id, range); status != Status::Ok) return status;
  mutable_table(id).change(range, change);
  return Status::Ok;
}

template <RegionTable Table>
Status BasicMemblock<Table>::mark_hotplug(PhysRange range) {
  return change_inside(TableId::Memory, range, {.set = kHotplug});
}

template <RegionTable Table>
Status BasicMemblock<Table>::clear_hotplug(PhysRange range) {
  return change_inside(TableId::Memory, range, {.clear = kHotplug});
}

template <RegionTable Table>
Status BasicMemblock<Table>::mark_mirror(PhysRange range) {
  if (!discarded_) has_mirror_ = true;
  trails_.forget();
  return change_inside(TableId::Memory, range, {.set = kMirror});
}

template <RegionTable Table>
Status BasicMemblock<Table>::mark_nomap(PhysRange range) {
  return change_inside(TableId::Memory, range, {.set = kNomap});
}

template <RegionTable Table>
Status BasicMemblock<Table>::clear_nomap(PhysRange range) {
  return change_inside(TableId::Memory, range, {.clear = kNomap});
}

template <RegionTable Table>
Status BasicMemblock<Table>::mark_reserved_noinit(PhysRange range) {
  return change_inside(TableId::Reserved, range, {.set = kReservedNoinit});
}

template <RegionTable Table>
Status BasicMemblock<Table>::set_node(PhysRange range, TableId table, NodeId nid) {
  return change_inside(table, range, {.stamps_node = true, .nid = nid});
}

template <RegionTable Table>
Result<IndexRange> BasicMemblock<Table>::isolate(TableId table, PhysRange range) {
  if (discarded_) return Status::Discarded;
  if (range.empty()) return IndexRange{};
  if (const Status status = make_spare_slots(table, range); status != Status::Ok) return status;
  const IndexRange inside = this->table(table).positions(range);
  mutable_table(table).change(range, {});
  return inside;
}

template <RegionTable Table>
Result<PfnRange> BasicMemblock<Table>::search_pfn_nid(uint64_t pfn) const {
  if (pfn > (kPhysAddrMax.value >> machine_.page_shift)) return Status::NotFound;
  const PhysAddr address{pfn << machine_.page_shift};
  const Region* const region = memory_.holding(address);
  if (region == nullptr) return Status::NotFound;
  return PfnRange{region->base.value >> machine_.page_shift,
                  region->end().value >> machine_.page_shift, region->nid};
}

template <RegionTable Table>
uint64_t BasicMemblock<Table>::bytes_without_node() const {
  uint64_t bytes = 0;
  for (const Region& region : memory()) {
    const PfnRange pages = memory_pfns(region);
    if (!is_node(region.nid) && pages.first < pages.last) {
      bytes += (pages.last - pages.first) << machine_.page_shift;
    }
  }
  return bytes;
}

template <RegionTable Table>
bool BasicMemblock<Table>::validate_numa_coverage(uint64_t threshold_bytes) const {
  const uint64_t bytes = bytes_without_node();
  if (bytes <= threshold_bytes) return true;
  print_no_node_coverage(bytes);
  return false;
}

// ---- Queries

template <RegionTable Table>
uint64_t BasicMemblock<Table>::estimated_free_pages() const {
  const uint64_t memory = memory_.total_bytes();
  const uint64_t reserved = reserved_.total_bytes();
  return reserved < memory ? (memory - reserved) >> machine_.page_shift : 0;
}

template <RegionTable Table>
PhysAddr BasicMemblock<Table>::start_of_dram() const {
  const Region* const first = memory_.lowest();
  return first == nullptr ? PhysAddr{0} : first->base;
}

template <RegionTable Table>
PhysAddr BasicMemblock<Table>::end_of_dram() const {
  const Region* const last = memory_.highest();
  return last == nullptr ? PhysAddr{0} : last->end();
}

template <RegionTable Table>
bool BasicMemblock<Table>::is_memory(PhysAddr address) const {
  return memory_.holding(address) != nullptr;
}

template <RegionTable Table>
bool BasicMemblock<Table>::is_reserved(PhysAddr address) const {
  return reserved_.holding(address) != nullptr;
}

template <RegionTable Table>
bool BasicMemblock<Table>::is_map_memory(PhysAddr address) const {
  const Region* const region = memory_.holding(address);
  return region != nullptr && !region->flags.has(kNomap);
}

template <RegionTable Table>
bool BasicMemblock<Table>::is_region_memory(PhysRange range) const {
  const Region* const region = memory_.holding(range.base);
  return region != nullptr && range.end <= region->end();
}

template <RegionTable Table>
bool BasicMemblock<Table>::overlaps(TableId table, PhysRange range) const {
  return this->table(table).overlaps(range);
}

template <RegionTable Table>
bool BasicMemblock<Table>::is_region_reserved(PhysRange range) const {
  return overlaps(TableId::Reserved, range);
}

template <RegionTable Table>
PfnRange BasicMemblock<Table>::memory_pfns(const Region& region) const {
  PfnRange pages = whole_pages(region.range(), machine_.page_shift);
  pages.nid = region.nid;
  return pages;
}

template <RegionTable Table>
PfnRange BasicMemblock<Table>::reserved_pfns(const Region& region) const {
  PfnRange pages = touched_pages(region.range(), machine_.page_shift);
  pages.nid = region.nid;
  return pages;
}

// ---- Walks

template <RegionTable Table>
RegionFilter BasicMemblock<Table>::filter(NodeId nid, RegionFlags flags) const {
  return RegionFilter{nid, flags, movable_node_, false};
}

template <RegionTable Table>
BasicRangeWalk<Table> BasicMemblock<Table>::mem_ranges(Direction direction) const {
  return BasicRangeWalk<Table>{memory_, nullptr, filter(kNoNode, kHotplug | kDriverManaged),
                               direction};
}

template <RegionTable Table>
BasicRangeWalk<Table> BasicMemblock<Table>::reserved_ranges(Direction direction) const {
  return BasicRangeWalk<Table>{reserved_, nullptr, RegionFilter{.everything = true}, direction};
}

template <RegionTable Table>
BasicRangeWalk<Table> BasicMemblock<Table>::free_ranges(NodeId nid, RegionFlags flags,
                                                        Direction direction,
                                                        PhysRange window) const {
  return BasicRangeWalk<Table>{memory_, &reserved_, filter(nid, flags), direction, window};
}

template <RegionTable Table>
BasicRangeWalk<Table> BasicMemblock<Table>::physmem_ranges(TableId minus) const {
  return BasicRangeWalk<Table>{physmem_, &table(minus), RegionFilter{.everything = true},
                               Direction::Up};
}

template <RegionTable Table>
BasicRangeWalk<Table> BasicMemblock<Table>::physmem_ranges() const {
  return BasicRangeWalk<Table>{physmem_, nullptr, RegionFilter{.everything = true}, Direction::Up};
}

template <RegionTable Table>
BasicPfnWalk<Table> BasicMemblock<Table>::mem_pfns(NodeId nid) const {
  return {memory_, nid, machine_.page_shift};
}

template <RegionTable Table>
BasicZoneWalk<Table> BasicMemblock<Table>::free_pfns_in_zone(PfnRange zone) const {
  return {memory_, reserved_, filter(zone.nid, kNoFlags), zone, machine_.page_shift};
}

// ---- Checking

template <RegionTable Table>
int BasicMemblock<Table>::first_broken_invariant() const {
  const Table* tables[] = {&memory_, &reserved_, &physmem_};
  for (int i = 0; i < 3; ++i) {
    const int broken = tables[i]->first_broken_invariant();
    if (broken != 0) return 10 * i + broken;
  }
  bool grown = false;
  for (const Table* table : tables) {
    table->each_block([&grown](const Block&) { grown = true; });
  }
  return grown && !can_resize_ ? 31 : 0;
}

}  // namespace memblock
