// Laws that hold for every valid trace without a second backend to compare with: of the language,
// and of the core alone.
#pragma once

#include "lab/trace.h"

namespace memblock::lab {

/// The first law that `trace` breaks, as one phrase, or empty:
///   text: what is printed parses back to the same trace
///   bytes: what is encoded decodes to the same trace
///   failure: a call that fails leaves regions as they were, unless its table grew
///   mirror: every walk downwards is the walk upwards in reverse
///   complement: free ranges and reservations together are the memory
std::string broken_law(const Trace& trace);

}  // namespace memblock::lab
