// What makes ops and traces valid: nothing in a valid trace can break a contract of the core, use
// unbounded time or memory, or be lost between text and bytes.
#pragma once

#include "lab/trace.h"

namespace memblock::lab {

inline constexpr uint32_t kCapacityMax = uint32_t{1} << 20;  ///< First capacity of a table.
inline constexpr uint32_t kRegionBytesMin = 8;
inline constexpr uint32_t kRegionBytesMax = 256;
inline constexpr uint64_t kFreeLateBytesMax = uint64_t{64} << 20;  ///< Handed over page by page.
inline constexpr size_t kTextBytesMax = 4096;                      ///< Of Field::Text.
inline constexpr size_t kSetupDataMax = 64;
inline constexpr size_t kStepsMax = size_t{1} << 22;

/// What is wrong and what to do, or empty. Fields that are not in the op's row must be as in Op{}.
std::string rule_broken_by(const Op& op);
std::string rule_broken_by(const Limits& limits);
/// An expectation must have the shape of the op's kind of Answer.
std::string rule_broken_by(const Op& op, const Outcome& expected);
/// The first of all of the above, of the firmware map and of the comments.
std::string rule_broken_by(const Trace& trace);

/// `op` with everything that its row does not name as in Op{}, and the rest bent to the rules.
Op made_valid(Op op);
/// The same for an op in which nothing is set that its row does not name.
void mend(Op& op);

/// How many values one element of an answer of this kind has; 0 for Nothing and Lines.
size_t values_each(Answer answer);
/// Whether an answer of this kind is a list of any length, rather than one element.
bool is_list(Answer answer);

/// Whether `actual` is what was expected: warnings, and pages handed over by the way, do not count.
bool meets(const Op& op, const Outcome& expected, const Outcome& actual);

}  // namespace memblock::lab
