// TraceBuilder: grows an imported trace step by step, and carries each step out on a core of its
// own, so that whoever adds steps sees the tables they lead to.
#pragma once

#include "lab/bootlog.h"
#include "lab/core_backend.h"

namespace memblock::lab {

class TraceBuilder {
 public:
  TraceBuilder(ImportedBoot& boot, const BootFacts& facts);

  const BootFacts& facts() const { return facts_; }
  const FlatBackend& tables() const { return core_; }

  /// A call that the log shows at `line`.
  Outcome printed(Op op, uint32_t line);
  /// A call that the log does not show. `why`: from what it follows.
  Outcome inferred(Op op, uint32_t line, std::string why);
  /// An allocation. Where the core finds another place than the kernel did, the kernel's place is
  /// taken all the same, so that what follows can be judged.
  void allocation(Op op, StepNote note);
  /// A dump of the log. `dump` is its position in ImportedBoot::dumps.
  void dump(uint32_t line, size_t dump);
  /// An entry of the firmware's map, which is there before the first step.
  void firmware_entry(const E820Entry& entry);
  /// The map as it is now.
  std::span<const E820Entry> map() { return core_.e820().entries(); }
  /// A map that the log shows at `line`.
  void map(uint32_t line, Outcome expected);
  /// Whether `op` would answer with an address right now; nothing is changed by asking.
  bool would_fit(const AllocRequest& request);

 private:
  Outcome push(Op op, StepNote note);

  ImportedBoot& boot_;
  const BootFacts& facts_;
  FlatBackend core_;
  uint64_t trim_excess_ = 0;
};

/// The calls that make any tables what `dump` says.
std::vector<Op> forcing_ops(const LoggedDump& dump);

/// The calls that make any E820 table hold `map`.
std::vector<Op> forcing_ops(const std::vector<E820Entry>& map);

/// The entries that an E820Entries op answers.
std::vector<E820Entry> map_of(const Outcome& outcome);

Op append_op(const E820Entry& entry);

/// Takes what the kernel got instead of what `backend` found.
template <class B>
void force_allocation(B& backend, const Outcome& outcome, uint64_t size,
                      const std::optional<PhysRange>& result) {
  if (outcome.status == Status::Ok && !outcome.values.empty()) {
    (void)backend.free(PhysRange::from_size(PhysAddr{outcome.values[0]}, size));
  }
  if (result) (void)backend.reserve(*result);
}

/// Whether an allocation answered as the log has it.
inline bool lands(const Outcome& outcome, const std::optional<PhysRange>& result) {
  if (!result) return outcome.status != Status::Ok;
  return outcome.status == Status::Ok && !outcome.values.empty() &&
         outcome.values[0] == result->base.value;
}

/// An op of this code over `range`.
inline Op range_op(OpCode code, PhysRange range) {
  Op op;
  op.code = code;
  op.range = range;
  return op;
}

/// set_node() on `table`.
inline Op node_op(PhysRange range, TableId table, NodeId nid) {
  Op op = range_op(OpCode::SetNode, range);
  op.table = table;
  op.nid = nid;
  return op;
}

}  // namespace memblock::lab
