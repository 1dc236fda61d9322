#include "bench/core_subject.h"
#include "bench/make_job.h"

namespace memblock::bench {

Candidate core_candidate() { return {"core", Role::Ours, make_job<FlatSubject>, nullptr}; }

}  // namespace memblock::bench
