// What a check looks at: files of the corpora, recorded boots, and random traces, by number.
#pragma once

#include "lab/judge.h"

namespace memblock::lab {

/// The signature of files that cannot be judged at all.
inline constexpr const char* kUnreadable = "unreadable";

struct CheckCase {
  /// File: a trace as text or as a fuzzer's bytes, or a boot log: its content tells.
  enum class Kind : uint8_t { File, Divergence, Boot };
  Kind kind = Kind::File;
  std::string path;
};

/// Files of corpora/spec, regress, divergences and boots, in this order, each by name.
std::vector<CheckCase> corpus_cases(const std::string& corpora);

/// These files, in this order.
std::vector<CheckCase> file_cases(const std::vector<std::string>& files);

/// A trace that depends on nothing but the two numbers.
Trace random_trace(uint64_t seed, uint64_t number);

/// The same as text, written to a file descriptor op by op: should the core, which runs along,
/// crash, the op at which it did stands last.
void tell_random_trace(uint64_t seed, uint64_t number, int to);

/// What judging cost.
struct CaseCost {
  uint64_t traces = 0;
  uint64_t ops = 0;
};

/// Reads and judges a file, every boot of it.
Verdict judge_case(const CheckCase& which, CaseCost& cost);

}  // namespace memblock::lab
