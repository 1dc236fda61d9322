// Edits of whatever lies in and around a range, said once for all tables: each region, from the
// lowest up, becomes what the edit makes of it. Joining what touches is the writer's part.
#pragma once

#include "memblock/region_array.h"

namespace memblock::detail {

/// Emits `range` as a region of the kind of `like`, unless it is empty.
template <class Emit>
void emit_part(PhysAddr base, PhysAddr end, const Region& like, Emit& emit) {
  if (base >= end) return;
  Region part = like;
  part.base = base;
  part.size = end - base;
  emit(part);
}

/// Covers what no region covers yet.
class Insertion {
 public:
  Insertion(PhysRange range, RegionFlags flags, NodeId nid)
      : added_{range.base, range.size(), flags, nid}, reached_(range.base) {}

  template <class Emit>
  void region(const Region& old, Emit&& emit) {
    cover_up_to(min(old.base, added_.end()), emit);
    reached_ = max(reached_, old.end());
    emit(old);
  }
  template <class Emit>
  void finish(Emit&& emit) {
    cover_up_to(added_.end(), emit);
  }

 private:
  template <class Emit>
  void cover_up_to(PhysAddr end, Emit& emit) {
    emit_part(reached_, end, added_, emit);
    reached_ = max(reached_, end);
  }

  Region added_;
  PhysAddr reached_;
};

/// Uncovers a range.
struct Removal {
  PhysRange range;

  template <class Emit>
  void region(const Region& old, Emit&& emit) const {
    emit_part(old.base, min(old.end(), range.base), old, emit);
    emit_part(max(old.base, range.end), old.end(), old, emit);
  }
  template <class Emit>
  void finish(Emit&&) const {}
};

/// Changes the kind of what lies in a range.
struct Changing {
  PhysRange range;
  RegionChange change;

  template <class Emit>
  void region(const Region& old, Emit&& emit) const {
    Region changed = old;
    change.apply(changed);
    if (range.base <= old.base && old.end() <= range.end) return emit(changed);
    emit_part(old.base, min(old.end(), range.base), old, emit);
    emit_part(max(old.base, range.base), min(old.end(), range.end), changed, emit);
    emit_part(max(old.base, range.end), old.end(), old, emit);
  }
  template <class Emit>
  void finish(Emit&&) const {}
};

/// Keeps what lies in a range or has certain flags.
struct Keeping {
  PhysRange range;
  RegionFlags flags;

  template <class Emit>
  void region(const Region& old, Emit&& emit) const {
    if (old.flags.has(flags)) return emit(old);
    emit_part(max(old.base, range.base), min(old.end(), range.end), old, emit);
  }
  template <class Emit>
  void finish(Emit&&) const {}
};

/// Shrinks regions to whole multiples of `align`.
struct Trimming {
  uint64_t align;

  template <class Emit>
  void region(const Region& old, Emit&& emit) const {
    const uint64_t base = align_up(old.base.value, align);
    const uint64_t end = align_down(old.end().value, align);
    // Rounding up wraps where no multiple is left below the top.
    if (base < old.base.value || base >= end) return;
    emit_part(PhysAddr{base}, PhysAddr{end}, old, emit);
  }
  template <class Emit>
  void finish(Emit&&) const {}
};

/// Carries an edit out on regions `[touched.first, touched.last)` of an array, in place: they move
/// up by `extra` slots first, which is by how many the edit makes more of them at any moment.
/// Returns by how many bytes the sum of all sizes has grown. Requires: `touched` ends behind what
/// may be joined with its last region; `extra` spare slots.
template <class Edit>
uint64_t edit_run(Run& run, IndexRange touched, size_t extra, Edit edit) {
  make_above(run, extra);
  Region* out = run.first + touched.first;
  if (extra != 0) move_regions(out + extra, out, run.end());
  uint64_t more_bytes = 0;
  const auto emit = [&](const Region& region) {
    more_bytes += region.size;
    if (out != run.first && joins(out[-1], region)) {
      out[-1].size += region.size;
    } else {
      *out++ = region;
    }
  };
  Region* at = out + extra;
  Region* const end = at + touched.size();
  for (; at != end; ++at) {
    const Region old = *at;
    more_bytes -= old.size;
    edit.region(old, emit);
  }
  edit.finish(emit);
  run.count += extra;
  run.above -= extra;
  if (out != end) close_slots(run, out, end);
  return more_bytes;
}

/// Cuts the region at `at` in two, the upper of which begins at `border`; returns the upper one.
/// Requires: a spare slot above.
inline Region* cut_region(Run& run, Region* at, PhysAddr border) {
  MEMBLOCK_ASSERT(run.spare() != 0);
  at = open_slot(run, at + 1);
  at[0] = at[-1];
  at[0].base = border;
  at[0].size = at[-1].end() - border;
  at[-1].size = border - at[-1].base;
  return at;
}

/// Changes the kind of what lies in a range, where it is, as long as nothing has to be cut or
/// joined; returns the first of `[at, end)` that is left. `below` is the region below `at`, if
/// there is one, and becomes the one below what is left. `visit` is told each kind that comes to
/// be.
template <class Visit>
Region* change_in_place(Region* at, Region* end, const Region*& below, PhysRange range,
                        const RegionChange& change, Visit&& visit) {
  Region last = below == nullptr ? Region{} : *below;
  PhysAddr reached = below == nullptr ? kPhysAddrMax : below->end();  // Where nothing can begin.
  Region* const first = at;
  for (; at != end && range.base <= at->base && at->end() <= range.end; ++at) {
    Region changed = *at;
    change.apply(changed);
    const bool is_alike = changed.same_kind(last);
    if (is_alike && at->base == reached) break;
    at->flags = changed.flags;
    at->nid = changed.nid;
    if (!is_alike || at == first) visit(changed);
    last = changed;
    reached = changed.end();
  }
  if (at != first) below = at - 1;
  return at;
}

/// Changes the kind of regions `[at, end)`, not none, and writes them from `out` on, which may be
/// `at`: what touches is one then, also with the region below `out` if there is one. What is to be
/// joined stays in registers until it is complete. Returns where they end.
inline Region* join_changed(Region* out, bool has_below, const Region* at, const Region* end,
                            const RegionChange& change) {
  Region last = *at;
  change.apply(last);
  if (has_below && joins(out[-1], last)) {
    --out;
    last.base = out->base;
    last.size += out->size;
  }
  while (++at != end) {
    Region next = *at;
    change.apply(next);
    if (joins(last, next)) {
      last.size += next.size;
    } else {
      *out++ = last;
      last = next;
    }
  }
  *out = last;
  return out + 1;
}

/// Copies regions that are about to be edited; returns how many there are then.
template <class Edit>
size_t copy_for(const Edit&, Region* to, const Run& run) {
  move_regions(to, run.first, run.end());
  return run.count;
}

/// The same for a change of kind: where it reaches all of them, they are joined on the way.
inline size_t copy_for(const Changing& edit, Region* to, const Run& run) {
  if (run.count == 0 || run.first->base < edit.range.base || edit.range.end < run.end()[-1].end()) {
    return copy_for<Changing>(edit, to, run);
  }
  return static_cast<size_t>(join_changed(to, false, run.first, run.end(), edit.change) - to);
}

/// Changes the kind of what lies in a range, in place, and joins what touches then. Requires: two
/// spare slots.
inline void change_run(Run& run, PhysRange range, const RegionChange& change) {
  if (run.count == 0) return;
  make_above(run, 2);
  Region* at = first_ending_after(run.first, run.count, range.base);
  if (at == run.end() || range.end <= at->base) return;
  if (at->base < range.base) at = cut_region(run, at, range.base);
  const Region* below = at == run.first ? nullptr : at - 1;
  at = change_in_place(at, run.end(), below, range, change, [](const Region&) {});
  Region* const stop = run.first + count_from(run.first, run.count, range.end - 1);
  Region* out = at;
  if (at < stop) {
    if (range.end < stop[-1].end()) cut_region(run, stop - 1, range.end);
    out = join_changed(at, at != run.first, at, stop, change);
    at = stop;
  }
  if (at != run.end() && joins(out[-1], *at)) {
    out[-1].size += at->size;
    ++at;
  }
  if (out != at) close_slots(run, out, at);
}

}  // namespace memblock::detail
