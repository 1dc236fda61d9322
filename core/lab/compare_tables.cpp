#include "lab/compare_tables.h"

#include "lab/core_backend.h"
#include "lab/model.h"

namespace memblock::lab {

std::optional<Divergence> compare_tables(const Trace& trace) {
  if (auto found = compare<FlatBackend, Model>(trace)) return found;
  // What the model has agreed to needs no second asking.
  if (auto found = compare<TreeBackend, FlatBackend>(trace)) return found;
  if (auto found = compare<SmallTreeBackend, FlatBackend>(trace)) return found;
  if (auto found = compare<TreeNodesBackend, ModelOf<TreeTable>>(trace)) return found;
  return compare<SmallTreeNodesBackend, ModelOf<SmallTreeTable>>(trace);
}

}  // namespace memblock::lab
