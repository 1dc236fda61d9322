// Queries from several threads at once: right answers, and no data race. Built with the thread
// sanitizer, sources of the core included; after a handover kernels query memblock just so.
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "memblock/memblock.h"

using namespace memblock;

extern "C" void memblock_panic(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: contract broken: %s\n", file, line, expression);
  std::abort();
}

namespace {

constexpr uint64_t kPage = 0x1000;
constexpr uint64_t kRegions = 500;
constexpr uint64_t kQueries = 20000;
constexpr unsigned kThreads = 4;

/// Every third page is reserved; the first half is on node 0, the rest on node 1.
template <class M>
void fill(M& memblock) {
  const PhysAddr middle{kRegions * 3 / 2 * kPage};
  const PhysAddr end{kRegions * 3 * kPage};
  bool good = memblock.add({PhysAddr{0}, middle}, NodeId{0}) == Status::Ok &&
              memblock.add({middle, end}, NodeId{1}) == Status::Ok;
  for (uint64_t i = 0; i < kRegions; ++i) {
    const PhysAddr base{i * 3 * kPage};
    good = good && memblock.reserve({base, base + kPage}) == Status::Ok;
  }
  if (!good) std::abort();
}

template <class M>
bool is_right(const M& memblock, uint64_t page) {
  const PhysAddr address{page * kPage};
  const bool reserved = page % 3 == 0;
  const Result<PfnRange> found = memblock.search_pfn_nid(page);
  auto walk = memblock.free_ranges(kNoNode, kNoFlags, Direction::Up, {address, address + kPage});
  WalkedRange free;
  return memblock.is_reserved(address) == reserved && memblock.is_memory(address) &&
         memblock.is_region_reserved({address, address + kPage}) == reserved && found.ok() &&
         found.value().nid == NodeId{page < kRegions * 3 / 2 ? 0 : 1} &&
         walk.next(free) == !reserved;
}

/// How many of one thread's answers are wrong; each thread asks in an order of its own.
template <class M>
uint64_t wrong_answers(const M& memblock, uint64_t thread) {
  uint64_t wrong = 0;
  uint64_t page = thread * 97;
  for (uint64_t i = 0; i < kQueries; ++i) {
    page = (page + 1 + i % (17 + thread) * 31) % (kRegions * 3);
    if (!is_right(memblock, page)) ++wrong;
  }
  return wrong;
}

/// All of it on one kind of table; how many answers are wrong.
template <class M>
uint64_t ask(const char* table, std::span<Region> memory, std::span<Region> reserved) {
  M memblock({.memory = memory, .reserved = reserved, .physmem = {}}, Platform{});
  fill(memblock);
  std::vector<uint64_t> wrong(kThreads);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { wrong[i] = wrong_answers(memblock, i); });
  }
  uint64_t all = 0;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads[i].join();
    all += wrong[i];
  }
  std::printf("%s table: %u threads, %llu queries each, %llu wrong\n", table, kThreads,
              static_cast<unsigned long long>(kQueries), static_cast<unsigned long long>(all));
  return all;
}

}  // namespace

int main() {
  std::vector<Region> memory(8);
  std::vector<Region> array(kRegions);
  std::vector<Region> nodes(TreeTable::storage_for(kRegions));
  const uint64_t wrong =
      ask<FlatMemblock>("flat", memory, array) + ask<Memblock>("tree", memory, nodes);
  return wrong == 0 ? 0 : 1;
}
