#include <boost/icl/interval_map.hpp>

#include "bench/make_job.h"
#include "bench/memory_use.h"
#include "bench/peer.h"

namespace memblock::bench {
namespace {

namespace icl = boost::icl;

/// What is covered already keeps its kind.
template <class T>
struct KeepFirst : icl::identity_based_inplace_combine<T> {
  void operator()(T&, const T&) const {}
};

class IclTable {
  using Interval = icl::right_open_interval<uint64_t>;
  using Map = icl::interval_map<uint64_t, Kind, icl::partial_enricher, std::less, KeepFirst,
                                icl::inplace_identity, Interval>;
  using Iterator = Map::const_iterator;

 public:
  void insert(uint64_t base, uint64_t end, Kind kind) { map_.add({Interval{base, end}, kind}); }
  void erase(uint64_t base, uint64_t end) { map_.erase(Interval{base, end}); }

  template <class Change>
  void change(uint64_t base, uint64_t end, Change&& to) {
    pieces_.clear();
    const auto [first, last] = map_.equal_range(Interval{base, end});
    for (Iterator at = first; at != last; ++at) {
      Kind kind = at->second;
      to(kind);
      if (kind == at->second) continue;
      pieces_.push_back({at->first & Interval{base, end}, kind});
    }
    for (const auto& piece : pieces_) map_.set(piece);
  }

  bool contains(uint64_t address) const { return map_.find(address) != map_.end(); }
  bool overlaps(uint64_t base, uint64_t end) const {
    return map_.find(Interval{base, end}) != map_.end();
  }

  class Cursor {
   public:
    Cursor(Iterator at, Iterator stop, bool up) : at_(at), stop_(stop), up_(up) {
      if (!up_) next();
    }
    bool done() const { return done_ || (up_ && at_ == stop_); }
    uint64_t base() const { return at_->first.lower(); }
    uint64_t end() const { return at_->first.upper(); }
    Kind kind() const { return at_->second; }
    void next() {
      if (up_) {
        ++at_;
      } else if (at_ == stop_) {
        done_ = true;
      } else {
        --at_;
      }
    }

   private:
    Iterator at_, stop_;
    bool up_;
    bool done_ = false;
  };

  Cursor up(uint64_t from) const {
    return {map_.lower_bound(Interval{from, from + 1}), map_.end(), true};
  }
  Cursor down(uint64_t to) const {
    // The first that reaches `to` or beyond: it counts if it begins below.
    Iterator at = map_.lower_bound(Interval{to - 1, to});
    if (at != map_.end() && at->first.lower() < to) ++at;
    return {at, map_.begin(), false};
  }

 private:
  Map map_;
  std::vector<Map::segment_type> pieces_;
};

}  // namespace

Candidate icl_candidate() {
  using S = PeerSubject<IclTable>;
  static_assert(Subject<S>);
  return {"boost::icl", Role::Peer, make_job<S>, memory_of<S>};
}

}  // namespace memblock::bench
