// The C API: it does what the core does, and what only C has does what its header says.
#include <rapidcheck.h>

#include <array>
#include <set>

#include "lab/compare.h"
#include "memblock/parse_size.h"
#include "props/c_backend.h"
#include "props/rc.h"

namespace memblock::lab {
namespace {

/// Texts of C end at the first zero.
Trace with_texts_of_c(Trace trace) {
  for (Step& step : trace.steps) step.op.text = step.op.text.c_str();
  return trace;
}

template <class B>
void run(B& backend, const Trace& trace) {
  static_cast<void>(append_firmware_map(backend, trace));
  for (const Step& step : trace.steps) static_cast<void>(apply(backend, step.op));
}

bool backend_laws() {
  bool ok = true;
  ok &= holds("C and core agree after every op, and C writes answers only where there are any",
              [](const Trace& any) {
                const Trace trace = with_texts_of_c(any);
                const auto divergence = compare<FlatBackend, CBackend>(trace);
                if (divergence) RC_FAIL(report(*divergence, trace, ""));
              });
  ok &= holds("C prints the same call trace", [](const Trace& any) {
    const Trace trace = with_texts_of_c(any);
    FlatBackend core{trace.limits};
    CBackend c{trace.limits};
    core.set_trace(true);
    core.set_caller("props+0x1/0x2");
    mbl_set_trace(c.c(), true);
    mbl_set_caller(c.c(), "props+0x1/0x2");
    for (const Step& step : trace.steps) {
      static_cast<void>(apply(core, step.op));
      static_cast<void>(apply(c, step.op));
      RC_ASSERT(core.observed().lines == c.observed().lines);
    }
  });
  ok &= holds("what was set or has happened can be read back", [](const Trace& any) {
    const Trace trace = with_texts_of_c(any);
    FlatBackend core{trace.limits};
    CBackend c{trace.limits};
    run(core, trace);
    run(c, trace);
    RC_ASSERT(mbl_bottom_up(c.c()) == core.bottom_up());
    RC_ASSERT(mbl_limit(c.c()) == core.limit().value);
    RC_ASSERT(mbl_movable_node(c.c()) == core.movable_node());
    RC_ASSERT(mbl_can_resize(c.c()) == core.can_resize());
    RC_ASSERT(mbl_handed_over(c.c()) == core.handed_over());
    RC_ASSERT(mbl_discarded(c.c()) == core.discarded());
    RC_ASSERT(mbl_is_valid(c.c()) == core.is_valid());
    RC_ASSERT(mbl_machine_of(c.c()).page_shift == core.machine().page_shift);
    RC_ASSERT(mbl_e820_capacity(c.e820().c()) == core.e820().capacity());
    const std::span<const NamedReservations::Entry> names = core.named().entries();
    RC_ASSERT(mbl_names_count(c.named().c()) == names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      mbl_range range{};
      RC_ASSERT(std::string{mbl_names_entry(c.named().c(), i, &range)} == names[i].name.data());
      RC_ASSERT(from_c(range) == names[i].range);
      RC_ASSERT(mbl_names_entry(c.named().c(), i, nullptr) != nullptr);
    }
  });
  return ok;
}

// ---- Walks from a cursor

constexpr TableId kTables[] = {TableId::Memory, TableId::Reserved, TableId::Physmem};

RegionFilter random_filter() {
  RegionFilter filter;
  filter.nid = NodeId{*rc::gen::inRange(-1, 3)};
  filter.flags = RegionFlags{*rc::gen::inRange(0u, kAllFlags.bits + 1)};
  filter.movable_node = *rc::gen::arbitrary<bool>();
  filter.everything = *rc::gen::arbitrary<bool>();
  return filter;
}

/// All that mbl_walk_on() gives; it must end, say so, and stay there.
std::vector<WalkedRange> walked_on(const mbl_table& from, const mbl_table* minus,
                                   const RegionFilter& filter, Direction direction) {
  const mbl_filter asked{filter.nid.value, filter.flags.bits, filter.movable_node,
                         filter.everything};
  std::vector<WalkedRange> out;
  mbl_cursor cursor = direction == Direction::Up ? MBL_CURSOR_UP : MBL_CURSOR_END;
  mbl_walked one;
  while (mbl_walk_on(&from, minus, &asked, to_c(direction), &cursor, &one)) {
    out.push_back(from_c(one));
    RC_ASSERT(cursor != MBL_CURSOR_END);
    RC_ASSERT(out.size() <= from.count + (minus != nullptr ? minus->count : 0) + 1);
  }
  RC_ASSERT(cursor == MBL_CURSOR_END);
  if (direction == Direction::Up) {
    RC_ASSERT(!mbl_walk_on(&from, minus, &asked, MBL_UP, &cursor, &one));
  }
  return out;
}

/// Somebody else's tables: only regions and counts are looked at.
Trace many_regions() {
  RcChoices choices;
  OpMix mix = OpMix::memblock_only();
  mix[OpCode::Discard] = 0;
  return with_texts_of_c(gen_trace(choices, swarm(choices, mix)));
}

bool cursor_laws() {
  bool ok = true;
  ok &= holds("a walk from cursor to cursor gives what a walk in one go gives", [] {
    const Trace trace = many_regions();
    CBackend c{trace.limits};
    FlatBackend core{trace.limits};
    run(c, trace);
    run(core, trace);
    const RegionFilter filter = random_filter();
    for (const TableId id : kTables) {
      for (const Direction direction : {Direction::Up, Direction::Down}) {
        for (const TableId* other : {&kTables[0], &kTables[1], &kTables[2], (const TableId*){}}) {
          const mbl_table from = mbl_table_of(c.c(), to_c(id));
          const mbl_table minus = mbl_table_of(c.c(), to_c(other != nullptr ? *other : id));
          FlatMemblock::RangeWalk walk{
              core.table(id), other != nullptr ? &core.table(*other) : nullptr, filter, direction};
          std::vector<WalkedRange> expected;
          for (WalkedRange range; walk.next(range);) expected.push_back(range);
          RC_ASSERT(walked_on(from, other != nullptr ? &minus : nullptr, filter, direction) ==
                    expected);
        }
      }
    }
  });
  return ok;
}

bool shrunk_laws() {
  bool ok = true;
  ok &= holds("a cursor into tables that have shrunk since ends, or goes on inside them", [] {
    const Trace trace = many_regions();
    CBackend c{trace.limits};
    run(c, trace);
    mbl_table from = mbl_table_of(c.c(), MBL_MEMORY);
    mbl_table minus = mbl_table_of(c.c(), MBL_RESERVED);
    mbl_filter filter{};
    filter.everything = true;
    const bool down = *rc::gen::arbitrary<bool>();
    mbl_cursor cursor = down ? MBL_CURSOR_END : MBL_CURSOR_UP;
    mbl_walked one;
    for (int steps = *rc::gen::inRange(0, 8); steps > 0; --steps) {
      if (!mbl_walk_on(&from, &minus, &filter, down ? MBL_DOWN : MBL_UP, &cursor, &one)) break;
    }
    RC_PRE(cursor != MBL_CURSOR_END);
    from.count = *rc::gen::inRange<size_t>(0, from.count + 1);
    minus.count = *rc::gen::inRange<size_t>(0, minus.count + 1);
    if (mbl_walk_on(&from, &minus, &filter, down ? MBL_DOWN : MBL_UP, &cursor, &one)) {
      RC_ASSERT(mbl_table_overlaps(&from, one.range));
      RC_ASSERT(!mbl_table_overlaps(&minus, one.range));
    } else {
      RC_ASSERT(cursor == MBL_CURSOR_END);
    }
  });
  ok &= holds("a cursor behind all that is left of either table ends the walk", [] {
    const std::array<mbl_region, 2> memory{{{0x0, 0x9000, 0, 0}, {0x10000, 0x9000, 0, 0}}};
    const std::array<mbl_region, 2> holes{{{0x2000, 0x1000, 0, 0}, {0x5000, 0x1000, 0, 0}}};
    mbl_filter filter{};
    filter.everything = true;
    for (const mbl_direction direction : {MBL_UP, MBL_DOWN}) {
      for (const bool shrinks_minus : {false, true}) {
        mbl_table from{memory.data(), shrinks_minus ? 1u : 2u, 2, 0x12000};
        mbl_table minus{holes.data(), 2, 2, 0x2000};
        mbl_cursor cursor = direction == MBL_UP ? MBL_CURSOR_UP : MBL_CURSOR_END;
        mbl_walked one;
        for (int steps = direction == MBL_UP ? 2 : 1; steps > 0; --steps) {
          RC_ASSERT(mbl_walk_on(&from, &minus, &filter, direction, &cursor, &one));
        }
        (shrinks_minus ? minus : from).count = 0;
        RC_ASSERT(!mbl_walk_on(&from, &minus, &filter, direction, &cursor, &one));
        RC_ASSERT(cursor == MBL_CURSOR_END);
      }
    }
  });
  return ok;
}

bool table_laws() {
  bool ok = true;
  ok &= holds("mbl_table_overlaps: as a memblock's own table answers", [](uint64_t at) {
    const Trace trace = many_regions();
    CBackend c{trace.limits};
    run(c, trace);
    const uint64_t base = at % (uint64_t{64} << 12);
    const mbl_range range = mbl_range_of_size(base, 1 + at % 0x3000);
    RC_ASSERT(from_c(range) == PhysRange::from_size(PhysAddr{base}, 1 + at % 0x3000));
    for (const TableId id : kTables) {
      const mbl_table table = mbl_table_of(c.c(), to_c(id));
      RC_ASSERT(mbl_table_overlaps(&table, range) == mbl_overlaps(c.c(), to_c(id), range));
    }
  });
  return ok;
}

// ---- What is left out

/// A memblock of C in storage of its own.
struct Plain {
  explicit Plain(const mbl_platform& platform) {
    const mbl_storage storage{memory.data(),   memory.size(), reserved.data(),
                              reserved.size(), nullptr,       0};
    mbl_init(&m, &storage, &platform, nullptr);
  }

  std::array<mbl_region, 4> memory{};
  std::array<mbl_region, 4> reserved{};
  mbl_memblock m;
};

/// Counts into what `context` points to.
void count_page(void* context, uint64_t, unsigned) { ++*static_cast<size_t*>(context); }

bool absence_laws() {
  bool ok = true;
  ok &= holds("without a machine it is the default one, without calls nothing is called", [] {
    Plain plain{mbl_platform{}};
    const mbl_machine machine = mbl_machine_of(&plain.m);
    RC_ASSERT(machine.page_shift == Machine{}.page_shift);
    RC_ASSERT(machine.cache_line == Machine{}.cache_line);
    RC_ASSERT(machine.low_limit == Machine{}.low_limit);
    RC_ASSERT(machine.region_bytes == Machine{}.region_bytes);
    mbl_set_trace(&plain.m, true);
    RC_ASSERT(mbl_add_node(&plain.m, {0x1000, 0x9000}, 0, MBL_NO_FLAGS) == MBL_OK);
    RC_ASSERT(mbl_add_node(&plain.m, {0x0, 0xa000}, 1, MBL_HOTPLUG) == MBL_OK);  // Warns nobody.
    mbl_phys found = 0;
    RC_ASSERT(mbl_alloc(&plain.m, 64, 0, &found) == MBL_OK);  // Clears nothing.
    int here = 0;
    RC_ASSERT(mbl_free_virt(&plain.m, &here, 4) == MBL_INVALID);
    mbl_allow_resize(&plain.m);
    mbl_dump(&plain.m);
    const mbl_page_sink deaf{};
    RC_ASSERT(mbl_free_all(&plain.m, &deaf, ~uint64_t{0}) == 9u);
  });
  ok &= holds("a handover that is refused leaves the sink of the first", [] {
    Plain plain{mbl_platform{}};
    RC_ASSERT(mbl_add(&plain.m, {0x1000, 0x3000}) == MBL_OK);
    size_t freed = 0;
    const mbl_page_sink first{&freed, count_page, nullptr};
    RC_ASSERT(mbl_free_all(&plain.m, &first, ~uint64_t{0}) == 2u);
    freed = 0;
    const mbl_page_sink deaf{};
    RC_ASSERT(mbl_free_all(&plain.m, &deaf, ~uint64_t{0}) == 0u);
    RC_ASSERT(mbl_free_late(&plain.m, {0x1000, 0x3000}) == MBL_OK);
    RC_ASSERT(freed == 2u);
  });
  ok &= holds("an answer that nobody wants is not written", [] {
    std::array<mbl_e820_entry, 4> storage{};
    std::array<mbl_e820_entry, 4 * MBL_E820_WORKSPACE_SLOTS> workspace{};
    mbl_e820 map;
    mbl_e820_init(&map, storage.data(), storage.size(), workspace.data());
    const mbl_e820_entry ram{0x0, 0x10000, MBL_E820_RAM};
    RC_ASSERT(mbl_e820_append(&map, &ram) == MBL_OK);
    RC_ASSERT(mbl_e820_update(&map, 0x0, 0x1000, MBL_E820_RAM, MBL_E820_RESERVED, nullptr) ==
              MBL_OK);
    RC_ASSERT(mbl_e820_remove(&map, 0x8000, 0x1000, MBL_E820_RAM, nullptr) == MBL_OK);
    RC_ASSERT(mbl_e820_count(&map) == 3u);
    Plain plain{mbl_platform{}};
    mbl_names names{};
    RC_ASSERT(mbl_add(&plain.m, {0x0, 0x100000}) == MBL_OK);
    RC_ASSERT(mbl_names_add(&names, &plain.m, "4K:64:log", nullptr) == MBL_OK);
    RC_ASSERT(mbl_names_find(&names, "log", nullptr) == MBL_OK);
    uint64_t value = 0;
    RC_ASSERT(mbl_parse_size("4K", &value, nullptr) == MBL_OK);
    RC_ASSERT(value == 0x1000u);
  });
  return ok;
}

// ---- Maps, tables, words

bool word_laws() {
  bool ok = true;
  ok &= holds("all or nothing: steps that fail leave the map as it was", [](bool fails) {
    std::array<mbl_e820_entry, 4> storage{};
    std::array<mbl_e820_entry, 4 * MBL_E820_WORKSPACE_SLOTS> workspace{};
    mbl_e820 map;
    mbl_e820_init(&map, storage.data(), storage.size(), workspace.data());
    const mbl_e820_entry before{0x1000, 0x1000, MBL_E820_NVS};
    RC_ASSERT(mbl_e820_append(&map, &before) == MBL_OK);
    const auto steps = [](void* context, mbl_e820* table) {
      mbl_e820_clear(table);
      const mbl_e820_entry after{0x5000, 0x1000, MBL_E820_RAM};
      const mbl_status status = mbl_e820_append(table, &after);
      return *static_cast<bool*>(context) ? MBL_NO_FIT : status;
    };
    const mbl_status status = mbl_e820_all_or_nothing(&map, steps, &fails);
    RC_ASSERT(status == (fails ? MBL_NO_FIT : MBL_OK));
    RC_ASSERT(mbl_e820_count(&map) == 1u);
    RC_ASSERT(mbl_e820_entries(&map)->base == (fails ? 0x1000u : 0x5000u));
  });
  ok &= holds("adopt: regions edited from outside are the table from then on", [] {
    Plain plain{mbl_platform{}};
    std::array<mbl_region, 8> mine{};
    mine[0] = {0x5000, 0x1000, MBL_NO_FLAGS, MBL_UNSET_NODE};
    mbl_adopt(&plain.m, MBL_RESERVED, mine.data(), mine.size(), 1, 0x1000, mbl_range{});
    RC_ASSERT(mbl_is_reserved(&plain.m, 0x5fff));
    RC_ASSERT(mbl_is_valid(&plain.m));
    RC_ASSERT(mbl_reserve(&plain.m, {0x7000, 0x8000}) == MBL_OK);
    RC_ASSERT(mbl_table_of(&plain.m, MBL_RESERVED).regions == mine.data());
    RC_ASSERT(mine[1].base == 0x7000u);
  });
  ok &= holds("numbers: value, rest and errors are the core's", [] {
    static constexpr const char* kPieces[] = {"0x", "0", "7", "8", "9", "f",
                                              "K",  "g", "E", "z", ":", "99999999999999999999"};
    std::string text;
    for (int i = *rc::gen::inRange(0, 5); i > 0; --i)
      text += kPieces[*rc::gen::inRange<size_t>(0, std::size(kPieces))];
    using Core = Result<uint64_t> (*)(std::string_view&);
    using C = mbl_status (*)(const char*, uint64_t*, const char**);
    for (const auto& [core, c] : {std::pair<Core, C>{parse_number, mbl_parse_number},
                                  std::pair<Core, C>{parse_size, mbl_parse_size}}) {
      std::string_view left{text};
      const Result<uint64_t> expected = core(left);
      uint64_t value = 1;
      const char* rest = nullptr;
      RC_ASSERT(from_c(c(text.c_str(), &value, &rest)) == expected.status());
      RC_ASSERT(value == (expected.ok() ? expected.value() : 1));
      RC_ASSERT(rest == (expected.ok() ? left.data() : nullptr));
    }
  });
  ok &= holds("each status and each type of memory has a text of its own", [] {
    std::set<std::string> texts;
    for (int i = MBL_OK; i <= MBL_DISCARDED; ++i) {
      const auto status = static_cast<mbl_status>(i);
      RC_ASSERT(texts.insert(mbl_status_text(status)).second);
      RC_ASSERT(mbl_status_text(status) == std::string{status_text(from_c(status))});
    }
    RC_ASSERT(texts.count(status_text(static_cast<Status>(MBL_DISCARDED + 1))) == 0u);
    for (const mbl_e820_type type : {MBL_E820_NONE, MBL_E820_RAM, MBL_E820_RESERVED, MBL_E820_ACPI,
                                     MBL_E820_NVS, MBL_E820_UNUSABLE, MBL_E820_PMEM, MBL_E820_PRAM,
                                     MBL_E820_RESERVED_KERN, MBL_E820_SOFT_RESERVED}) {
      const std::string text = mbl_e820_type_text(type);
      RC_ASSERT(text == e820_type_text(static_cast<E820Type>(type)));
      RC_ASSERT(!text.empty());
    }
  });
  return ok;
}

}  // namespace
}  // namespace memblock::lab

int main() {
  bool ok = memblock::lab::backend_laws();
  ok &= memblock::lab::cursor_laws();
  ok &= memblock::lab::shrunk_laws();
  ok &= memblock::lab::table_laws();
  ok &= memblock::lab::absence_laws();
  ok &= memblock::lab::word_laws();
  return ok ? 0 : 1;
}
