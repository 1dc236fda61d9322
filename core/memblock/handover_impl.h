// Handover: every page is reported to the page allocator once, as free or as kept.
#pragma once

#include "memblock/memblock.h"

namespace memblock {

/// The largest chunk that starts at `pfn`, is naturally aligned and ends by `end`.
constexpr unsigned chunk_order(uint64_t pfn, uint64_t end) {
  unsigned order = 0;
  while (order < kOrderMax && (pfn >> order & 1) == 0) ++order;
  while ((uint64_t{1} << order) > end - pfn) --order;
  return order;
}

template <RegionTable Table>
uint64_t BasicMemblock<Table>::free_pages(PhysRange range, uint64_t max_pfn) {
  const PfnRange pages = whole_pages(range, machine_.page_shift);
  const uint64_t end = pages.last < max_pfn ? pages.last : max_pfn;
  uint64_t pfn = pages.first;
  while (pfn < end) {
    const unsigned order = chunk_order(pfn, end);
    if (sink_.free_pages != nullptr) sink_.free_pages(sink_.context, pfn, order);
    pfn += uint64_t{1} << order;
  }
  return pages.first < end ? end - pages.first : 0;
}

template <RegionTable Table>
void BasicMemblock<Table>::keep_pages(const PfnRange& pages) {
  if (sink_.keep_pages != nullptr && pages.first < pages.last) {
    sink_.keep_pages(sink_.context, pages);
  }
}

template <RegionTable Table>
void BasicMemblock<Table>::keep_nomap_pages() {
  for (const Region& region : memory()) {
    if (region.flags.has(kNomap)) keep_pages(reserved_pfns(region));
  }
}

// A page belongs to the node of the memory that its first byte lies in, or else to the node of the
// reservation. Runs of one node are reported together.
template <RegionTable Table>
void BasicMemblock<Table>::keep_reserved_pages() {
  const unsigned shift = machine_.page_shift;
  Cursor<Table> lowest{memory_};  // The lowest memory that the next reservation may lie in.
  for (const Region& region : reserved()) {
    if (region.flags.has(kReservedNoinit)) continue;
    const PfnRange all = reserved_pfns(region);
    PfnRange run{all.first, all.first, region.nid};
    const auto extend = [&](uint64_t until, NodeId nid) {
      if (until <= run.last) return;
      if (nid != run.nid) {
        keep_pages(run);
        run = PfnRange{run.last, run.last, nid};
      }
      run.last = until;
    };
    const PhysAddr from{all.first << shift};
    while (lowest.above() != nullptr && lowest.above()->end() <= from) lowest.up();
    Cursor<Table> memory = lowest;
    for (; memory.above() != nullptr && run.last < all.last; memory.up()) {
      const Region& ram = *memory.above();
      // First bytes inside this memory region: pages from the first boundary in it to the last.
      const PfnRange inside{whole_pages(ram.range(), shift).first,
                            touched_pages(ram.range(), shift).last, ram.nid};
      if (inside.first >= all.last) break;
      extend(inside.first, region.nid);
      extend(inside.last < all.last ? inside.last : all.last, inside.nid);
    }
    extend(all.last, region.nid);
    keep_pages(run);
  }
}

template <RegionTable Table>
uint64_t BasicMemblock<Table>::free_all(const PageSink& sink, uint64_t max_pfn) {
  if (handed_over_ || discarded_) return 0;
  sink_ = sink;
  // Hotplug memory goes to the page allocator too, even if there is no slot to note that.
  static_cast<void>(clear_hotplug(kAllMemory));
  const bool movable_node = movable_node_;
  movable_node_ = false;
  uint64_t freed = 0;
  free_ranges().each([&](const WalkedRange& free) { freed += free_pages(free.range, max_pfn); });
  movable_node_ = movable_node;
  keep_nomap_pages();
  keep_reserved_pages();
  handed_over_ = true;
  return freed;
}

template <RegionTable Table>
void BasicMemblock<Table>::free_page_by_page(PhysRange range) {
  const PfnRange pages = whole_pages(range, machine_.page_shift);
  for (uint64_t pfn = pages.first; pfn < pages.last; ++pfn) {
    if (sink_.free_pages != nullptr) sink_.free_pages(sink_.context, pfn, 0);
  }
}

template <RegionTable Table>
Status BasicMemblock<Table>::free_late(PhysRange range) {
  trace_range("memblock_free_late", range, caller_);
  if (discarded_) return Status::Discarded;
  if (!handed_over_) return Status::Invalid;
  free_page_by_page(range);
  return Status::Ok;
}

template <RegionTable Table>
void BasicMemblock<Table>::discard() {
  if (discarded_) return;
  trails_.forget();
  for (Table* table : {&memory_, &reserved_, &physmem_}) {
    table->each_block([this](const Block& block) {
      if (block.late && platform_.late_free != nullptr) {
        platform_.late_free(platform_.context, block.memory, block.bytes);
      }
      if (handed_over_) free_page_by_page(block.place);
    });
    table->reset();
  }
  discarded_ = true;
}

}  // namespace memblock
