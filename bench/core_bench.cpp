#include "bench/core_bench.h"

#include "bench/alloc_bench.h"
#include "bench/boot_bench.h"
#include "bench/sweep_bench.h"
#include "bench/table_bench.h"
#include "lab/core_backend.h"

namespace memblock::bench {

std::string register_core(const Plan& plan) {
  register_table<CoreSubject>(plan);
  register_alloc<CoreSubject>(plan);
  register_sweeps<CoreSubject>(plan);
  std::string problem;
  register_boots<lab::CoreBackend>(load_boots(plan.boots, problem));
  return problem;
}

}  // namespace memblock::bench
