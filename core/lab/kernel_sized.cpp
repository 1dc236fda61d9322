// The tables of kernel_sized.h and memblocks on them.
#include "lab/kernel_sized.h"

#include "memblock/memblock_impl.h"
#include "memblock/tree_edit_impl.h"
#include "memblock/tree_search_impl.h"
#include "memblock/tree_shape_impl.h"
#include "memblock/tree_storage_impl.h"
#include "memblock/tree_table_impl.h"
#include "memblock/tree_walk_impl.h"

namespace memblock {

template class BasicTreeTable<detail::TreeShape<16, 12, 12>>;
template class BasicMemblock<SmallTreeTable>;
template class BasicMemblock<lab::KernelSized<TreeTable>>;
template class BasicMemblock<lab::KernelSized<SmallTreeTable>>;

}  // namespace memblock
