// The tree table with nodes of the usual size.
#include "memblock/tree_edit_impl.h"
#include "memblock/tree_search_impl.h"
#include "memblock/tree_shape_impl.h"
#include "memblock/tree_storage_impl.h"
#include "memblock/tree_table_impl.h"
#include "memblock/tree_walk_impl.h"

namespace memblock {

template class BasicTreeTable<detail::TreeShape<128, detail::usual_fan(), 7>>;

}  // namespace memblock
