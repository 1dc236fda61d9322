// The C API's walks, and walks that are resumed from a cursor, as Linux's iterators are.
#include "memblock/c_convert.h"

using namespace memblock;     // NOLINT(google-build-using-namespace)
using namespace memblock::c;  // NOLINT(google-build-using-namespace)

namespace {

bool hand_out_range(FlatMemblock::RangeWalk& walk, mbl_walked* out) {
  WalkedRange walked;
  if (!walk.next(walked)) return false;
  *out = to_c(walked);
  return true;
}

/// A table of whoever owns it, to be looked at only.
class View {
 public:
  explicit View(const mbl_table& table) {
    const std::span<Region> storage{from_c(const_cast<mbl_region*>(table.regions)), table.count};
    table_.adopt(storage, table.count, table.total_bytes, PhysRange{});
  }

  const FlatTable& table() const { return table_; }
  PhysAddr end_of(size_t index) const { return table_[index].end(); }
  size_t count() const { return table_.count(); }

 private:
  FlatTable table_;
};

/// A cursor taken apart: region `from` of the walked table, and the gap in front of region `minus`
/// of the other one. Both are one past their end when they are used up: above when walking up,
/// below when walking down.
struct Position {
  uint32_t from;
  uint32_t minus;

  static Position of(mbl_cursor cursor) {
    return {static_cast<uint32_t>(cursor), static_cast<uint32_t>(cursor >> 32)};
  }
  mbl_cursor cursor() const { return uint64_t{minus} << 32 | from; }
};

constexpr uint32_t kBelow = ~uint32_t{0};

PhysAddr gap_base(const View* minus, size_t gap) {
  return minus != nullptr && gap != 0 ? minus->end_of(gap - 1) : PhysAddr{0};
}

PhysAddr gap_end(const View* minus, size_t gap) {
  return minus != nullptr && gap < minus->count() ? minus->table()[gap].base : kPhysAddrMax;
}

bool walk_up(const View& from, const View* minus, const RegionFilter& filter, mbl_cursor* cursor,
             mbl_walked* out) {
  Position at = Position::of(*cursor);
  if (at.from >= from.count() || (minus != nullptr && at.minus > minus->count())) return false;
  const PhysAddr start = max(from.table()[at.from].base, gap_base(minus, at.minus));
  FlatMemblock::RangeWalk walk{from.table(), minus != nullptr ? &minus->table() : nullptr, filter,
                               Direction::Up, PhysRange{start, kPhysAddrMax}};
  if (!hand_out_range(walk, out)) return false;

  // What ends first is left behind; the region, if both end here.
  const PhysAddr base{out->range.base};
  at.from = static_cast<uint32_t>(from.table().first_ending_after(base));
  if (minus != nullptr) {
    at.minus = static_cast<uint32_t>(minus->table().first_ending_after(base));
  }
  if (from.end_of(at.from) <= gap_end(minus, at.minus)) {
    ++at.from;
  } else {
    ++at.minus;
  }
  *cursor = at.cursor();
  return true;
}

bool walk_down(const View& from, const View* minus, const RegionFilter& filter, mbl_cursor* cursor,
               mbl_walked* out) {
  Position at = Position::of(*cursor);
  if (*cursor == MBL_CURSOR_END) {
    at = {static_cast<uint32_t>(from.count()) - 1,
          minus != nullptr ? static_cast<uint32_t>(minus->count()) : 0};
  }
  // All ones in either half also covers a table that has shrunk since.
  if (at.from >= from.count() || (minus != nullptr && at.minus > minus->count())) return false;
  const PhysAddr end = min(from.end_of(at.from), gap_end(minus, at.minus));
  FlatMemblock::RangeWalk walk{from.table(), minus != nullptr ? &minus->table() : nullptr, filter,
                               Direction::Down, PhysRange{PhysAddr{0}, end}};
  if (!hand_out_range(walk, out)) return false;

  const PhysAddr base{out->range.base};
  at.from = static_cast<uint32_t>(from.table().first_ending_after(base));
  if (minus != nullptr) {
    at.minus = static_cast<uint32_t>(minus->table().first_ending_after(base));
  }
  if (from.table()[at.from].base >= gap_base(minus, at.minus)) {
    at.from = at.from == 0 ? kBelow : at.from - 1;
  } else {
    --at.minus;  // Not the lowest: that one begins at 0, where no region begins below it.
  }
  *cursor = at.cursor();
  return true;
}

}  // namespace

extern "C" {

mbl_range_walk mbl_mem_ranges(const mbl_memblock* m, mbl_direction direction) {
  return boxed<mbl_range_walk>(core(m).mem_ranges(from_c(direction)));
}

mbl_range_walk mbl_reserved_ranges(const mbl_memblock* m, mbl_direction direction) {
  return boxed<mbl_range_walk>(core(m).reserved_ranges(from_c(direction)));
}

mbl_range_walk mbl_free_ranges(const mbl_memblock* m, mbl_nid nid, mbl_flags flags,
                               mbl_direction direction, mbl_range window) {
  return boxed<mbl_range_walk>(
      core(m).free_ranges(NodeId{nid}, RegionFlags{flags}, from_c(direction), from_c(window)));
}

mbl_range_walk mbl_physmem_ranges(const mbl_memblock* m) {
  return boxed<mbl_range_walk>(core(m).physmem_ranges());
}

mbl_range_walk mbl_physmem_ranges_minus(const mbl_memblock* m, mbl_table_id minus) {
  return boxed<mbl_range_walk>(core(m).physmem_ranges(from_c(minus)));
}

bool mbl_next_range(mbl_range_walk* walk, mbl_walked* out) {
  return hand_out_range(inside<FlatMemblock::RangeWalk>(walk), out);
}

mbl_pfn_walk mbl_mem_pfns(const mbl_memblock* m, mbl_nid nid) {
  return boxed<mbl_pfn_walk>(core(m).mem_pfns(NodeId{nid}));
}

bool mbl_next_pfns(mbl_pfn_walk* walk, mbl_pfns* out) {
  PfnRange pfns;
  if (!inside<FlatMemblock::PfnWalk>(walk).next(pfns)) return false;
  *out = to_c(pfns);
  return true;
}

mbl_zone_walk mbl_free_pfns_in_zone(const mbl_memblock* m, mbl_pfns zone) {
  return boxed<mbl_zone_walk>(core(m).free_pfns_in_zone(from_c(zone)));
}

bool mbl_next_zone_pfns(mbl_zone_walk* walk, mbl_pfns* out) {
  PfnRange pfns;
  if (!inside<FlatMemblock::ZoneWalk>(walk).next(pfns)) return false;
  *out = to_c(pfns);
  return true;
}

bool mbl_table_overlaps(const mbl_table* table, mbl_range range) {
  return View{*table}.table().overlaps(from_c(range));
}

bool mbl_walk_on(const mbl_table* from, const mbl_table* minus, const mbl_filter* filter,
                 mbl_direction direction, mbl_cursor* cursor, mbl_walked* out) {
  const View walked{*from};
  const View other{minus != nullptr ? *minus : mbl_table{}};
  const View* excluded = minus != nullptr ? &other : nullptr;
  const RegionFilter asked{NodeId{filter->nid}, RegionFlags{filter->flags}, filter->movable_node,
                           filter->everything};
  const bool found = direction == MBL_UP ? walk_up(walked, excluded, asked, cursor, out)
                                         : walk_down(walked, excluded, asked, cursor, out);
  if (!found) *cursor = MBL_CURSOR_END;
  return found;
}

}  // extern "C"
