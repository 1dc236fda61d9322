// Scopes are put together from groups of ops over every range of the universe.
#include "props/exhaustive_scopes.h"

#include "lab/rules.h"

namespace memblock::lab {
namespace {

using Codes = std::initializer_list<OpCode>;

Scope named(std::string name, std::string about) {
  Scope scope;
  scope.name = std::move(name);
  scope.about = std::move(about);
  return scope;
}

/// `op` once for every range of the universe.
void over_ranges(const Scope& scope, std::vector<Op>& out, Op op) {
  for (size_t first = 0; first < scope.cells; ++first) {
    for (size_t last = first + 1; last <= scope.cells; ++last) {
      op.range = scope.range(first, last);
      out.push_back(op);
    }
  }
}

Op plain(OpCode code) {
  Op op;
  op.code = code;
  return op;
}

void over_ranges(const Scope& scope, std::vector<Op>& out, Codes codes) {
  for (const OpCode code : codes) over_ranges(scope, out, plain(code));
}

void add_to_nodes(Scope& scope, int nodes) {
  for (int nid = 0; nid < nodes; ++nid) {
    Op op = plain(OpCode::Add);
    op.nid = NodeId{nid};
    over_ranges(scope, scope.ops, op);
  }
}

void set_nodes(Scope& scope, int nodes, TableId table) {
  for (int nid = 0; nid < nodes; ++nid) {
    Op op = plain(OpCode::SetNode);
    op.nid = NodeId{nid};
    op.table = table;
    over_ranges(scope, scope.ops, op);
  }
}

void switches(Scope& scope, OpCode code) {
  for (const bool on : {false, true}) {
    Op op = plain(code);
    op.on = on;
    scope.ops.push_back(op);
  }
}

void limits(Scope& scope) {
  over_ranges(scope, scope.ops, {OpCode::CapMemoryRange});
  for (size_t units = 1; units <= scope.cells; ++units) {
    for (const OpCode code : {OpCode::EnforceMemoryLimit, OpCode::MemLimitRemoveMap}) {
      Op op = plain(code);
      op.size = units * kUnit;
      scope.ops.push_back(op);
    }
  }
}

Op allocation(OpCode code, uint64_t units, uint64_t align_units) {
  Op op = plain(code);
  op.size = units * kUnit;
  op.align = align_units * kUnit;
  return op;
}

void plain_allocations(Scope& scope) {
  for (uint64_t units = 1; units <= 3; ++units) {
    for (const uint64_t align : {1, 2}) {
      scope.ops.push_back(allocation(OpCode::PhysAlloc, units, align));
    }
  }
}

/// Every window, for every node and none, exact or not.
void node_allocations(Scope& scope, int nodes, std::initializer_list<uint64_t> sizes) {
  for (const uint64_t units : sizes) {
    for (int nid = -1; nid < nodes; ++nid) {
      for (const OpCode code : {OpCode::AllocTryNid, OpCode::AllocExactNidRaw}) {
        if (nid < 0 && code == OpCode::AllocExactNidRaw) continue;
        Op op = allocation(code, units, 1);
        op.nid = NodeId{nid};
        for (size_t first = 0; first < scope.cells; ++first) {
          op.min = scope.range(first, first).base;
          op.max = PhysAddr{0};
          scope.ops.push_back(op);
          op.max = scope.range(0, first + 1).end;
          if (op.min < op.max) scope.ops.push_back(op);
        }
      }
    }
  }
}

void table_queries(Scope& scope, TableId table) {
  for (const OpCode code : {OpCode::Gaps, OpCode::Overlaps}) {
    Op op = plain(code);
    op.table = table;
    over_ranges(scope, scope.queries, op);
  }
  Op pfns = plain(OpCode::RegionPfns);
  pfns.table = table;
  scope.queries.push_back(pfns);
}

void address_queries(Scope& scope, Codes codes) {
  for (const OpCode code : codes) {
    for (size_t cell = 0; cell <= scope.cells; ++cell) {
      Op op = plain(code);
      op.min = scope.range(cell, cell).base;
      scope.queries.push_back(op);
    }
  }
}

void memory_queries(Scope& scope) {
  table_queries(scope, TableId::Memory);
  over_ranges(scope, scope.queries, {OpCode::IsRegionMemory});
  address_queries(scope, {OpCode::IsMemory, OpCode::IsMapMemory});
  for (const bool down : {false, true}) {
    Op walk = plain(OpCode::MemRanges);
    walk.on = down;
    scope.queries.push_back(walk);
  }
  for (int nid = -1; nid < 2; ++nid) {
    Op walk = plain(OpCode::MemPfns);
    walk.nid = NodeId{nid};
    scope.queries.push_back(walk);
  }
  for (const OpCode code : {OpCode::PhysMemSize, OpCode::StartOfDram, OpCode::EndOfDram,
                            OpCode::BytesWithoutNode, OpCode::Dump}) {
    scope.queries.push_back(plain(code));
  }
}

void free_range_queries(Scope& scope, int nodes, std::initializer_list<RegionFlags> flags) {
  for (int nid = -1; nid < nodes; ++nid) {
    for (const RegionFlags wanted : flags) {
      for (const bool down : {false, true}) {
        Op walk = plain(OpCode::FreeRanges);
        walk.nid = NodeId{nid};
        walk.flags = wanted;
        walk.on = down;
        scope.queries.push_back(walk);
        walk.min = scope.range(1, 1).base;
        walk.max = scope.range(0, scope.cells - 1).end;
        scope.queries.push_back(walk);
      }
    }
    Op zone = plain(OpCode::FreePfnsInZone);
    zone.nid = NodeId{nid};
    zone.range = {PhysAddr{1}, PhysAddr{scope.cells - 1}};
    scope.queries.push_back(zone);
  }
}

Scope memory_scope() {
  Scope scope = named("memory", "2 nodes, 2 flags: registering, marks, nodes, limits, queries");
  add_to_nodes(scope, 2);
  Op nomap = plain(OpCode::Add);
  nomap.nid = NodeId{0};
  nomap.flags = kNomap;
  over_ranges(scope, scope.ops, nomap);
  over_ranges(scope, scope.ops,
              {OpCode::Remove, OpCode::MarkHotplug, OpCode::ClearHotplug, OpCode::MarkNomap,
               OpCode::ClearNomap, OpCode::Isolate});
  set_nodes(scope, 2, TableId::Memory);
  limits(scope);
  Op trim = plain(OpCode::TrimMemory);
  trim.align = 2 * kUnit;
  scope.ops.push_back(trim);
  memory_queries(scope);
  return scope;
}

Scope allocation_scope() {
  Scope scope =
      named("allocation", "2 nodes: reserving, allocating both ways in every window, limits");
  add_to_nodes(scope, 2);
  over_ranges(scope, scope.ops, {OpCode::Remove, OpCode::Reserve, OpCode::Free});
  switches(scope, OpCode::SetBottomUp);
  plain_allocations(scope);
  node_allocations(scope, 2, {1, 2});
  limits(scope);
  table_queries(scope, TableId::Reserved);
  address_queries(scope, {OpCode::IsReserved});
  free_range_queries(scope, 2, {kNoFlags});
  scope.queries.push_back(plain(OpCode::EstimatedFreePages));
  return scope;
}

Scope flags_scope() {
  Scope scope = named("flags", "mirrored and unmapped memory: allocating with both fallbacks");
  add_to_nodes(scope, 1);
  over_ranges(scope, scope.ops,
              {OpCode::Remove, OpCode::Reserve, OpCode::Free, OpCode::MarkMirror, OpCode::MarkNomap,
               OpCode::ClearNomap});
  plain_allocations(scope);
  node_allocations(scope, 1, {2});
  free_range_queries(scope, 0, {kNoFlags, kMirror, kNomap});
  return scope;
}

Scope movable_scope() {
  Scope scope =
      named("movable", "hotplug memory under movable_node, both directions, current limit");
  add_to_nodes(scope, 1);
  over_ranges(
      scope, scope.ops,
      {OpCode::Remove, OpCode::Reserve, OpCode::Free, OpCode::MarkHotplug, OpCode::ClearHotplug});
  switches(scope, OpCode::SetMovableNode);
  plain_allocations(scope);
  for (size_t cell = 1; cell <= scope.cells; ++cell) {
    Op limit = plain(OpCode::SetLimit);
    limit.min = scope.range(0, cell).end;
    scope.ops.push_back(limit);
  }
  free_range_queries(scope, 0, {kNoFlags, kHotplug});
  return scope;
}

Scope growth_scope(uint32_t memory, uint32_t reserved) {
  Scope scope = named("growth " + std::to_string(memory) + "/" + std::to_string(reserved),
                      "tables that begin full and grow inside the universe");
  scope.limits.memory = memory;
  scope.limits.reserved = reserved;
  scope.grows = true;
  over_ranges(scope, scope.ops,
              {OpCode::Add, OpCode::Remove, OpCode::MarkNomap, OpCode::ClearNomap, OpCode::Reserve,
               OpCode::Free});
  plain_allocations(scope);
  switches(scope, OpCode::SetBottomUp);
  return scope;
}

/// Pages of two units, so that ranges begin and end inside pages.
Scope handover_scope() {
  Scope scope = named("handover", "pages of two units: handover, late free, hot-plug, discard");
  scope.cells = 4;
  scope.limits.page_shift = 13;
  add_to_nodes(scope, 2);
  over_ranges(scope, scope.ops,
              {OpCode::Remove, OpCode::Reserve, OpCode::Free, OpCode::MarkNomap,
               OpCode::MarkReservedNoinit});
  for (const uint64_t max_pfn : {0, 1}) {
    Op op = plain(OpCode::FreeAll);
    op.size = max_pfn;
    scope.ops.push_back(op);
  }
  over_ranges(scope, scope.ops, {OpCode::FreeLate});
  scope.ops.push_back(plain(OpCode::Discard));
  Op trim = plain(OpCode::TrimMemory);
  trim.align = 2 * kUnit;
  scope.ops.push_back(trim);
  free_range_queries(scope, 2, {kNoFlags});
  return scope;
}

/// The last boundary is the highest address there is.
Scope top_scope() {
  Scope scope = named("top", "the universe ends where the address space does");
  scope.cells = 4;
  scope.origin = ~uint64_t{0} - 4 * kUnit;
  add_to_nodes(scope, 2);
  over_ranges(scope, scope.ops,
              {OpCode::Remove, OpCode::Reserve, OpCode::Free, OpCode::MarkNomap, OpCode::Isolate});
  switches(scope, OpCode::SetBottomUp);
  for (uint64_t units = 1; units <= 3; ++units) {
    Op op = plain(OpCode::PhysAlloc);
    op.size = units * kUnit;
    op.align = 1;
    scope.ops.push_back(op);
  }
  limits(scope);
  memory_queries(scope);
  table_queries(scope, TableId::Reserved);
  return scope;
}

std::vector<Scope> made_valid(std::vector<Scope> scopes) {
  for (Scope& scope : scopes) {
    for (std::vector<Op>* list : {&scope.ops, &scope.queries}) {
      for (Op& op : *list) op = made_valid(op);
    }
  }
  return scopes;
}

}  // namespace

std::vector<Scope> small_scopes() {
  // The quick ones first: what is wrong shows early.
  return made_valid({top_scope(), allocation_scope(), handover_scope(), growth_scope(1, 1),
                     growth_scope(2, 2), growth_scope(3, 1), growth_scope(1, 3), movable_scope(),
                     memory_scope(), flags_scope()});
}

Scope full_scope() {
  Scope scope = memory_scope();
  scope.name = "full";
  scope.about = "2 nodes, 2 flags, reservations and allocation together";
  over_ranges(scope, scope.ops, {OpCode::Reserve, OpCode::Free});
  plain_allocations(scope);
  node_allocations(scope, 2, {1});
  return made_valid({scope}).front();
}

}  // namespace memblock::lab
