// Any bytes are the choices of the generator of E820 cases; core and model must agree on the case.
// Set LAB_FUZZ_SHOW to see the case that a file stands for.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <sstream>

#include "fuzz/finding.h"
#include "lab/e820_case.h"

namespace {

using namespace memblock::lab;

constexpr size_t kOpsMax = 16;

/// Takes each choice from as many bytes as it needs; 0, the simplest, when there are no more.
class ByteChoices : public Choices {
 public:
  explicit ByteChoices(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint64_t below(uint64_t bound) override {
    uint64_t value = 0;
    for (uint64_t rest = bound - 1; rest != 0; rest >>= 8) value = value << 8 | next();
    return value % bound;
  }

 private:
  uint8_t next() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  std::span<const uint8_t> bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteChoices choices{{data, size}};
  const E820Case test = E820Generator{choices}.test(kOpsMax);
  static const bool show = std::getenv("LAB_FUZZ_SHOW") != nullptr;
  if (show) std::cerr << test;
  if (const auto difference = first_difference(test)) {
    std::ostringstream report;
    report << test << difference->report;
    memblock::fuzz::finding(difference->kind, report.str());
  }
  return 0;
}
