// The peer that needs no library: a sorted std::vector.
#include "bench/make_job.h"
#include "bench/map_table.h"
#include "bench/memory_use.h"

namespace memblock::bench {
namespace {

/// As much of std::map's interface on a sorted vector as MapTable uses.
class VectorMap {
 public:
  struct Entry {
    MapKey first;
    MapValue second;
  };
  using iterator = std::vector<Entry>::iterator;
  using const_iterator = std::vector<Entry>::const_iterator;

  iterator begin() { return all_.begin(); }
  iterator end() { return all_.end(); }
  const_iterator begin() const { return all_.begin(); }
  const_iterator end() const { return all_.end(); }

  iterator upper_bound(const MapKey& key) {
    return std::upper_bound(begin(), end(), key, key_below);
  }
  const_iterator upper_bound(const MapKey& key) const {
    return std::upper_bound(begin(), end(), key, key_below);
  }
  const_iterator lower_bound(const MapKey& key) const {
    return std::lower_bound(begin(), end(), key,
                            [](const Entry& e, const MapKey& k) { return e.first < k; });
  }
  iterator emplace_hint(iterator at, const MapKey& key, const MapValue& value) {
    return all_.insert(at, {key, value});
  }
  iterator erase(iterator at) { return all_.erase(at); }

  void assign(const std::vector<Region>& regions) {
    all_.clear();
    for (const Region& r : regions) {
      all_.push_back({{r.base.value}, {r.end().value, kind_of(r.nid, r.flags)}});
    }
    std::sort(begin(), end(), [](const Entry& a, const Entry& b) { return a.first < b.first; });
  }

 private:
  static bool key_below(const MapKey& key, const Entry& entry) { return key < entry.first; }

  std::vector<Entry> all_;
};

}  // namespace

Candidate vector_candidate() {
  using S = PeerSubject<MapTable<VectorMap>>;
  static_assert(Subject<S>);
  return {"vector", Role::Peer, make_job<S>, memory_of<S>};
}

}  // namespace memblock::bench
