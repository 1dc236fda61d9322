// Which of the core's tables a set of laws is held against: each set is built for the flat table
// and for the tree table in small nodes, of which a few regions need many.
#pragma once

#include "lab/core_backend.h"

namespace memblock::lab {

#ifdef LAB_PROPS_ON_TREE
using LawTable = SmallTreeTable;
using LawBackend = SmallTreeBackend;
#else
using LawTable = FlatTable;
using LawBackend = FlatBackend;
#endif

using LawMemblock = BasicMemblock<LawTable>;

}  // namespace memblock::lab
