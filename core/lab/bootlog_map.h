// The physical memory map of a boot as a picture for people.
#pragma once

#include "lab/bootlog.h"

namespace memblock::lab {

/// Memory, what of it is reserved, nodes, marks and gaps, with sizes in human units, as the last
/// dump of the boot shows them or, without a dump, as the replay leaves them.
std::string map_picture(const ImportedBoot& boot);

/// `640 KiB`, `1.5 GiB`, `77 bytes`.
std::string human_size(uint64_t bytes);

}  // namespace memblock::lab
