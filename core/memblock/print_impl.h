// Printing: the kernel's call trace (memblock=debug) and its dump, line by line, to the embedder.
#pragma once

#include "memblock/memblock.h"
#include "memblock/text_line.h"

namespace memblock {

constexpr const char* table_name(TableId id) {
  return id == TableId::Memory ? "memory" : id == TableId::Reserved ? "reserved" : "physmem";
}

inline void print(const Platform& platform, const TextLine& line) {
  if (platform.print != nullptr) platform.print(platform.context, line.data(), line.length());
}

template <RegionTable Table>
void BasicMemblock<Table>::print_range(const char* call, PhysRange range,
                                       const char* caller) const {
  print(platform_, TextLine{}.text(call).text(": ").range(range).text(" ").text(caller));
}

template <RegionTable Table>
void BasicMemblock<Table>::print_region(const char* call, const char* plain_call, PhysRange range,
                                        NodeId nid, RegionFlags flags) const {
  if (nid == kUnsetNode && flags == kNoFlags) return print_range(plain_call, range, caller_);
  TextLine line;
  line.text(call).text(": ").range(range).text(" nid=").signed_number(nid.value);
  print(platform_, line.text(" flags=").plain_hex(flags.bits).text(" ").text(caller_));
}

template <RegionTable Table>
void BasicMemblock<Table>::print_alloc(const AllocRequest& request) const {
  if (request.traced_as == nullptr) return;
  TextLine line;
  line.text(request.traced_as).text(": ").number(request.size).text(" bytes align=");
  line.hex(request.align);
  // The physical calls know no node, and the kernel prints none for them.
  if (request.within_limit) line.text(" nid=").signed_number(request.nid.value);
  line.text(" from=").address(request.min).text(" max_addr=").address(request.max);
  print(platform_, line.text(" ").text(caller_));
}

template <RegionTable Table>
void BasicMemblock<Table>::trace_growth(TableId id, PhysRange used) const {
  if (!trace_) return;
  const uint64_t capacity = 2 * table(id).capacity();
  TextLine line;
  line.text("memblock: ").text(table_name(id)).text(" is doubled to ").number(capacity);
  print(platform_, line.text(" at ").range(used));
}

template <RegionTable Table>
void BasicMemblock<Table>::print_growth_failure(TableId id) const {
  const uint64_t capacity = table(id).capacity();
  TextLine line;
  line.text("memblock: Failed to double ").text(table_name(id)).text(" array from ");
  print(platform_, line.number(capacity).text(" to ").number(2 * capacity).text(" entries !"));
}

template <RegionTable Table>
void BasicMemblock<Table>::print_no_node_coverage(uint64_t bytes) const {
  TextLine line;
  line.text("NUMA: no nodes coverage for ").number(bytes >> 20).text("MB of ");
  print(platform_, line.number(memory_.total_bytes() >> 20).text("MB RAM"));
}

template <RegionTable Table>
void BasicMemblock<Table>::print_no_memory_yet() const {
  print(platform_, TextLine{}.text("memblock_cap_memory_range: No memory registered yet"));
}

template <RegionTable Table>
void BasicMemblock<Table>::print_table(const char* name, const Table& table) const {
  print(platform_, TextLine{}.text(" ").text(name).text(".cnt  = ").hex(table.count()));
  size_t index = 0;
  for (const Region& region : table.regions()) {
    TextLine line;
    line.text(" ").text(name).text("[").hex(index++).text("]\t").range(region.range()).text(", ");
    line.address(PhysAddr{region.size}).text(" bytes");
    const NodeId nid = region.nid;
    if (is_node(nid)) line.text(" on node ").signed_number(nid.value);
    print(platform_, line.text(" flags: ").hex(region.flags.bits));
  }
}

template <RegionTable Table>
void BasicMemblock<Table>::dump() const {
  print(platform_, TextLine{}.text("MEMBLOCK configuration:"));
  TextLine sizes;
  sizes.text(" memory size = ").address(PhysAddr{memory_.total_bytes()});
  sizes.text(" reserved size = ").address(PhysAddr{reserved_.total_bytes()});
  print(platform_, sizes);
  print_table("memory", memory_);
  print_table("reserved", reserved_);
  if (physmem_.count() != 0) print_table("physmem", physmem_);
}

}  // namespace memblock
