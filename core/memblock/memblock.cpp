// Memblock on the flat table.
#include "memblock/memblock_impl.h"

namespace memblock {

template class BasicRangeWalk<FlatTable>;
template class BasicPfnWalk<FlatTable>;
template class BasicZoneWalk<FlatTable>;
template class BasicMemblock<FlatTable>;

}  // namespace memblock
