// What the exhaustive search covers: tiny universes, and the ops that are tried in each state.
#pragma once

#include <string>
#include <vector>

#include "lab/trace.h"

namespace memblock::lab {

inline constexpr uint64_t kUnit = 4096;
inline constexpr size_t kCellsMax = 8;

/// A universe of a few units in a row, a machine, and the ops.
struct Scope {
  std::string name;
  std::string about;
  size_t cells = 5;     ///< Units in the universe: one less than its boundaries.
  uint64_t origin = 0;  ///< Address of the first boundary.
  Limits limits{.memory = 16, .reserved = 16};
  bool grows = false;       ///< Tables may grow.
  std::vector<Op> ops;      ///< What may change the state.
  std::vector<Op> queries;  ///< What must not.

  PhysRange range(size_t first, size_t last) const {
    return {PhysAddr{origin + first * kUnit}, PhysAddr{origin + last * kUnit}};
  }
};

/// Scopes that a test run has time for.
std::vector<Scope> small_scopes();

/// One scope with nodes, flags, reservations, allocation and limits all together: minutes.
Scope full_scope();

}  // namespace memblock::lab
