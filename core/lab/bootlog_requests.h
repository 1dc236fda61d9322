// Requests that are not printed: allocations of which a log shows only the result.
#pragma once

#include "lab/bootlog_numa.h"

namespace memblock::lab {

/// What an allocation must have asked for.
struct DerivedRequest {
  Op op;
  std::string why;
  bool bottom_up = false;  ///< The direction is turned for this allocation.
};

/// The request of the allocation at event `index`, whose result alone was printed, from the lines
/// around it; nothing if they do not tell.
std::optional<DerivedRequest> derive_request(const LoggedBoot& boot, size_t index,
                                             TraceBuilder& builder, const NumaRules& numa);

}  // namespace memblock::lab
