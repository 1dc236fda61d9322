// What the NUMA start-up of x86, arm64, riscv and powerpc does to memblock.
#include "lab/bootlog_numa.h"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>

namespace memblock::lab {
namespace {

/// More blocks than any kernel keeps; merging them costs the square.
constexpr size_t kBlocksMax = 1024;

PhysRange inclusive(uint64_t first, uint64_t last) {
  if (last < first) return {};
  return PhysRange::from_size(PhysAddr{first}, last - first + (last - first != ~uint64_t{0}));
}

bool gives_blocks(const Event& event) {
  return event.kind == EventKind::Hint &&
         (event.line.kind == LogKind::SratMemory || event.line.kind == LogKind::FakeNode);
}

/// Whether nodes must be known before this event.
bool needs_nodes(const LoggedBoot& boot, const Event& event) {
  if (event.kind == EventKind::Dump) return boot.dumps[event.dump].with_nodes();
  if (event.kind != EventKind::Allocation) return false;
  return !event.printed_request || event.line.nid >= 0;
}

}  // namespace

NumaRules::NumaRules(const LoggedBoot& boot, TraceBuilder& builder)
    : boot_(boot),
      builder_(builder),
      stamps_reserved_(builder.facts().arch == Arch::X86 ||
                       (builder.facts().arch != Arch::Powerpc && builder.facts().at_least(6, 12))),
      assign_before_(SIZE_MAX) {
  data_before_.reserve(boot.events.size());
  uint32_t seen = 0;
  for (const Event& event : boot.events) {
    data_before_.push_back(seen);
    seen += event.kind == EventKind::Hint && event.line.kind == LogKind::NodeData ? 1 : 0;
  }
  if (builder.facts().numa) plan();
}

void NumaRules::plan() {
  // The last run of lines about blocks counts: what SRAT said is dropped when a node is faked.
  size_t last_block = SIZE_MAX;
  for (size_t i = 0; i < boot_.events.size(); ++i) {
    const LogLine& line = boot_.events[i].line;
    if (!gives_blocks(boot_.events[i])) continue;
    const bool fake = line.kind == LogKind::FakeNode;
    const bool begins =
        fake && (line.number == 0 || (last_block != SIZE_MAX &&
                                      boot_.events[last_block].line.kind == LogKind::SratMemory));
    if (begins) blocks_.clear();
    const PhysRange range = inclusive(line.base, line.last);
    if (!range.empty() && line.nid >= 0 && line.nid < kNodesMax && blocks_.size() < kBlocksMax) {
      blocks_.push_back({range, NodeId{line.nid}});
    }
    last_block = i;
  }
  have_blocks_ = !blocks_.empty();
  const size_t from = last_block == SIZE_MAX ? 0 : last_block + 1;
  for (size_t i = from; i < boot_.events.size(); ++i) {
    if (!needs_nodes(boot_, boot_.events[i])) continue;
    // Without a line about blocks, only allocations for a node tell when nodes were known.
    const Event& event = boot_.events[i];
    if (!have_blocks_ && event.kind == EventKind::Allocation && !event.printed_request &&
        !node_of_data(i)) {
      continue;
    }
    if (!have_blocks_ && next_dump_with_nodes(i) == nullptr) return;
    assign_before_ = i;
    return;
  }
}

void NumaRules::before(size_t index) {
  if (assigned_ || index != assign_before_) return;
  assigned_ = true;
  const uint32_t line = boot_.events[index].line.line;
  if (have_blocks_) {
    assign(line, "the lines about SRAT or faked nodes give this memory its node");
  } else {
    assign_from_dump(index, line);
  }
  if (builder_.facts().arch == Arch::X86 && builder_.tables().bottom_up()) {
    Op op;
    op.code = OpCode::SetBottomUp;
    builder_.inferred(op, line, "NUMA is known: allocation goes top-down again");
  }
}

void NumaRules::hint(const LogLine& line) {
  const bool block = line.kind == LogKind::SratMemory || line.kind == LogKind::FakeNode;
  if (!block || assigned_ || !builder_.facts().numa) return;
  if (line.kind == LogKind::SratMemory) {
    if (!reset_) reset_nodes(line.line);
    if (line.hotplug) {
      builder_.inferred(range_op(OpCode::MarkHotplug, inclusive(line.base, line.last)), line.line,
                        "the firmware calls this memory hotpluggable");
    }
  } else if (line.number == 0) {
    reset_nodes(line.line);
  }
}

void NumaRules::reset_nodes(uint32_t line) {
  reset_ = true;
  if (!stamps_reserved_) return;
  // Since 6.10 the node is "none" from here on, and no longer the value of new regions.
  const NodeId none = builder_.facts().at_least(6, 10) ? kNoNode : kUnsetNode;
  const char* why = "NUMA start-up begins by taking all nodes and hotplug marks away";
  builder_.inferred(node_op(kAllMemory, TableId::Memory, none), line, why);
  builder_.inferred(node_op(kAllMemory, TableId::Reserved, none), line, why);
  builder_.inferred(range_op(OpCode::ClearHotplug, kAllMemory), line, why);
}

void NumaRules::clean_up(std::vector<Block>& blocks) const {
  const FlatBackend& tables = builder_.tables();
  PhysAddr low{0};
  if (builder_.facts().at_least(6, 12)) low = tables.start_of_dram();
  const PhysAddr high = tables.end_of_dram();
  std::vector<Block> kept;
  for (Block block : blocks) {
    if (!tables.overlaps(TableId::Memory, block.range)) continue;
    const PhysAddr base = max(block.range.base, low);
    const PhysAddr end = min(block.range.end, high);
    if (end <= base) continue;
    block.range = PhysRange{base, end};
    kept.push_back(block);
  }
  // Blocks of one node become one where nothing of another node lies between them.
  for (size_t i = 0; i < kept.size(); ++i) {
    for (size_t j = i + 1; j < kept.size(); ++j) {
      if (kept[i].nid != kept[j].nid) continue;
      const PhysRange both{min(kept[i].range.base, kept[j].range.base),
                           max(kept[i].range.end, kept[j].range.end)};
      const bool other = std::any_of(kept.begin(), kept.end(), [&](const Block& block) {
        return block.nid != kept[i].nid && block.range.overlaps(both);
      });
      if (other) continue;
      kept[i].range = both;
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(j--));
    }
  }
  blocks = std::move(kept);
}

void NumaRules::assign(uint32_t line, const char* why) {
  std::vector<Block> blocks = blocks_;
  if (stamps_reserved_) clean_up(blocks);
  for (const Block& block : blocks) {
    builder_.inferred(node_op(block.range, TableId::Memory, block.nid), line, why);
  }
  std::bitset<kNodesMax> present;
  for (const Region& region : builder_.tables().memory()) {
    if (is_node(region.nid)) present.set(static_cast<size_t>(region.nid.value));
  }
  for (size_t node = 0; node < present.size(); ++node) {
    if (present.test(node)) nodes_.push_back(NodeId{static_cast<int32_t>(node)});
  }
  if (!stamps_reserved_) return;
  for (const Block& block : blocks) {
    builder_.inferred(node_op(block.range, TableId::Reserved, block.nid), line, why);
  }
  clear_kernel_hotplug(blocks, line);
}

void NumaRules::clear_kernel_hotplug(const std::vector<Block>& blocks, uint32_t line) {
  std::bitset<kNodesMax> used;
  for (const Region& region : builder_.tables().reserved()) {
    if (is_node(region.nid)) used.set(static_cast<size_t>(region.nid.value));
  }
  for (const Block& block : blocks) {
    if (!used.test(static_cast<size_t>(block.nid.value))) continue;
    const RegionView memory = builder_.tables().memory();
    const bool marked = std::any_of(memory.begin(), memory.end(), [&](const Region& region) {
      return region.flags.has(kHotplug) && region.range().overlaps(block.range);
    });
    if (!marked) continue;
    builder_.inferred(range_op(OpCode::ClearHotplug, block.range), line,
                      "a node that holds reserved memory cannot be unplugged");
  }
}

const LoggedDump* NumaRules::next_dump_with_nodes(size_t index) const {
  for (size_t i = index; i < boot_.events.size(); ++i) {
    if (boot_.events[i].kind != EventKind::Dump) continue;
    const LoggedDump& dump = boot_.dumps[boot_.events[i].dump];
    if (dump.damage.empty() && dump.with_nodes()) return &dump;
  }
  return nullptr;
}

void NumaRules::assign_from_dump(size_t index, uint32_t line) {
  const LoggedDump* dump = next_dump_with_nodes(index);
  if (dump == nullptr) return;
  for (const Region& region : dump->table(TableId::Memory).regions) {
    if (!is_node(region.nid)) continue;
    if (!blocks_.empty() && blocks_.back().nid == region.nid &&
        blocks_.back().range.end == region.base) {
      blocks_.back().range.end = region.end();
    } else {
      blocks_.push_back({region.range(), region.nid});
    }
  }
  if (!reset_) reset_nodes(line);
  assign(line, fmt::format("the dump of line {} shows this node", dump->line).c_str());
}

std::optional<NodeId> NumaRules::node_of_data(size_t index) const {
  const Event& allocation = boot_.events[index];
  if (!allocation.result) return std::nullopt;
  for (size_t i = index + 1; i < boot_.events.size(); ++i) {
    const Event& event = boot_.events[i];
    if (event.kind != EventKind::Hint) return std::nullopt;
    if (event.line.kind != LogKind::NodeData) continue;
    if (event.line.base != allocation.result->base.value) return std::nullopt;
    if (event.line.nid >= 0) return NodeId{event.line.nid};
    // Kernels that print no node go through the nodes in order.
    const size_t earlier = data_before_[index];
    return earlier < nodes_.size() ? nodes_[earlier] : NodeId{0};
  }
  return std::nullopt;
}

}  // namespace memblock::lab
