// Nodes: which call gave which memory its node, worked out from the lines about SRAT and faked
// nodes in the way the kernel works it out, or from the next dump where there are none.
#pragma once

#include "lab/bootlog_builder.h"

namespace memblock::lab {

class NumaRules {
 public:
  NumaRules(const LoggedBoot& boot, TraceBuilder& builder);

  /// To be called before each event, in order.
  void before(size_t index);
  /// To be called with each hint, in order.
  void hint(const LogLine& line);

  /// The node whose data an unprinted allocation at event `index` holds; nothing if it is none.
  std::optional<NodeId> node_of_data(size_t index) const;

 private:
  struct Block {
    PhysRange range;
    NodeId nid;
  };

  void plan();
  void reset_nodes(uint32_t line);
  void clean_up(std::vector<Block>& blocks) const;
  void assign(uint32_t line, const char* why);
  void assign_from_dump(size_t index, uint32_t line);
  void clear_kernel_hotplug(const std::vector<Block>& blocks, uint32_t line);
  const LoggedDump* next_dump_with_nodes(size_t index) const;

  const LoggedBoot& boot_;
  TraceBuilder& builder_;
  bool stamps_reserved_;  // The kernel gives reserved regions their node as well.
  size_t assign_before_;  // Event before which nodes are given; SIZE_MAX: never.
  bool assigned_ = false;
  bool have_blocks_ = false;
  bool reset_ = false;
  std::vector<Block> blocks_;
  std::vector<NodeId> nodes_;          // Those that memory has, once it is assigned.
  std::vector<uint32_t> data_before_;  // Lines about node data before each event.
};

}  // namespace memblock::lab
