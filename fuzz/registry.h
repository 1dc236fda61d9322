// The fuzz targets as lab-fuzz knows them, generated from fuzz/targets.cmake.
#pragma once

#include <span>
#include <string_view>

namespace memblock::fuzz {

/// What the bytes of an input are, which decides how it is shrunk and shown.
enum class InputKind : uint8_t {
  Trace,  ///< A trace in the byte codec: shrunk op by op, shown as a text trace.
  Text,   ///< Text for people: shrunk byte by byte, shown as it is.
  Bytes,  ///< Anything else: shrunk byte by byte, shown in hexadecimal.
};

struct Target {
  std::string_view name;     ///< `ops`
  std::string_view program;  ///< `fuzz_ops`, beside lab-fuzz.
  InputKind kind;
  unsigned input_bytes_max;
  std::string_view dictionary;  ///< A file in fuzz/, or empty.
};

/// In the order of the registry.
std::span<const Target> targets();

}  // namespace memblock::fuzz
