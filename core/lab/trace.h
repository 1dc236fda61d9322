// Trace: all that is needed to replay something from nothing, and what should come of it.
#pragma once

#include <optional>
#include <vector>

#include "lab/op.h"

namespace memblock::lab {

/// The machine a trace runs on.
struct Limits {
  uint32_t memory = 128;  ///< First capacity of each table, in regions.
  uint32_t reserved = 128;
  uint32_t physmem = 4;
  uint32_t e820 = 128;  ///< Capacity of the E820 table, in entries.
  uint32_t page_shift = 12;
  uint32_t region_bytes = sizeof(Region);  ///< What growth accounts for one region.

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// What one op answered: its status, and on success the values its kind of Answer names.
///
/// Values are laid out flat: Address, Number, YesNo, Type: one; Indexes: first, last; Regions:
/// base, end, nid, flags for each; Pfns: first, last, nid; Handover: kind (0 free, 1 keep), then
/// pfn, order or first, last, and the nid (-1 for free); Entries: base, size, type. Lines go to
/// `lines`.
struct Outcome {
  Status status = Status::Ok;
  std::vector<uint64_t> values;
  std::vector<std::string> lines;
  uint32_t warnings = 0;  ///< One bit for each Warning raised, by its number.

  /// As if new, but for the storage.
  void clear() {
    status = Status::Ok;
    values.clear();
    lines.clear();
    warnings = 0;
  }

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// An op of a trace, where it stands in its file, and what it should answer. `warnings` is not part
/// of an expectation.
struct Step {
  Op op;
  std::optional<Outcome> expected;
  uint32_t line = 0;

  friend bool operator==(const Step& a, const Step& b) {
    return a.op == b.op && a.expected == b.expected;
  }
};

struct Trace {
  std::vector<std::string> comments;  ///< The leading comment block, without `# `.
  Limits limits;
  std::vector<E820Entry> e820;  ///< The firmware map, appended before the first op.
  std::vector<Step> steps;

  friend bool operator==(const Trace&, const Trace&) = default;
};

}  // namespace memblock::lab
