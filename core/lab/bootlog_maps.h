// The firmware's map in a boot log: as it came, as options of the command line changed it, and as
// boot code edits it later. Each map that is printed after a change is checked.
#pragma once

#include "lab/bootlog_builder.h"

namespace memblock::lab {

class MapRules {
 public:
  MapRules(const LoggedBoot& boot, ImportedBoot& out, TraceBuilder& builder);

  /// To be called with the index of each hint, in order.
  void hint(size_t index);

 private:
  void take_firmware(const LogLine& line);
  void take_edit(const LogLine& line, OpCode code);
  void take_options(size_t index);
  void take_printed(size_t index);
  void take_extended(size_t index);
  void expect_map(size_t index);
  std::vector<E820Entry> printed_map(size_t index) const;

  const LoggedBoot& boot_;
  ImportedBoot& out_;
  TraceBuilder& builder_;
  size_t user_map_;  // Event where the map changed by options begins; SIZE_MAX: none.
  bool user_taken_ = false;
  bool extended_taken_ = false;
};

}  // namespace memblock::lab
