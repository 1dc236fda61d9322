// One table of the model: which kind of memory lies at each address, if any.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "memblock/region_table.h"

namespace memblock::lab {

/// What a registered address is.
struct Kind {
  NodeId nid = kUnsetNode;
  RegionFlags flags;

  friend bool operator==(const Kind&, const Kind&) = default;
};

/// The kind of an address, or that nothing is registered there.
using MaybeKind = std::optional<Kind>;

/// A function from addresses to kinds, kept as the shortest list of regions that says the same.
/// Every edit rebuilds that list from the lowest address to the highest. The capacity is a number
/// that Linux's policy needs to know; it bounds nothing here.
class ModelTable {
 public:
  explicit ModelTable(size_t capacity) : capacity_(capacity) {}

  const std::vector<Region>& regions() const { return regions_; }
  size_t count() const { return regions_.size(); }
  size_t capacity() const { return capacity_; }
  void set_capacity(size_t capacity) { capacity_ = capacity; }
  uint64_t total_bytes() const;

  /// Gives every address in `range` the kind that `change` makes of its kind.
  void change(PhysRange range, const std::function<MaybeKind(MaybeKind)>& change);

  /// The region that holds `address`, or null.
  const Region* at(PhysAddr address) const;

  /// How many separate pieces of `range` hold nothing.
  size_t gaps(PhysRange range) const;

  /// If regions were split at both ends of `range`: the positions of those inside.
  IndexRange positions(PhysRange range) const;

  /// As FlatTable numbers them.
  int first_broken_invariant() const;

 private:
  std::vector<Region> regions_;
  std::vector<Region> changed_;  // Empty but inside change(), which uses its storage again.
  size_t capacity_;
};

}  // namespace memblock::lab
