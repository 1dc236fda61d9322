// Laws of the tree table, held against the flat table, in nodes so small that a few dozen regions
// split, join and even them out, and in nodes of the usual size.
#include <algorithm>
#include <memory>

#include "props/tree_beside_flat.h"

namespace memblock::lab {
namespace {

TableId pick_table() {
  return *rc::gen::element(TableId::Memory, TableId::Reserved, TableId::Physmem);
}

template <class Tree>
void expect_same_as_flat(uint64_t steps_max) {
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  TreeBesideFlat<Tree> both{seed, pick_table()};
  // The first trees are as tall as the last.
  both.steps(*rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint64_t>(0, steps_max)));
}

PhysRange page(uint64_t i) { return PhysRange::from_size(PhysAddr{i * 4096}, 4096); }

/// `count` lone pages, in a tree of `reserved`.
template <class Tree>
struct Lone {
  explicit Lone(uint64_t count) : storage(Tree::storage_for(2 * count)), tree(storage) {
    for (uint64_t i = 0; i < count; ++i) {
      RC_ASSERT(put_alone(tree, page(2 * i), kNoFlags, kUnsetNode));
    }
  }

  std::vector<Region> storage;
  Tree tree;
};

/// Goes through all regions, for each leaf has one that it is found by.
template <class Tree>
void expect_found_as_they_grow(uint64_t count, uint64_t bytes) {
  Lone<Tree> lone{count};
  Tree& tree = lone.tree;
  for (uint64_t i = 1; i < count; ++i) {
    const PhysRange grown{page(2 * i).base - bytes, page(2 * i).end};
    const PhysRange added{grown.base, page(2 * i).base};
    RC_ASSERT(tree.insert_alone(added, kNoFlags, kUnsetNode));
    RC_ASSERT(tree.holding(added.base) != nullptr);
    RC_ASSERT(tree.holding(added.base)->range() == grown);
    PhysRange gap;
    if (i % 2 == 0) RC_ASSERT(tree.remove_alone(added, gap));
    RC_ASSERT((tree.holding(added.base) != nullptr) == (i % 2 != 0));
    RC_ASSERT(tree.holding(page(2 * i).base) != nullptr);
  }
  RC_ASSERT(tree.first_broken_invariant() == 0);
}

/// Again and again one of the highest regions goes, and another one comes behind all that are left.
template <class Tree>
void expect_put_behind_what_is_left(uint64_t count) {
  Lone<Tree> lone{count};
  std::vector<Region> left;
  const auto put = [&left](uint64_t i) {
    left.push_back(Region{page(2 * i).base, 4096, kNoFlags, kUnsetNode});
  };
  for (uint64_t i = 0; i < count; ++i) put(i);
  for (uint64_t i = count; i < count + 20; ++i) {
    const auto gone = left.end() - *rc::gen::inRange<ptrdiff_t>(1, 9);
    PhysRange gap;
    RC_ASSERT(lone.tree.remove_alone(gone->range(), gap));
    left.erase(gone);
    RC_ASSERT(put_alone(lone.tree, page(2 * i), kNoFlags, kUnsetNode));
    put(i);
    RC_ASSERT(lone.tree.first_broken_invariant() == 0);
    RC_ASSERT(std::ranges::equal(lone.tree.regions(), left));
  }
}

/// As many regions in a row go as a leaf or two hold, one by one.
template <class Tree>
void expect_sound_when_some_are_gone(uint64_t count) {
  Lone<Tree> lone{count};
  const auto going = *rc::gen::inRange<uint64_t>(1, 2 * Tree::kArrayMax);
  const auto from = *rc::gen::inRange<uint64_t>(0, count - going);
  const bool down = *rc::gen::arbitrary<bool>();
  for (uint64_t i = 0; i < going; ++i) {
    PhysRange gap;
    RC_ASSERT(lone.tree.remove_alone(page(2 * (down ? from + going - 1 - i : from + i)), gap));
  }
  RC_ASSERT(lone.tree.first_broken_invariant() == 0);
}

bool edit_laws() {
  bool ok = true;
  ok &= holds("tree: edits and answers are the flat table's, in small nodes",
              [] { expect_same_as_flat<SmallTreeTable>(1200); });
  ok &= holds("tree: edits and answers are the flat table's, in usual nodes",
              [] { expect_same_as_flat<TreeTable>(1200); });
  ok &= holds("tree: a region that grows down, and shrinks again, is found where it begins", [] {
    const auto bytes = *rc::gen::inRange<uint64_t>(1, 4096);
    expect_found_as_they_grow<SmallTreeTable>(400, bytes);
    expect_found_as_they_grow<TreeTable>(1000, bytes);
  });
  ok &= holds("tree: what is put behind all regions goes behind what is left of them", [] {
    expect_put_behind_what_is_left<SmallTreeTable>(*rc::gen::inRange<uint64_t>(10, 100));
    expect_put_behind_what_is_left<TreeTable>(*rc::gen::inRange<uint64_t>(10, 400));
  });
  ok &= holds("tree: leaves that lose regions are filled up again", [] {
    expect_sound_when_some_are_gone<SmallTreeTable>(200);
    expect_sound_when_some_are_gone<TreeTable>(1000);
  });
  return ok;
}

/// Grows twice: out of an array that lies `shift` bytes into where the first leaf will, and then
/// into nodes. Where the array had taken a block, the leaf then has the pieces of two regions.
void expect_beside_the_right_region(size_t shift) {
  const size_t slots = TreeTable::kArrayMax / 2;
  std::vector<Region> array(TreeTable::kArrayMax);
  const uint64_t bytes = TreeTable::growth_bytes(TreeTable::kArrayMax, sizeof(Region));
  const std::unique_ptr<std::byte[]> nodes(new std::byte[bytes]);
  const auto grow_twice = [&](TreeTable& tree) {
    static_cast<void>(tree.grow({.memory = array.data(), .bytes = array.size() * sizeof(Region)}));
    static_cast<void>(tree.grow({.memory = nodes.get(), .bytes = bytes}));
  };
  std::vector<Region> elsewhere(slots);
  TreeTable first{elsewhere};
  RC_ASSERT(first.insert_alone(page(0), kNoFlags, NodeId{0}));
  grow_twice(first);
  auto* const leaf = reinterpret_cast<std::byte*>(const_cast<Region*>(first.lowest()));

  TreeTable tree{std::span{reinterpret_cast<Region*>(leaf + shift), slots}};
  const PhysAddr edge{0x40000000};
  const PhysRange large = PhysRange::from_size(PhysAddr{0x1000000000}, edge.value);
  const PhysRange block{edge - 4096, edge};
  std::vector<PhysRange> expected;
  for (uint64_t i = 0; i < 30; ++i) expected.push_back(page(2 * i));
  expected.insert(expected.end(), {PhysRange::from_size(edge, 4096), large});
  for (const PhysRange& range : expected) RC_ASSERT(put_alone(tree, range, kNoFlags, NodeId{0}));
  Spot spot;
  PhysRange gap;
  RC_ASSERT(tree.take_below(large.base, edge + 4096, {4096, 4096}, spot));
  RC_ASSERT(tree.remove_alone(PhysRange{large.base - 4096, large.base}, gap));
  grow_twice(tree);
  RC_ASSERT(tree.take_below(edge, PhysAddr{0}, {4096, 4096}, spot));
  RC_ASSERT(spot.at == block.base);
  RC_ASSERT(tree.first_broken_invariant() == 0);
  expected.insert(expected.end() - 2, block);
  RC_ASSERT(std::ranges::equal(tree.regions(), expected, {}, &Region::range));
}

bool storage_laws() {
  bool ok = true;
  ok &=
      holds("tree: what storage_for() asks for holds as much, and what is less holds one leaf", [] {
        const size_t capacity = *rc::gen::inRange<size_t>(1, 5000);
        RC_ASSERT(SmallTreeTable::capacity_in(SmallTreeTable::storage_for(capacity)) >= capacity);
        RC_ASSERT(TreeTable::capacity_in(TreeTable::storage_for(capacity)) >= capacity);
        std::vector<Region> little(TreeTable::kArrayMax + capacity % 200);
        TreeTable table{little};
        RC_ASSERT(table.capacity() == TreeTable::kArrayMax);
        RC_ASSERT(table.first_broken_invariant() == 0);
      });
  ok &= holds("tree: each doubling makes room for as many regions as it says", [] {
    std::vector<std::unique_ptr<std::byte[]>> blocks;
    std::vector<Region> first(1 + *rc::gen::inRange<size_t>(0, 16));
    SmallTreeTable table{first};
    const bool down = *rc::gen::arbitrary<bool>();
    for (int growth = 0; growth < 7; ++growth) {
      while (table.count() < table.capacity()) {
        const uint64_t i = down ? 100000 - table.count() : table.count();
        RC_ASSERT(put_alone(table, page(2 * i), kNoFlags, kUnsetNode));
      }
      RC_ASSERT(!table.insert_alone(page(1 << 20), kNoFlags, kUnsetNode));
      RC_ASSERT(table.first_broken_invariant() == 0);
      const uint64_t bytes = SmallTreeTable::growth_bytes(table.capacity(), sizeof(Region));
      blocks.emplace_back(new std::byte[bytes]);
      const size_t before = table.capacity();
      static_cast<void>(table.grow({.memory = blocks.back().get(), .bytes = bytes}));
      RC_ASSERT(table.capacity() == 2 * before);
    }
  });
  ok &= holds("tree: a block goes beside its region also where an array lay in the leaf before",
              [] { expect_beside_the_right_region(*rc::gen::element<size_t>(0, 8, 16)); });
  ok &= holds("tree: it visits the blocks that it lives in, and forgets them", [] {
    std::vector<Region> first(8);
    SmallTreeTable table{first};
    std::vector<std::unique_ptr<std::byte[]>> blocks;
    for (int growth = 0; growth < 4; ++growth) {
      const uint64_t bytes = SmallTreeTable::growth_bytes(table.capacity(), sizeof(Region));
      blocks.emplace_back(new std::byte[bytes]);
      const auto left = table.grow({.memory = blocks.back().get(), .bytes = bytes}).left;
      // 8, then 16 regions in an array that is left behind; nodes stay.
      RC_ASSERT(left.exists() == (growth == 1));
    }
    size_t visited = 0;
    table.each_block([&visited](const Block&) { ++visited; });
    RC_ASSERT(visited == 3u);
    table.reset();
    RC_ASSERT(table.capacity() == 0u && table.count() == 0u);
    table.each_block([](const Block&) { RC_FAIL("a block after reset()"); });
  });
  return ok;
}

/// How a search for a gap of two pages goes where there is none, as the number of gaps passed by
/// that are said to be large enough: none, once bounds are tight.
bool bound_laws() {
  bool ok = true;
  ok &= holds("tree: a search in vain makes bounds tight, a removal puts them right", [] {
    Lone<SmallTreeTable> lone{400};
    Passed passed;
    PhysRange gap;
    Ahead ahead;
    const Wish wanted{2 * 4096, 4096};
    const PhysRange inside{PhysAddr{0}, page(799).base};
    RC_ASSERT(!lone.tree.find_gap_down(inside, wanted, passed, gap, ahead));
    RC_ASSERT(passed.largest <= 4096u);
    const uint64_t freed = 2 * *rc::gen::inRange<uint64_t>(1, 399);
    PhysRange left;
    RC_ASSERT(lone.tree.remove_alone(page(freed), left));
    RC_ASSERT(lone.tree.find_gap_down(inside, wanted, passed, gap, ahead));
    RC_ASSERT(gap == left);
    RC_ASSERT(lone.tree.find_gap_up(inside, wanted, passed, gap, ahead));
    RC_ASSERT(gap == left);
    RC_ASSERT(left == (PhysRange{page(freed - 1).base, page(freed + 1).end}));
  });
  return ok;
}

int broken_by(const std::function<void(Region&)>& damage) {
  Lone<SmallTreeTable> lone{100};
  RC_ASSERT(lone.tree.first_broken_invariant() == 0);
  // The regions are not the table's secret, only not to be written to.
  damage(const_cast<Region&>(*lone.tree.holding(page(66).base)));
  return lone.tree.first_broken_invariant();
}

/// The first region of a leaf other than the first.
Region* leaf_start(SmallTreeTable& tree) {
  const Region* last = nullptr;
  for (const Region& region : tree.regions()) {
    if (last != nullptr && &region != last + 1) return const_cast<Region*>(&region);
    last = &region;
  }
  RC_FAIL("only one leaf");
}

bool invariant_laws() {
  return holds("tree: each broken invariant is found by its number", [] {
    RC_ASSERT(broken_by([](Region& r) { r.size = 0; }) == 2);
    RC_ASSERT(broken_by([](Region& r) { r.size = 3 * 4096; }) == 3);
    RC_ASSERT(broken_by([](Region& r) { r.size = 2 * 4096; }) == 4);
    RC_ASSERT(broken_by([](Region& r) { r.size = 100; }) == 5);
    Lone<SmallTreeTable> keys{100};
    Region* const first = leaf_start(keys.tree);
    first->base = first->base - 4;
    RC_ASSERT(keys.tree.first_broken_invariant() == 6);
    // A gap that no bound knows of: a region that is smaller than its sum, made up for elsewhere.
    Lone<SmallTreeTable> bounds{100};
    Passed passed;
    PhysRange gap;
    Ahead ahead;
    RC_ASSERT(!bounds.tree.find_gap_down({PhysAddr{0}, page(199).base}, {8192, 4096}, passed, gap,
                                         ahead));
    auto& shrunk = const_cast<Region&>(*bounds.tree.holding(page(66).base));
    auto& grown = const_cast<Region&>(*bounds.tree.holding(page(198).base));
    shrunk.size -= 100;
    grown.size += 100;
    RC_ASSERT(bounds.tree.first_broken_invariant() == 7);
  });
}

}  // namespace
}  // namespace memblock::lab

int main() {
  using namespace memblock::lab;
  set_cases(300);
  bool ok = edit_laws();
  ok &= storage_laws();
  ok &= bound_laws();
  ok &= invariant_laws();
  return ok ? 0 : 1;
}
