// Random maps and edits of them, and the core's answers held against the model's. Properties and
// fuzz targets differ only in where their choices come from.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "lab/model_e820.h"
#include "lab/op.h"
#include "memblock/e820_options.h"

namespace memblock::lab {

/// Where generators take their decisions from. 0 should be the simplest choice.
class Choices {
 public:
  virtual ~Choices() = default;
  /// A number below `bound`. Requires: `bound` is not 0.
  virtual uint64_t below(uint64_t bound) = 0;

  bool one_in(uint64_t n) { return below(n) == n - 1; }
};

/// A table's capacity and ops on it: the E820 ones, no boot step that needs a memblock.
struct E820Case {
  uint32_t capacity = 0;
  std::vector<Op> ops;
};
std::ostream& operator<<(std::ostream& out, const E820Case& test);

/// What random maps are made of. Addresses come mostly from the places where maps break (0, 640
/// KiB, 1 MiB, 4 GiB, 2^63, 2^64) and from the edges of earlier answers, give or take a byte or a
/// page.
class E820Generator {
 public:
  explicit E820Generator(Choices& choices) : choices_(choices) {}

  PhysAddr address();
  E820Type type();
  /// Where, and how many bytes: may be empty, end at 2^64, and if `wild` also wrap.
  E820Entry entry(bool wild);
  PhysRange range();
  /// `mem=...` or `memmap=...`, mostly well formed, sometimes with a character too many or too few.
  std::string option();
  Op op();
  E820Case test(size_t ops_max);

 private:
  uint64_t size_from(uint64_t base, bool wild);
  std::string number();
  std::string memmap_item();
  void spoil(std::string& text);

  Choices& choices_;
  std::vector<uint64_t> edges_;
};

/// A core table with all it needs; its arrays are exactly as large as it may use.
struct CoreE820 {
  explicit CoreE820(size_t capacity)
      : storage(capacity),
        workspace(capacity * E820Table::kWorkspaceSlots),
        table(storage, workspace),
        options(table) {}

  std::vector<E820Entry> storage;
  std::vector<E820Entry> workspace;
  E820Table table;
  E820Options options;
};

struct ModelE820Map {
  explicit ModelE820Map(size_t capacity) : table(capacity), options(table) {}

  ModelE820 table;
  ModelE820Options options;
};

/// What core and model disagree about.
struct E820Difference {
  std::string kind;    ///< `another table at e820_update`: the same for every input that shows it.
  std::string report;  ///< The op, the map before it, both answers and both maps.
};

/// Runs the ops on core and model. Returns what is wrong first: another answer, another table, or
/// an error that changed something. Nothing if all is well.
std::optional<E820Difference> first_difference(const E820Case& test);

/// What is wrong with the entries of a table that was sanitised.
std::optional<std::string> unsanitised(std::span<const E820Entry> entries);

std::string e820_text(std::span<const E820Entry> entries);

}  // namespace memblock::lab
