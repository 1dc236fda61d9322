// TreeTable: edits of ranges, leaf by leaf.
#pragma once

#include "memblock/tree_table.h"

namespace memblock {

/// Writes regions in address order into the leaf that they come from, and into new ones behind it
/// when that is full.
template <class Shape>
class BasicTreeTable<Shape>::Writer {
 public:
  explicit Writer(BasicTreeTable& table) : table_(table) {}

  /// What follows goes into the leaf of `address`; returns the leaf as it was.
  Leaf begin(PhysAddr address) {
    const Leaf leaf = table_.find(address, path_);
    slots_ = leaf.run.first - leaf.run.below;
    count_ = 0;
    base_ = address;
    if (last_ == nullptr) return leaf;
    // Leaves may have been evened out since. What comes again is written again.
    const bool comes_again = leaf.is_first() || last_base_ >= leaf.lower;
    last_ = comes_again ? nullptr : const_cast<Region*>(table_.holding(last_base_));
    return leaf;
  }

  void write(const Region& region) {
    table_.total_bytes_ += region.size;
    if (last_ != nullptr && joins(*last_, region)) {
      last_->size += region.size;
      below_grew_ = below_grew_ || count_ == 0;
      return;
    }
    if (below_grew_) raise_below();
    if (count_ == kLeafSlots) begin_behind(region);
    ++table_.count_;
    if (count_ == 0) base_ = region.base;
    last_ = &slots_[count_++];
    last_base_ = region.base;
    *last_ = region;
  }

  /// The leaf is complete.
  void end() {
    if (below_grew_) raise_below();
    const Run run{slots_, count_, 0, kLeafSlots - count_};
    if (table_.height_ == 0) {
      table_.leaf_ = run;
      return;
    }
    table_.store(path_, run);
    if (count_ != 0) {
      table_.set_key(path_, 1, base_);
      table_.refresh(path_);
    }
    table_.raise_above(path_);
  }

  /// An address of the leaf that was written last.
  PhysAddr base() const { return base_; }

 private:
  /// The leaf is full: `region` goes into another one behind it.
  void begin_behind(const Region& region) {
    end();
    if (table_.height_ == 0) {
      table_.raise_root();
      const Run upper = table_.find(last_base_, path_).run;
      slots_ = upper.first;
      count_ = upper.count;
      base_ = slots_[0].base;
      return;
    }
    table_.make_entry_room(region.base, path_);
    table_.add_leaf(path_, path_.slot() + 1, region);
    ++path_.slots[1];
    slots_ = path_.node().leaf(path_.slot());
    count_ = 0;
  }

  /// What came first was joined with the last region of a leaf before.
  void raise_below() {
    Path path;
    table_.find(last_base_, path);
    table_.raise(path, *last_);
    below_grew_ = false;
  }

  BasicTreeTable& table_;
  Path path_{};
  Region* slots_ = nullptr;
  size_t count_ = 0;
  PhysAddr base_;
  Region* last_ = nullptr;  ///< The last region written.
  PhysAddr last_base_;
  bool below_grew_ = false;
};

// Makes the bounds of a leaf what they bound, and those of the nodes above it wide enough.
template <class Shape>
void BasicTreeTable<Shape>::refresh(const Path& path) {
  tighten(path);
  for (unsigned level = 2; level <= height_; ++level) {
    path.nodes[level]->rooms[path.slots[level]].add(path.node().rooms[path.slot()]);
    path.nodes[level]->kinds[path.slots[level]].add(path.node().kinds[path.slot()]);
  }
}

// The free range behind a leaf, which may be empty, is what the next one bounds.
template <class Shape>
void BasicTreeTable<Shape>::raise_above(const Path& path) {
  const Leaf leaf = leaf_at(path);
  if (leaf.is_last()) return;
  Path next = path;
  if (++next.slots[1] == path.node().fan) find(leaf.upper, next);
  const PhysAddr below = leaf.run.count == 0 ? end_below(leaf) : leaf.run.end()[-1].end();
  raise(next, PhysRange{below, max(below, leaf.upper)});
}

// The leaf of what the lowest piece may be joined with comes first, and that of what the highest
// may be joined with last. Each is copied, emptied, and filled with what becomes of it. When leaves
// were evened out in between, some regions come twice: no edit does anything to them again.
template <class Shape>
template <class Edit>
void BasicTreeTable<Shape>::rewrite(PhysRange range, Edit edit) {
  auto* const copy = static_cast<Region*>(take_node());
  Writer writer(*this);
  Region joined;  // In registers until something follows that is not a part of it.
  const auto write = [&](const Region& region) {
    if (joins(joined, region)) {
      joined.size += region.size;
      return;
    }
    if (joined.size != 0) writer.write(joined);
    joined = region;
  };
  PhysAddr at = range.base == PhysAddr{0} ? range.base : range.base - 1;
  for (bool more = true; more;) {
    const Leaf leaf = writer.begin(at);
    more = !leaf.is_last() && leaf.upper <= range.end;
    const size_t count = detail::copy_for(edit, copy, leaf.run);
    count_ -= leaf.run.count;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      bytes += copy[i].size;
      edit.region(copy[i], write);
    }
    total_bytes_ -= bytes;
    if (!more) edit.finish(write);
    if (joined.size != 0) writer.write(joined);
    joined = Region{};
    writer.end();
    mend(writer.base());
    at = leaf.upper;
  }
  give_node(copy);
}

template <class Shape>
template <class Edit>
void BasicTreeTable<Shape>::edit(PhysRange range, size_t extra, Edit edit) {
  MEMBLOCK_ASSERT(count_ + extra <= capacity_);
  if (height_ == 0 && leaf_.spare() < extra) raise_root();
  if (height_ != 0) return rewrite(range, edit);
  // All that overlaps the range, and one region behind it, which may be joined.
  const size_t first = first_ending_after(range.base).index();
  const size_t last = past_starting_below(range.end).index();
  const IndexRange touched{first, min(max(first, last) + 1, count_)};
  total_bytes_ += detail::edit_run(leaf_, touched, extra, edit);
  count_ = leaf_.count;
}

template <class Shape>
void BasicTreeTable<Shape>::insert(PhysRange range, RegionFlags flags, NodeId nid) {
  if (range.empty()) return;
  edit(range, gaps(range), detail::Insertion{range, flags, nid});
}

template <class Shape>
void BasicTreeTable<Shape>::change(PhysRange range, const RegionChange& change) {
  if (range.empty()) return;
  if (height_ == 0 && leaf_.spare() < 2) raise_root();
  if (height_ == 0) {
    detail::change_run(leaf_, range, change);
    count_ = leaf_.count;
    return;
  }
  range.base = change_in_place(range, change);
  if (!range.empty()) rewrite(range, detail::Changing{range, change});
}

// Changes regions where they are, from the lowest up, until one must be cut or joined with another;
// returns where it lies, or the end of the range.
template <class Shape>
PhysAddr BasicTreeTable<Shape>::change_in_place(PhysRange range, const RegionChange& change) {
  const Region* below = range.base == PhysAddr{0} ? nullptr : holding(range.base - 1);
  PhysAddr from = range.base;
  while (true) {
    Path path;
    const Leaf leaf = find(from, path);
    Region* const end = leaf.run.end();
    Region* at = detail::first_ending_after(leaf.run.first, leaf.run.count, from);
    at = detail::change_in_place(at, end, below, range, change, [&](const Region& changed) {
      raise(path, detail::Kinds::of(changed));
    });
    if (at != end) {
      if (at->base < range.end) return max(at->base, range.base);
      return below != nullptr && joins(*below, *at) ? max(below->base, range.base) : range.end;
    }
    if (leaf.is_last() || range.end < leaf.upper) return range.end;
    from = leaf.upper;
  }
}

template <class Shape>
void BasicTreeTable<Shape>::remove(PhysRange range) {
  if (range.empty() || !overlaps(range)) return;
  const Region* const lowest = holding(range.base);
  const bool splits = lowest != nullptr && lowest->base < range.base && range.end < lowest->end();
  edit(range, static_cast<size_t>(splits), detail::Removal{range});
}

template <class Shape>
void BasicTreeTable<Shape>::trim(uint64_t align) {
  MEMBLOCK_ASSERT(is_power_of_two(align));
  edit(kAllMemory, 0, detail::Trimming{align});
}

// Each region is cut or goes; none is split.
template <class Shape>
void BasicTreeTable<Shape>::keep(PhysRange range, RegionFlags flags) {
  edit(kAllMemory, 0, detail::Keeping{range, flags});
}

}  // namespace memblock
