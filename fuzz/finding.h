// How a fuzz target says that it found something, in words lab-fuzz can tell apart.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace memblock::fuzz {

/// Ends the process with a finding. `signature` names the kind of bug, without addresses or other
/// words that differ from input to input: findings with equal signatures are counted as one.
[[noreturn]] inline void finding(std::string_view signature, std::string_view report) {
  std::fprintf(stderr, "%.*s\nfinding: %.*s\n", static_cast<int>(report.size()), report.data(),
               static_cast<int>(signature.size()), signature.data());
  std::abort();
}

}  // namespace memblock::fuzz
