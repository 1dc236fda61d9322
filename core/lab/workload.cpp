// How the workloads are put together. Sizes and counts follow what boots of such machines do.
#include "lab/workload.h"

#include <algorithm>

#include "lab/gen.h"

namespace memblock::lab {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kGiB = 1024 * kMiB;
constexpr uint64_t kPage = 4 * kKiB;

PhysRange span(uint64_t base, uint64_t size) { return PhysRange::from_size(PhysAddr{base}, size); }

/// Puts steps together, one call a step.
class Builder {
 public:
  Builder(std::string name, std::string what) {
    out_.name = std::move(name);
    out_.what = std::move(what);
  }

  Limits& limits() { return out_.trace.limits; }

  void map(uint64_t base, uint64_t size, E820Type type) {
    out_.trace.e820.push_back(E820Entry{PhysAddr{base}, size, type});
  }

  Op& op(OpCode code) {
    Op op;
    op.code = code;
    out_.trace.steps.push_back(Step{std::move(op), {}, 0});
    return out_.trace.steps.back().op;
  }

  Op& on(OpCode code, PhysRange range) {
    Op& added = op(code);
    added.range = range;
    return added;
  }

  void alloc(uint64_t size, uint64_t align, NodeId nid = kNoNode) {
    Op& added = op(nid == kNoNode ? OpCode::Alloc : OpCode::AllocNode);
    added.size = size;
    added.align = align;
    if (nid != kNoNode) added.nid = nid;
  }

  void set_node(PhysRange range, int32_t node) {
    Op& added = on(OpCode::SetNode, range);
    added.table = TableId::Memory;
    added.nid = NodeId{node};
  }

  void turn(OpCode code, bool on) { op(code).on = on; }

  Workload done() { return std::move(out_); }

 private:
  Workload out_;
};

/// The low megabyte as PC firmware describes it.
void map_low_megabyte(Builder& build) {
  build.map(0, 0x9fc00, E820Type::Ram);
  build.map(0x9fc00, 0x400, E820Type::Reserved);
  build.map(0xf0000, 0x10000, E820Type::Reserved);
}

/// Kernel, initrd and BIOS area, then the map into memblock.
void begin_boot(Builder& build, uint64_t initrd) {
  Op& early = build.on(OpCode::EarlyReserve, span(16 * kMiB, 44 * kMiB));
  early.initrd = span(initrd, 37 * kMiB + 0x1234);
  early.bios = span(0x9fc00, 0x60400);
  early.setup_data = {span(0x98000, 0x1010)};
  build.op(OpCode::E820TrimBios);
  build.op(OpCode::E820AddKernelRange).range = span(16 * kMiB, 44 * kMiB);
  build.op(OpCode::E820Load);
}

void end_boot(Builder& build) { build.op(OpCode::FreeAll).size = uint64_t{1} << 22; }

/// Page tables, log buffer, per-CPU areas and hash tables, and what is given back on the way.
void early_allocations(Builder& build, int cpus, int nodes) {
  for (int i = 0; i < 24; ++i) build.alloc(kPage, kPage);
  build.alloc(256 * kKiB, 64);
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const NodeId nid = nodes > 1 ? NodeId{cpu % nodes} : kNoNode;
    build.alloc(216 * kKiB, kPage, nid);
    build.alloc(1152, 64, nid);
  }
  for (const uint64_t size : {16 * kMiB, 8 * kMiB, 512 * kKiB, 512 * kKiB}) build.alloc(size, 64);
  for (int i = 0; i < 150; ++i) build.alloc(static_cast<uint64_t>(64 + 40 * (i % 11)), 64);
}

}  // namespace

Workload laptop() {
  Builder build{"laptop", "16 GiB, one node, a boot from map to handover"};
  map_low_megabyte(build);
  constexpr uint64_t kTop = 0xa0000000;
  build.map(kMiB, kTop - kMiB - 10 * 64 * kKiB, E820Type::Ram);
  for (uint64_t i = 0; i < 10; ++i) {
    const E820Type type = i % 3 == 0 ? E820Type::Acpi : i % 3 == 1 ? E820Type::Nvs : E820Type::Ram;
    build.map(kTop - (10 - i) * 64 * kKiB, 64 * kKiB, type);
  }
  build.map(kTop, 0x20000000, E820Type::Reserved);
  build.map(0xfec00000, kMiB, E820Type::Reserved);
  build.map(4 * kGiB, 14 * kGiB - 512 * kMiB, E820Type::Ram);
  begin_boot(build, 0x70000000);
  build.set_node(kAllMemory, 0);
  early_allocations(build, 8, 1);
  build.on(OpCode::Free, span(0x70000000, 37 * kMiB + 0x2000));
  end_boot(build);
  return build.done();
}

Workload server_8node() {
  Builder build{"server_8node", "2 TiB on eight nodes in interleaved ranges"};
  map_low_megabyte(build);
  build.map(kMiB, 2 * kGiB - kMiB, E820Type::Ram);
  build.map(4 * kGiB, 2048 * kGiB - 2 * kGiB, E820Type::Ram);
  begin_boot(build, 0x40000000);
  // Each node owns a low and a high share, as sub-NUMA clustering interleaves them.
  constexpr uint64_t kShare = 128 * kGiB;
  for (int32_t i = 0; i < 16; ++i) {
    build.set_node(span(static_cast<uint64_t>(i) * kShare, kShare), i % 8);
  }
  build.set_node(span(16 * kShare, 4 * kGiB), 7);
  build.on(OpCode::MarkHotplug, span(15 * kShare, kShare));
  build.turn(OpCode::SetMovableNode, true);
  early_allocations(build, 128, 8);
  // The memory map of each node: large, near, and aligned.
  for (int32_t node = 0; node < 8; ++node) build.alloc(4 * kGiB, 2 * kMiB, NodeId{node});
  for (int32_t i = 0; i < 64; ++i) build.alloc(2 * kMiB, 2 * kMiB, NodeId{i % 8});
  end_boot(build);
  return build.done();
}

Workload efi_2k_entries() {
  Builder build{"efi_2k_entries", "a map of 2000 alternating entries; both tables grow"};
  build.limits().e820 = static_cast<uint32_t>(kE820EntriesMax);
  build.map(0, kGiB, E820Type::Ram);
  for (uint64_t i = 0; i < 2000; ++i) {
    const E820Type other = i % 4 == 1 ? E820Type::Reserved : E820Type::Acpi;
    build.map(kGiB + i * 64 * kKiB, 64 * kKiB, i % 2 == 0 ? E820Type::Ram : other);
  }
  build.map(4 * kGiB, 4 * kGiB, E820Type::Ram);
  begin_boot(build, 0x20000000);
  // The boot services that must stay until later, one by one.
  for (uint64_t i = 0; i < 500; ++i) {
    build.on(OpCode::Reserve, span(kGiB + 4 * i * 64 * kKiB, 8 * kKiB));
  }
  build.set_node(kAllMemory, 0);
  early_allocations(build, 8, 1);
  for (uint64_t i = 0; i < 500; ++i) {
    build.on(OpCode::Free, span(kGiB + 4 * i * 64 * kKiB, 8 * kKiB));
  }
  end_boot(build);
  return build.done();
}

Workload hotplug_heavy() {
  Builder build{"hotplug_heavy", "a hundred memory devices that come and go"};
  build.op(OpCode::AllowResize);
  Op& first = build.on(OpCode::Add, span(kMiB, 4 * kGiB - kMiB));
  first.nid = NodeId{0};
  const auto device = [](uint64_t i) { return span(16 * kGiB + i * 2 * kGiB, kGiB); };
  for (uint64_t i = 0; i < 100; ++i) {
    Op& add = build.on(OpCode::Add, device(i));
    add.nid = NodeId{static_cast<int32_t>(i % 4)};
    if (i % 2 == 0) build.on(OpCode::MarkHotplug, device(i));
  }
  build.turn(OpCode::SetMovableNode, true);
  for (int i = 0; i < 200; ++i) build.alloc(64 * kKiB, 64, NodeId{i % 4});
  for (uint64_t i = 0; i < 100; i += 3) build.on(OpCode::Remove, device(i));
  for (uint64_t i = 0; i < 100; i += 3) {
    // The driver brings half of the device back, as memory of its own.
    Op& add = build.on(OpCode::Add, span(16 * kGiB + i * 2 * kGiB, kGiB / 2));
    add.nid = NodeId{static_cast<int32_t>(i % 4)};
    add.flags = kDriverManaged;
  }
  end_boot(build);
  for (uint64_t i = 1; i < 100; i += 3) build.on(OpCode::Remove, device(i));
  for (uint64_t i = 1; i < 100; i += 3) build.on(OpCode::Add, device(i)).nid = NodeId{0};
  return build.done();
}

Workload worst_merge() {
  Builder build{"worst_merge", "1024 lone reservations swallowed by one, twice"};
  constexpr uint64_t kCount = 1024;
  build.limits().reserved = 2048;
  build.on(OpCode::Add, span(kMiB, kGiB));
  const uint64_t base = 16 * kMiB;
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < kCount; ++i) {
      build.on(OpCode::Reserve, span(base + 2 * i * kPage, kPage));
    }
    build.on(OpCode::Reserve, span(base, 2 * kCount * kPage));
    build.op(OpCode::Count).table = TableId::Reserved;
    build.on(OpCode::Free, span(base, 2 * kCount * kPage));
  }
  return build.done();
}

const char* order_word(SlotOrder order) {
  switch (order) {
    case SlotOrder::Ascending: return "ascending";
    case SlotOrder::Descending: return "descending";
    case SlotOrder::Random: return "random";
  }
  return "";
}

namespace {

std::vector<uint64_t> slots_in(SlotOrder order, size_t count) {
  std::vector<uint64_t> slots(count);
  for (size_t i = 0; i < count; ++i) slots[i] = i;
  if (order == SlotOrder::Descending) std::reverse(slots.begin(), slots.end());
  if (order == SlotOrder::Random) {
    PrngChoices choices{count};
    for (size_t i = count; i > 1; --i) std::swap(slots[i - 1], slots[choices.below(i)]);
  }
  return slots;
}

}  // namespace

Workload reserve_slots(SlotOrder order, size_t count) {
  Builder build{std::string{"reserve_"} + order_word(order),
                std::to_string(count) + " lone pages reserved, looked up and freed"};
  constexpr uint64_t kBase = 4 * kGiB;
  build.op(OpCode::AllowResize);
  // Grown tables go above the slots, so room is left there.
  build.on(OpCode::Add, span(kMiB, kBase + 2 * count * kPage + kGiB));
  const std::vector<uint64_t> slots = slots_in(order, count);
  for (const uint64_t i : slots) build.on(OpCode::Reserve, span(kBase + 2 * i * kPage, kPage));
  for (const uint64_t i : slots) {
    build.op(OpCode::IsReserved).min = PhysAddr{kBase + (2 * i + i % 2) * kPage};
  }
  for (const uint64_t i : slots) build.on(OpCode::Free, span(kBase + 2 * i * kPage, kPage));
  return build.done();
}

Workload steady_mix(size_t count) {
  Builder build{"steady_mix", "allocations, frees and reservations in a half full map"};
  build.op(OpCode::AllowResize);
  const uint64_t pages = 4 * count;
  build.on(OpCode::Add, span(kMiB, pages * kPage + 64 * kMiB));
  PrngChoices choices{count};
  for (size_t i = 0; i < count; ++i) {
    const uint64_t size = (1 + choices.below(6)) * kPage;
    const PhysRange place = span(kMiB + choices.below(pages) * kPage, size);
    switch (choices.below(4)) {
      case 0: build.alloc(size / 2, 64); break;
      case 1: build.on(OpCode::Reserve, place); break;
      default: build.on(OpCode::Free, place); break;
    }
  }
  return build.done();
}

std::vector<Workload> workloads(size_t slots) {
  std::vector<Workload> out;
  out.push_back(laptop());
  out.push_back(server_8node());
  out.push_back(efi_2k_entries());
  out.push_back(hotplug_heavy());
  out.push_back(worst_merge());
  for (const SlotOrder order : {SlotOrder::Ascending, SlotOrder::Descending, SlotOrder::Random}) {
    out.push_back(reserve_slots(order, slots));
  }
  out.push_back(steady_mix(4 * slots));
  return out;
}

}  // namespace memblock::lab
