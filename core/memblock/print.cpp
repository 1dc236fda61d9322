// Printing: the kernel's call trace (memblock=debug) and its dump, line by line, to the embedder.
#include "memblock/memblock.h"
#include "memblock/text_line.h"

namespace memblock {

namespace {

constexpr const char* table_name(TableId id) {
  return id == TableId::Memory ? "memory" : id == TableId::Reserved ? "reserved" : "physmem";
}

void print(const Platform& platform, const TextLine& line) {
  if (platform.print != nullptr) platform.print(platform.context, line.data(), line.length());
}

}  // namespace

void Memblock::trace_range(const char* call, PhysRange range, const char* caller) const {
  if (!tracing()) return;
  print(platform_, TextLine{}.text(call).text(": ").range(range).text(" ").text(caller));
}

void Memblock::trace_region(const char* call, PhysRange range, NodeId nid,
                            RegionFlags flags) const {
  if (!tracing()) return;
  TextLine line;
  line.text(call).text(": ").range(range).text(" nid=").signed_number(nid.value);
  print(platform_, line.text(" flags=").plain_hex(flags.bits).text(" ").text(caller_));
}

void Memblock::trace_alloc(const AllocRequest& request) const {
  if (request.traced_as == nullptr || !tracing()) return;
  TextLine line;
  line.text(request.traced_as).text(": ").number(request.size).text(" bytes align=");
  line.hex(request.align);
  // The physical calls know no node, and the kernel prints none for them.
  if (request.within_limit) line.text(" nid=").signed_number(request.nid.value);
  line.text(" from=").address(request.min).text(" max_addr=").address(request.max);
  print(platform_, line.text(" ").text(caller_));
}

void Memblock::trace_growth(TableId id, PhysRange place) const {
  if (!tracing()) return;
  const uint64_t capacity = 2 * table(id).capacity();
  TextLine line;
  line.text("memblock: ").text(table_name(id)).text(" is doubled to ").number(capacity);
  // The kernel names the bytes that the regions take, not the pages that they are given.
  const PhysRange used = PhysRange::from_size(place.base, capacity * machine_.region_bytes);
  print(platform_, line.text(" at ").range(used));
}

void Memblock::print_growth_failure(TableId id) const {
  const uint64_t capacity = table(id).capacity();
  TextLine line;
  line.text("memblock: Failed to double ").text(table_name(id)).text(" array from ");
  print(platform_, line.number(capacity).text(" to ").number(2 * capacity).text(" entries !"));
}

void Memblock::print_no_node_coverage(uint64_t bytes) const {
  TextLine line;
  line.text("NUMA: no nodes coverage for ").number(bytes >> 20).text("MB of ");
  print(platform_, line.number(memory_.total_bytes() >> 20).text("MB RAM"));
}

void Memblock::print_no_memory_yet() const {
  print(platform_, TextLine{}.text("memblock_cap_memory_range: No memory registered yet"));
}

void Memblock::print_table(const char* name, const FlatTable& table) const {
  print(platform_, TextLine{}.text(" ").text(name).text(".cnt  = ").hex(table.count()));
  for (size_t i = 0; i < table.count(); ++i) {
    const Region& region = table[i];
    TextLine line;
    line.text(" ").text(name).text("[").hex(i).text("]\t").range(region.range()).text(", ");
    line.address(PhysAddr{region.size}).text(" bytes");
    const NodeId nid = region.nid;
    if (is_node(nid)) line.text(" on node ").signed_number(nid.value);
    print(platform_, line.text(" flags: ").hex(region.flags.bits));
  }
}

void Memblock::dump() const {
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
