#include "bench/core_subject.h"
#include "bench/make_job.h"
#include "bench/memory_use.h"

namespace memblock::bench {

Candidate core_candidate() {
  return {"core", Role::Ours, make_job<FlatSubject>, memory_of<FlatSubject>};
}

}  // namespace memblock::bench
