// What memblock held before the first printed call, and marks that only show in a later dump.
#pragma once

#include "lab/bootlog.h"

namespace memblock::lab {

/// An op that is not in the log, and why it must have happened.
struct InferredOp {
  Op op;
  std::string why;
};

/// The calls that were made before `memblock=debug` was parsed: what the first dump holds beyond
/// what the printed calls before it make, and what is freed though nothing shows that it was taken.
std::vector<InferredOp> infer_start(const LoggedBoot& boot, const BootFacts& facts);

/// Marks of NOMAP and MIRROR that a dump shows: after which event (its index plus 1; 0: before all)
/// which op.
struct ScheduledOp {
  size_t after = 0;
  InferredOp inferred;
};
std::vector<ScheduledOp> infer_marks(const LoggedBoot& boot);

}  // namespace memblock::lab
