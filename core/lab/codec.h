// Traces as bytes, for fuzzers: every byte string is a valid trace.
//
// Addresses have short forms, so that random bytes meet each other: whole pages, powers of two, and
// edges of ranges that came before, plus or minus a few pages or bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lab/trace.h"

namespace memblock::lab {

/// The trace that `bytes` stand for. Never fails; what is missing at the end reads as 0. The result
/// is valid (see rules.h), whatever the bytes. Cost: O(size).
Trace decode(std::span<const uint8_t> bytes);

/// Bytes that decode() to `trace`, but for comments, expectations and line numbers.
/// Requires: a valid trace.
std::vector<uint8_t> encode(const Trace& trace);

/// What encode() keeps of a trace.
Trace bare(Trace trace);

}  // namespace memblock::lab
