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
      pass_by(min(bytes_from_line(gap), kMost));
    }
  }

  /// Whether a search for `wish` in `window` may go on where others ended.
  bool leads_on(PhysRange window, const Wish& wish, SearchKind kind) const {
    if (kind != kind_) return false;
    const bool begins_inside = kind.bottom_up()
                                   ? passed_.base <= window.base && window.base < passed_.end
                                   : window.end <= passed_.end && passed_.base < window.end;
    return begins_inside && rules_out(wish) && sees_across(window, wish);
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
  [[gnu::always_inline]] void found(const Wish& wish, uint64_t largest, const Found& found) {
    const bool up = kind_.bottom_up();
    const PhysAddr end = found.at + wish.size;
    uint64_t left =
        bytes_from_line(up ? PhysRange{found.gap.base, found.at} : PhysRange{end, found.gap.end});
    if (open_) {
      left = sum(left, cut_off());
      largest = sum(largest, cut_off());
    }
    searched_for(wish, largest);
    pass_by(left);
    if (up) {
      passed_.end = end;
      reach_ = found.memory.end;
    } else {
      passed_.base = found.at;
      reach_ = found.memory.base;
    }
    open_ = false;
  }

  /// The same, without success.
  void failed(PhysRange window, const Wish& wish, uint64_t largest) {
    const bool started = started_;
    searched_for(wish, open_ ? sum(largest, cut_off()) : largest);
    open_ = open_ || started || !passed_.contains(window);
    passed_ = PhysRange{min(passed_.base, window.base), max(passed_.end, window.end)};
  }

  /// Where the way goes on, and how far memory does. Where a search gave up, nothing is known of
  /// it: both are the same. `up` says, as below, which way that is.
  PhysAddr edge(bool up) const { return up ? passed_.end : passed_.base; }
  PhysAddr reach(bool up) const { return open_ ? edge(up) : reach_; }

  /// No free range inside holds as many bytes at this alignment.
  uint64_t least(uint64_t align) const {
    const uint64_t more = largest_ + slack(align) + 1;
    return align >= align_min_ ? min(more, size_min_) : more;
  }

  /// A block was put next on the way, with nothing free in front of it but what is nearer.
  void took(PhysAddr at, uint64_t size, bool up) {
    if (up) {
      if (at != passed_.end) pass_by(bytes_from_line(PhysRange{passed_.end, at}));
      passed_.end = at + size;
    } else {
      if (at + size != passed_.base) pass_by(bytes_from_line(PhysRange{at + size, passed_.base}));
      passed_.base = at;
    }
  }

  /// The same for a block that touches the edge.
  void took_beside(uint64_t size, bool up) {
    if (up) {
      passed_.end = passed_.end + size;
    } else {
      passed_.base = passed_.base - size;
    }
  }

 private:
  /// What `largest_` may be short of for blocks of alignment `align`.
  static constexpr uint64_t slack(uint64_t align) { return align < kLine ? kLine - 1 : 0; }

  /// No window holds more: all leave out the first page, which is no smaller. A line more or two,
  /// and it does not wrap.
  static constexpr uint64_t kMost = ~uint64_t{0} - 4096;
  static constexpr uint64_t sum(uint64_t a, uint64_t b) {
    return a + b < a ? kMost : min(a + b, kMost);
  }

  /// Whether a search that goes on in `window` sees all of what a block may take on both sides of
  /// the place where another gave up. Neither would else have seen the free range there as a whole.
  bool sees_across(PhysRange window, const Wish& wish) const {
    if (!open_) return true;
    const bool up = kind_.bottom_up();
    const uint64_t behind = up ? passed_.end - window.base : window.end - passed_.base;
    return wish.size - 1 <= behind ||
           (up ? window.base == passed_.base : window.end == passed_.end);
  }

  bool rules_out(const Wish& wish) const { return wish.size >= least(wish.align); }

  /// What may have been cut off a free range where the search before gave up.
  uint64_t cut_off() const { return largest_ + kLine - 1; }

  void searched_for(const Wish& wish, uint64_t largest) {
    largest_ = max(largest_, min(largest, kMost));
    size_min_ = wish.size;
    align_min_ = wish.align;
    started_ = false;
  }

  /// A free range was left behind, of so many bytes from a line on.
  void pass_by(uint64_t bytes) {
    largest_ = max(largest_, bytes);
    size_min_ = max(size_min_, bytes + slack(align_min_) + 1);
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
    least_ = ~uint64_t{0};
  }

  /// Reservations went; `gap` is the free range that they left.
  void freed(PhysRange gap) {
    leave_neighbour();
    for (size_t i = 0; i < live_; ++i) trails_[i].freed(gap);
  }

  /// The trail on which a search for `wish` may go on, or null.
  [[gnu::always_inline]] Trail* leading_on(PhysRange window, const Wish& wish, SearchKind kind) {
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

  /// A block was put next on the trail that was asked for last.
  void took(PhysAddr at, uint64_t size, bool up) { trails_[current_].took(at, size, up); }

  /// `region` stands at the edge of that trail now, and from there on memory is free up to
  /// `room_end`.
  void stand_beside(Region* region, PhysAddr room_end) {
    neighbour_ = region;
    end_ = room_end;
    again_ = 0;
    least_ = ~uint64_t{0};
  }

  /// What stands there, after take_again() or next() has said yes.
  Region* neighbour() const { return neighbour_; }

  /// `request` was granted as the trail that was asked for last leads, inside `window`: what is
  /// like it in all but size may go on there. By take_again() only if nothing `clears` it.
  void granted(const AllocRequest& request, PhysRange window, bool up, bool clears) {
    if (neighbour_ == nullptr || request.align == 0) return;
    end_ = up ? min(end_, window.end) : max(end_, window.base);
    least_ = trails_[current_].least(request.align);
    last_ = request;
    clears_ = clears;
    again_ = room_at_edge(up);
  }

  /// Whether a block touches the last one, in front of as much as it takes, and so becomes part of
  /// the same region. Not if it takes all that is free: what lies behind it might have to be
  /// joined.
  [[gnu::always_inline]] bool take_again(const AllocRequest& request, bool up) {
    if (again_ <= request.size || request.size < least_ ||
        (request.size & (request.align - 1)) != 0 || !alike(request, last_)) {
      return false;
    }
    again_ -= request.size;
    trails_[current_].took_beside(request.size, up);
    return true;
  }

  /// Whether a block goes beside the last one without being a part of it, or so that take_again()
  /// does not see it; and where.
  [[gnu::always_inline]] bool next(const AllocRequest& request, bool up, PhysAddr& at) const {
    if (request.size < least_ || !alike(request, last_)) return false;
    const PhysAddr edge = trails_[current_].edge(up);
    const Wish wish{request.size, request.align};
    return up ? wish.fits_above(edge, end_, at) : wish.fits_below(edge, end_, at);
  }

  /// It was put there, as `region`. Between the two is no place that is aligned as `last_` asks, so
  /// that what may fit elsewhere is what it was: upwards it is at the first such place, and
  /// downwards the edge itself is one, from granted() on.
  void took_next(Region* region, PhysAddr at, uint64_t size, bool up) {
    trails_[current_].took(at, size, up);
    neighbour_ = region;
    again_ = room_at_edge(up);
  }

 private:
  static constexpr size_t kTrails = 4;

  /// How many bytes take_again() may hand out: those right at the edge, if that is aligned as
  /// requests like the last one ask, and nothing has to be done to them.
  uint64_t room_at_edge(bool up) const {
    const PhysAddr edge = trails_[current_].edge(up);
    if (clears_ || (edge.value & (last_.align - 1)) != 0) return 0;
    return up ? end_ - edge : edge - end_;
  }

  std::array<Trail, kTrails> trails_;
  size_t live_ = 0;
  size_t current_ = 0;
  size_t next_ = 0;
  Region* neighbour_ = nullptr;  ///< Plain, at the edge of the current trail.
  PhysAddr end_;                 ///< From that edge on memory is free up to here.
  // For requests like `last_`, whose window has the end too:
  uint64_t again_ = 0;  ///< How much of that those may take that are aligned at the edge.
  uint64_t least_ = ~uint64_t{0};  ///< What needs fewer may fit elsewhere; more than all: unknown.
  AllocRequest last_;
  bool clears_ = false;  ///< What those are given is cleared.
};

}  // namespace memblock
