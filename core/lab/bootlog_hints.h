// Lines that are not about memblock but tell of calls it received without printing them.
#pragma once

#include "lab/bootlog_line.h"

namespace memblock::lab {

/// Understands a stripped line; `line` holds what is known of it already.
Recognised recognise_hint(std::string_view text, const LogLine& line);

}  // namespace memblock::lab
