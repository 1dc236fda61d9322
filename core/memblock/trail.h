// The trails that allocations leave: what they have searched in vain, and where the next one goes.
#pragma once

#include <array>

#include "memblock/alloc_request.h"
#include "memblock/region_table.h"

namespace memblock {

/// What an allocation looks for free memory with, besides the block. One number, which goes from
/// call to call in a register.
class SearchKind {
 public:
  constexpr SearchKind() : SearchKind(kNoNode, kNoFlags, false) {}
  constexpr SearchKind(NodeId nid, RegionFlags flags, bool bottom_up)
      : number_(uint64_t{static_cast<uint32_t>(nid.value)} << 32 | uint64_t{flags.bits} << 1 |
                static_cast<uint64_t>(bottom_up)) {}

  constexpr NodeId nid() const { return {static_cast<int32_t>(number_ >> 32)}; }
  constexpr RegionFlags flags() const { return {static_cast<uint32_t>(number_) >> 1}; }
  constexpr bool bottom_up() const { return (number_ & 1) != 0; }

  friend constexpr bool operator==(SearchKind, SearchKind) = default;

 private:
  uint64_t number_;
};

/// What searches of one kind have passed by without a fit. Allocations come in long rows that
/// differ in little, each of which would pass by the same places again.
///
/// Invariants, as long as whoever changes a table says so (Trails):
///   1. no free range inside `passed_` holds more than `largest_` bytes from a multiple of kLine on
///   2. none there holds a block of `size_min_` bytes or more at `align_min_` or coarser
///   3. where the way goes on, at the far end of `passed_`, a reserved region ends it, unless
///   `open_`
///   4. memory beyond that end belongs to this kind of search as far as `reach_`
class Trail {
 public:
  /// A search for `wish` in all of `window`, for the first time.
  void start(PhysRange window, SearchKind kind) {
    passed_ = window;
    kind_ = kind;
    largest_ = 0;
    open_ = false;
    started_ = true;
  }

  /// Reservations went; `gap` is the free range that they left.
  void freed(PhysRange gap) {
    if (!gap.overlaps(passed_)) return;
    if (kind_.bottom_up() && passed_.end < gap.end) {
      reach_ = passed_.end = max(passed_.base, gap.base);
    } else if (!kind_.bottom_up() && gap.base < passed_.base) {
      reach_ = passed_.base = min(passed_.end, gap.end);
    } else {
      pass_by(gap, 0);
    }
  }

  /// Whether a search for `wish` in `window` may go on where others ended.
  bool leads_on(PhysRange window, const Wish& wish, SearchKind kind) const {
    const bool begins_inside = kind.bottom_up()
                                   ? passed_.base <= window.base && window.base < passed_.end
                                   : window.end <= passed_.end && passed_.base < window.end;
    return begins_inside && kind == kind_ && rules_out(wish) && sees_across(window, wish);
  }

  /// What is left of `window` for a search that may go on. A block may begin below a place where a
  /// search gave up, and end above it.
  PhysRange rest_of(PhysRange window, const Wish& wish) const {
    const uint64_t overlap = open_ ? wish.size - 1 : 0;
    if (kind_.bottom_up()) {
      const PhysAddr from = min(passed_.end, window.end);
      return PhysRange{from - min(overlap, from - window.base), window.end};
    }
    const PhysAddr to = max(passed_.base, window.base);
    return PhysRange{window.base, to + min(overlap, window.end - to)};
  }

  /// A search that started here, or went on, has found a block and passed by free ranges of up to
  /// `largest` bytes.
  void found(const Wish& wish, uint64_t largest, const Found& found) {
    const uint64_t cut_off = searched_for(wish, largest);
    const PhysAddr end = found.at + wish.size;
    if (kind_.bottom_up()) {
      passed_.end = end;
      pass_by(PhysRange{found.gap.base, found.at}, cut_off);
      reach_ = found.memory.end;
    } else {
      passed_.base = found.at;
      pass_by(PhysRange{end, found.gap.end}, cut_off);
      reach_ = found.memory.base;
    }
    open_ = false;
  }

  /// The same, without success.
  void failed(PhysRange window, const Wish& wish, uint64_t largest) {
    const bool started = started_;
    static_cast<void>(searched_for(wish, largest));
    open_ = open_ || started || !passed_.contains(window);
    passed_ = PhysRange{min(passed_.base, window.base), max(passed_.end, window.end)};
  }

  /// Where the way goes on, and how far memory does. Where a search gave up, nothing is known of
  /// it: both are the same.
  PhysAddr edge() const { return kind_.bottom_up() ? passed_.end : passed_.base; }
  PhysAddr reach() const { return open_ ? edge() : reach_; }

  /// A block was put next on the way, with nothing free in front of it but what is nearer.
  void took(PhysAddr at, uint64_t size) {
    if (kind_.bottom_up()) {
      if (at != passed_.end) pass_by(PhysRange{passed_.end, at}, 0);
      passed_.end = at + size;
    } else {
      if (at + size != passed_.base) pass_by(PhysRange{at + size, passed_.base}, 0);
      passed_.base = at;
    }
  }

  /// The same for a block that touches the edge.
  void took_beside(uint64_t size) {
    if (kind_.bottom_up()) {
      passed_.end = passed_.end + size;
    } else {
      passed_.base = passed_.base - size;
    }
  }

 private:
  /// What `largest_` may be short of for blocks of alignment `align`.
  static constexpr uint64_t slack(uint64_t align) { return align < kLine ? kLine - 1 : 0; }

  static constexpr uint64_t sum(uint64_t a, uint64_t b) { return a + b < a ? ~uint64_t{0} : a + b; }

  /// Whether a search that goes on in `window` sees all of what a block may take on both sides of
  /// the place where another gave up. Neither would else have seen the free range there as a whole.
  bool sees_across(PhysRange window, const Wish& wish) const {
    if (!open_) return true;
    const bool up = kind_.bottom_up();
    const uint64_t behind = up ? passed_.end - window.base : window.end - passed_.base;
    return wish.size - 1 <= behind ||
           (up ? window.base == passed_.base : window.end == passed_.end);
  }

  bool rules_out(const Wish& wish) const {
    return wish.size > sum(largest_, slack(wish.align)) ||
           (wish.size >= size_min_ && wish.align >= align_min_);
  }

  /// Returns what may have been cut off a free range where the search before gave up.
  uint64_t searched_for(const Wish& wish, uint64_t largest) {
    const uint64_t cut_off = open_ ? sum(largest_, kLine - 1) : 0;
    largest_ = max(largest_, sum(largest, cut_off));
    size_min_ = wish.size;
    align_min_ = wish.align;
    started_ = false;
    return cut_off;
  }

  /// A free range was left behind, which may be larger by `more`.
  void pass_by(PhysRange free, uint64_t more) {
    const uint64_t bytes = sum(bytes_from_line(free), more);
    largest_ = max(largest_, bytes);
    size_min_ = max(size_min_, sum(bytes, slack(align_min_) + 1));
  }

  PhysRange passed_;
  uint64_t largest_ = 0;
  uint64_t size_min_ = 1;
  uint64_t align_min_ = 1;
  SearchKind kind_;
  PhysAddr reach_;
  bool open_ = false;
  bool started_ = false;  ///< start() was the last that happened.
};

/// The trails that were used last: small blocks go into what large ones leave behind, and each node
/// has its own memory. And a shorter way for a block like the last one, right beside it.
class Trails {
 public:
  /// Memory has changed, or how it is searched: nothing is known any more.
  void forget() {
    live_ = 0;
    leave_neighbour();
  }

  /// Regions may lie elsewhere now, or the bounds of what asks for the same have changed: the next
  /// block is searched for again.
  void leave_neighbour() {
    neighbour_ = nullptr;
    again_ = 0;
  }

  /// Reservations went; `gap` is the free range that they left.
  void freed(PhysRange gap) {
    leave_neighbour();
    for (size_t i = 0; i < live_; ++i) trails_[i].freed(gap);
  }

  /// The trail on which a search for `wish` may go on, or null.
  Trail* leading_on(PhysRange window, const Wish& wish, SearchKind kind) {
    if (live_ != 0 && trails_[current_].leads_on(window, wish, kind)) return &trails_[current_];
    for (size_t i = 0; i < live_; ++i) {
      if (!trails_[i].leads_on(window, wish, kind)) continue;
      leave_neighbour();
      current_ = i;
      return &trails_[i];
    }
    return nullptr;
  }

  /// A new trail, in the place of the oldest.
  Trail& start(PhysRange window, SearchKind kind) {
    leave_neighbour();
    current_ = next_ = live_ < kTrails ? live_++ : (next_ + 1) % kTrails;
    trails_[current_].start(window, kind);
    return trails_[current_];
  }

  /// A search on the trail that was asked for last has found nothing: its edge lies elsewhere now,
  /// and what stood beside it does no more.
  void failed(PhysRange window, const Wish& wish, uint64_t largest) {
    trails_[current_].failed(window, wish, largest);
    leave_neighbour();
  }

  /// A block was put next on the trail that was asked for last, as `spot` says.
  void took(const Spot& spot, uint64_t size) {
    trails_[current_].took(spot.at, size);
    neighbour_ = spot.region;
    room_end_ = spot.room_end;
    again_ = 0;
  }

  /// What stands at the edge of the current trail, after one of the next two has said yes.
  Region* neighbour() const { return neighbour_; }

  /// Whether a block can be taken of the free range at that edge, and the region there grow by it.
  /// Not if it takes all: what lies behind it might have to be joined.
  bool take_beside(const AllocRequest& request, PhysRange window, SearchKind kind) {
    if (neighbour_ == nullptr) return false;
    Trail& trail = trails_[current_];
    const PhysAddr edge = trail.edge();
    const PhysAddr end =
        kind.bottom_up() ? min(room_end_, window.end) : max(room_end_, window.base);
    const uint64_t room = kind.bottom_up() ? end - edge : edge - end;
    if ((kind.bottom_up() ? end < edge : edge < end) || room <= request.size) return false;
    const PhysAddr at = kind.bottom_up() ? edge : edge - request.size;
    if (!is_power_of_two(request.align) || (at.value & (request.align - 1)) != 0) return false;
    if (!trail.leads_on(window, {request.size, request.align}, kind)) return false;
    trail.took_beside(request.size);
    // Behind this block the next one like it is aligned too, or has to be looked at again.
    again_ = (request.size & (request.align - 1)) == 0 ? room - request.size : 0;
    last_ = request;
    return true;
  }

  /// The same for a request like the last one that take_beside() served.
  bool take_again(const AllocRequest& request) {
    if (again_ <= request.size || !same_wish(request, last_)) return false;
    again_ -= request.size;
    trails_[current_].took_beside(request.size);
    return true;
  }

 private:
  static constexpr size_t kTrails = 4;

  std::array<Trail, kTrails> trails_;
  size_t live_ = 0;
  size_t current_ = 0;
  size_t next_ = 0;
  Region* neighbour_ = nullptr;  ///< Plain, at the edge of the current trail.
  PhysAddr room_end_;            ///< From that edge on memory is free up to here.
  uint64_t again_ = 0;           ///< How much of that `last_` may take.
  AllocRequest last_;
};

}  // namespace memblock
