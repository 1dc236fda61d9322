// What a tree of regions is made of: leaves, the nodes above them, and what those say of leaves;
// and what it remembers of a leaf from one call to the next.
#pragma once

#include "memblock/region_array.h"

namespace memblock::detail {

/// How large the nodes of a tree are: slots of a leaf, entries of a node above leaves, and how many
/// levels of those there may be.
template <size_t kSlots, size_t kEntries, unsigned kLevels>
struct TreeShape {
  static constexpr size_t kLeafSlots = kSlots;
  static constexpr size_t kFan = kEntries;
  static constexpr unsigned kHeightMax = kLevels;
};

/// An upper bound of free ranges: none holds more than `bytes[i]` bytes from a multiple of
/// kAligns[i] on. Requests with an alignment in between are bounded by both sides.
struct Room {
  static constexpr size_t kClasses = 4;
  static constexpr uint64_t kAligns[kClasses] = {kLine, uint64_t{4} << 10, uint64_t{2} << 20,
                                                 uint64_t{1} << 30};

  PhysInt bytes[kClasses] = {};

  /// What bounds nothing.
  static Room any() {
    Room room;
    for (PhysInt& one : room.bytes) one = kPhysAddrMax.value;
    return room;
  }

  /// Returns whether it bounds more than before. Most are no larger than others before them, and
  /// hold no multiple of the coarser two.
  bool add(PhysRange free) {
    const uint64_t crossed = (free.base.value - 1) ^ (free.end.value - 1);
    return (bytes[1] < free.size() || kAligns[2] <= crossed) && add_new(free);
  }
  [[gnu::noinline]] bool add_new(PhysRange free) {
    bool more = false;
    for (size_t i = 0; i < kClasses; ++i) {
      if (free.size() <= bytes[i]) continue;
      const uint64_t first = align_up(free.base.value, kAligns[i]);
      if (first < free.base.value || free.end.value <= first) break;  // Coarser ones neither.
      if (bytes[i] >= free.end.value - first) continue;
      bytes[i] = static_cast<PhysInt>(free.end.value - first);
      more = true;
    }
    return more;
  }

  void add(const Room& other) {
    for (size_t i = 0; i < kClasses; ++i) {
      if (bytes[i] < other.bytes[i]) bytes[i] = other.bytes[i];
    }
  }

  /// Whether `other` bounds no more than this one does.
  bool covers(const Room& other) const {
    for (size_t i = 0; i < kClasses; ++i) {
      if (bytes[i] < other.bytes[i]) return false;
    }
    return true;
  }

  /// False if what is wished for fits nowhere.
  bool admits(const Wish& wish) const {
    if (wish.align < kLine) return wish.size <= bytes[0] || wish.size - bytes[0] < kLine;
    size_t finer = 0;
    while (finer + 1 < kClasses && kAligns[finer + 1] <= wish.align) ++finer;
    if (wish.size > bytes[finer]) return false;
    const size_t coarser = finer + 1;
    if (coarser == kClasses || wish.align == kAligns[finer]) return true;
    // What lies in front of the coarser multiple is less than the one lacks of the other.
    return wish.size <= bytes[coarser] ||
           wish.size - bytes[coarser] <= kAligns[coarser] - wish.align;
  }
};

/// Which kinds of regions there are: a bit is set if any region has what it stands for.
struct Kinds {
  static constexpr uint32_t kNodes = 0xffff;  ///< A bit for nodes that are equal modulo 16.
  static constexpr uint32_t kMirrored = 1u << 16;
  static constexpr uint32_t kUsual = 1u << 17;  ///< Neither nomap nor driver-managed.
  static constexpr uint32_t kStays = 1u << 18;  ///< Not hotplug.

  uint32_t bits = 0;

  static Kinds any() { return {~uint32_t{0}}; }

  /// Returns whether there are more than before.
  bool add(Kinds other) {
    const bool more = !covers(other);
    bits |= other.bits;
    return more;
  }
  bool covers(Kinds other) const { return (other.bits & ~bits) == 0; }

  static Kinds of(const Region& region) {
    uint32_t bits = kNodesMax > 1 ? node_bit(region.nid) : kNodes;
    if (region.flags.has(kMirror)) bits |= kMirrored;
    if (!region.flags.has(kNomap) && !region.flags.has(kDriverManaged)) bits |= kUsual;
    if (!region.flags.has(kHotplug)) bits |= kStays;
    return {bits};
  }

  /// Where one of these is missing, the sieve lets no region pass.
  static Kinds needed_by(const RegionSieve& sieve) {
    uint32_t bits = 0;
    if (sieve.cares_for_node()) bits |= node_bit(sieve.nid());
    if (sieve.cares_for(kMirror)) bits |= kMirrored;
    if (sieve.cares_for(kNomap | kDriverManaged)) bits |= kUsual;
    if (sieve.cares_for(kHotplug)) bits |= kStays;
    return {bits};
  }

 private:
  static uint32_t node_bit(NodeId nid) { return 1u << (static_cast<uint32_t>(nid.value) & 15); }
};

/// A node above leaves or above other nodes. Entry 0 of all nodes on the left edge of a tree has
/// the key 0; any other key is where the lowest region below the entry begins. Behind the last
/// entry all keys are kNoKey, so that a search need not know how many entries there are.
template <class Shape>
struct alignas(kLine) InnerNode {
  static constexpr size_t kFan = Shape::kFan;
  static constexpr size_t kFanMin = kFan / 4;
  static constexpr size_t kLeafSlots = Shape::kLeafSlots;
  static constexpr PhysInt kNoKey = kPhysAddrMax.value;  ///< No region begins there.

  /// All that an entry says.
  struct Entry {
    PhysInt key;
    void* child;
    Room room;
    Kinds kinds;
    uint8_t first;  ///< Of a leaf: its lowest region's slot, and how many there are.
    uint8_t count;
  };

  PhysInt keys[kFan];
  void* children[kFan];
  Room rooms[kFan];
  Kinds kinds[kFan];
  uint8_t firsts[kFan];
  uint8_t counts[kFan];
  uint32_t fan;

  /// The entry below which `address` lies. Requires: it does not lie below them all.
  size_t slot_of(PhysAddr address) const {
    return static_cast<size_t>(last_from_all<kFan>(keys, below_no_key(address)) - keys);
  }
  /// The same for who has to wait for it.
  size_t slot_of_soon(PhysAddr address) const {
    return static_cast<size_t>(last_from_all_soon<kFan>(keys, below_no_key(address)) - keys);
  }

  InnerNode* child(size_t slot) const { return static_cast<InnerNode*>(children[slot]); }
  Region* leaf(size_t slot) const { return static_cast<Region*>(children[slot]); }

  /// What a leaf below this node holds.
  Run run(size_t slot) const {
    return {leaf(slot) + firsts[slot], counts[slot], firsts[slot],
            kLeafSlots - firsts[slot] - counts[slot]};
  }
  void set_run(size_t slot, const Run& run) {
    firsts[slot] = static_cast<uint8_t>(run.below);
    counts[slot] = static_cast<uint8_t>(run.count);
  }

  Entry entry(size_t slot) const {
    return {keys[slot], children[slot], rooms[slot], kinds[slot], firsts[slot], counts[slot]};
  }

  /// Has no entries.
  void clear() {
    fan = 0;
    for (PhysInt& key : keys) key = kNoKey;
  }

  /// Requires: fan < kFan.
  void insert(size_t slot, const Entry& entry) {
    each_array(*this, [&](auto& array, auto&) {
      __builtin_memmove(array + slot + 1, array + slot, (fan - slot) * sizeof(array[0]));
    });
    ++fan;
    keys[slot] = entry.key;
    children[slot] = entry.child;
    rooms[slot] = entry.room;
    kinds[slot] = entry.kinds;
    firsts[slot] = entry.first;
    counts[slot] = entry.count;
  }

  void erase(size_t slot) {
    --fan;
    each_array(*this, [&](auto& array, auto&) {
      __builtin_memmove(array + slot, array + slot + 1, (fan - slot) * sizeof(array[0]));
    });
    keys[fan] = kNoKey;
  }

  /// Moves entries `[from, fan)` of `other` to the end of this one. Requires: room for them.
  void take_from(InnerNode& other, size_t from) {
    const size_t moved = other.fan - from;
    each_array(other, [&](auto& to, auto& array) {
      __builtin_memcpy(to + fan, array + from, moved * sizeof(array[0]));
    });
    fan += static_cast<uint32_t>(moved);
    while (other.fan != from) other.keys[--other.fan] = kNoKey;
  }

  /// Bounds of all entries together.
  Room room() const {
    Room all;
    for (size_t i = 0; i < fan; ++i) all.add(rooms[i]);
    return all;
  }
  Kinds all_kinds() const {
    Kinds all;
    for (size_t i = 0; i < fan; ++i) all.add(kinds[i]);
    return all;
  }

 private:
  static PhysAddr below_no_key(PhysAddr address) {
    return address - static_cast<PhysInt>(address.value == kNoKey);
  }

  /// Does the same to each array of this node, with that of `other` beside it.
  template <class Each>
  void each_array(InnerNode& other, Each&& each) {
    each(keys, other.keys);
    each(children, other.children);
    each(rooms, other.rooms);
    each(kinds, other.kinds);
    each(firsts, other.firsts);
    each(counts, other.counts);
  }
};

/// The way from the root to a leaf: a node and an entry of it on each level, 1 being the lowest.
template <class Shape>
struct TreePath {
  InnerNode<Shape>* nodes[Shape::kHeightMax + 1];
  size_t slots[Shape::kHeightMax + 1];

  InnerNode<Shape>& node() const { return *nodes[1]; }
  size_t slot() const { return slots[1]; }
};

/// Has the first lines of a leaf loaded: by then the processor sees by itself where this goes.
inline void read_ahead(const Region* leaf) {
  for (size_t line = 0; line != 8; ++line) {
    __builtin_prefetch(reinterpret_cast<const char*>(leaf) + line * kLine);
  }
}

/// A region in a leaf, or the end of a leaf: of the last one for who goes up, of any for who goes
/// down, and then what lies above is not to be asked for.
template <class Shape>
struct TreePosition {
  const Region* at = nullptr;
  const Region* first = nullptr;  ///< Of the leaf.
  const Region* end = nullptr;
  const InnerNode<Shape>* node = nullptr;  ///< Above it; null in a tree of one leaf.
  size_t slot = 0;

  TreePosition() = default;
  TreePosition(const Run& run, const InnerNode<Shape>* above, size_t entry)
      : at(run.first), first(run.first), end(run.end()), node(above), slot(entry) {}

  size_t index() const { return static_cast<size_t>(at - first); }
  /// Whether the leaf is the last or the first one below its node. Requires: there is a node.
  bool is_last() const { return slot + 1 == node->fan; }
  bool is_first() const { return slot == 0; }
  /// The lowest region of a leaf nearby.
  TreePosition leaf(size_t entry) const { return {node->run(entry), node, entry}; }
};

/// A leaf as a search finds it.
struct Leaf {
  Run run;
  PhysAddr lower;  ///< Where it begins; 0 for the first leaf.
  PhysAddr upper;  ///< Where the next one begins; kPhysAddrMax for the last leaf.

  bool is_first() const { return lower == PhysAddr{0}; }
  bool is_last() const { return upper == kPhysAddrMax; }
};

/// Which region of its leaf a lookup has found, and whether lookups walk: it was the one of the
/// lookup before, or the one behind that. Random ones need not look at what the last one found.
struct Near {
  size_t bits = ~(~size_t{0} >> 1);  ///< None.

  /// In bytes from the first region of the leaf on, so that lookups need not divide.
  size_t offset() const { return bits & ~size_t{1}; }
  bool walks() const { return (bits & 1) != 0; }
  const Region* in(const Region* first) const {
    return reinterpret_cast<const Region*>(reinterpret_cast<const char*>(first) + offset());
  }
  Near ahead(size_t steps) const { return {bits + steps * sizeof(Region)}; }
  Near then(const Region* first, const Region* found) const {
    const auto next = static_cast<size_t>(reinterpret_cast<const char*>(found) -
                                          reinterpret_cast<const char*>(first));
    return {next | static_cast<size_t>(next - offset() <= sizeof(Region))};
  }
  static_assert(sizeof(Region) % 2 == 0, "an offset has a bit to spare");
};

/// Slots behind the highest region that more can be put into, one after the other, without a look
/// at anything else: the bounds there say nothing, and the capacity is enough. None where that is
/// not known, and after any other edit of that leaf.
struct Tail {
  Region* next = nullptr;
  const Region* end = nullptr;
  uint8_t* count = nullptr;  ///< In the node above.
};

}  // namespace memblock::detail
