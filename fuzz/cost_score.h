// How near ops have come to their bounds: for the engine, which keeps inputs that come nearer, and
// for whoever wants to know what was worst.
#pragma once

#include "fuzz/cost_bound.h"

namespace memblock::fuzz {

/// One op that ran.
struct CostSample {
  const char* table;
  lab::OpCode code;
  uint64_t steps;
  uint64_t paid;  ///< Of these, by edits before: see CostCredit.
  uint64_t bound;
  Extent extent;
};

/// `12293 regions, 0 inside, 4 attempts, 517 turns, 8193 passed by and 1024 of them nearly large
/// enough`.
std::string to_text(const Extent& extent);

/// Tells the engine; and the worst of each kind is printed when the program ends.
void keep_score(const CostSample& sample);

}  // namespace memblock::fuzz
