// The memblock of a kernel tree as a subject: its own file, compiled with -O2, called through the
// table that the tree's shared object offers. A kernel's state is global, so that only one subject
// of a tree lives at a time; each begins by resetting it.
#include <new>

#include "bench/make_job.h"
#include "bench/memory_use.h"
#include "lab/linux_tree.h"

namespace memblock::bench {
namespace {

LinuxHost silent_host() {
  LinuxHost host{};
  host.memory_at = [](void*, uint64_t, uint64_t) -> void* { return nullptr; };
  host.address_of = [](void*, const void* pointer) { return reinterpret_cast<uint64_t>(pointer); };
  host.served_late = [](void*) {};
  host.zeroed = [](void*, uint64_t, uint64_t) {};
  host.print = [](void*, const char*, size_t) {};
  host.warn = [](void*, const char*) {};
  return host;
}

constexpr LinuxTable linux_table(TableId id) {
  return id == TableId::Memory ? kLinuxMemory : kLinuxReserved;
}

template <size_t kSlot>
class LinuxSubject {
 public:
  static constexpr size_t kFirstBytes = Capacity{}.reserved * sizeof(Region);
  static inline std::unique_ptr<lab::LinuxTree> tree;

  explicit LinuxSubject(Capacity capacity) : o_(tree->object()) {
    host_.context = this;
    host_.late_alloc = [](void* self, size_t bytes) {
      void* const array = operator new(bytes);
      static_cast<LinuxSubject*>(self)->grown_.push_back(array);
      return array;
    };
    host_.late_free = [](void* self, void* pointer) {
      std::erase(static_cast<LinuxSubject*>(self)->grown_, pointer);
      operator delete(pointer);
    };
    host_.free_pages = [](void* self, uint64_t pfn, unsigned order) {
      const PageSink& to = static_cast<LinuxSubject*>(self)->sink_;
      to.free_pages(to.context, pfn, order);
    };
    host_.keep_pages = [](void* self, uint64_t base, uint64_t end, int nid) {
      const PageSink& to = static_cast<LinuxSubject*>(self)->sink_;
      to.keep_pages(to.context, {base >> 12, (end + 4095) >> 12, NodeId{nid}});
    };
    o_.reset(&host_, capacity.memory, capacity.reserved, 4, 12);
    o_.allow_resize();
    o_.set_slab_up(true, false);  // For growth only.
  }
  LinuxSubject(const LinuxSubject&) = delete;
  LinuxSubject& operator=(const LinuxSubject&) = delete;
  ~LinuxSubject() {
    for (void* array : grown_) operator delete(array);
  }

  Status add(PhysRange r, NodeId nid, RegionFlags flags) {
    return status(o_.add(r.base.value, r.size(), nid.value, flags.bits));
  }
  Status remove(PhysRange r) { return status(o_.remove(r.base.value, r.size())); }
  Status reserve(PhysRange r, NodeId nid, RegionFlags flags) {
    return status(o_.reserve(r.base.value, r.size(), nid.value, flags.bits));
  }
  Status free(PhysRange r) { return status(o_.phys_free(r.base.value, r.size())); }
  Status mark_hotplug(PhysRange r) { return status(o_.mark_hotplug(r.base.value, r.size())); }
  Status clear_hotplug(PhysRange r) { return status(o_.clear_hotplug(r.base.value, r.size())); }
  Status mark_mirror(PhysRange r) { return status(o_.mark_mirror(r.base.value, r.size())); }
  Status mark_nomap(PhysRange r) { return status(o_.mark_nomap(r.base.value, r.size())); }
  Status clear_nomap(PhysRange r) { return status(o_.clear_nomap(r.base.value, r.size())); }
  Status set_node(PhysRange r, TableId table, NodeId nid) {
    return status(o_.set_node(r.base.value, r.size(), linux_table(table), nid.value));
  }
  void trim_memory(uint64_t align) { o_.trim_memory(align); }
  void set_bottom_up(bool on) { o_.set_bottom_up(on); }
  void set_movable_node(bool on) { o_.set_movable_node(on); }
  void set_limit(PhysAddr limit) { o_.set_limit(limit.value); }

  Result<PhysAddr> allocate(const AllocRequest& r) {
    const auto call =
        r.within_limit && o_.alloc_internal != nullptr ? o_.alloc_internal : o_.alloc_range_nid;
    const uint64_t got = call(r.size, r.align, r.min.value, r.max.value, r.nid.value, r.exact_nid);
    if (got == 0) return Status::NoFit;
    // Some trees answer with the pointer; memory is mapped one to one here.
    return PhysAddr{got};
  }

  bool is_reserved(PhysAddr a) const { return o_.is_reserved(a.value); }
  bool is_region_reserved(PhysRange r) const {
    return o_.is_region_reserved(r.base.value, r.size());
  }
  bool is_memory(PhysAddr a) const { return o_.is_memory(a.value); }

  uint64_t sum_free(Direction direction) const { return o_.sum_free(direction == Direction::Down); }

  std::vector<PhysRange> free_list(Direction direction) const {
    std::vector<PhysRange> list;
    o_.walk_free(
        direction == Direction::Down, kNoNode.value, 0,
        [](void* to, uint64_t first, uint64_t last, int) {
          static_cast<std::vector<PhysRange>*>(to)->push_back({PhysAddr{first}, PhysAddr{last}});
        },
        &list, ~uint64_t{0});
    return list;
  }

  std::vector<Region> regions(TableId table) const {
    uint64_t count = 0, capacity = 0, total = 0;
    const LinuxRegion* all = o_.regions(linux_table(table), &count, &capacity, &total);
    static_assert(sizeof(LinuxRegion) == sizeof(Region));
    if (count == 1 && all->size == 0) count = 0;  // The entry of an empty table.
    const auto* const begin = reinterpret_cast<const Region*>(all);
    return {begin, begin + count};
  }

  /// Written into the array at once: building a large table by calls takes minutes.
  void fill(TableId table, std::vector<Region> regions) {
    std::sort(regions.begin(), regions.end(),
              [](const Region& a, const Region& b) { return a.base < b.base; });
    uint64_t total = 0;
    for (const Region& region : regions) total += region.size;
    o_.restore(linux_table(table), reinterpret_cast<const LinuxRegion*>(regions.data()),
               regions.size(), total);
  }

  uint64_t free_all(const PageSink& sink) {
    sink_ = sink;
    return o_.free_all(~uint64_t{0});
  }

 private:
  static Status status(int result) { return result == 0 ? Status::Ok : Status::TableFull; }

  const LinuxObject& o_;
  LinuxHost host_ = silent_host();
  PageSink sink_;
  std::vector<void*> grown_;  ///< Arrays that late_alloc gave.
};

/// What the last doubling on the way to `regions` leaves and needs; the way there would take
/// minutes.
template <Subject S>
MemoryUse memory_of_last_growth(size_t regions) {
  constexpr uint64_t kFirst = S::kFirstBytes;
  if (regions <= Capacity{}.reserved) return {kFirst, kFirst};
  const size_t before = grown_capacity(regions) / 2;
  S subject{Capacity{128, before}};
  const std::vector<Region> all = all_slots(before + 1);
  subject.fill(TableId::Reserved, {all.begin(), all.end() - 1});
  const HeapCount heap;
  use(subject.reserve(all.back().range(), kUnsetNode, kNoFlags));
  const uint64_t old = before > Capacity{}.reserved ? before * sizeof(Region) : 0;
  return {kFirst + heap.live(), kFirst + old + heap.peak()};
}

template <size_t kSlot>
Candidate in_slot(std::unique_ptr<lab::LinuxTree> tree) {
  using S = LinuxSubject<kSlot>;
  static_assert(Subject<S>);
  S::tree = std::move(tree);
  return {S::tree->name(), Role::Linux, make_job<S>, memory_of_last_growth<S>};
}

}  // namespace

Candidate linux_candidate(size_t slot, const std::string& tree, const std::string& root,
                          std::string& problem) {
  lab::LinuxBuild build;
  build.tree = tree;
  build.flavour = "timing";
  build.root = root;
  const lab::LinuxBuilt built = lab::build_linux(build);
  problem = built.problem;
  std::unique_ptr<lab::LinuxTree> loaded;
  if (problem.empty()) loaded = lab::LinuxTree::load(built.object, problem);
  if (loaded == nullptr) return {};
  switch (slot) {
    case 0: return in_slot<0>(std::move(loaded));
    case 1: return in_slot<1>(std::move(loaded));
    case 2: return in_slot<2>(std::move(loaded));
    default: return in_slot<3>(std::move(loaded));
  }
}

}  // namespace memblock::bench
