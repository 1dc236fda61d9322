#include <llvm/ADT/IntervalMap.h>

#include <memory>

#include "bench/make_job.h"
#include "bench/memory_use.h"
#include "bench/peer.h"

namespace memblock::bench {
namespace {

class LlvmTable {
  using Map = llvm::IntervalMap<uint64_t, Kind, 8, llvm::IntervalMapHalfOpenInfo<uint64_t>>;

 public:
  void insert(uint64_t base, uint64_t end, Kind kind) {
    Map::iterator at = map_.find(base);
    if (!at.valid() || end <= at.start()) return at.insert(base, end, kind);
    while (base < end) {
      at = map_.find(base);
      const uint64_t from = at.valid() ? at.start() : end;
      const uint64_t after = at.valid() ? at.stop() : end;
      if (base < from) at.insert(base, std::min(from, end), kind);
      base = std::max(after, base);
      if (from >= end) return;
    }
  }

  void erase(uint64_t base, uint64_t end) {
    Map::iterator at = map_.find(base);
    while (at.valid() && at.start() < end) {
      const uint64_t stop = at.stop();
      if (at.start() < base) {
        const Kind kind = at.value();
        at.setStop(base);
        if (end < stop) map_.insert(end, stop, kind);
        if (end <= stop) return;
        ++at;
      } else if (end < stop) {
        at.setStart(end);
        return;
      } else {
        at.erase();
      }
    }
  }

  template <class Change>
  void change(uint64_t base, uint64_t end, Change&& to) {
    // A change may join neighbours, so that iterators are looked up anew for each piece.
    while (base < end) {
      Map::iterator at = map_.find(base);
      if (!at.valid() || at.start() >= end) return;
      const uint64_t from = std::max(at.start(), base);
      const uint64_t until = std::min(at.stop(), end);
      Kind kind = at.value();
      to(kind);
      if (kind != at.value()) {
        if (from == at.start() && until == at.stop()) {
          at.setValue(kind);
        } else {
          erase(from, until);
          map_.insert(from, until, kind);
        }
      }
      base = until;
    }
  }

  bool contains(uint64_t address) const { return map_.lookup(address, kNothing) != kNothing; }
  bool overlaps(uint64_t base, uint64_t end) const { return map_.overlaps(base, end); }

  class Cursor {
   public:
    Cursor(const Map::const_iterator& at, uint64_t lowest, bool up)
        : at_(at), lowest_(lowest), up_(up), done_(!at.valid()) {}
    bool done() const { return done_; }
    uint64_t base() const { return at_.start(); }
    uint64_t end() const { return at_.stop(); }
    Kind kind() const { return at_.value(); }
    void next() {
      if (up_) {
        ++at_;
        done_ = !at_.valid();
      } else if (at_.start() == lowest_) {
        done_ = true;
      } else {
        --at_;
      }
    }

   private:
    Map::const_iterator at_;
    uint64_t lowest_;
    bool up_;
    bool done_;
  };

  Cursor up(uint64_t from) const { return {map_.find(from), 0, true}; }

  Cursor down(uint64_t to) const {
    if (map_.empty() || to <= map_.start()) return {map_.end(), 0, false};
    Map::const_iterator at = map_.find(to);
    if (!at.valid() || at.start() >= to) --at;
    return {at, map_.start(), false};
  }

 private:
  static constexpr Kind kNothing{~0u, 0};

  Map::Allocator allocator_;
  Map map_{allocator_};
};

}  // namespace

Candidate llvm_candidate() {
  using S = PeerSubject<LlvmTable>;
  static_assert(Subject<S>);
  return {"llvm::IntervalMap", Role::Peer, make_job<S>, memory_of<S>};
}

}  // namespace memblock::bench
