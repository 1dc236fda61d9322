// Laws of the flat table, held against the plainest thing there is: one entry for each byte of a
// small universe. The model's table is held against the same.
#include <rapidcheck.h>

#include <array>
#include <cstring>

#include "lab/model_table.h"
#include "memblock/flat_table.h"
#include "props/cases.h"

namespace memblock::lab {
namespace {

constexpr size_t kCells = 40;

/// Where the universe lies: its bytes are the table's addresses from here on. The second one ends
/// where the address space does.
constexpr std::array<uint64_t, 2> kOrigins = {0, ~uint64_t{0} - kCells};

/// What each byte is, and what a table should make of it.
struct Cells {
  std::array<MaybeKind, kCells> kinds;
  uint64_t origin = 0;

  PhysAddr address(size_t cell) const { return PhysAddr{origin + cell}; }
  size_t cell(PhysAddr address) const { return address.value - origin; }

  std::vector<Region> regions() const {
    std::vector<Region> out;
    for (size_t i = 0; i < kCells; ++i) {
      if (!kinds[i]) continue;
      if (i != 0 && kinds[i - 1] == kinds[i]) {
        ++out.back().size;
      } else {
        out.push_back(Region{address(i), 1, kinds[i]->flags, kinds[i]->nid});
      }
    }
    return out;
  }

  size_t gaps(PhysRange range) const {
    size_t pieces = 0;
    for (size_t i = cell(range.base); i < cell(range.end); ++i) {
      const bool starts = i == cell(range.base) || kinds[i - 1].has_value();
      if (!kinds[i] && starts) ++pieces;
    }
    return pieces;
  }

  void change(PhysRange range, const std::function<MaybeKind(MaybeKind)>& change) {
    for (size_t i = cell(range.base); i < cell(range.end); ++i) kinds[i] = change(kinds[i]);
  }
};

/// A table in storage of exactly its capacity, so that ASan sees a step outside.
struct Table {
  explicit Table(size_t capacity) : storage(capacity), flat(storage) {}

  /// Writes the regions from outside, without a word to the table's memory of lookups. Requires as
  /// many as there are.
  void overwrite(const std::vector<Region>& regions) {
    RC_ASSERT(regions.size() == flat.count());
    std::copy(regions.begin(), regions.end(), flat.storage().begin());
  }

  std::vector<Region> storage;
  FlatTable flat;
};

// ---- Generators

uint64_t pick(uint64_t below) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint64_t>(0, below));
}

PhysRange pick_range(const Cells& cells) {
  size_t first = pick(kCells + 1);
  size_t last = pick(2) == 0 ? first + pick(4) : pick(kCells + 1);
  if (last > kCells) last = kCells;
  if (last < first) std::swap(first, last);
  return {cells.address(first), cells.address(last)};
}

Kind pick_kind() {
  return Kind{NodeId{static_cast<int32_t>(pick(2))}, RegionFlags{pick(3) == 0 ? 4u : 0u}};
}

size_t pick_capacity() { return pick(2) == 0 ? 1 + pick(8) : kCells; }

/// Fills table and cells alike with random regions.
void fill(Table& table, Cells& cells) {
  for (uint64_t i = pick(12); i-- > 0;) {
    const PhysRange range = pick_range(cells);
    if (table.flat.count() + table.flat.gaps(range) > table.flat.capacity()) continue;
    const Kind kind = pick_kind();
    table.flat.insert(range, kind.flags, kind.nid);
    cells.change(range, [=](MaybeKind old) { return old ? old : kind; });
  }
}

bool same(RegionView a, const std::vector<Region>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// ---- Edits

MaybeKind nothing(MaybeKind) { return std::nullopt; }

/// Splits at both ends, changes what is inside, merges: as Memblock does it.
void edit_inside(Table& table, Cells& cells, PhysRange range) {
  if (table.flat.count() + 2 > table.flat.capacity()) return;
  const NodeId nid = pick_kind().nid;
  const RegionFlags flags{4};
  switch (pick(3)) {
    case 0:
      table.flat.change(range, {.stamps_node = true, .nid = nid});
      cells.change(range, [=](MaybeKind old) { return old ? Kind{nid, old->flags} : old; });
      break;
    case 1:
      table.flat.change(range, {.set = flags});
      cells.change(range, [=](MaybeKind old) {
        return old ? Kind{old->nid, old->flags | flags} : old;
      });
      break;
    default:
      table.flat.change(range, {.clear = flags});
      cells.change(range, [=](MaybeKind old) {
        return old ? Kind{old->nid, without(old->flags, flags)} : old;
      });
  }
}

void edit_keep(Table& table, Cells& cells, PhysRange range) {
  if (range.empty() || table.flat.count() + 2 > table.flat.capacity()) return;
  const RegionFlags flags{4};
  table.flat.keep(range, flags);
  const auto drop = [=](MaybeKind old) {
    return old && old->flags.has(flags) ? old : std::nullopt;
  };
  cells.change({cells.address(0), range.base}, drop);
  cells.change({range.end, cells.address(kCells)}, drop);
}

void edit_trim(Table& table, Cells& cells) {
  const uint64_t align = uint64_t{1} << pick(4);
  table.flat.trim(align);
  for (const Region& region : cells.regions()) {
    const uint64_t base = region.base.value;
    const uint64_t end = region.end().value;
    for (uint64_t byte = base; byte < end; ++byte) {
      const uint64_t unit = byte - byte % align;
      // The unit that holds this byte must lie within the region; one at the very top cannot end.
      const bool whole = unit >= base && unit + (align - 1) >= unit && unit + (align - 1) < end;
      if (!whole) cells.kinds[cells.cell(PhysAddr{byte})] = std::nullopt;
    }
  }
}

void random_edit(Table& table, Cells& cells) {
  const PhysRange range = pick_range(cells);
  FlatTable& flat = table.flat;
  switch (pick(7)) {
    case 0:
    case 1:
    case 2: {
      RC_ASSERT(flat.gaps(range) == cells.gaps(range));
      if (flat.count() + flat.gaps(range) > flat.capacity()) return;
      const Kind kind = pick_kind();
      flat.insert(range, kind.flags, kind.nid);
      cells.change(range, [=](MaybeKind old) { return old ? old : kind; });
      return;
    }
    case 3: {
      const Region* const cut = flat.holding(range.base);
      const bool splits = cut != nullptr && cut->base < range.base && range.end < cut->end();
      if (splits && flat.count() == flat.capacity()) return;
      flat.remove(range);
      cells.change(range, nothing);
      return;
    }
    case 4: edit_inside(table, cells, range); return;
    case 5: edit_keep(table, cells, range); return;
    default: edit_trim(table, cells);
  }
}

bool edit_laws() {
  bool ok = true;
  ok &= rc::check("region table: an edit does to regions what it does to each of their bytes", [] {
    Cells cells;
    cells.origin = kOrigins[pick(2)];
    Table table{pick_capacity()};
    for (uint64_t i = pick(40); i-- > 0;) {
      random_edit(table, cells);
      RC_ASSERT(same(table.flat.regions(), cells.regions()));
      RC_ASSERT(table.flat.first_broken_invariant() == 0);
    }
  });

  ok &= rc::check("the model's table says of each byte what its edits said", [] {
    Cells cells;
    cells.origin = kOrigins[pick(2)];
    ModelTable table{kCells};
    for (uint64_t i = pick(40); i-- > 0;) {
      const PhysRange range = pick_range(cells);
      const Kind kind = pick_kind();
      const std::array<std::function<MaybeKind(MaybeKind)>, 3> changes = {
          [=](MaybeKind old) { return old ? old : kind; },
          [=](MaybeKind old) { return old ? kind : old; }, nothing};
      const auto& change = changes[pick(3)];
      RC_ASSERT(table.gaps(range) == cells.gaps(range));
      table.change(range, change);
      cells.change(range, change);
      RC_ASSERT(table.regions() == cells.regions());
      RC_ASSERT(table.first_broken_invariant() == 0);
    }
    for (size_t i = 0; i < kCells; ++i) {
      const Region* region = table.at(cells.address(i));
      RC_ASSERT((region == nullptr) == !cells.kinds[i]);
    }
  });

  ok &=
      rc::check("region table: splitting and merging changes nothing; what is inside is known", [] {
        Cells cells;
        Table table{kCells};
        fill(table, cells);
        const std::vector<Region> before = cells.regions();
        const PhysRange range = pick_range(cells);
        ModelTable model{kCells};
        for (const Region& region : before) {
          model.change(region.range(), [&](MaybeKind) { return Kind{region.nid, region.flags}; });
        }
        RC_ASSERT(table.flat.positions(range) == model.positions(range));
        table.flat.change(range, {});
        RC_ASSERT(same(table.flat.regions(), before));
      });

  ok &= rc::check("region table: moving it to other storage changes nothing else", [] {
    Cells cells;
    Table table{1 + pick(8)};
    fill(table, cells);
    std::vector<Region> roomier(2 * table.flat.capacity());
    const FlatTable::Growth growth = table.flat.grow({.memory = roomier.data()});
    std::fill(table.storage.begin(), table.storage.end(), Region{});
    RC_ASSERT(same(table.flat.regions(), cells.regions()));
    RC_ASSERT(table.flat.capacity() == roomier.size());
    RC_ASSERT(table.flat.storage().data() == roomier.data());
    table.flat.undo(growth);
    std::fill(roomier.begin(), roomier.end(), Region{});
    RC_ASSERT(same(table.flat.regions(), cells.regions()));
    RC_ASSERT(table.flat.storage().data() == table.storage.data());
    table.flat.reset();
    RC_ASSERT(table.flat.count() == 0 && table.flat.capacity() == 0);
    RC_ASSERT(table.flat.total_bytes() == 0);
    RC_ASSERT(table.flat.first_ending_after(PhysAddr{5}) == 0);
  });
  return ok;
}

// ---- Lookups

/// One lookup of each kind, against a scan of the regions as they stand in the storage.
void check_lookups(const FlatTable& table, const Cells& universe) {
  const PhysRange range = pick_range(universe);
  const auto scan = [&](auto&& passes) {
    size_t index = 0;
    while (index < table.count() && !passes(table[index])) ++index;
    return index;
  };
  const size_t ending = scan([&](const Region& r) { return r.end() > range.base; });
  const size_t starting = scan([&](const Region& r) { return r.base >= range.end; });
  RC_ASSERT(table.first_ending_after(range.base) == ending);
  RC_ASSERT(table.past_starting_below(range.end) == starting);
  RC_ASSERT(table.overlaps(range) == ending < starting);
  const bool held = ending < table.count() && table[ending].base <= range.base;
  RC_ASSERT(table.holding(range.base) == (held ? &table[ending] : nullptr));
}

/// Both ways to search an array find, for each address, what lies last at or below it, or the first
/// element. In a vector of exactly so many, so that ASan sees a step outside.
template <class Element, class Make>
void check_searches(size_t count, Make make) {
  constexpr uint64_t kApart = 3;
  std::vector<Element> elements;
  for (size_t i = 0; i < count; ++i) elements.push_back(make(PhysAddr{kApart * (i + 1)}));
  elements.shrink_to_fit();
  for (uint64_t address = 0; address < kApart * (count + 2); ++address) {
    const uint64_t below = address / kApart;
    const uint64_t index = below == 0 ? 0 : std::min<uint64_t>(below, count) - 1;
    const Element* const right = elements.data() + index;
    RC_ASSERT(detail::last_from(elements.data(), count, PhysAddr{address}) == right);
    RC_ASSERT(detail::last_from_soon(elements.data(), count, PhysAddr{address}) == right);
  }
}

bool lookup_laws() {
  bool ok = true;
  ok &= rc::check("arrays: each way to search them finds what a scan finds", [] {
    const size_t count = 1 + pick(300);
    check_searches<PhysInt>(count, [](PhysAddr base) { return static_cast<PhysInt>(base.value); });
    check_searches<Region>(count, [](PhysAddr base) { return Region{base, 1, kNoFlags, kNoNode}; });
  });

  ok &= rc::check("region table: a lookup finds what a scan finds, whatever was asked before", [] {
    Cells cells;
    cells.origin = kOrigins[pick(2)];
    Table table{kCells};
    fill(table, cells);
    for (int i = 0; i < 20; ++i) {
      if (pick(4) == 0) random_edit(table, cells);
      check_lookups(table.flat, cells);
    }
  });

  ok &= rc::check("region table: regions edited from outside never make a lookup lie", [] {
    Cells cells;
    Table table{kCells};
    fill(table, cells);
    for (int round = 0; round < 5; ++round) {
      for (uint64_t i = pick(4); i-- > 0;) check_lookups(table.flat, cells);
      // As many other regions as before.
      Cells others;
      Table source{kCells};
      fill(source, others);
      const std::vector<Region> regions = others.regions();
      if (regions.size() != table.flat.count()) continue;
      table.overwrite(regions);
      check_lookups(table.flat, cells);
    }
    // Shifted in place: every position that was remembered is now one off or more.
    std::vector<Region> shifted{table.flat.regions().begin(), table.flat.regions().end()};
    for (Region& region : shifted) region.base = region.base + pick(2) * kCells;
    std::sort(shifted.begin(), shifted.end(),
              [](const Region& a, const Region& b) { return a.base < b.base; });
    table.overwrite(shifted);
    for (int i = 0; i < 4; ++i) check_lookups(table.flat, cells);
  });
  return ok;
}

// ---- Invariants

int broken_by(const std::function<void(std::span<Region>)>& damage) {
  std::vector<Region> storage(5);
  FlatTable table{storage};
  table.insert({PhysAddr{10}, PhysAddr{20}}, kNoFlags, NodeId{0});
  table.insert({PhysAddr{20}, PhysAddr{30}}, kNoFlags, NodeId{1});
  table.insert({PhysAddr{40}, PhysAddr{50}}, kNoFlags, NodeId{1});
  RC_ASSERT(table.first_broken_invariant() == 0);
  damage(table.storage());
  return table.first_broken_invariant();
}

bool invariant_laws() {
  return rc::check("region table: each broken invariant is found by its number", [] {
    RC_ASSERT(broken_by([](std::span<Region> r) { r[1].size = 0; }) == 2);
    RC_ASSERT(broken_by([](std::span<Region> r) { r[2].size = ~uint64_t{0}; }) == 2);
    RC_ASSERT(broken_by([](std::span<Region> r) { std::swap(r[0], r[2]); }) == 3);
    RC_ASSERT(broken_by([](std::span<Region> r) { r[0].size = 11; }) == 3);
    RC_ASSERT(broken_by([](std::span<Region> r) { r[0].nid = NodeId{1}; }) == 4);
    RC_ASSERT(broken_by([](std::span<Region> r) { r[2].size = 9; }) == 5);
    RC_ASSERT(broken_by([](std::span<Region> r) { r[1].nid = NodeId{2}; }) == 0);
    // A count beyond the capacity cannot come from the table's own verbs, only from damage to it.
    std::vector<Region> storage(5);
    FlatTable table{storage};
    table.insert({PhysAddr{10}, PhysAddr{20}}, kNoFlags, NodeId{0});
    const std::span<Region> no_room{storage.data(), size_t{0}};
    std::memcpy(static_cast<void*>(&table), &no_room, sizeof no_room);
    RC_ASSERT(table.first_broken_invariant() == 1);
  });
}

}  // namespace
}  // namespace memblock::lab

int main() {
  memblock::lab::set_cases(2000);
  bool ok = memblock::lab::edit_laws();
  ok &= memblock::lab::lookup_laws();
  ok &= memblock::lab::invariant_laws();
  return ok ? 0 : 1;
}
