// The panic hook of hosted programs: a broken contract is a finding, so say what broke and abort,
// where sanitizers, fuzzers and debuggers stop.
#include <cstdio>
#include <cstdlib>

#include "memblock/phys.h"

extern "C" void memblock_panic(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "memblock_panic: %s does not hold, at %s:%d\n", expression, file, line);
  std::abort();
}
