// The parts of an op's line in the text format: its arguments, and what it should answer.
#pragma once

#include "lab/cursor.h"

namespace memblock::lab {

/// Reads the arguments of `op.code`, in any order; says so if one is missing.
void read_arguments(Cursor& cursor, Op& op);

/// Reads what stands behind `->`. `open` becomes true if nothing does: the items stand on the next,
/// indented lines.
void read_expected(Cursor& cursor, const Op& op, Outcome& out, bool& open);

/// Items of a list with `;` between them, added to `out`.
void read_items(Cursor& cursor, Answer answer, Outcome& out);

/// `name` in backquotes, cut short.
std::string quoted_name(std::string_view name);

}  // namespace memblock::lab
