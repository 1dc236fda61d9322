#include "lab/laws.h"

#include <algorithm>

#include "lab/codec.h"
#include "lab/core_backend.h"
#include "lab/text.h"

namespace memblock::lab {
namespace {

std::string broken_language_law(const Trace& trace) {
  const ParsedTrace parsed = parse_trace(to_text(trace));
  if (!parsed.ok()) return "text: a printed trace does not parse: " + parsed.errors[0].message;
  if (!(parsed.trace == trace)) return "text: a printed trace parses to another one";
  if (!(decode(encode(trace)) == bare(trace)))
    return "bytes: an encoded trace decodes to another one";
  return {};
}

/// Regions and capacities of the tables that calls change.
template <Backend Core>
struct Held {
  std::vector<Region> memory, reserved, physmem;
  size_t capacities = 0;

  explicit Held(const Core& core)
      : memory(core.memory().begin(), core.memory().end()),
        reserved(core.reserved().begin(), core.reserved().end()),
        physmem(core.physmem().begin(), core.physmem().end()),
        capacities(core.table(TableId::Memory).capacity() +
                   core.table(TableId::Reserved).capacity() +
                   core.table(TableId::Physmem).capacity()) {}

  friend bool operator==(const Held&, const Held&) = default;
};

/// One call to one table, so that all of it can be undone.
bool is_all_or_nothing(OpCode code) {
  return code <= OpCode::SetNode || (code >= OpCode::Allocate && code <= OpCode::AllocExactNidRaw);
}

template <class Walk>
std::vector<WalkedRange> all_of(Walk walk) {
  std::vector<WalkedRange> out;
  for (WalkedRange found; walk.next(found);) out.push_back(found);
  return out;
}

template <class Walk>
bool mirrored(const Walk& up, const Walk& down) {
  std::vector<WalkedRange> reversed = all_of(down);
  std::reverse(reversed.begin(), reversed.end());
  return all_of(up) == reversed;
}

/// Bytes of `range` that `regions` cover.
uint64_t covered(PhysRange range, RegionView regions) {
  uint64_t bytes = 0;
  for (const Region& region : regions) {
    const PhysAddr base = max(range.base, region.base);
    const PhysAddr end = min(range.end, region.end());
    if (base < end) bytes += end - base;
  }
  return bytes;
}

template <Backend Core>
std::string broken_table_law(const Core& core) {
  using enum Direction;
  if (!mirrored(core.mem_ranges(Up), core.mem_ranges(Down)) ||
      !mirrored(core.reserved_ranges(Up), core.reserved_ranges(Down)) ||
      !mirrored(core.free_ranges(kNoNode, kNoFlags, Up),
                core.free_ranges(kNoNode, kNoFlags, Down))) {
    return "mirror: a walk downwards is not the walk upwards in reverse";
  }
  const RegionFlags every = kHotplug | kNomap | kDriverManaged;
  uint64_t free = 0;
  for (const WalkedRange& found : all_of(core.free_ranges(kNoNode, every))) {
    free += found.range.size();
  }
  uint64_t taken = 0;
  for (const Region& region : core.memory()) taken += covered(region.range(), core.reserved());
  if (free + taken != core.phys_mem_size()) {
    return "complement: free ranges and reservations together are not the memory";
  }
  return {};
}

/// The complement takes time that grows with both tables.
constexpr size_t kRegionsMax = 256;

template <Backend Core>
std::string broken_core_law(const Trace& trace) {
  Core core{trace.limits};
  if (!append_firmware_map(core, trace)) return {};
  for (const Step& step : trace.steps) {
    const bool small = core.memory().size() + core.reserved().size() <= kRegionsMax;
    if (!small || !is_all_or_nothing(step.op.code)) {
      static_cast<void>(apply(core, step.op));
      continue;
    }
    const Held<Core> before{core};
    const Outcome outcome = apply(core, step.op);
    if (outcome.status == Status::Ok) continue;
    const Held<Core> after{core};
    if (after.capacities == before.capacities && !(after == before)) {
      return "failure: " + to_text(step.op) + " failed and changed regions";
    }
  }
  const bool small = core.memory().size() + core.reserved().size() <= kRegionsMax;
  return small ? broken_table_law(core) : std::string{};
}

}  // namespace

std::string broken_law(const Trace& trace) {
  std::string broken = broken_language_law(trace);
  if (broken.empty()) broken = broken_core_law<FlatBackend>(trace);
  return broken.empty() ? broken_core_law<SmallTreeBackend>(trace) : broken;
}

}  // namespace memblock::lab
