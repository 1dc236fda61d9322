// The model of everything E820: table, command line, boot steps, named reservations. Obvious and
// slow; shares no code with the core. Addresses are 128 bits wide here, so that 2^64 is a number
// like any other.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lab/trace.h"
#include "memblock/x86_boot.h"

namespace memblock::lab {

/// E820Table's verbs, in their plainest form.
class ModelE820 {
 public:
  using Wide = unsigned __int128;

  explicit ModelE820(size_t capacity) : capacity_(capacity) {}

  size_t count() const { return entries_.size(); }
  size_t capacity() const { return capacity_; }
  const std::vector<E820Entry>& entries() const { return entries_; }
  void clear() { entries_.clear(); }

  Status append(const E820Entry& entry);
  Result<uint64_t> update(PhysAddr base, uint64_t size, E820Type from, E820Type to);
  Result<uint64_t> remove(PhysAddr base, uint64_t size, E820Type type);
  bool mapped_any(PhysRange range, E820Type type) const;
  bool mapped_all(PhysRange range, E820Type type) const;
  Result<E820Type> type_of(PhysRange range) const;
  Status sanitize();
  uint64_t end_of_ram_pfn(uint64_t limit_pfn, unsigned page_shift = 12) const;
  Result<PhysRange> search_gap() const;

 private:
  Status become(std::vector<E820Entry> entries);
  std::vector<Wide> edges() const;

  friend Status trim_bios_range(ModelE820& table);
  friend Status add_kernel_range(ModelE820& table, PhysRange kernel);

  std::vector<E820Entry> entries_;
  size_t capacity_;
};

Status trim_bios_range(ModelE820& table);
Status add_kernel_range(ModelE820& table, PhysRange kernel);

/// The value of a number as kernel command lines write it, with a suffix if `suffix`; what it took
/// is gone from `text`. Nothing if there is no number or it does not fit; `text` is then as it was.
std::optional<uint64_t> model_number(std::string& text, bool suffix);

/// `mem=` and `memmap=`.
class ModelE820Options {
 public:
  explicit ModelE820Options(ModelE820& table) : table_(table) {}

  Status mem(std::string_view value);
  Status memmap(std::string_view value);
  Status finish() { return user_defined_ ? table_.sanitize() : Status::Ok; }
  bool user_defined() const { return user_defined_; }

 private:
  Status memmap_item(const std::string& item);

  ModelE820& table_;
  bool user_defined_ = false;
};

/// A memblock that is not the core: what the boot steps below are for.
template <class M>
concept ModelMemblock = !requires {
  typename M::RangeWalk;
}
&&requires(M& memblock, PhysRange range, uint64_t number) {
  { memblock.add(range) } -> std::same_as<Status>;
  { memblock.reserve(range) } -> std::same_as<Status>;
  { memblock.phys_alloc(number, number) } -> std::same_as<Result<PhysAddr>>;
  memblock.allow_resize();
  memblock.trim_memory(number);
  memblock.machine();
};

template <ModelMemblock M>
Status load_e820(M& memblock, const ModelE820& table) {
  memblock.allow_resize();
  for (const E820Entry& entry : table.entries()) {
    const PhysRange range = PhysRange::from_size(entry.base, entry.size);
    Status status = Status::Ok;
    if (entry.type == E820Type::SoftReserved) status = memblock.reserve(range);
    if (entry.type == E820Type::Ram) status = memblock.add(range);
    if (entry.type == E820Type::ReservedKern) status = memblock.add(range);
    if (status != Status::Ok) return status;
  }
  memblock.trim_memory(uint64_t{1} << memblock.machine().page_shift);
  return Status::Ok;
}

/// `range` with its end at the next multiple of `page`, or at the top if there is none.
PhysRange model_page_end(PhysRange range, uint64_t page);

template <ModelMemblock M>
Status early_reserve(M& memblock, const X86BootLayout& layout) {
  const uint64_t page = uint64_t{1} << memblock.machine().page_shift;
  std::vector<PhysRange> ranges{layout.kernel_image, PhysRange{PhysAddr{0}, PhysAddr{0x10000}}};
  if (!layout.initrd.empty()) ranges.push_back(model_page_end(layout.initrd, page));
  ranges.insert(ranges.end(), layout.setup_data.begin(), layout.setup_data.end());
  ranges.push_back(layout.bios);
  for (const PhysRange& range : ranges) {
    if (range.empty()) continue;
    const Status status = memblock.reserve(range);
    if (status != Status::Ok) return status;
  }
  return Status::Ok;
}

/// `size:align:name` taken apart; nothing if it is not one.
struct ModelNamedRequest {
  uint64_t size = 0;
  uint64_t align = 0;
  std::string name;
};
std::optional<ModelNamedRequest> model_named_request(std::string text, uint64_t cache_line);

/// NamedReservations' verbs.
class ModelNamed {
 public:
  using Entry = std::pair<std::string, PhysRange>;

  template <ModelMemblock M>
  Result<PhysRange> add(M& memblock, std::string_view text) {
    if (entries_.size() == 8) return Status::Busy;
    const auto request = model_named_request(std::string(text), memblock.machine().cache_line);
    if (!request) return Status::Invalid;
    if (find(request->name).ok()) return Status::Busy;
    const Result<PhysAddr> base = memblock.phys_alloc(request->size, request->align);
    if (!base.ok()) return base.status();
    entries_.emplace_back(request->name, PhysRange::from_size(base.value(), request->size));
    return entries_.back().second;
  }

  Result<PhysRange> find(std::string_view name) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace memblock::lab
