// The model: registering, flags and nodes. Each verb is one change of kinds on a range; around it
// stands Linux's policy of when a table must grow first.
#include "lab/model.h"

namespace memblock::lab {
namespace {

Machine machine_of(const Limits& limits) {
  Machine machine;
  machine.page_shift = limits.page_shift;
  machine.region_bytes = limits.region_bytes;
  return machine;
}

}  // namespace

Model::Model(const Limits& limits, const StorageRule& storage)
    : machine_(machine_of(limits)),
      storage_(storage),
      now_{ModelTable{storage.first_capacity(limits.memory)},
           ModelTable{storage.first_capacity(limits.reserved)},
           ModelTable{storage.first_capacity(limits.physmem)}},
      e820_(limits.e820) {}

const ModelTable& Model::table(TableId id) const {
  switch (id) {
    case TableId::Memory: return now_.memory;
    case TableId::Reserved: return now_.reserved;
    case TableId::Physmem: return now_.physmem;
  }
  MEMBLOCK_ASSERT(false);
}

ModelTable& Model::mutable_table(TableId id) { return const_cast<ModelTable&>(table(id)); }

// ---- The three ways to change a table

// New kinds only where nothing is yet. A table needs a slot for each piece, before pieces join.
Status Model::cover(TableId id, PhysRange range, Kind kind) {
  if (now_.discarded) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  ModelTable& table = mutable_table(id);
  while (table.count() + table.gaps(range) > table.capacity()) {
    if (!grow(id, range)) return Status::TableFull;
  }
  warn_of_overlap(table, range, kind);
  table.change(range, [=](MaybeKind old) { return old ? old : kind; });
  return Status::Ok;
}

Status Model::uncover(TableId id, PhysRange range) {
  if (now_.discarded) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  if (make_spare_slots(id, range) != Status::Ok) return Status::TableFull;
  mutable_table(id).change(range, [](MaybeKind) { return std::nullopt; });
  return Status::Ok;
}

Status Model::change_kinds(TableId id, PhysRange range, const std::function<Kind(Kind)>& change) {
  if (now_.discarded) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  if (make_spare_slots(id, range) != Status::Ok) return Status::TableFull;
  mutable_table(id).change(range, [&](MaybeKind old) { return old ? change(*old) : old; });
  return Status::Ok;
}

// Splitting at two ends may take two slots. Linux asks for them whether or not it will split.
Status Model::make_spare_slots(TableId id, PhysRange area) {
  while (table(id).count() + 2 > table(id).capacity()) {
    if (!grow(id, area)) return Status::TableFull;
  }
  return Status::Ok;
}

// Linux compares kinds where it puts a new piece in front of an old region, and only there.
void Model::warn_of_overlap(const ModelTable& table, PhysRange range, Kind kind) {
  for (const Region& region : table.regions()) {
    const bool starts_inside = range.base < region.base && region.base < range.end;
    if (!starts_inside || table.at(region.base - 1) != nullptr) continue;
    if (region.nid != kind.nid) warn(Warning::OverlapOtherNode);
    if (region.flags != kind.flags) warn(Warning::OverlapOtherFlags);
  }
}

// ---- The verbs

Status Model::add(PhysRange range, NodeId nid, RegionFlags flags) {
  if (nid == kUnsetNode && flags == kNoFlags) {
    trace_call("memblock_add", range, caller_);
  } else {
    trace_call("memblock_add_node", range, Kind{nid, flags});
  }
  return cover(TableId::Memory, range, Kind{nid, flags});
}

Status Model::remove(PhysRange range) {
  trace_call("memblock_remove", range, caller_);
  return uncover(TableId::Memory, range);
}

Status Model::reserve(PhysRange range, NodeId nid, RegionFlags flags) {
  if (nid == kUnsetNode && flags == kNoFlags) {
    trace_call("memblock_reserve", range, caller_);
  } else {
    trace_call("__memblock_reserve", range, Kind{nid, flags});
  }
  return cover(TableId::Reserved, range, Kind{nid, flags});
}

Status Model::free(PhysRange range) {
  trace_call("memblock_phys_free", range, caller_);
  return uncover(TableId::Reserved, range);
}

// Pointers are the physical addresses themselves here.
Status Model::free_virt(const void* pointer, uint64_t size) {
  if (pointer == nullptr) return Status::Ok;
  return free(PhysRange::from_size(PhysAddr{reinterpret_cast<uintptr_t>(pointer)}, size));
}

Status Model::physmem_add(PhysRange range) {
  trace_call("memblock_physmem_add", range, caller_);
  return cover(TableId::Physmem, range, Kind{});
}

Status Model::set_flags(TableId id, PhysRange range, RegionFlags flags, bool on) {
  return change_kinds(id, range, [=](Kind old) {
    return Kind{old.nid, on ? old.flags | flags : without(old.flags, flags)};
  });
}

Status Model::mark_hotplug(PhysRange range) {
  return set_flags(TableId::Memory, range, kHotplug, true);
}

Status Model::clear_hotplug(PhysRange range) {
  return set_flags(TableId::Memory, range, kHotplug, false);
}

// The machine counts as mirrored from the first such call on, whatever it marks.
Status Model::mark_mirror(PhysRange range) {
  if (!now_.discarded) now_.has_mirror = true;
  return set_flags(TableId::Memory, range, kMirror, true);
}

Status Model::mark_nomap(PhysRange range) {
  return set_flags(TableId::Memory, range, kNomap, true);
}

Status Model::clear_nomap(PhysRange range) {
  return set_flags(TableId::Memory, range, kNomap, false);
}

Status Model::mark_reserved_noinit(PhysRange range) {
  return set_flags(TableId::Reserved, range, kReservedNoinit, true);
}

Status Model::set_node(PhysRange range, TableId table, NodeId nid) {
  return change_kinds(table, range, [=](Kind old) { return Kind{nid, old.flags}; });
}

Result<IndexRange> Model::isolate(TableId id, PhysRange range) {
  const Status status = change_kinds(id, range, [](Kind old) { return old; });
  if (status != Status::Ok) return status;
  return table(id).positions(range);
}

}  // namespace memblock::lab
