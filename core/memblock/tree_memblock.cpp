// Memblock on the tree table.
#include "memblock/memblock_impl.h"

namespace memblock {

static_assert(RegionTable<TreeTable>);

template class BasicRangeWalk<TreeTable>;
template class BasicPfnWalk<TreeTable>;
template class BasicZoneWalk<TreeTable>;
template class BasicMemblock<TreeTable>;

}  // namespace memblock
