// Peers: general-purpose containers given memblock's job, behind one small interface. What a table
// of theirs must do is PeerTable; PeerSubject makes a memblock of two of them.
#pragma once

#include <algorithm>

#include "bench/subject.h"

namespace memblock::bench {

/// The verbs of a memblock lie behind a call; those of a container in a header would be built into
/// the loop that times them.
#define LAB_BENCH_CALL [[gnu::noinline]]

/// What regions carry besides their extent.
struct Kind {
  uint32_t flags = 0;
  int32_t nid = kUnsetNode.value;
  friend bool operator==(const Kind&, const Kind&) = default;
};

inline Kind kind_of(NodeId nid, RegionFlags flags) { return {flags.bits, nid.value}; }

/// A sorted set of disjoint ranges with a kind each, minimal: what touches differs in kind.
/// Cursors stand on a region or are done.
template <class T>
concept PeerTable = std::default_initializable<T> &&
    requires(T t, const T& c, uint64_t at, Kind kind) {
  t.insert(at, at, kind);  ///< Covers what is not covered yet.
  t.erase(at, at);
  t.change(at, at, [](Kind&) {});  ///< Changes the kind of what is there.
  { c.contains(at) } -> std::same_as<bool>;
  { c.overlaps(at, at) } -> std::same_as<bool>;
  { c.up(at).done() } -> std::same_as<bool>;        ///< From the first region that ends above `at`.
  { c.down(at).base() } -> std::same_as<uint64_t>;  ///< From the last that begins below `at`.
  { c.down(at).end() } -> std::same_as<uint64_t>;
  { c.down(at).kind() } -> std::same_as<Kind>;
  c.up(at).next();
};

template <PeerTable T>
class PeerSubject {
 public:
  static constexpr size_t kFirstBytes = sizeof(T);

  explicit PeerSubject(Capacity) {}

  LAB_BENCH_CALL Status add(PhysRange r, NodeId nid, RegionFlags flags) {
    return insert(memory_, r, nid, flags);
  }
  LAB_BENCH_CALL Status reserve(PhysRange r, NodeId nid, RegionFlags flags) {
    return insert(reserved_, r, nid, flags);
  }
  LAB_BENCH_CALL Status remove(PhysRange r) { return erase(memory_, r); }
  LAB_BENCH_CALL Status free(PhysRange r) { return erase(reserved_, r); }
  LAB_BENCH_CALL Status mark_hotplug(PhysRange r) { return mark(r, kHotplug, true); }
  LAB_BENCH_CALL Status clear_hotplug(PhysRange r) { return mark(r, kHotplug, false); }
  LAB_BENCH_CALL Status mark_mirror(PhysRange r) {
    has_mirror_ = true;
    return mark(r, kMirror, true);
  }
  LAB_BENCH_CALL Status mark_nomap(PhysRange r) { return mark(r, kNomap, true); }
  LAB_BENCH_CALL Status clear_nomap(PhysRange r) { return mark(r, kNomap, false); }
  LAB_BENCH_CALL Status set_node(PhysRange r, TableId table, NodeId nid) {
    (table == TableId::Memory ? memory_ : reserved_)
        .change(r.base.value, r.end.value, [nid](Kind& kind) { kind.nid = nid.value; });
    return Status::Ok;
  }

  void trim_memory(uint64_t align) {
    for (const Region& region : regions(TableId::Memory)) {
      const uint64_t base = align_up(region.base.value, align);
      const uint64_t end = align_down(region.end().value, align);
      if (base >= end) {
        memory_.erase(region.base.value, region.end().value);
        continue;
      }
      if (region.base.value < base) memory_.erase(region.base.value, base);
      if (end < region.end().value) memory_.erase(end, region.end().value);
    }
  }

  void set_bottom_up(bool on) { bottom_up_ = on; }
  void set_movable_node(bool on) { movable_node_ = on; }
  void set_limit(PhysAddr limit) { limit_ = limit.value; }

  LAB_BENCH_CALL Result<PhysAddr> allocate(const AllocRequest& r) {
    uint64_t found = 0;
    bool fits = try_allocate(r, r.min.value, found);
    if (!fits && r.retry_below_min && r.min.value != 0) fits = try_allocate(r, 0, found);
    if (!fits) return Status::NoFit;
    return PhysAddr{found};
  }

  LAB_BENCH_CALL bool is_reserved(PhysAddr a) const { return reserved_.contains(a.value); }
  LAB_BENCH_CALL bool is_memory(PhysAddr a) const { return memory_.contains(a.value); }
  LAB_BENCH_CALL bool is_region_reserved(PhysRange r) const {
    return reserved_.overlaps(r.base.value, r.end.value);
  }

  uint64_t sum_free(Direction direction) const {
    uint64_t sum = 0;
    walk(direction, [&](uint64_t base, uint64_t) { sum += base; });
    return sum;
  }

  std::vector<PhysRange> free_list(Direction direction) const {
    std::vector<PhysRange> list;
    walk(direction, [&](uint64_t base, uint64_t end) {
      list.push_back({PhysAddr{base}, PhysAddr{end}});
    });
    return list;
  }

  std::vector<Region> regions(TableId table) const {
    std::vector<Region> out;
    const T& all = table == TableId::Memory ? memory_ : reserved_;
    for (auto at = all.up(0); !at.done(); at.next()) {
      const Kind kind = at.kind();
      out.push_back(
          {PhysAddr{at.base()}, at.end() - at.base(), RegionFlags{kind.flags}, NodeId{kind.nid}});
    }
    return out;
  }

  void fill(TableId table, const std::vector<Region>& regions) {
    T& to = table == TableId::Memory ? memory_ : reserved_;
    if constexpr (requires { to.assign(regions); }) {
      to.assign(regions);
    } else {
      for (const Region& r : regions) {
        to.insert(r.base.value, r.end().value, kind_of(r.nid, r.flags));
      }
    }
  }

 private:
  static Status insert(T& table, PhysRange r, NodeId nid, RegionFlags flags) {
    if (!r.empty()) table.insert(r.base.value, r.end.value, kind_of(nid, flags));
    return Status::Ok;
  }
  static Status erase(T& table, PhysRange r) {
    if (!r.empty()) table.erase(r.base.value, r.end.value);
    return Status::Ok;
  }
  Status mark(PhysRange r, RegionFlags flag, bool on) {
    memory_.change(r.base.value, r.end.value, [flag, on](Kind& kind) {
      kind.flags = on ? kind.flags | flag.bits : kind.flags & ~flag.bits;
    });
    return Status::Ok;
  }

  template <class Visit>
  void walk(Direction direction, Visit&& visit) const {
    const auto all = [&](uint64_t base, uint64_t end) {
      visit(base, end);
      return false;
    };
    if (direction == Direction::Up) {
      free_up(0, kPhysAddrMax.value, {}, all);
    } else {
      free_down(0, kPhysAddrMax.value, {}, all);
    }
  }

  /// Which memory is looked at.
  struct Wanted {
    NodeId nid = kNoNode;
    bool mirrored = false;
  };

  bool skips(const Kind& kind, Wanted wanted) const {
    if (is_node(wanted.nid) && kind.nid != wanted.nid.value) return true;
    if (wanted.mirrored && (kind.flags & kMirror.bits) == 0) return true;
    if ((kind.flags & kHotplug.bits) != 0 && movable_node_) return true;
    return (kind.flags & (kNomap.bits | kDriverManaged.bits)) != 0;
  }

  /// Free ranges in [low, high) until `stop(base, end)` says so; true then.
  template <class Stop>
  bool free_up(uint64_t low, uint64_t high, Wanted wanted, Stop&& stop) const {
    auto taken = reserved_.up(low);
    for (auto memory = memory_.up(low); !memory.done() && memory.base() < high; memory.next()) {
      if (skips(memory.kind(), wanted)) continue;
      uint64_t at = std::max(low, memory.base());
      const uint64_t end = std::min(high, memory.end());
      while (at < end) {
        while (!taken.done() && taken.end() <= at) taken.next();
        const uint64_t until = taken.done() ? end : std::min(end, taken.base());
        if (at < until && stop(at, until)) return true;
        if (until == end) break;
        at = taken.end();
      }
    }
    return false;
  }

  template <class Stop>
  bool free_down(uint64_t low, uint64_t high, Wanted wanted, Stop&& stop) const {
    auto taken = reserved_.down(high);
    for (auto memory = memory_.down(high); !memory.done() && memory.end() > low; memory.next()) {
      if (skips(memory.kind(), wanted)) continue;
      const uint64_t base = std::max(low, memory.base());
      uint64_t at = std::min(high, memory.end());
      while (base < at) {
        while (!taken.done() && taken.base() >= at) taken.next();
        const uint64_t from = taken.done() ? base : std::max(base, taken.end());
        if (from < at && stop(from, at)) return true;
        if (from == base) break;
        at = taken.base();
      }
    }
    return false;
  }

  bool find(uint64_t low, uint64_t high, const AllocRequest& r, Wanted wanted,
            uint64_t& found) const {
    if (bottom_up_) {
      return free_up(low, high, wanted, [&](uint64_t base, uint64_t end) {
        found = align_up(base, r.align);
        return found >= base && found < end && end - found >= r.size;
      });
    }
    return free_down(low, high, wanted, [&](uint64_t base, uint64_t end) {
      if (end - base < r.size) return false;
      found = align_down(end - r.size, r.align);
      return found >= base;
    });
  }

  bool try_allocate(const AllocRequest& r, uint64_t min, uint64_t& found) {
    uint64_t high = r.max.value;
    if (r.within_limit) high = std::min(high, limit_);
    if (high <= kUpToLimitNoLeakTrace.value) high = limit_;
    const uint64_t low = std::max<uint64_t>(min, 4096);
    if (high <= low) return false;
    const auto find_on_nodes = [&](bool mirrored) {
      if (find(low, high, r, {r.nid, mirrored}, found)) return true;
      return is_node(r.nid) && !r.exact_nid && find(low, high, r, {kNoNode, mirrored}, found);
    };
    const bool fits = (has_mirror_ && find_on_nodes(true)) || find_on_nodes(false);
    if (fits) reserved_.insert(found, found + r.size, Kind{});
    return fits;
  }

  T memory_;
  T reserved_;
  uint64_t limit_ = kPhysAddrMax.value;
  bool bottom_up_ = false;
  bool movable_node_ = false;
  bool has_mirror_ = false;
};

}  // namespace memblock::bench
