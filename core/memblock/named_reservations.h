// `reserve_mem=`: reservations that a later kernel component finds by name.
#pragma once

#include <array>
#include <string_view>

#include "memblock/memblock.h"

namespace memblock {

/// Up to 8 named reservations on top of a Memblock.
class NamedReservations {
 public:
  static constexpr size_t kNamesMax = 8;
  static constexpr size_t kNameBytes = 16;  ///< With the terminating zero.

  struct Entry {
    std::array<char, kNameBytes> name{};
    PhysRange range;
  };

  /// Carries out one `size:align:name`, such as `16M:4096:trace`. The alignment is raised to a
  /// cache line. Errors: Invalid (text, size 0, alignment not a power of two, name empty, too long
  /// or blank); Busy (table full or name taken); NoFit, TableFull. Linux: reserve_mem().
  template <RegionTable Table>
  Result<PhysRange> add(BasicMemblock<Table>& memblock, std::string_view option) {
    Wish wish;
    const Status status = parse(option, memblock.machine().cache_line, wish);
    if (status != Status::Ok) return status;
    const Result<PhysAddr> base = memblock.phys_alloc(wish.size, wish.align);
    if (!base.ok()) return base.status();
    return keep(option, PhysRange::from_size(base.value(), wish.size));
  }

  /// Errors: NotFound. Linux: reserve_mem_find_by_name().
  Result<PhysRange> find(std::string_view name) const;

  std::span<const Entry> entries() const { return {entries_.data(), count_}; }

 private:
  /// Takes `option` apart; what is left of it is the name.
  Status parse(std::string_view& option, uint64_t cache_line, Wish& wish) const;
  PhysRange keep(std::string_view name, PhysRange range);

  std::array<Entry, kNamesMax> entries_{};
  size_t count_ = 0;
};

}  // namespace memblock
