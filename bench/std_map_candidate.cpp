#include <map>

#include "bench/make_job.h"
#include "bench/map_table.h"
#include "bench/memory_use.h"

namespace memblock::bench {

Candidate std_map_candidate() {
  using S = PeerSubject<MapTable<std::map<MapKey, MapValue>>>;
  static_assert(Subject<S>);
  return {"std::map", Role::Peer, make_job<S>, memory_of<S>};
}

}  // namespace memblock::bench
