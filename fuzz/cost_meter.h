// Counts the steps of code that is compiled with -fsanitize-coverage=trace-pc: one for each edge of
// its control flow that is taken, so that a loop costs what its turns do and a memmove one.
#pragma once

#include <cstdint>

namespace memblock::fuzz {

/// Steps made since the program began.
uint64_t steps_made();

}  // namespace memblock::fuzz
