#include <absl/container/btree_map.h>

#include "bench/make_job.h"
#include "bench/map_table.h"
#include "bench/memory_use.h"

namespace memblock::bench {

Candidate absl_candidate() {
  using S = PeerSubject<MapTable<absl::btree_map<MapKey, MapValue>>>;
  static_assert(Subject<S>);
  return {"absl::btree_map", Role::Peer, make_job<S>, memory_of<S>};
}

}  // namespace memblock::bench
