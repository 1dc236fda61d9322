// The core on each of its tables against the model.
#pragma once

#include "lab/compare.h"

namespace memblock::lab {

/// Replays `trace` on the flat table beside the model, on trees that grow as it does beside the
/// flat table, and on trees in storage of their own beside the model of that. The first difference.
std::optional<Divergence> compare_tables(const Trace& trace);

}  // namespace memblock::lab
