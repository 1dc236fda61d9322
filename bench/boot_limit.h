// The limit of a boot.
#pragma once

#include <memory>

#include "bench/boots.h"
#include "bench/job.h"

namespace memblock::bench {

/// A job that puts down the answers of a boot, which it knows beforehand; an op is one call.
std::unique_ptr<Job> make_boot_limit(const Boot& boot);

}  // namespace memblock::bench
