// A trace on a kernel tree and on a backend of ours, op by op: what differs, and whether that is
// known. Known divergences are in linux_known.cpp and, one file each, in corpora/divergences.
#pragma once

#include <map>

#include "lab/compare.h"
#include "lab/linux_backend.h"

namespace memblock::lab {

/// One backend after an op.
struct LinuxSide {
  Outcome answer;
  RegionView memory, reserved, physmem;
  uint64_t memory_bytes = 0, reserved_bytes = 0;
  size_t capacities[3] = {};
  std::vector<E820Entry> e820;
  std::vector<PhysRange> cleared;
};

/// What is not alike. More than one may be.
struct LinuxDifference {
  bool answer = false, tables = false, totals = false, capacities = false, map = false,
       cleared = false, warnings = false;
  std::string dead;           ///< What kernel code died of.
  std::string other_warning;  ///< A WARN that nothing of ours stands for.

  bool none() const {
    return !(answer || tables || totals || capacities || map || cleared || warnings) &&
           dead.empty() && other_warning.empty();
  }
};

/// Everything a known divergence is told by.
struct LinuxStep {
  const Op& op;
  const Limits& limits;
  const LinuxSide& ours;
  const LinuxSide& kernel;
  LinuxBackend& backend;  ///< The kernel's.
  const LinuxDifference& difference;
  /// The tables of both as they were before the op; equal.
  const std::vector<Region>& memory_before;
  const std::vector<Region>& reserved_before;
  const size_t (&capacities_before)[3];
  /// The kernel's E820 table before the op; ours is the same but for empty entries.
  const std::vector<E820Entry>& map_before;
};

/// `map` without entries of no bytes, which kernels leave where something was removed.
std::vector<E820Entry> without_empty(std::vector<E820Entry> map);

/// What to do after a known divergence.
enum class LinuxNext : uint8_t {
  GoOn,     ///< Nothing but the answer differed.
  Correct,  ///< The kernel's totals are put right, then on.
  Stop,     ///< The two boots have parted.
};

struct LinuxKnown {
  const char* name;  ///< Of the file in corpora/divergences, without .txt.
  bool (*shown)(const LinuxStep& step);
  LinuxNext next;
};

/// Those of arch/x86/kernel/e820.c: linux_known_e820.cpp.
std::span<const LinuxKnown> known_e820_divergences();
/// The first known divergence that explains `step`, or null.
const LinuxKnown* recognise(const LinuxStep& step);
/// Those of mm/memblock.c: linux_known.cpp.
std::span<const LinuxKnown> known_divergences();

/// What came of a trace.
struct LinuxComparison {
  std::optional<Divergence> unknown;
  std::map<std::string, uint64_t> known;  ///< How often each was met.
  uint64_t ops = 0;                       ///< Run on both.
  uint64_t skipped = 0;                   ///< The tree does not have what they call.
  bool supported = true;                  ///< False: the tree cannot run under these limits.
};

/// Whether two answers to the same op mean the same, after what linux_backend.h makes alike:
/// failed allocations have one reason in Linux, calls without a result none, pages that stay are
/// sets, and a page's node is not said by every tree.
bool same_answer(const Op& op, const Outcome& ours, const Outcome& kernel);

/// `grew`: whether a table of ours has grown.
LinuxDifference difference_of(const Op& op, const LinuxSide& ours, const LinuxSide& kernel,
                              const LinuxBackend& backend, bool grew);

template <class B>
LinuxSide side_of(B& backend, Outcome answer, bool with_map) {
  LinuxSide out;
  out.answer = std::move(answer);
  out.memory = backend.memory();
  out.reserved = backend.reserved();
  out.physmem = backend.physmem();
  out.memory_bytes = backend.phys_mem_size();
  out.reserved_bytes = backend.reserved_size();
  for (const TableId id : {TableId::Memory, TableId::Reserved, TableId::Physmem}) {
    out.capacities[static_cast<size_t>(id)] = backend.table(id).capacity();
  }
  if (with_map) {
    const auto& map = backend.e820().entries();
    out.e820.assign(map.begin(), map.end());
  }
  out.cleared.assign(backend.zeroed().begin(), backend.zeroed().end());
  backend.forget_zeroed();
  return out;
}

/// The report of an unknown divergence.
Divergence linux_divergence(const LinuxStep& step, size_t index, const char* ours,
                            const std::string& tree);

/// Replays `trace` on a fresh `Ours` and on a fresh boot of `tree`, until they part.
template <class Ours>
LinuxComparison compare_with_linux(LinuxTree& tree, const Trace& trace) {
  LinuxComparison out;
  if (!LinuxBackend::supports(tree, trace.limits)) {
    out.supported = false;
    return out;
  }
  Ours ours{trace.limits};
  LinuxSlot<0>::tree = &tree;
  LinuxSlot<0> kernel{trace.limits};
  const bool with_map = tree.object().e820 != nullptr;
  if (with_map) {
    for (const E820Entry& entry : trace.e820) {
      static_cast<void>(ours.e820().append(entry));
      static_cast<void>(kernel.e820().append(entry));
    }
  }
  std::vector<Region> memory_before, reserved_before;
  std::vector<E820Entry> map_before = kernel.e820().entries();
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    const Op& op = trace.steps[i].op;
    if (!kernel.supports(op)) {
      ++out.skipped;
      continue;
    }
    const RegionView memory = ours.memory(), reserved = ours.reserved();
    memory_before.assign(memory.begin(), memory.end());
    reserved_before.assign(reserved.begin(), reserved.end());
    size_t capacities[3] = {};
    for (const TableId id : {TableId::Memory, TableId::Reserved, TableId::Physmem}) {
      capacities[static_cast<size_t>(id)] = ours.table(id).capacity();
    }
    const LinuxSide a = side_of(ours, apply(ours, op), with_map);
    const LinuxSide b = side_of(kernel, apply(kernel, op), with_map);
    ++out.ops;
    // Made alike by the backend.
    if (kernel.panicked()) ++out.known["growth-panics"];
    if (kernel.saw_dummy()) ++out.known["sentinel-walk"];
    const LinuxDifference difference = difference_of(
        op, a, b, kernel, !std::equal(std::begin(capacities), std::end(capacities), a.capacities));
    // Growth of several tables at once may have put them elsewhere without any sign yet.
    size_t grown = 0;
    for (size_t t = 0; t < std::size(capacities); ++t) {
      grown += static_cast<size_t>(capacities[t] != b.capacities[t]);
    }
    if (difference.none() && grown < 2 && !kernel.arrays_met()) {
      map_before = b.e820;
      if (kernel.array_given_up()) return out;
      continue;
    }
    const LinuxStep step{
        op,         trace.limits, a, b, kernel, difference, memory_before, reserved_before,
        capacities, map_before};
    const LinuxKnown* known = recognise(step);
    if (known == nullptr && difference.none()) {
      map_before = b.e820;
      continue;
    }
    if (known == nullptr) {
      out.unknown = linux_divergence(step, i, Ours::name(), tree.name());
      return out;
    }
    ++out.known[known->name];
    if (known->next == LinuxNext::Stop || kernel.array_given_up()) return out;
    map_before = b.e820;
    if (known->next == LinuxNext::Correct) kernel.correct_totals();
  }
  return out;
}

}  // namespace memblock::lab
