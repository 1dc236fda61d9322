// Backend: anything that answers memblock's verbs and an E820 table's.
#pragma once

#include <concepts>

#include "lab/trace.h"

namespace memblock::lab {

/// What an embedder sees of a handover; recorded by every backend while an op runs.
struct Observed {
  std::vector<uint64_t> handover;  ///< In the layout of Outcome's Handover values.
  std::vector<std::string> lines;  ///< Printed lines.
  uint32_t warnings = 0;

  void clear() {
    handover.clear();
    lines.clear();
    warnings = 0;
  }
};

/// Where a table may grow to, and an allocation be cleared. Backends share the rule: a growth that
/// one of them refuses, all refuse. 52 bits are what processors can address.
constexpr bool can_touch(PhysRange range) {
  return range.end.value <= uint64_t{1} << 52 && range.size() <= uint64_t{1} << 30;
}

/// Made of memblock's own verbs, so that the core needs no adapter. apply() uses more of them than
/// are spelled out here; a missing one is a compile error that names it.
template <class B>
concept Backend = std::constructible_from<B, const Limits&> &&
    requires(B b, const B& c, PhysRange range, const AllocRequest& request, NodeId nid,
             RegionFlags flags) {
  { b.add(range, nid, flags) } -> std::same_as<Status>;
  { b.remove(range) } -> std::same_as<Status>;
  { b.reserve(range, nid, flags) } -> std::same_as<Status>;
  { b.free(range) } -> std::same_as<Status>;
  { b.allocate(request) } -> std::same_as<Result<PhysAddr>>;
  { c.memory() } -> std::convertible_to<RegionView>;
  { c.reserved() } -> std::convertible_to<RegionView>;
  { c.physmem() } -> std::convertible_to<RegionView>;
  { c.phys_mem_size() } -> std::same_as<uint64_t>;
  { c.reserved_size() } -> std::same_as<uint64_t>;
  { c.first_broken_invariant() } -> std::same_as<int>;
  b.e820();     // append, update, remove, sanitize, ...: E820Table's verbs
  b.options();  // mem, memmap, finish: E820Options' verbs
  b.named();    // add, find: NamedReservations' verbs
  // Found by apply() as free functions: load_e820, early_reserve, trim_bios_range, ...
  b.named();  // add, find: NamedReservations' verbs
  { b.observed() } -> std::same_as<Observed&>;
  { B::name() } -> std::convertible_to<const char*>;
};

}  // namespace memblock::lab
