// apply(): the only place where an Op turns into a call. Everything else treats ops as data.
#pragma once

#include "lab/backend.h"
#include "memblock/x86_boot.h"

namespace memblock::lab {

/// free_all() reports at most this many page frames (256 GiB of 4 KiB pages), so that a trace ends.
inline constexpr uint64_t kHandoverPfnsMax = uint64_t{1} << 26;

/// A sink that records into `observed`, which must live as long as the backend.
PageSink recording_sink(Observed& observed);

/// The allocation that an op of the `allocate` kind asks for.
AllocRequest request_of(const Op& op);

/// The window of a free_ranges op: a `max` that names no bound means the top.
PhysRange window_of(const Op& op);

/// What early_reserve gets; points into `op`.
X86BootLayout layout_of(const Op& op);

namespace detail {

inline uint64_t as_value(NodeId nid) { return static_cast<uint64_t>(int64_t{nid.value}); }
inline uint64_t as_value(bool yes) { return yes ? 1 : 0; }
inline uint64_t as_value(uint64_t number) { return number; }
inline uint64_t as_value(PhysAddr address) { return address.value; }
inline uint64_t as_value(E820Type type) { return static_cast<uint32_t>(type); }

template <class T>
void put_one(std::vector<uint64_t>& out, const T& value) {
  out.push_back(as_value(value));
}
inline void put_one(std::vector<uint64_t>& out, const Region& region) {
  out.insert(out.end(),
             {region.base.value, region.end().value, as_value(region.nid), region.flags.bits});
}
inline void put_one(std::vector<uint64_t>& out, const WalkedRange& walked) {
  out.insert(out.end(), {walked.range.base.value, walked.range.end.value, as_value(walked.nid),
                         walked.flags.bits});
}
inline void put_one(std::vector<uint64_t>& out, const PhysRange& range) {
  out.insert(out.end(), {range.base.value, range.end.value, as_value(kUnsetNode), 0});
}
inline void put_one(std::vector<uint64_t>& out, const PfnRange& pages) {
  out.insert(out.end(), {pages.first, pages.last, as_value(pages.nid)});
}
inline void put_one(std::vector<uint64_t>& out, const IndexRange& positions) {
  out.insert(out.end(), {positions.first, positions.last});
}
inline void put_one(std::vector<uint64_t>& out, const E820Entry& entry) {
  out.insert(out.end(), {entry.base.value, entry.size, as_value(entry.type)});
}

inline void put(Outcome& out, Status status) { out.status = status; }
template <class T>
void put(Outcome& out, const T& value) {
  put_one(out.values, value);
}
template <class T>
void put(Outcome& out, const Result<T>& result) {
  out.status = result.status();
  if (result.ok()) put_one(out.values, result.value());
}

/// All that a walk gives; `Answered` is what its next() fills in.
template <class Answered, class Walk>
void put_walk(Outcome& out, Walk walk) {
  Answered answer{};
  while (walk.next(answer)) put_one(out.values, answer);
}

template <class List>
void put_list(Outcome& out, const List& list) {
  for (const auto& element : list) put_one(out.values, element);
}

template <Backend B>
bool apply_registering(B& b, const Op& op, Outcome& out) {
  switch (op.code) {
    case OpCode::Add: put(out, b.add(op.range, op.nid, op.flags)); return true;
    case OpCode::Remove: put(out, b.remove(op.range)); return true;
    case OpCode::Reserve: put(out, b.reserve(op.range, op.nid, op.flags)); return true;
    case OpCode::Free: put(out, b.free(op.range)); return true;
    case OpCode::FreeVirt:
      // Pointers of backends are the physical addresses themselves; 0 is the null pointer.
      // NOLINTNEXTLINE(performance-no-int-to-ptr)
      put(out, b.free_virt(reinterpret_cast<const void*>(op.range.base.value), op.range.size()));
      return true;
    case OpCode::PhysmemAdd: put(out, b.physmem_add(op.range)); return true;
    case OpCode::MarkHotplug: put(out, b.mark_hotplug(op.range)); return true;
    case OpCode::ClearHotplug: put(out, b.clear_hotplug(op.range)); return true;
    case OpCode::MarkMirror: put(out, b.mark_mirror(op.range)); return true;
    case OpCode::MarkNomap: put(out, b.mark_nomap(op.range)); return true;
    case OpCode::ClearNomap: put(out, b.clear_nomap(op.range)); return true;
    case OpCode::MarkReservedNoinit: put(out, b.mark_reserved_noinit(op.range)); return true;
    case OpCode::SetNode: put(out, b.set_node(op.range, op.table, op.nid)); return true;
    default: return false;
  }
}

template <Backend B>
bool apply_allocation(B& b, const Op& op, Outcome& out) {
  switch (op.code) {
    case OpCode::Allocate: put(out, b.allocate(request_of(op))); return true;
    case OpCode::PhysAllocRange:
      put(out, b.phys_alloc_range(op.size, op.align, op.min, op.max));
      return true;
    case OpCode::PhysAlloc: put(out, b.phys_alloc(op.size, op.align)); return true;
    case OpCode::PhysAllocTryNid:
      put(out, b.phys_alloc_try_nid(op.size, op.align, op.nid));
      return true;
    case OpCode::Alloc: put(out, b.alloc(op.size, op.align)); return true;
    case OpCode::AllocRaw: put(out, b.alloc_raw(op.size, op.align)); return true;
    case OpCode::AllocFrom: put(out, b.alloc_from(op.size, op.align, op.min)); return true;
    case OpCode::AllocLow: put(out, b.alloc_low(op.size, op.align)); return true;
    case OpCode::AllocNode: put(out, b.alloc_node(op.size, op.align, op.nid)); return true;
    case OpCode::AllocTryNid:
      put(out, b.alloc_try_nid(op.size, op.align, op.min, op.max, op.nid));
      return true;
    case OpCode::AllocTryNidRaw:
      put(out, b.alloc_try_nid_raw(op.size, op.align, op.min, op.max, op.nid));
      return true;
    case OpCode::AllocExactNidRaw:
      put(out, b.alloc_exact_nid_raw(op.size, op.align, op.min, op.max, op.nid));
      return true;
    default: return false;
  }
}

template <Backend B>
bool apply_setting(B& b, const Op& op, Outcome& out) {
  switch (op.code) {
    case OpCode::SetBottomUp: b.set_bottom_up(op.on); return true;
    case OpCode::SetLimit: b.set_limit(op.min); return true;
    case OpCode::SetMovableNode: b.set_movable_node(op.on); return true;
    case OpCode::AllowResize: b.allow_resize(); return true;
    case OpCode::LateAllocatorUp: b.set_late_allocator_up(); return true;
    case OpCode::EnforceMemoryLimit: put(out, b.enforce_memory_limit(op.size)); return true;
    case OpCode::CapMemoryRange: put(out, b.cap_memory_range(op.range)); return true;
    case OpCode::MemLimitRemoveMap: put(out, b.mem_limit_remove_map(op.size)); return true;
    case OpCode::TrimMemory: b.trim_memory(op.align == 0 ? 1 : op.align); return true;
    default: return false;
  }
}

template <Backend B>
bool apply_query(B& b, const Op& op, Outcome& out) {
  switch (op.code) {
    case OpCode::SearchPfnNid: put(out, b.search_pfn_nid(op.size)); return true;
    case OpCode::BytesWithoutNode: put(out, b.bytes_without_node()); return true;
    case OpCode::ValidateNumaCoverage: put(out, b.validate_numa_coverage(op.size)); return true;
    case OpCode::PhysMemSize: put(out, b.phys_mem_size()); return true;
    case OpCode::ReservedSize: put(out, b.reserved_size()); return true;
    case OpCode::EstimatedFreePages: put(out, b.estimated_free_pages()); return true;
    case OpCode::StartOfDram: put(out, b.start_of_dram()); return true;
    case OpCode::EndOfDram: put(out, b.end_of_dram()); return true;
    case OpCode::IsMemory: put(out, b.is_memory(op.min)); return true;
    case OpCode::IsReserved: put(out, b.is_reserved(op.min)); return true;
    case OpCode::IsMapMemory: put(out, b.is_map_memory(op.min)); return true;
    case OpCode::IsRegionMemory: put(out, b.is_region_memory(op.range)); return true;
    case OpCode::IsRegionReserved: put(out, b.is_region_reserved(op.range)); return true;
    case OpCode::Overlaps: put(out, b.overlaps(op.table, op.range)); return true;
    case OpCode::HasMirror: put(out, b.has_mirror()); return true;
    default: return false;
  }
}

template <Backend B>
RegionView regions_of(const B& b, TableId table) {
  return table == TableId::Memory     ? RegionView{b.memory()}
         : table == TableId::Reserved ? RegionView{b.reserved()}
                                      : RegionView{b.physmem()};
}

template <Backend B>
bool apply_table(B& b, const Op& op, Outcome& out) {
  switch (op.code) {
    case OpCode::RegionPfns:
      for (const Region& region : regions_of(b, op.table)) {
        PfnRange pages =
            op.table == TableId::Reserved ? b.reserved_pfns(region) : b.memory_pfns(region);
        // Rounding a region without a whole page inwards turns its ends around.
        if (pages.last < pages.first) pages.last = pages.first;
        put(out, pages);
      }
      return true;
    case OpCode::Regions: put_list(out, regions_of(b, op.table)); return true;
    case OpCode::Count: put(out, uint64_t{b.table(op.table).count()}); return true;
    case OpCode::Capacity: put(out, uint64_t{b.table(op.table).capacity()}); return true;
    case OpCode::Gaps: put(out, uint64_t{b.table(op.table).gaps(op.range)}); return true;
    case OpCode::Isolate: put(out, b.isolate(op.table, op.range)); return true;
    default: return false;
  }
}

template <Backend B>
bool apply_walk(const B& b, const Op& op, Outcome& out) {
  const Direction direction = op.on ? Direction::Down : Direction::Up;
  switch (op.code) {
    case OpCode::MemRanges: put_walk<WalkedRange>(out, b.mem_ranges(direction)); return true;
    case OpCode::ReservedRanges:
      put_walk<WalkedRange>(out, b.reserved_ranges(direction));
      return true;
    case OpCode::FreeRanges:
      put_walk<WalkedRange>(out, b.free_ranges(op.nid, op.flags, direction, window_of(op)));
      return true;
    case OpCode::PhysmemRanges:
      // Physmem minus itself says nothing, so that spelling means: minus nothing.
      put_walk<WalkedRange>(
          out, op.table == TableId::Physmem ? b.physmem_ranges() : b.physmem_ranges(op.table));
      return true;
    case OpCode::MemPfns: put_walk<PfnRange>(out, b.mem_pfns(op.nid)); return true;
    case OpCode::FreePfnsInZone:
      put_walk<PfnRange>(
          out, b.free_pfns_in_zone(PfnRange{op.range.base.value, op.range.end.value, op.nid}));
      return true;
    default: return false;
  }
}

template <Backend B>
bool apply_handover(B& b, const Op& op, Outcome& out) {
  switch (op.code) {
    case OpCode::FreeAll: {
      Observed& observed = b.observed();
      const uint64_t max_pfn =
          op.size == 0 || op.size > kHandoverPfnsMax ? kHandoverPfnsMax : op.size;
      const uint64_t freed = b.free_all(recording_sink(observed), max_pfn);
      uint64_t reported = 0;
      for (size_t i = 0; i + 3 < observed.handover.size(); i += 4) {
        if (observed.handover[i] == 0) reported += uint64_t{1} << observed.handover[i + 2];
      }
      if (freed != reported) {
        out.lines.push_back("free_all() returned " + std::to_string(freed) + " pages, reported " +
                            std::to_string(reported));
      }
      return true;
    }
    case OpCode::FreeLate: put(out, b.free_late(op.range)); return true;
    case OpCode::Discard: b.discard(); return true;
    case OpCode::Dump: b.dump(); return true;
    case OpCode::ReserveMem: put(out, b.named().add(b, op.text)); return true;
    case OpCode::FindReserveMem: put(out, b.named().find(op.text)); return true;
    default: return false;
  }
}

/// `mem=...` or `memmap=...`, as the kernel's command line has it.
template <class Options>
Status apply_option(Options& options, std::string_view text) {
  constexpr std::string_view kMem = "mem=";
  constexpr std::string_view kMemmap = "memmap=";
  if (text.substr(0, kMem.size()) == kMem) return options.mem(text.substr(kMem.size()));
  if (text.substr(0, kMemmap.size()) == kMemmap) return options.memmap(text.substr(kMemmap.size()));
  return Status::Invalid;
}

template <Backend B>
bool apply_e820(B& b, const Op& op, Outcome& out) {
  auto& map = b.e820();
  switch (op.code) {
    case OpCode::E820Append: put(out, map.append(E820Entry{op.min, op.size, op.type})); return true;
    case OpCode::E820Update:
      put(out, map.update(op.min, op.size, op.type, op.new_type));
      return true;
    case OpCode::E820Remove: put(out, map.remove(op.min, op.size, op.type)); return true;
    case OpCode::E820MappedAny: put(out, map.mapped_any(op.range, op.type)); return true;
    case OpCode::E820MappedAll: put(out, map.mapped_all(op.range, op.type)); return true;
    case OpCode::E820TypeOf: put(out, map.type_of(op.range)); return true;
    case OpCode::E820Sanitize: put(out, map.sanitize()); return true;
    case OpCode::E820EndOfRam:
      put(out, map.end_of_ram_pfn(op.size == 0 ? ~uint64_t{0} : op.size, b.machine().page_shift));
      return true;
    case OpCode::E820EndOfLowRam: {
      const unsigned shift = b.machine().page_shift;
      put(out, map.end_of_ram_pfn(uint64_t{1} << (32 - shift), shift));
      return true;
    }
    case OpCode::E820SearchGap: put(out, map.search_gap()); return true;
    case OpCode::E820Entries: put_list(out, map.entries()); return true;
    default: return false;
  }
}

template <Backend B>
bool apply_boot(B& b, const Op& op, Outcome& out) {
  switch (op.code) {
    case OpCode::E820Option: put(out, apply_option(b.options(), op.text)); return true;
    case OpCode::E820FinishOptions: put(out, b.options().finish()); return true;
    case OpCode::E820Load: put(out, load_e820(b, b.e820())); return true;
    case OpCode::E820TrimBios: put(out, trim_bios_range(b.e820())); return true;
    case OpCode::E820AddKernelRange: put(out, add_kernel_range(b.e820(), op.range)); return true;
    case OpCode::EarlyReserve: put(out, early_reserve(b, layout_of(op))); return true;
    default: return false;
  }
}

}  // namespace detail

/// Calls what `op` says and reports in `out` what came of it. Printed lines are part of the outcome
/// where printing is what the op is for. Pages handed over are, whatever the op: they stand behind
/// the values that its kind of Answer names. The storage of `out` is used again, which is what
/// short traces on fresh backends would spend their time on otherwise.
template <Backend B>
void apply(B& backend, const Op& op, Outcome& out) {
  Observed& observed = backend.observed();
  observed.clear();
  out.clear();
  if constexpr (requires { backend.begin_op(); }) backend.begin_op();
  const bool known =
      detail::apply_registering(backend, op, out) || detail::apply_allocation(backend, op, out) ||
      detail::apply_query(backend, op, out) || detail::apply_table(backend, op, out) ||
      detail::apply_walk(backend, op, out) || detail::apply_setting(backend, op, out) ||
      detail::apply_handover(backend, op, out) || detail::apply_e820(backend, op, out) ||
      detail::apply_boot(backend, op, out);
  MEMBLOCK_ASSERT(known);
  out.warnings = observed.warnings;
  if (spec_of(op.code).answer == Answer::Lines || op.code == OpCode::ValidateNumaCoverage) {
    out.lines.insert(out.lines.end(), observed.lines.begin(), observed.lines.end());
  }
  out.values.insert(out.values.end(), observed.handover.begin(), observed.handover.end());
}

template <Backend B>
Outcome apply(B& backend, const Op& op) {
  Outcome out;
  apply(backend, op, out);
  return out;
}

/// Fills the firmware map, as a trace wants it before its first op. False if it does not fit, which
/// no valid trace asks for.
template <Backend B>
bool append_firmware_map(B& backend, const Trace& trace) {
  for (const E820Entry& entry : trace.e820) {
    if (backend.e820().append(entry) != Status::Ok) return false;
  }
  return true;
}

}  // namespace memblock::lab
