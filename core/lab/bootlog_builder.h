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
  const CoreBackend& tables() const { return core_; }

  /// A call that the log shows at `line`.
  Outcome printed(Op op, uint32_t line);
  /// A call that the log does not show. `why`: from what it follows.
  Outcome inferred(Op op, uint32_t line, std::string why);
  /// An allocation. Where the core finds another place than the kernel did, the kernel's place is
  /// taken all the same, so that what follows can be judged.
  void allocation(Op op, StepNote note);
  /// A dump of the log. `dump` is its position in ImportedBoot::dumps.
  void dump(uint32_t line, size_t dump);
  /// Whether `op` would answer with an address right now; nothing is changed by asking.
  bool would_fit(const AllocRequest& request);

 private:
  Outcome push(Op op, StepNote note);

  ImportedBoot& boot_;
  const BootFacts& facts_;
  CoreBackend core_;
  uint64_t trim_excess_ = 0;
};

/// Makes the tables of `backend` what `dump` says, whatever they are.
template <class B>
void force_tables(B& backend, const LoggedDump& dump) {
  for (const TableId id : {TableId::Memory, TableId::Reserved}) {
    if (id == TableId::Memory) (void)backend.remove(kAllMemory);
    if (id == TableId::Reserved) (void)backend.free(kAllMemory);
    for (const Region& region : dump.table(id).regions) {
      if (id == TableId::Memory) (void)backend.add(region.range(), region.nid, region.flags);
      if (id == TableId::Reserved) (void)backend.reserve(region.range(), region.nid, region.flags);
    }
  }
}

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
  if (!result) return outcome.status == Status::NoFit;
  return outcome.status == Status::Ok && !outcome.values.empty() &&
         outcome.values[0] == result->base.value;
}

/// Whether `logged` lists what `held` holds. A node that is none is printed like any other that is
/// none.
inline bool same_regions(RegionView logged, RegionView held) {
  if (logged.size() != held.size()) return false;
  for (size_t i = 0; i < held.size(); ++i) {
    const bool node = is_node(held[i].nid);
    if (logged[i].base != held[i].base || logged[i].size != held[i].size ||
        logged[i].flags != held[i].flags || is_node(logged[i].nid) != node ||
        (node && logged[i].nid != held[i].nid)) {
      return false;
    }
  }
  return true;
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
