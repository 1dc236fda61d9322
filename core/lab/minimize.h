// Makes a failing trace small: fewer ops first, then plainer ones, then small addresses.
#pragma once

#include <functional>

#include "lab/compare.h"

namespace memblock::lab {

struct MinimizeOptions {
  size_t trials_max = 20000;  ///< Traces that are tried at most.
};

/// The smallest trace found for which `fails` still says yes. Ops are dropped in shrinking chunks;
/// then map entries, limits, optional fields, sizes and text are; at last all addresses move
/// together, so that what touched still touches. Every trial is a valid trace.
///
/// Requires: `fails(trace)`, and that it says the same of the same trace each time.
Trace minimize(Trace trace, const std::function<bool(const Trace&)>& fails,
               const MinimizeOptions& options = {});

/// The same where `fails` means: A and B part with the signature that they part with now.
///
/// Requires: they part.
template <Backend A, Backend B>
Trace minimize_divergence(const Trace& trace, const MinimizeOptions& options = {}) {
  const std::string wanted = signature_of(*compare<A, B>(trace), trace);
  return minimize(
      trace,
      [&](const Trace& smaller) {
        const std::optional<Divergence> found = compare<A, B>(smaller);
        return found && signature_of(*found, smaller) == wanted;
      },
      options);
}

}  // namespace memblock::lab
