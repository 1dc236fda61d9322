// Recorded boots as work for any subject: what a kernel asked of memblock before its page allocator
// came up, call by call.
#pragma once

#include <string>
#include <vector>

#include "bench/subject.h"
#include "lab/op.h"
#include "memblock/memblock.h"

namespace memblock::bench {

/// One call. All named allocation calls are the one request that they stand for.
struct BootCall {
  lab::OpCode code = lab::OpCode::Add;
  TableId table = TableId::Memory;
  RegionFlags flags;
  NodeId nid;
  bool on = false;
  PhysRange range;
  PhysAddr limit;
  AllocRequest request;
};

struct Boot {
  std::string name;
  Capacity capacity;
  std::vector<BootCall> calls;
};

/// The boots in a folder of logs, without what not every subject has: questions, the firmware map,
/// physmem, the permission to grow (see Capacity), and noinit marks, which came with 6.12.
/// Why they cannot be had goes to `problem`.
std::vector<Boot> load_boots(const std::string& folder, std::string& problem);

}  // namespace memblock::bench
