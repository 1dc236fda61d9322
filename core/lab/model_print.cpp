// The model: the kernel's call trace and its dump.
#include <cinttypes>
#include <cstdio>

#include "lab/model.h"

namespace memblock::lab {
namespace {

template <class... Values>
std::string format(const char* shape, Values... values) {
  char line[256];
  std::snprintf(line, sizeof line, shape, values...);
  return line;
}

}  // namespace

// The kernel prints the last byte, not the end.
std::string kernel_range(PhysRange range) {
  return format("[0x%016" PRIx64 "-0x%016" PRIx64 "]", range.base.value, range.end.value - 1);
}

void Model::trace(const std::string& line) {
  if (trace_) print(line);
}

void Model::trace_call(const char* call, PhysRange range, const char* caller) {
  if (!trace_) return;
  trace(std::string(call) + ": " + kernel_range(range) + " " + caller);
}

void Model::trace_call(const char* call, PhysRange range, Kind kind) {
  if (!trace_) return;
  trace(std::string(call) + ": " + kernel_range(range) +
        format(" nid=%d flags=%x ", kind.nid.value, kind.flags.bits) + caller_);
}

void Model::trace_alloc(const AllocRequest& request) {
  if (request.traced_as == nullptr || !trace_) return;
  std::string line = std::string(request.traced_as) +
                     format(": %" PRIu64 " bytes align=0x%" PRIx64, request.size, request.align);
  const bool is_physical = std::string_view{request.traced_as} == "memblock_phys_alloc_range";
  if (!is_physical) line += format(" nid=%d", request.nid.value);
  line += format(" from=0x%016" PRIx64 " max_addr=0x%016" PRIx64 " ", request.min.value,
                 request.max.value);
  trace(line + caller_);
}

void Model::dump_table(const char* name, const ModelTable& table) {
  print(format(" %s.cnt  = 0x%zx", name, table.count()));
  size_t index = 0;
  for (const Region& region : table.regions()) {
    std::string line = format(" %s[0x%zx]\t", name, index++) + kernel_range(region.range()) +
                       format(", 0x%016" PRIx64 " bytes", region.size);
    if (is_node(region.nid)) line += format(" on node %d", region.nid.value);
    print(line + format(" flags: 0x%x", region.flags.bits));
  }
}

void Model::dump() {
  print("MEMBLOCK configuration:");
  print(format(" memory size = 0x%016" PRIx64 " reserved size = 0x%016" PRIx64, phys_mem_size(),
               reserved_size()));
  dump_table("memory", now_.memory);
  dump_table("reserved", now_.reserved);
  if (now_.physmem.count() != 0) dump_table("physmem", now_.physmem);
}

}  // namespace memblock::lab
