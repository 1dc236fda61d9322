// `mem=` and `memmap=`: what the command line does to the map.
#pragma once

#include <string_view>

#include "memblock/e820.h"

namespace memblock {

/// The map with the options applied to it, one by one, in command-line order.
class E820Options {
 public:
  explicit E820Options(E820Table& table) : table_(table) {}

  /// The value of `mem=`: removes RAM from there up. Errors: Invalid (also for 0, and for anything
  /// after the number), TableFull. Linux: parse_memopt().
  Status mem(std::string_view value);

  /// The value of `memmap=`: a comma list of
  ///   exactmap | size | size@base | size#base | size$base | size!base | size%base[-old][+new]
  /// An item that does not parse to its last character, or does not fit, changes nothing; the
  /// others still act. `size` alone is as in mem(); `%` without types removes whatever is there;
  /// type 0 is as none given. Returns the first error. Linux: parse_memmap_opt().
  Status memmap(std::string_view value);

  /// Sanitises if any option changed the map. Linux: e820__finish_early_params().
  Status finish();

  bool user_defined() const { return user_defined_; }

 private:
  Status memmap_item(std::string_view item);

  E820Table& table_;
  bool user_defined_ = false;
};

}  // namespace memblock
