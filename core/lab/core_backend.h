// CoreBackend: the core itself as a backend, on a fake machine.
#pragma once

#include <memory>

#include "lab/apply.h"
#include "memblock/e820_options.h"
#include "memblock/named_reservations.h"

namespace memblock::lab {

/// First storage of the tables, exactly as large as the limits say, so that ASan sees any access
/// past an end. The contents begin undefined.
class CoreStorage {
 public:
  explicit CoreStorage(const Limits& limits);

  Storage tables();
  std::span<E820Entry> map();
  std::span<E820Entry> map_workspace();

 private:
  std::unique_ptr<std::byte[]> memory_, reserved_, physmem_, map_, map_workspace_;
  Limits limits_;
};

/// What the core asks of its platform, answered by the heap. Grown tables get a heap block of their
/// own, with room for as many regions as the growth paid for, released before the next op once no
/// table lives there any more.
class CorePlatform {
 public:
  explicit CorePlatform(const Limits& limits) : region_bytes_(limits.region_bytes) {}
  CorePlatform(const CorePlatform&) = delete;
  CorePlatform& operator=(const CorePlatform&) = delete;
  ~CorePlatform();

  Platform callbacks();
  Observed& observed() { return observed_; }

  /// Ranges cleared for allocations since the last forget_zeroed(), in order.
  const std::vector<PhysRange>& zeroed() const { return zeroed_; }
  void forget_zeroed() { zeroed_.clear(); }

  /// Releases the blocks that hold none of `tables`.
  void keep_only(std::span<const Region* const> tables);

 private:
  struct LateBlock {
    void* memory;
    uint64_t bytes;
  };

  void* block_at(PhysRange range);
  void* late_alloc(uint64_t bytes);
  void late_free(void* pointer, uint64_t bytes);

  uint64_t region_bytes_;
  Observed observed_;
  std::vector<PhysRange> zeroed_;
  std::vector<void*> blocks_;
  std::vector<LateBlock> late_blocks_;
};

/// The core, its map and its fake machine. Cheap to make: nothing is cleared beforehand.
class CoreBackend : private CoreStorage, private CorePlatform, public Memblock {
 public:
  explicit CoreBackend(const Limits& limits);

  static constexpr const char* name() { return "core"; }

  E820Table& e820() { return e820_; }
  const E820Table& e820() const { return e820_; }
  E820Options& options() { return options_; }
  NamedReservations& named() { return named_; }
  using CorePlatform::forget_zeroed;
  using CorePlatform::observed;
  using CorePlatform::zeroed;

  /// Called by apply() before each op: storage that tables have left is released, so that a later
  /// access to it is seen.
  void begin_op();

 private:
  E820Table e820_;
  E820Options options_;
  NamedReservations named_;
};

static_assert(Backend<CoreBackend>);

}  // namespace memblock::lab
