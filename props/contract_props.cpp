// Contracts: a caller who breaks one stops the machine at the embedder's hook, and so do readers of
// answers that are not there. And values: they are equal exactly when each part is.
#include <rapidcheck.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "memblock/e820.h"
#include "memblock/memblock.h"
#include "memblock/memblock_c.h"
#include "props/rc.h"

namespace memblock::lab {
namespace {

/// What the hook was told.
struct Panic {
  std::string expression;
  std::string file;
  int line;
};

// The core has no exceptions, so the hook jumps: a test survives what a kernel does not.
std::jmp_buf before_call;
bool expected = false;
std::optional<Panic> heard;

/// The panic of `call`, if it ends in one. Nothing that `call` makes may need destroying.
template <class Call>
std::optional<Panic> panic_of(Call&& call) {
  heard.reset();
  expected = true;
  if (setjmp(before_call) == 0) call();
  expected = false;
  return heard;
}

/// `call` breaks the contract that reads `expression`, and the hook hears where.
template <class Call>
void expect_panic(const std::string& expression, Call&& call) {
  const std::optional<Panic> panic = panic_of(call);
  RC_ASSERT(panic.has_value());
  RC_ASSERT(panic->expression == expression);
  RC_ASSERT(panic->file.find("core/memblock/") != std::string::npos);
  RC_ASSERT(panic->line > 0);
}

constexpr uint64_t kPage = 4096;

PhysRange pages(uint64_t first, uint64_t count) {
  return PhysRange::from_size(PhysAddr{first * kPage}, count * kPage);
}

uint64_t no_power_of_two() {
  const uint64_t one = *rc::gen::arbitrary<uint64_t>();
  return is_power_of_two(one) ? one * 3 : one;
}

struct Plain {
  explicit Plain(unsigned page_shift = 12)
      : memblock({memory, reserved, {}}, {}, machine(page_shift)) {}

  static Machine machine(unsigned page_shift) {
    Machine machine;
    machine.page_shift = page_shift;
    return machine;
  }

  std::array<Region, 4> memory, reserved;
  FlatMemblock memblock;
};

// ---- Arguments

bool argument_laws() {
  bool ok = true;
  ok &= holds("a range that ends before it begins", [](uint64_t a, uint64_t b) {
    RC_PRE(a != b);
    const PhysAddr low{std::min(a, b)};
    const PhysAddr high{std::max(a, b)};
    expect_panic("first <= past_last", [&] { PhysRange{high, low}; });
    RC_ASSERT(!panic_of([&] { PhysRange{low, high}; }));
    RC_ASSERT(!panic_of([&] { PhysRange{low, low}; }));
    mbl_memblock m;
    const mbl_storage nothing{};
    const mbl_platform nobody{};
    mbl_init(&m, &nothing, &nobody, nullptr);
    expect_panic("first <= past_last", [&] { mbl_add(&m, {high.value, low.value}); });
  });
  ok &= holds("an alignment that is no power of two: nothing is taken or trimmed", [] {
    Plain plain;
    FlatMemblock& m = plain.memblock;
    RC_ASSERT(m.add(PhysRange{PhysAddr{0x1800}, PhysAddr{0x100800}}) == Status::Ok);
    const uint64_t align = no_power_of_two();
    if (align != 0) {  // To allocate() that is a cache line.
      expect_panic("is_power_of_two(wish.align)",
                   [&] { static_cast<void>(m.alloc(kPage, align)); });
    }
    expect_panic("is_power_of_two(align)", [&] { m.trim_memory(align); });
    expect_panic("is_power_of_two(align)", [&] { m.trim_memory(0); });
    RC_ASSERT(m.reserved().empty());
    RC_ASSERT(m.memory().size() == 1u);
    RC_ASSERT(m.memory()[0].range() == (PhysRange{PhysAddr{0x1800}, PhysAddr{0x100800}}));
  });
  ok &= holds("a machine with pages that no kernel has", [](unsigned shift) {
    if (shift >= 12 && shift <= 16) {
      RC_ASSERT(!panic_of([&] { Plain{shift}; }));
    } else {
      expect_panic("machine.page_shift >= 12 && machine.page_shift <= 16", [&] { Plain{shift}; });
    }
    expect_panic("machine.page_shift >= 12 && machine.page_shift <= 16", [] { Plain{11}; });
    expect_panic("machine.page_shift >= 12 && machine.page_shift <= 16", [] { Plain{17}; });
    RC_ASSERT(!panic_of([] { Plain{16}; }));
  });
  ok &= holds("a workspace too small for its map", [] {
    std::array<E820Entry, 4> storage;
    std::array<E820Entry, 4 * E820Table::kWorkspaceSlots> workspace;
    const size_t room = *rc::gen::inRange<size_t>(0, workspace.size());
    expect_panic("workspace.size() / kWorkspaceSlots >= storage.size()", [&] {
      E820Table{storage, std::span{workspace}.first(room)};
    });
    RC_ASSERT(!panic_of([&] { E820Table{storage, workspace}; }));
  });
  ok &= holds("a name that is not there", [](size_t index) {
    mbl_names names{};
    expect_panic("index < entries.size()", [&] { mbl_names_entry(&names, index, nullptr); });
  });
  return ok;
}

// ---- The table by itself

/// A table of `Capacity` slots with lone pages in all of them.
template <size_t Capacity>
struct FullTable {
  FullTable() : table(storage) {
    for (uint64_t i = 0; i < Capacity; ++i) table.insert(pages(4 * i, 2), kNoFlags, kUnsetNode);
  }

  std::array<Region, Capacity> storage;
  FlatTable table;
};

bool table_laws() {
  bool ok = true;
  ok &= holds("a table without a slot to spare keeps its regions", [] {
    FullTable<3> full;
    const std::vector<Region> before{full.storage.begin(), full.storage.end()};
    const std::string room = "count_ + extra <= capacity()";
    const PhysRange inside{PhysAddr{0x100}, PhysAddr{0x200}};
    expect_panic(room, [&] { full.table.insert(pages(100, 1), kNoFlags, kUnsetNode); });
    expect_panic(room, [&] { full.table.insert(pages(1, 4), kHotplug, kUnsetNode); });
    expect_panic("run.spare() != 0",
                 [&] { full.table.change(inside, RegionChange{.set = kNomap}); });
    expect_panic(room, [&] { full.table.remove(inside); });
    RC_ASSERT(std::equal(before.begin(), before.end(), full.storage.begin()));
    RC_ASSERT(full.table.count() == before.size());
  });
  ok &= holds("storage smaller than what it is to hold", [] {
    FullTable<3> full;
    std::array<Region, 2> small;
    expect_panic("count <= storage.size()",
                 [&] { full.table.adopt(small, 3, 6 * kPage, PhysRange{}); });
    RC_ASSERT(full.table.count() == 3u);
    RC_ASSERT(full.table.first_broken_invariant() == 0);
    // Back to where it was before it grew, with more regions than there were then.
    std::array<Region, 6> roomy;
    const FlatTable::Growth growth =
        full.table.grow(Block{.memory = roomy.data(), .bytes = sizeof roomy});
    full.table.insert(pages(100, 1), kNoFlags, kUnsetNode);
    expect_panic("count_ <= storage.size()", [&] { full.table.undo(growth); });
    RC_ASSERT(full.table.count() == 4u);
    RC_ASSERT(full.table.first_broken_invariant() == 0);
    full.table.remove(pages(100, 1));
    full.table.undo(growth);
    RC_ASSERT(full.table.storage().data() == full.storage.data());
    RC_ASSERT(full.table.first_broken_invariant() == 0);
  });
  return ok;
}

// ---- Answers

/// A result holds either a value or why there is none, and gives away neither for the other.
template <class T>
void expect_result_contract(const T& value, const T& other) {
  using Answer = Result<T>;
  expect_panic("status != Status::Ok", [] { static_cast<void>(Answer{Status::Ok}); });
  for (int i = 1; i <= static_cast<int>(Status::Discarded); ++i) {
    const Answer failed{static_cast<Status>(i)};
    RC_ASSERT(!failed.ok());
    expect_panic("ok()", [&] { static_cast<void>(failed.value()); });
    RC_ASSERT(!(failed == Answer{value}));
    RC_ASSERT(failed == Answer{static_cast<Status>(i)});
    RC_ASSERT(!(failed == Answer{static_cast<Status>(i % 8 + 1)}));
  }
  RC_ASSERT(Answer{value}.ok());
  RC_ASSERT(Answer{value}.value() == value);
  RC_ASSERT(Answer{value} == Answer{value});
  RC_ASSERT(!(Answer{value} == Answer{other}));
}

bool answer_laws() {
  bool ok = true;
  ok &= holds("a result is a value or a reason", [] {
    expect_result_contract<uint64_t>(1, 2);
    expect_result_contract(PhysAddr{1}, PhysAddr{2});
    expect_result_contract(pages(1, 1), pages(1, 2));
    expect_result_contract(E820Type::Ram, E820Type::Nvs);
    expect_result_contract(IndexRange{1, 2}, IndexRange{1, 3});
    expect_result_contract(PfnRange{1, 2, NodeId{0}}, PfnRange{1, 2, NodeId{1}});
  });
  return ok;
}

// ---- Values

/// Copies of `value`, each with one change; all must differ from it and from each other.
template <class T>
void expect_parts_count(const T& value, const std::vector<T>& changed) {
  RC_ASSERT(value == T{value});
  for (const T& other : changed) {
    RC_ASSERT(!(value == other));
    RC_ASSERT(value != other);
  }
}

bool value_laws() {
  bool ok = true;
  ok &= holds("values are equal exactly when each part is", [] {
    const Region region{PhysAddr{1}, 2, kHotplug, NodeId{3}};
    expect_parts_count(region, {{PhysAddr{9}, 2, kHotplug, NodeId{3}},
                                {PhysAddr{1}, 9, kHotplug, NodeId{3}},
                                {PhysAddr{1}, 2, kNomap, NodeId{3}},
                                {PhysAddr{1}, 2, kHotplug, NodeId{9}}});
    const WalkedRange walked{pages(1, 1), NodeId{1}, kMirror};
    expect_parts_count(walked, {{pages(2, 1), NodeId{1}, kMirror},
                                {pages(1, 1), NodeId{2}, kMirror},
                                {pages(1, 1), NodeId{1}, kNomap}});
    const E820Entry entry{PhysAddr{1}, 2, E820Type::Ram};
    expect_parts_count(entry, {{PhysAddr{9}, 2, E820Type::Ram},
                               {PhysAddr{1}, 9, E820Type::Ram},
                               {PhysAddr{1}, 2, E820Type::Acpi}});
    expect_parts_count(pages(1, 2), {pages(0, 3), pages(1, 1), pages(2, 1)});
    expect_parts_count(IndexRange{1, 2}, {IndexRange{0, 2}, IndexRange{1, 3}});
    const PfnRange pfns{1, 2, NodeId{3}};
    expect_parts_count(pfns, {{9, 2, NodeId{3}}, {1, 9, NodeId{3}}, {1, 2, NodeId{9}}});
  });
  ok &= holds("ranges meet as sets of bytes do", [] {
    const auto some = [] {
      const uint64_t base = *rc::gen::inRange<uint64_t>(0, 8);
      return PhysRange{PhysAddr{base}, PhysAddr{base + *rc::gen::inRange<uint64_t>(0, 5)}};
    };
    const PhysRange a = some();
    const PhysRange b = some();
    size_t shared = 0;
    for (uint64_t i = 0; i < 16; ++i) {
      const PhysAddr byte{i};
      RC_ASSERT(a.contains(byte) == a.overlaps(PhysRange{byte, byte + 1}));
      if (a.contains(byte) && b.contains(byte)) ++shared;
    }
    if (!a.empty() && !b.empty()) RC_ASSERT(a.overlaps(b) == (shared != 0));
    if (!b.empty()) RC_ASSERT(a.contains(b) == (shared == b.size()));
    const uint64_t bytes = a.size();
    RC_ASSERT(a.empty() == (bytes == 0));
  });
  return ok;
}

bool odd_laws() {
  bool ok = true;
  ok &= holds("addresses are ordered as numbers", [](uint64_t a, uint64_t b) {
    RC_ASSERT((PhysAddr{a} < PhysAddr{b}) == (a < b));
    RC_ASSERT((PhysAddr{a} > PhysAddr{b}) == (a > b));
    RC_ASSERT((PhysAddr{a} <= PhysAddr{b}) == (a <= b));
    RC_ASSERT((PhysAddr{a} >= PhysAddr{b}) == (a >= b));
    RC_ASSERT((PhysAddr{a} == PhysAddr{b}) == (a == b));
    RC_ASSERT(PhysAddr{a} <= PhysAddr{a} && PhysAddr{a} >= PhysAddr{a});
    RC_ASSERT(min(PhysAddr{a}, PhysAddr{b}) == PhysAddr{std::min(a, b)});
    RC_ASSERT(max(PhysAddr{a}, PhysAddr{b}) == PhysAddr{std::max(a, b)});
  });
  ok &=
      holds("the node that a region without room for one has is none, and equals any", [](int nid) {
        const AbsentNode absent{NodeId{nid}};
        RC_ASSERT(absent == AbsentNode{});
        RC_ASSERT(absent == NodeId{nid});
        const NodeId stored = absent;
        RC_ASSERT(stored == kNoNode);
      });
  ok &= holds("a line that is too long is cut", [] {
    struct Printed {
      std::string line;
      static void print(void* self, const char* line, size_t length) {
        static_cast<Printed*>(self)->line.assign(line, length);
      }
    };
    const auto line_with = [](size_t caller_length) {
      Printed printed;
      Platform platform;
      platform.context = &printed;
      platform.print = Printed::print;
      std::array<Region, 4> memory, reserved;
      FlatMemblock m{{memory, reserved, {}}, platform};
      const std::string caller(caller_length, 'c');
      m.set_trace(true);
      m.set_caller(caller.c_str());
      RC_ASSERT(m.reserve(pages(1, 1)) == Status::Ok);
      return printed.line;
    };
    const std::string longest = line_with(5000);
    RC_ASSERT(longest.size() < 5000u);
    const std::string whole = line_with(*rc::gen::inRange<size_t>(0, 2 * longest.size()));
    RC_ASSERT(whole.size() <= longest.size());
    RC_ASSERT(longest.starts_with(whole));
  });
  return ok;
}

}  // namespace
}  // namespace memblock::lab

extern "C" void memblock_panic(const char* expression, const char* file, int line) {
  using namespace memblock::lab;
  if (!expected) {
    std::fprintf(stderr, "memblock_panic: %s does not hold, at %s:%d\n", expression, file, line);
    std::abort();
  }
  heard = Panic{expression, file, line};
  std::longjmp(before_call, 1);
}

int main() {
  bool ok = memblock::lab::argument_laws();
  ok &= memblock::lab::table_laws();
  ok &= memblock::lab::answer_laws();
  ok &= memblock::lab::value_laws();
  ok &= memblock::lab::odd_laws();
  return ok ? 0 : 1;
}
