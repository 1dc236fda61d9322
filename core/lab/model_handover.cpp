// The model: limits, and the handover of every page to the page allocator.
#include <algorithm>
#include <set>

#include "lab/model.h"

namespace memblock::lab {

// ---- Limits

// Where the first `bytes` of memory end; the top if there is less memory than that.
PhysAddr Model::address_of_amount(uint64_t bytes) const {
  uint64_t below = 0;
  for (const Region& region : memory()) {
    if (bytes - below <= region.size) return region.base + (bytes - below);
    below += region.size;
  }
  return kPhysAddrMax;
}

// A range that reaches to an end of the address space cuts without splitting, so this succeeds even
// in a full table; Linux asks for slots all the same.
void Model::cut_reserved(PhysRange range) {
  if (range.empty()) return;
  static_cast<void>(make_spare_slots(TableId::Reserved, range));
  now_.reserved.change(range, [](MaybeKind) { return std::nullopt; });
}

Status Model::enforce_memory_limit(uint64_t bytes) {
  if (now_.discarded) return Status::Discarded;
  if (bytes == 0) return Status::Ok;
  const PhysRange above{address_of_amount(bytes), kPhysAddrMax};
  const Status status = uncover(TableId::Memory, above);
  if (status == Status::Ok) cut_reserved(above);
  return status;
}

Status Model::cap_memory_range(PhysRange range) {
  if (now_.discarded) return Status::Discarded;
  if (range.empty()) return Status::Ok;
  if (memory().empty()) {
    print("memblock_cap_memory_range: No memory registered yet");
    return Status::NoMemoryYet;
  }
  if (make_spare_slots(TableId::Memory, range) != Status::Ok) return Status::TableFull;
  const PhysRange below{PhysAddr{0}, range.base};
  const PhysRange above{range.end, kPhysAddrMax};
  const auto only_nomap = [](MaybeKind old) {
    return old && old->flags.has(kNomap) ? old : std::nullopt;
  };
  now_.memory.change(below, only_nomap);
  now_.memory.change(above, only_nomap);
  cut_reserved(below);
  cut_reserved(above);
  return Status::Ok;
}

Status Model::mem_limit_remove_map(uint64_t bytes) {
  if (now_.discarded) return Status::Discarded;
  if (bytes == 0) return Status::Ok;
  const PhysAddr end = address_of_amount(bytes);
  return end == kPhysAddrMax ? Status::Ok : cap_memory_range(PhysRange{PhysAddr{0}, end});
}

// Each region keeps its whole units: everything else of it goes, at both ends.
void Model::trim_memory(uint64_t align) {
  const std::vector<Region> before = now_.memory.regions();
  const auto nothing = [](MaybeKind) { return std::nullopt; };
  for (const Region& region : before) {
    const uint64_t over = region.base.value % align;
    const uint64_t head = over == 0 ? 0 : align - over;
    const uint64_t tail = region.end().value % align;
    const bool none_left = head > region.size || tail > region.size - head;
    now_.memory.change(PhysRange::from_size(region.base, none_left ? region.size : head), nothing);
    now_.memory.change(PhysRange{region.end() - (none_left ? 0 : tail), region.end()}, nothing);
  }
}

// ---- Handover

// The largest naturally aligned chunks, upwards. Page 0 is aligned to everything.
uint64_t Model::free_chunks(PhysRange range, uint64_t max_pfn) {
  const PfnRange pages = memory_pfns(Region{range.base, range.size(), kNoFlags, kNoNode});
  const uint64_t end = std::min(pages.last, max_pfn);
  uint64_t freed = 0;
  for (uint64_t pfn = pages.first; pfn < end;) {
    unsigned order = kOrderMax;
    while (pfn % (uint64_t{1} << order) != 0 || (uint64_t{1} << order) > end - pfn) --order;
    if (sink_.free_pages != nullptr) sink_.free_pages(sink_.context, pfn, order);
    pfn += uint64_t{1} << order;
    freed += uint64_t{1} << order;
  }
  return freed;
}

void Model::keep_pages(PfnRange pages) {
  if (pages.first < pages.last && sink_.keep_pages != nullptr) {
    sink_.keep_pages(sink_.context, pages);
  }
}

// The node of a page is that of the memory at its first byte, else that of the reservation. It can
// change only at the first page boundary at or after an edge of memory.
void Model::keep_reserved(const Region& region) {
  const PfnRange all = reserved_pfns(region);
  std::set<uint64_t> edges{all.first, all.last};
  for (const Region& known : memory()) {
    for (const PhysAddr edge : {known.base, known.end()}) {
      const uint64_t pfn = reserved_pfns(Region{PhysAddr{0}, edge.value, {}, {}}).last;
      if (all.first < pfn && pfn < all.last) edges.insert(pfn);
    }
  }
  PfnRange run{all.first, all.first, region.nid};
  for (auto edge = edges.begin(); std::next(edge) != edges.end(); ++edge) {
    const Region* known = now_.memory.at(PhysAddr{*edge * machine_.page_size()});
    const NodeId nid = known != nullptr ? known->nid : region.nid;
    if (nid != run.nid) {
      keep_pages(run);
      run = PfnRange{*edge, *edge, nid};
    }
    run.last = *std::next(edge);
  }
  keep_pages(run);
}

uint64_t Model::free_all(const PageSink& sink, uint64_t max_pfn) {
  if (now_.handed_over || now_.discarded) return 0;
  sink_ = sink;
  static_cast<void>(clear_hotplug(kAllMemory));
  uint64_t freed = 0;
  // Hotplug memory is freed even if there was no slot to unmark it: so as if movable_node were off.
  for (const WalkedRange& free : free_list(kNoNode, kNoFlags, false, kAllMemory)) {
    freed += free_chunks(free.range, max_pfn);
  }
  for (const Region& region : memory()) {
    if (region.flags.has(kNomap)) keep_pages(reserved_pfns(region));
  }
  for (const Region& region : reserved()) {
    if (!region.flags.has(kReservedNoinit)) keep_reserved(region);
  }
  now_.handed_over = true;
  return freed;
}

void Model::free_page_by_page(PhysRange range) {
  const PfnRange pages = memory_pfns(Region{range.base, range.size(), kNoFlags, kNoNode});
  for (uint64_t pfn = pages.first; pfn < pages.last; ++pfn) {
    if (sink_.free_pages != nullptr) sink_.free_pages(sink_.context, pfn, 0);
  }
}

Status Model::free_late(PhysRange range) {
  trace_call("memblock_free_late", range, caller_);
  if (now_.discarded) return Status::Discarded;
  if (!now_.handed_over) return Status::Invalid;
  free_page_by_page(range);
  return Status::Ok;
}

void Model::discard() {
  if (now_.discarded) return;
  for (size_t table = 0; table < now_.places.size(); ++table) {
    std::vector<Place> all = std::exchange(now_.kept[table], {});
    all.push_back(std::exchange(now_.places[table], {}));
    std::reverse(all.begin(), all.end());
    for (const Place& grown : all) {
      if (now_.handed_over) free_page_by_page(grown.range);
    }
  }
  now_.memory = now_.reserved = now_.physmem = ModelTable{0};
  now_.discarded = true;
}

}  // namespace memblock::lab
