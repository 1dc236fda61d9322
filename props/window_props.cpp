// Laws of memblock on real bytes: a no-reserve mapping stands for physical memory, so that growth
// and zeroing touch what they say they touch. And what a handover must account for.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "memblock/memblock.h"
#include "props/cases.h"
#include "props/rc.h"
#include "props/table_under_law.h"

namespace memblock::lab {
namespace {

constexpr uint64_t kPage = 4096;
constexpr PhysRange kWindow{PhysAddr{0x100000}, PhysAddr{0x100000 + (uint64_t{8} << 20)}};

uint64_t pick(uint64_t below) { return RcChoices{}.below(below); }

/// Bytes for every address of kWindow, none for others; dirty from the start.
class Window {
 public:
  Window()
      : bytes_(static_cast<uint8_t*>(mmap(nullptr, kWindow.size(), PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (bytes_ == MAP_FAILED) std::abort();
  }
  ~Window() { munmap(bytes_, kWindow.size()); }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  uint8_t* at(PhysRange range) const {
    return kWindow.contains(range) ? bytes_ + (range.base - kWindow.base) : nullptr;
  }
  PhysAddr address_of(const void* pointer) const {
    return kWindow.base + static_cast<uint64_t>(static_cast<const uint8_t*>(pointer) - bytes_);
  }
  bool holds(const void* pointer) const {
    const auto* byte = static_cast<const uint8_t*>(pointer);
    return bytes_ <= byte && byte < bytes_ + kWindow.size();
  }

 private:
  uint8_t* bytes_;
};

/// A machine whose memory is the window, and whose allocations are remembered and written to.
class WindowMachine {
 public:
  WindowMachine(size_t memory, size_t reserved)
      : memory_(memory), reserved_(reserved), memblock({memory_, reserved_, {}}, platform()) {}

  Platform platform() {
    Platform out;
    out.context = &window_;
    out.phys_to_virt = [](void* window, PhysRange range) {
      return static_cast<void*>(static_cast<Window*>(window)->at(range));
    };
    out.virt_to_phys = [](void* window, const void* pointer) {
      return static_cast<Window*>(window)->address_of(pointer);
    };
    return out;
  }

  /// Where the storage of grown tables lies.
  std::vector<PhysRange> table_places() const {
    std::vector<PhysRange> out;
    for (const TableId id : {TableId::Memory, TableId::Reserved}) {
      memblock.table(id).each_block([&out](const Block& block) { out.push_back(block.place); });
    }
    return out;
  }

  /// Writes a pattern of its own into an allocation and remembers it.
  void own(PhysRange range) {
    std::memset(window_.at(range), pattern_of(range), range.size());
    owned_.emplace(range.base.value, range);
  }

  /// Writes into memory that nobody owns, so that what is allocated next is dirty.
  void soil(PhysRange range) { std::memset(window_.at(range), 0xa5, range.size()); }

  bool is_zero(PhysRange range) const {
    const uint8_t* bytes = window_.at(range);
    return std::all_of(bytes, bytes + range.size(), [](uint8_t byte) { return byte == 0; });
  }

  PhysRange disown(size_t index) {
    const auto found = std::next(owned_.begin(), static_cast<ptrdiff_t>(index));
    const PhysRange range = found->second;
    owned_.erase(found);
    return range;
  }
  size_t owned_count() const { return owned_.size(); }
  void* pointer_to(PhysRange range) const { return window_.at(range); }

  /// Every allocation holds what was written to it, and nothing lies on anything else.
  void expect_all_intact() const {
    std::vector<PhysRange> taken;
    for (const auto& [base, range] : owned_) {
      const uint8_t* bytes = window_.at(range);
      const uint8_t pattern = pattern_of(range);
      RC_ASSERT(
          std::all_of(bytes, bytes + range.size(), [=](uint8_t byte) { return byte == pattern; }));
      taken.push_back(range);
    }
    for (const PhysRange place : table_places()) taken.push_back(place);
    std::sort(taken.begin(), taken.end(), [](PhysRange a, PhysRange b) { return a.base < b.base; });
    uint64_t bytes = 0;
    for (size_t i = 0; i < taken.size(); ++i) {
      if (i != 0) RC_ASSERT(taken[i - 1].end <= taken[i].base);
      bytes += taken[i].size();
      RC_ASSERT(memblock.table(TableId::Reserved).gaps(taken[i]) == 0u);
    }
    // Neither leaked nor lost: reserved is what is owned and where the tables live.
    RC_ASSERT(memblock.reserved_size() == bytes);
    RC_ASSERT(memblock.is_valid());
  }

 private:
  static uint8_t pattern_of(PhysRange range) {
    return static_cast<uint8_t>(1 + (range.base.value >> 6) % 251);
  }

  Window window_;
  std::vector<Region> memory_;
  std::vector<Region> reserved_;
  std::map<uint64_t, PhysRange> owned_;

 public:
  LawMemblock memblock;
};

/// One allocation, reservation or free, chosen so that the reserved table fragments and fills.
void random_step(WindowMachine& machine) {
  LawMemblock& m = machine.memblock;
  const uint64_t kind = pick(10);
  if (kind < 3 && machine.owned_count() != 0) {
    const PhysRange range = machine.disown(pick(machine.owned_count()));
    machine.soil(range);
    const Status status =
        pick(2) == 0 ? m.free(range) : m.free_virt(machine.pointer_to(range), range.size());
    // A full table may refuse; then it is still there.
    if (status != Status::Ok) machine.own(range);
    return;
  }
  if (kind < 5) {
    const PhysRange range = PhysRange::from_size(kWindow.base + pick(2000) * kPage, 2 * kPage);
    if (m.is_region_reserved(range)) return;
    const bool done = m.reserve(range) == Status::Ok;
    // Growth may have moved a table, but never onto the range it made room for.
    if (done) machine.own(range);
    return;
  }
  const uint64_t size = 1 + pick(3 * kPage);
  const bool zeroed = pick(2) != 0;
  AllocRequest request{.size = size, .align = uint64_t{1} << pick(14)};
  if (pick(3) == 0) request.min = kWindow.base + pick(2000) * kPage;
  request.zero = zeroed;
  const auto place = m.allocate(request);
  if (!place.ok()) return;
  const PhysRange range = PhysRange::from_size(place.value(), size);
  if (zeroed) RC_ASSERT(machine.is_zero(range));
  machine.own(range);
}

bool window_laws() {
  return holds("real bytes: allocations survive growth, zeroed is zero, nothing leaks", [] {
    WindowMachine machine{1 + pick(6), 1 + pick(8)};
    LawMemblock& m = machine.memblock;
    m.allow_resize();
    m.set_bottom_up(pick(3) == 0);
    if (m.add(kWindow) != Status::Ok) RC_FAIL("one region always fits");
    for (uint64_t i = 0; i < 30; ++i) {
      machine.soil(PhysRange::from_size(kWindow.base + pick(2000) * kPage, kPage));
    }
    for (uint64_t i = pick(60); i-- > 0;) {
      random_step(machine);
      if (pick(8) == 0) {
        // Split memory, so that its table grows too: growth that moves both tables.
        const PhysRange hole = PhysRange::from_size(kWindow.base + pick(2000) * kPage, kPage);
        if (!m.is_region_reserved(hole)) static_cast<void>(m.mark_hotplug(hole));
      }
      machine.expect_all_intact();
    }
  });
}

// ---- Allocation: I10 and I11

/// A machine with nodes, flags and holes, on which tables do not grow.
Trace pick_state() {
  RcChoices choices;
  OpMix mix = OpMix::memblock_only();
  mix.small_tables = false;
  mix[OpCode::AllowResize] = mix[OpCode::FreeAll] = mix[OpCode::Discard] = 0;
  return gen_trace(choices, swarm(choices, mix));
}

template <class M>
AllocRequest pick_request(const M& m) {
  const uint64_t page = m.machine().page_size();
  AllocRequest out{.size = 1 + pick(4 * page), .align = uint64_t{1} << pick(20)};
  if (pick(2) == 0) out.min = PhysAddr{pick(64) * page};
  if (pick(2) == 0) out.max = out.min + (1 + pick(64)) * page;
  out.nid = NodeId{static_cast<int32_t>(pick(4)) - 1};
  out.exact_nid = pick(2) != 0;
  out.within_limit = pick(2) != 0;
  out.retry_below_min = pick(2) != 0;
  return out;
}

/// Free ranges that a request may use at all, whatever it would rather have.
template <class M>
std::vector<WalkedRange> eligible(const M& m, const AllocRequest& request) {
  PhysAddr end = request.max <= kUpToLimitNoLeakTrace ? m.limit() : request.max;
  if (request.within_limit) end = min(end, m.limit());
  const PhysAddr wanted = request.retry_below_min ? PhysAddr{0} : request.min;
  const PhysAddr start = max(wanted, PhysAddr{m.machine().page_size()});
  const PhysRange window{start, max(start, end)};
  auto walk =
      m.free_ranges(request.exact_nid ? request.nid : kNoNode, kNoFlags, Direction::Up, window);
  std::vector<WalkedRange> out;
  for (WalkedRange free; walk.next(free);) out.push_back(free);
  return out;
}

bool fits(PhysRange free, const AllocRequest& request) {
  const uint64_t first = align_up(free.base.value, request.align);
  return first >= free.base.value && first < free.end.value &&
         request.size <= free.end.value - first;
}

bool allocation_laws() {
  bool ok = true;
  ok &=
      holds("allocate: aligned, in one eligible free range, reserved afterwards, never page 0", [] {
        const Trace trace = pick_state();
        LawBackend core{trace.limits};
        for (const Step& step : trace.steps) static_cast<void>(apply(core, step.op));
        for (int i = 0; i < 8; ++i) {
          const AllocRequest request = pick_request(core);
          const std::vector<WalkedRange> free = eligible(core, request);
          const uint64_t taken_before = core.reserved_size();
          const auto place = core.allocate(request);
          if (!place.ok()) {
            RC_ASSERT(place.status() == Status::NoFit || place.status() == Status::TableFull);
            if (place.status() == Status::TableFull) continue;
            // Complete: nothing that would have done was overlooked.
            RC_ASSERT(std::none_of(free.begin(), free.end(),
                                   [&](const WalkedRange& r) { return fits(r.range, request); }));
            continue;
          }
          const PhysRange got = PhysRange::from_size(place.value(), request.size);
          RC_ASSERT(got.base.value % request.align == 0u);
          RC_ASSERT(got.base.value >= core.machine().page_size());
          RC_ASSERT(std::any_of(free.begin(), free.end(),
                                [&](const WalkedRange& r) { return r.range.contains(got); }));
          RC_ASSERT(core.table(TableId::Reserved).gaps(got) == 0u);
          RC_ASSERT(core.reserved_size() == taken_before + request.size);
        }
      });
  ok &= holds("allocate: the wished-for node is given whenever it has room", [] {
    const Trace trace = pick_state();
    LawBackend core{trace.limits};
    for (const Step& step : trace.steps) static_cast<void>(apply(core, step.op));
    RC_PRE(!core.has_mirror());
    AllocRequest request = pick_request(core);
    request.nid = NodeId{static_cast<int32_t>(pick(3))};
    request.retry_below_min = false;
    request.exact_nid = true;
    const std::vector<WalkedRange> on_node = eligible(core, request);
    const bool has_room = std::any_of(on_node.begin(), on_node.end(),
                                      [&](const WalkedRange& r) { return fits(r.range, request); });
    request.exact_nid = false;
    const auto place = core.allocate(request);
    RC_ASSERT(!has_room || place.ok());
    if (!has_room) return;
    RC_ASSERT(std::any_of(on_node.begin(), on_node.end(), [&](const WalkedRange& r) {
      return r.range.contains(PhysRange::from_size(place.value(), request.size));
    }));
  });
  return ok;
}

// ---- Handover

/// What happened to each page of the first kPages.
struct Ledger {
  static constexpr uint64_t kPages = 3000;
  std::vector<int> freed = std::vector<int>(kPages);
  std::vector<int> kept = std::vector<int>(kPages);
  uint64_t largest_order = 0;
  bool aligned = true;
};

PageSink sink_into(Ledger& ledger) {
  PageSink sink;
  sink.context = &ledger;
  sink.free_pages = [](void* context, uint64_t pfn, unsigned order) {
    auto& out = *static_cast<Ledger*>(context);
    out.aligned &= pfn % (uint64_t{1} << order) == 0;
    out.largest_order = std::max<uint64_t>(out.largest_order, order);
    for (uint64_t i = 0; i < uint64_t{1} << order; ++i) ++out.freed.at(pfn + i);
  };
  sink.keep_pages = [](void* context, const PfnRange& pages) {
    auto& out = *static_cast<Ledger*>(context);
    for (uint64_t pfn = pages.first; pfn < pages.last; ++pfn) ++out.kept.at(pfn);
  };
  return sink;
}

/// Memory and reservations below kPages, whole pages only if `whole`.
void fill(LawBackend& core, bool whole) {
  const auto range = [&] {
    const uint64_t first = pick(Ledger::kPages - 1100) * kPage;
    const uint64_t pages = pick(3) == 0 ? pick(1100) : pick(8);
    return PhysRange{PhysAddr{first + (whole ? 0 : pick(kPage))},
                     PhysAddr{first + (pages + 1) * kPage + (whole ? 0 : pick(kPage))}};
  };
  for (uint64_t i = pick(6); i-- > 0;) {
    RC_ASSERT(core.add(range(), NodeId{static_cast<int32_t>(pick(3))}) == Status::Ok);
  }
  for (uint64_t i = pick(10); i-- > 0;) RC_ASSERT(core.reserve(range()) == Status::Ok);
  for (uint64_t i = pick(3); i-- > 0;) RC_ASSERT(core.mark_nomap(range()) == Status::Ok);
  for (uint64_t i = pick(3); i-- > 0;) RC_ASSERT(core.mark_hotplug(range()) == Status::Ok);
  core.set_movable_node(pick(2) != 0);
}

/// Whether one free stretch of one memory region holds all of the page.
template <class M>
bool is_wholly_free(const M& m, uint64_t pfn) {
  const PhysRange page = PhysRange::from_size(PhysAddr{pfn * kPage}, kPage);
  return m.is_region_memory(page) && m.is_map_memory(page.base) && !m.is_region_reserved(page);
}

template <class M>
bool touches_kept(const M& m, uint64_t pfn) {
  const PhysRange page = PhysRange::from_size(PhysAddr{pfn * kPage}, kPage);
  if (m.is_region_reserved(page)) return true;
  return std::any_of(m.memory().begin(), m.memory().end(), [&](const Region& region) {
    return region.flags.has(kNomap) && region.range().overlaps(page);
  });
}

bool handover_laws() {
  bool ok = true;
  ok &= holds("free_all: a page is freed once if all of it is free, else kept if any of it is", [] {
    LawBackend core{Limits{}};
    fill(core, false);
    const uint64_t max_pfn = pick(3) == 0 ? pick(Ledger::kPages) : ~uint64_t{0};
    Ledger ledger;
    const uint64_t freed = core.free_all(sink_into(ledger), max_pfn);
    uint64_t counted = 0;
    for (uint64_t pfn = 0; pfn < Ledger::kPages; ++pfn) {
      const bool is_free = is_wholly_free(core, pfn) && pfn < max_pfn;
      RC_ASSERT(ledger.freed[pfn] == (is_free ? 1 : 0));
      RC_ASSERT((ledger.kept[pfn] != 0) == touches_kept(core, pfn));
      counted += is_free ? 1 : 0;
    }
    RC_ASSERT(freed == counted);
    RC_ASSERT(ledger.aligned);
    RC_ASSERT(ledger.largest_order <= kOrderMax);
  });
  ok &= holds("free_all: with whole pages, pages freed and pages kept are all of memory", [] {
    LawBackend core{Limits{}};
    fill(core, true);
    Ledger ledger;
    const uint64_t freed = core.free_all(sink_into(ledger));
    uint64_t kept_in_memory = 0;
    for (uint64_t pfn = 0; pfn < Ledger::kPages; ++pfn) {
      if (ledger.kept[pfn] != 0 && core.is_memory(PhysAddr{pfn * kPage})) ++kept_in_memory;
    }
    RC_ASSERT(freed + kept_in_memory == core.phys_mem_size() / kPage);
  });
  ok &= holds("free_all: happens once, and then allocating is refused", [] {
    LawBackend core{Limits{}};
    fill(core, true);
    Ledger ledger;
    static_cast<void>(core.free_all(sink_into(ledger)));
    Ledger second;
    RC_ASSERT(core.free_all(sink_into(second)) == 0u);
    RC_ASSERT(std::all_of(second.freed.begin(), second.freed.end(), [](int n) { return n == 0; }));
    RC_ASSERT(core.phys_alloc(kPage, kPage).status() == Status::AfterHandover);
    // Hot-plugging memory goes on.
    const PhysRange plugged = PhysRange::from_size(PhysAddr{uint64_t{1} << 40}, kPage);
    RC_ASSERT(core.add(plugged, NodeId{1}) == Status::Ok);
    RC_ASSERT(core.is_memory(plugged.base));
    RC_ASSERT(core.remove(plugged) == Status::Ok);
    RC_ASSERT(!core.is_memory(plugged.base));
  });
  return ok;
}

}  // namespace
}  // namespace memblock::lab

int main() {
  using namespace memblock::lab;
  set_cases(400);
  bool ok = window_laws();
  ok &= allocation_laws();
  ok &= handover_laws();
  return ok ? 0 : 1;
}
