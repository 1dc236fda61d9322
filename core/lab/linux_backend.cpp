// The kernel's calls as the backend's verbs: registering, flags, queries, walks, limits, handover.
#include "lab/linux_backend.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace memblock::lab {
namespace {

constexpr LinuxTable linux_table(TableId id) {
  return id == TableId::Memory     ? kLinuxMemory
         : id == TableId::Reserved ? kLinuxReserved
                                   : kLinuxPhysmem;
}

constexpr TableId kTables[] = {TableId::Memory, TableId::Reserved, TableId::Physmem};

bool says(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

}  // namespace

size_t LinuxTableView::gaps(PhysRange range) const {
  size_t pieces = 0;
  PhysAddr reached = range.base;
  for (const Region& region : regions_) {
    if (region.end() <= reached || range.end <= region.base) continue;
    pieces += static_cast<size_t>(reached < region.base);
    reached = region.end();
  }
  return pieces + static_cast<size_t>(reached < range.end);
}

LinuxBackend::LinuxBackend(LinuxTree& tree, const Limits& limits)
    : tree_(tree), object_(tree.object()), map_(object_.e820, limits.e820) {
  machine_.page_shift = limits.page_shift;
  const LinuxHost to = host();
  object_.reset(&to, limits.memory, limits.reserved, limits.physmem, limits.page_shift);
  object_.set_slab_up(false, false);
}

LinuxBackend::~LinuxBackend() {
  for (const Block& block : blocks_) std::free(block.memory);
  for (void* block : late_blocks_) std::free(block);
}

LinuxHost LinuxBackend::host() {
  LinuxHost out{};
  out.context = this;
  out.memory_at = [](void* context, uint64_t address, uint64_t bytes) {
    return static_cast<LinuxBackend*>(context)->memory_at(address, bytes);
  };
  out.address_of = [](void* context, const void* pointer) {
    return static_cast<LinuxBackend*>(context)->address_of(pointer);
  };
  out.late_alloc = [](void* context, size_t bytes) {
    return static_cast<LinuxBackend*>(context)->late_alloc(bytes);
  };
  out.late_free = [](void* context, void* pointer) {
    static_cast<LinuxBackend*>(context)->late_free(pointer);
  };
  out.served_late = [](void* context) { static_cast<LinuxBackend*>(context)->served_late_ = true; };
  out.zeroed = [](void* context, uint64_t address, uint64_t bytes) {
    auto& backend = *static_cast<LinuxBackend*>(context);
    if (backend.served_late_) return;
    if (void* memory = backend.tree_.window_at(address, bytes)) std::memset(memory, 0, bytes);
    backend.zeroed_.push_back(PhysRange::from_size(PhysAddr{address}, bytes));
  };
  out.free_pages = [](void* context, uint64_t pfn, unsigned order) {
    const PageSink& sink = static_cast<LinuxBackend*>(context)->sink_;
    if (sink.free_pages != nullptr) sink.free_pages(sink.context, pfn, order);
  };
  out.keep_pages = [](void* context, uint64_t base, uint64_t end, int nid) {
    auto& backend = *static_cast<LinuxBackend*>(context);
    const unsigned shift = backend.machine_.page_shift;
    const uint64_t last = (end >> shift) + ((end & ((uint64_t{1} << shift) - 1)) != 0 ? 1 : 0);
    const PfnRange pages{base >> shift, last, NodeId{nid}};
    if (backend.sink_.keep_pages != nullptr && pages.first < pages.last) {
      backend.sink_.keep_pages(backend.sink_.context, pages);
    }
  };
  out.print = [](void* context, const char* line, size_t length) {
    static_cast<LinuxBackend*>(context)->print({line, length});
  };
  out.warn = [](void* context, const char* condition) {
    static_cast<LinuxBackend*>(context)->warn(condition);
  };
  return out;
}

// ---- What kernel code asks for
// ----------------------------------------------------------------------

void* LinuxBackend::memory_at(uint64_t address, uint64_t bytes) {
  const uint64_t pages = align_up(bytes, machine_.page_size());
  const PhysRange place = PhysRange::from_size(PhysAddr{address}, pages);
  if (!can_touch(place)) return nullptr;
  for (const TableId id : {TableId::Memory, TableId::Reserved}) {
    arrays_met_ = arrays_met_ || array_place(id).overlaps(place);
  }
  if (void* memory = tree_.window_at(address, pages)) return memory;
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc{};
  blocks_.push_back({memory, address});
  return memory;
}

uint64_t LinuxBackend::address_of(const void* pointer) const {
  uint64_t address = 0;
  if (tree_.window_address(pointer, address)) return address;
  for (const Block& block : blocks_) {
    if (block.memory == pointer) return block.address;
  }
  return reinterpret_cast<uint64_t>(pointer);
}

void* LinuxBackend::late_alloc(size_t bytes) {
  if (!late_up_) return nullptr;
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc{};
  late_blocks_.push_back(memory);
  return memory;
}

void LinuxBackend::late_free(void* pointer) {
  const auto found = std::find(late_blocks_.begin(), late_blocks_.end(), pointer);
  if (found == late_blocks_.end()) {
    other_warnings_.emplace_back("kfree() of what kmalloc() never gave");
    return;
  }
  late_blocks_.erase(found);
  std::free(pointer);
}

void LinuxBackend::print(std::string_view line) {
  const auto raise = [this](Warning warning) {
    observed_.warnings |= 1u << static_cast<unsigned>(warning);
  };
  if (says(line, "bytes of mirrored memory")) {
    raise(Warning::NotMirrored);
    return;
  }
  if (says(line, "Failed to double")) raise(Warning::GrowthFailed);
  no_memory_said_ = no_memory_said_ || says(line, "No memory registered yet");
  observed_.lines.emplace_back(line);
}

void LinuxBackend::warn(std::string_view condition) {
  const auto raise = [this](Warning warning) {
    observed_.warnings |= 1u << static_cast<unsigned>(warning);
  };
  if (says(condition, "get_region_node")) return raise(Warning::OverlapOtherNode);
  if (says(condition, "flags")) return raise(Warning::OverlapOtherFlags);
  if (says(condition, "dump_stack")) return raise(Warning::AlignZero);
  // Expected after the handover; and node ids that a tree wants spelled otherwise.
  if (says(condition, "slab_is_available") || says(condition, "lx_slab_is_up")) return;
  if (says(condition, "MAX_NUMNODES") && says(condition, "nid")) return;
  other_warnings_.emplace_back(condition);
}

void LinuxBackend::note_death(bool may_panic) const {
  const char* died = object_.died();
  if (died == nullptr) return;
  if (may_panic && says(died, "cannot resize")) {
    panicked_ = true;
  } else if (dead_.empty()) {
    dead_ = died;
  }
}

void LinuxBackend::begin_op() {
  panicked_ = arrays_met_ = saw_dummy_ = false;
  for (const TableId id : {TableId::Memory, TableId::Reserved}) {
    places_before_[static_cast<size_t>(id)] = discarded_ ? PhysRange{} : array_place(id);
  }
  other_warnings_.clear();
  const auto used = [this](void* memory) {
    return std::any_of(std::begin(kTables), std::end(kTables),
                       [&](TableId id) { return view(id).data() == memory; });
  };
  if (discarded_ || blocks_.empty()) return;
  std::erase_if(blocks_, [&](const Block& block) {
    const bool drop = !used(block.memory);
    if (drop) std::free(block.memory);
    return drop;
  });
}

RegionView LinuxBackend::view(TableId table) const {
  if (discarded_ || (table == TableId::Physmem && object_.physmem_add == nullptr)) return {};
  uint64_t count = 0, capacity = 0, total = 0;
  const LinuxRegion* regions = object_.regions(linux_table(table), &count, &capacity, &total);
  static_assert(sizeof(LinuxRegion) == sizeof(Region));
  if (count == 1 && regions->size == 0 && object_.sentinel) count = 0;
  return {reinterpret_cast<const Region*>(regions), count};
}

LinuxTableView LinuxBackend::table(TableId id) const {
  uint64_t count = 0, capacity = 0, total = 0;
  if (discarded_) return {{}, 0};
  if (id != TableId::Physmem || object_.physmem_add != nullptr) {
    static_cast<void>(object_.regions(linux_table(id), &count, &capacity, &total));
  }
  return {view(id), capacity};
}

// ---- Registering, flags, nodes
// ------------------------------------------------------------------------

Status LinuxBackend::changed(int result) {
  note_death(true);
  return result == 0 && !panicked_ ? Status::Ok : Status::TableFull;
}

template <class Call>
Status LinuxBackend::change(Call call) {
  return discarded_ ? Status::Discarded : changed(call());
}

Status LinuxBackend::add(PhysRange r, NodeId nid, RegionFlags flags) {
  return change([&] { return object_.add(r.base.value, r.size(), nid.value, flags.bits); });
}
Status LinuxBackend::remove(PhysRange r) {
  return change([&] { return object_.remove(r.base.value, r.size()); });
}
Status LinuxBackend::reserve(PhysRange r, NodeId nid, RegionFlags flags) {
  return change([&] { return object_.reserve(r.base.value, r.size(), nid.value, flags.bits); });
}
Status LinuxBackend::free(PhysRange r) {
  return change([&] { return object_.phys_free(r.base.value, r.size()); });
}
Status LinuxBackend::free_virt(const void* pointer, uint64_t size) {
  if (pointer == nullptr) return Status::Ok;
  return change([&] { return object_.free_virt(const_cast<void*>(pointer), size), 0; });
}
Status LinuxBackend::physmem_add(PhysRange r) {
  return change([&] { return object_.physmem_add(r.base.value, r.size()); });
}
Status LinuxBackend::mark_hotplug(PhysRange r) {
  return change([&] { return object_.mark_hotplug(r.base.value, r.size()); });
}
Status LinuxBackend::clear_hotplug(PhysRange r) {
  return change([&] { return object_.clear_hotplug(r.base.value, r.size()); });
}
Status LinuxBackend::mark_mirror(PhysRange r) {
  return change([&] { return object_.mark_mirror(r.base.value, r.size()); });
}
Status LinuxBackend::mark_nomap(PhysRange r) {
  return change([&] { return object_.mark_nomap(r.base.value, r.size()); });
}
Status LinuxBackend::clear_nomap(PhysRange r) {
  return change([&] { return object_.clear_nomap(r.base.value, r.size()); });
}
Status LinuxBackend::mark_reserved_noinit(PhysRange r) {
  return change([&] { return object_.mark_reserved_noinit(r.base.value, r.size()); });
}
Status LinuxBackend::set_node(PhysRange r, TableId table, NodeId nid) {
  return change(
      [&] { return object_.set_node(r.base.value, r.size(), linux_table(table), nid.value); });
}

Result<PfnRange> LinuxBackend::search_pfn_nid(uint64_t pfn) const {
  PfnRange out;
  int nid = 0;
  if (discarded_ || !object_.search_pfn_nid(pfn, &out.first, &out.last, &nid)) {
    note_death(false);
    return Status::NotFound;
  }
  out.nid = NodeId{nid};
  return out;
}

uint64_t LinuxBackend::bytes_without_node() const {
  uint64_t pages = 0;
  LinuxWalk<PfnRange> walk = mem_pfns(kUnsetNode);
  for (const PfnRange& range : walk.list) {
    if (!is_node(range.nid)) pages += range.last - range.first;
  }
  return pages << machine_.page_shift;
}

bool LinuxBackend::validate_numa_coverage(uint64_t bytes) const {
  return discarded_ || object_.validate_numa_coverage(bytes);
}

// ---- Queries
// --------------------------------------------------------------------------------------------

uint64_t LinuxBackend::phys_mem_size() const { return discarded_ ? 0 : object_.phys_mem_size(); }
uint64_t LinuxBackend::reserved_size() const { return discarded_ ? 0 : object_.reserved_size(); }
uint64_t LinuxBackend::estimated_free_pages() const {
  return discarded_ ? 0 : object_.estimated_free_pages();
}
PhysAddr LinuxBackend::start_of_dram() const {
  return PhysAddr{discarded_ ? 0 : object_.start_of_dram()};
}
PhysAddr LinuxBackend::end_of_dram() const {
  return PhysAddr{discarded_ ? 0 : object_.end_of_dram()};
}
bool LinuxBackend::is_memory(PhysAddr a) const { return !discarded_ && object_.is_memory(a.value); }
bool LinuxBackend::is_reserved(PhysAddr a) const {
  return !discarded_ && object_.is_reserved(a.value);
}
bool LinuxBackend::is_map_memory(PhysAddr a) const {
  return !discarded_ && object_.is_map_memory(a.value);
}
bool LinuxBackend::is_region_memory(PhysRange r) const {
  return !discarded_ && object_.is_region_memory(r.base.value, r.size());
}
bool LinuxBackend::is_region_reserved(PhysRange r) const {
  return !discarded_ && object_.is_region_reserved(r.base.value, r.size());
}
bool LinuxBackend::overlaps(TableId table, PhysRange r) const {
  return !discarded_ && object_.overlaps(linux_table(table), r.base.value, r.size());
}
bool LinuxBackend::has_mirror() const { return object_.has_mirror(); }

PfnRange LinuxBackend::memory_pfns(const Region& region) const {
  PfnRange out;
  object_.region_pfns(kLinuxMemory, reinterpret_cast<const LinuxRegion*>(&region), &out.first,
                      &out.last);
  out.nid = region.nid;
  return out;
}

PfnRange LinuxBackend::reserved_pfns(const Region& region) const {
  PfnRange out;
  object_.region_pfns(kLinuxReserved, reinterpret_cast<const LinuxRegion*>(&region), &out.first,
                      &out.last);
  out.nid = region.nid;
  return out;
}

Result<IndexRange> LinuxBackend::isolate(TableId table, PhysRange r) {
  int first = 0, last = 0;
  const Status status = change(
      [&] { return object_.isolate(linux_table(table), r.base.value, r.size(), &first, &last); });
  if (status != Status::Ok) return status;
  return IndexRange{static_cast<size_t>(first), static_cast<size_t>(last)};
}

PhysRange LinuxBackend::array_place(TableId id) const {
  const RegionView now = view(id);
  // Reserved and freed in whole pages.
  const uint64_t bytes = align_up(table(id).capacity() * sizeof(Region), machine_.page_size());
  uint64_t address = 0;
  if (tree_.window_address(now.data(), address)) {
    return PhysRange::from_size(PhysAddr{address}, bytes);
  }
  for (const Block& block : blocks_) {
    if (block.memory == now.data()) return PhysRange::from_size(PhysAddr{block.address}, bytes);
  }
  return {};
}

bool LinuxBackend::array_given_up() const {
  if (discarded_) return false;
  for (const TableId id : {TableId::Memory, TableId::Reserved, TableId::Physmem}) {
    uint64_t address = 0;
    const LinuxTableView now = table(id);
    if (!tree_.window_address(view(id).data(), address)) continue;
    const PhysRange place =
        PhysRange::from_size(PhysAddr{address}, now.capacity() * sizeof(Region));
    if (table(TableId::Reserved).gaps(place) != 0) return true;
  }
  return false;
}

void LinuxBackend::correct_totals() {
  for (const TableId id : {TableId::Memory, TableId::Reserved}) {
    uint64_t sum = 0, count = 0, capacity = 0, total = 0;
    for (const Region& region : view(id)) sum += region.size;
    const LinuxRegion* regions = object_.regions(linux_table(id), &count, &capacity, &total);
    if (sum != total) object_.restore(linux_table(id), regions, count, sum);
  }
}

int LinuxBackend::first_broken_invariant() const {
  for (const TableId id : {TableId::Memory, TableId::Reserved}) {
    const int base = id == TableId::Memory ? 0 : 10;
    const RegionView all = view(id);
    if (all.size() > table(id).capacity()) return base + 1;
    uint64_t sum = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].size == 0 || all[i].end() < all[i].base) return base + 2;
      if (i != 0 && all[i].base < all[i - 1].end()) return base + 3;
      if (i != 0 && all[i].base == all[i - 1].end() && all[i].same_kind(all[i - 1])) {
        return base + 4;
      }
      sum += all[i].size;
    }
    if (sum != (id == TableId::Memory ? phys_mem_size() : reserved_size())) return base + 5;
  }
  return 0;
}

// ---- Limits
// ---------------------------------------------------------------------------------------------

template <class Call>
Status LinuxBackend::limit(Call call) {
  if (discarded_) return Status::Discarded;
  no_memory_said_ = false;
  call();
  note_death(true);
  if (panicked_) return Status::TableFull;
  return no_memory_said_ ? Status::NoMemoryYet : Status::Ok;
}

Status LinuxBackend::enforce_memory_limit(uint64_t bytes) {
  return limit([&] { object_.enforce_memory_limit(bytes); });
}
Status LinuxBackend::cap_memory_range(PhysRange r) {
  return limit([&] { object_.cap_memory_range(r.base.value, r.size()); });
}
Status LinuxBackend::mem_limit_remove_map(uint64_t bytes) {
  return limit([&] { object_.mem_limit_remove_map(bytes); });
}
void LinuxBackend::trim_memory(uint64_t align) {
  if (!discarded_) object_.trim_memory(align);
  note_death(false);
}

// ---- Handover, printing
// ---------------------------------------------------------------------------------

uint64_t LinuxBackend::free_all(const PageSink& sink, uint64_t max_pfn) {
  if (handed_over_ || discarded_) return 0;
  sink_ = sink;
  // What the handover does first, done before: the rest changes nothing that is to stay.
  if (object_.stamps_nodes) {
    grew_at_handover_ = object_.clear_hotplug(0, ~uint64_t{0}) != 0 || object_.died() != nullptr;
  }
  std::vector<Region> before(reserved().begin(), reserved().end());
  const size_t capacity = table(TableId::Reserved).capacity();
  const uint64_t total = reserved_size();
  const uint64_t freed = object_.free_all(max_pfn);
  note_death(false);
  if (object_.stamps_nodes && table(TableId::Reserved).capacity() != capacity) {
    grew_at_handover_ = true;
  } else if (object_.stamps_nodes &&
             !std::equal(before.begin(), before.end(), reserved().begin(), reserved().end())) {
    object_.restore(kLinuxReserved, reinterpret_cast<const LinuxRegion*>(before.data()),
                    before.size(), total);
  }
  handed_over_ = true;
  object_.set_slab_up(true, true);
  return freed;
}

Status LinuxBackend::free_late(PhysRange r) {
  if (discarded_) return Status::Discarded;
  if (!handed_over_) return Status::Invalid;
  object_.free_late(r.base.value, r.size());
  note_death(false);
  return Status::Ok;
}

// Reported in the order memory, reserved, like the core; and only what the page allocator gets.
void LinuxBackend::discard() {
  if (discarded_) return;
  const PageSink sink = sink_;
  Observed reserved_first;
  if (handed_over_) sink_ = recording_sink(reserved_first);
  uint64_t count = 0, capacity = 0, total = 0;
  const uint64_t memory_at =
      address_of(object_.regions(kLinuxMemory, &count, &capacity, &total)) >> machine_.page_shift;
  const uint64_t pages =
      align_up(capacity * sizeof(Region), machine_.page_size()) >> machine_.page_shift;
  if (!handed_over_) sink_ = PageSink{};
  object_.discard();
  note_death(false);
  sink_ = sink;
  for (const bool of_memory : {true, false}) {
    const std::vector<uint64_t>& all = reserved_first.handover;
    for (size_t i = 0; i + 3 < all.size(); i += 4) {
      if ((all[i + 1] - memory_at < pages) != of_memory) continue;
      if (sink_.free_pages != nullptr) {
        sink_.free_pages(sink_.context, all[i + 1], static_cast<unsigned>(all[i + 2]));
      }
    }
  }
  discarded_ = true;
}

void LinuxBackend::dump() const {
  if (!discarded_) object_.dump();
  note_death(false);
}

void LinuxBackend::set_late_allocator_up() {
  late_up_ = true;
  object_.set_slab_up(true, handed_over_);
}

}  // namespace memblock::lab
