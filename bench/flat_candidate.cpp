// The core on the flat table, which is what stands in for a kernel's memblock.
#include "bench/core_subject.h"
#include "bench/make_job.h"
#include "bench/memory_use.h"

namespace memblock::bench {

Candidate flat_candidate() {
  using S = CoreSubject<FlatTable>;
  static_assert(Subject<S> && HandsOver<S>);
  return {"flat", Role::Ours, make_job<S>, memory_of<S>};
}

}  // namespace memblock::bench
