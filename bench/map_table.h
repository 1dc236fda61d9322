// A peer's table on any ordered map from base to end and kind.
#pragma once

#include <iterator>

#include "bench/peer.h"

namespace memblock::bench {

/// A region that grows downwards keeps its place among the others, so that its key may change where
/// it stands; taking it out and putting it back would cost a peer twice.
struct MapKey {
  mutable uint64_t base = 0;
  friend bool operator<(const MapKey& a, const MapKey& b) { return a.base < b.base; }
};

struct MapValue {
  uint64_t end = 0;
  Kind kind;
};

/// Map: std::map's interface from MapKey to MapValue. Iterators need not stay valid.
template <class Map>
class MapTable {
  using Iterator = typename Map::iterator;
  using ConstIterator = typename Map::const_iterator;

 public:
  void insert(uint64_t base, uint64_t end, Kind kind) {
    Iterator next = map_.upper_bound(MapKey{base});
    if (next != map_.begin()) {
      const Iterator before = std::prev(next);
      if (before->second.end > base) {
        if (before->second.end < end) insert(before->second.end, end, kind);
        return;
      }
    }
    if (next != map_.end() && next->first.base < end) {
      const uint64_t from = next->first.base;
      const uint64_t until = next->second.end;
      insert_free(next, base, from, kind);
      if (until < end) insert(until, end, kind);
      return;
    }
    insert_free(next, base, end, kind);
  }

  void erase(uint64_t base, uint64_t end) {
    Iterator at = first_ending_after(base);
    while (at != map_.end() && at->first.base < end) {
      const MapValue old = at->second;
      if (at->first.base < base) {
        at->second.end = base;
        ++at;
        if (end < old.end) map_.emplace_hint(at, MapKey{end}, MapValue{old.end, old.kind});
        if (end <= old.end) return;
      } else if (end < old.end) {
        at->first.base = end;
        return;
      } else {
        at = map_.erase(at);
      }
    }
  }

  template <class Change>
  void change(uint64_t base, uint64_t end, Change&& to) {
    Iterator at = first_ending_after(base);
    while (at != map_.end() && at->first.base < end) {
      at = cut_before(at, base);
      if (end < at->second.end) {
        const MapValue rest{at->second.end, at->second.kind};
        at->second.end = end;
        at = std::prev(map_.emplace_hint(std::next(at), MapKey{end}, rest));
      }
      to(at->second.kind);
      at = std::next(merged_back(at));
    }
    if (at != map_.end()) merged_back(at);
  }

  bool contains(uint64_t address) const {
    const ConstIterator next = map_.upper_bound(MapKey{address});
    return next != map_.begin() && std::prev(next)->second.end > address;
  }

  bool overlaps(uint64_t base, uint64_t end) const {
    const ConstIterator next = map_.lower_bound(MapKey{end});
    return next != map_.begin() && std::prev(next)->second.end > base;
  }

  class Up {
   public:
    Up(ConstIterator at, ConstIterator end) : at_(at), end_(end) {}
    bool done() const { return at_ == end_; }
    uint64_t base() const { return at_->first.base; }
    uint64_t end() const { return at_->second.end; }
    Kind kind() const { return at_->second.kind; }
    void next() { ++at_; }

   private:
    ConstIterator at_, end_;
  };

  class Down {
   public:
    Down(ConstIterator above, ConstIterator begin) : at_(above), begin_(begin) { next(); }
    bool done() const { return done_; }
    uint64_t base() const { return at_->first.base; }
    uint64_t end() const { return at_->second.end; }
    Kind kind() const { return at_->second.kind; }
    void next() {
      if (at_ == begin_) {
        done_ = true;
      } else {
        --at_;
      }
    }

   private:
    ConstIterator at_, begin_;
    bool done_ = false;
  };

  Up up(uint64_t from) const {
    ConstIterator at = map_.upper_bound(MapKey{from});
    if (at != map_.begin() && std::prev(at)->second.end > from) --at;
    return {at, map_.end()};
  }
  Down down(uint64_t to) const { return {map_.lower_bound(MapKey{to}), map_.begin()}; }

  void assign(const std::vector<Region>& regions) requires requires(Map m) { m.assign(regions); }
  { map_.assign(regions); }

 private:
  Iterator first_ending_after(uint64_t address) {
    const Iterator next = map_.upper_bound(MapKey{address});
    if (next != map_.begin() && std::prev(next)->second.end > address) return std::prev(next);
    return next;
  }

  /// Nothing covers [base, end); `next` is the first region above it.
  void insert_free(Iterator next, uint64_t base, uint64_t end, Kind kind) {
    const bool joins_next =
        next != map_.end() && next->first.base == end && next->second.kind == kind;
    if (next != map_.begin()) {
      const Iterator before = std::prev(next);
      if (before->second.end == base && before->second.kind == kind) {
        before->second.end = joins_next ? next->second.end : end;
        if (joins_next) map_.erase(next);
        return;
      }
    }
    if (joins_next) {
      next->first.base = base;
    } else {
      map_.emplace_hint(next, MapKey{base}, MapValue{end, kind});
    }
  }

  /// Splits the region at `base`, if that lies inside; returns the part from there on.
  Iterator cut_before(Iterator at, uint64_t base) {
    if (at->first.base >= base) return at;
    const MapValue rest = at->second;
    at->second.end = base;
    return map_.emplace_hint(std::next(at), MapKey{base}, rest);
  }

  /// Joins the region with the one before, if they touch and are alike.
  Iterator merged_back(Iterator at) {
    if (at == map_.begin()) return at;
    const Iterator before = std::prev(at);
    if (before->second.end != at->first.base || before->second.kind != at->second.kind) return at;
    before->second.end = at->second.end;
    const Iterator after = map_.erase(at);
    return std::prev(after);
  }

  Map map_;
};

}  // namespace memblock::bench
