// The core as embedders have it: on the tree table.
#include "bench/core_subject.h"
#include "bench/make_job.h"
#include "bench/memory_use.h"

namespace memblock::bench {

Candidate core_candidate() {
  using S = CoreSubject<TreeTable>;
  static_assert(Subject<S> && HandsOver<S>);
  return {"core", Role::Ours, make_job<S>, memory_of<S>};
}

}  // namespace memblock::bench
