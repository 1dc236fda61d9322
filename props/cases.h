// How many cases RapidCheck tries of each law of a program.
#pragma once

#include <cstdlib>
#include <string>

namespace memblock::lab {

/// Cheap laws take more cases than the usual hundred, unless whoever starts them says how many.
/// Before any property runs.
inline void set_cases(unsigned count) {
  const char* const given = std::getenv("RC_PARAMS");
  const std::string params = given == nullptr ? "" : given;
  if (params.find("max_success") != std::string::npos) return;
  setenv("RC_PARAMS", (params + " max_success=" + std::to_string(count)).c_str(), 1);
}

}  // namespace memblock::lab
