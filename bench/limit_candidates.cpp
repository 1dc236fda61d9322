// Limits: what no table of a kind can do without, and nothing else. For a tree, the dependent loads
// of one descent and the shift inside one leaf; for an array, a search and the shift of what lies
// above. They answer nothing, so that no check, merge, bookkeeping or call is in their figures.
#include <cstring>
#include <span>

#include "bench/boot_limit.h"
#include "bench/candidate.h"
#include "bench/table_jobs.h"

namespace memblock::bench {
namespace {

constexpr uint64_t kNever = ~uint64_t{0};

/// Keys in nodes of 64, packed, the node of a key found by counting: no branch depends on data.
class PackedTree {
 public:
  static constexpr size_t kFan = 64;

  explicit PackedTree(std::vector<uint64_t> keys) {
    while (true) {
      const size_t nodes = (keys.size() + kFan - 1) / kFan;
      std::vector<uint64_t> firsts;
      for (size_t i = 0; i < nodes; ++i) firsts.push_back(keys[i * kFan]);
      keys.resize(nodes * kFan, kNever);
      levels_.insert(levels_.begin(), std::move(keys));
      if (nodes == 1) return;
      keys = std::move(firsts);
    }
  }

  /// How many keys are at or below `key`, less one; the first one always is.
  size_t find(uint64_t key) const {
    size_t at = 0;
    for (const std::vector<uint64_t>& level : levels_) at = within(&level[at * kFan], at, key);
    return at;
  }

 private:
  static size_t within(const uint64_t* keys, size_t node, uint64_t key) {
    size_t i = 0;
    for (const size_t step : {size_t{16}, size_t{4}, size_t{1}}) {
      const uint64_t* const k = keys + i;
      i +=
          step * (size_t{k[step] <= key} + size_t{k[2 * step] <= key} + size_t{k[3 * step] <= key});
    }
    return node * kFan + i;
  }

  std::vector<std::vector<uint64_t>> levels_;
};

/// A sorted array and its search without branches.
class PackedArray {
 public:
  explicit PackedArray(std::vector<uint64_t> keys) : keys_(std::move(keys)) {}

  size_t find(uint64_t key) const {
    const uint64_t* base = keys_.data();
    for (size_t length = keys_.size(); length > 1;) {
      const size_t half = length / 2;
      base += (base[half] <= key) * half;
      length -= half;
    }
    return static_cast<size_t>(base - keys_.data());
  }

 private:
  std::vector<uint64_t> keys_;
};

enum class Must {
  Append,      ///< Write one region at the end.
  Shift,       ///< Shift for a region in front of all others.
  Find,        ///< Search.
  FindShift,   ///< Search, shift.
  FindWrite,   ///< Search, change in place.
  FindEither,  ///< The last two in turn.
  Look,        ///< Compare with the region of the last answer.
  Bump,        ///< Compare, move one region's end, keep the sum.
  Pass,        ///< Read all regions in order.
  PassWrite,   ///< Read and change all regions in order.
};

std::optional<Must> must(Work work) {
  switch (work) {
    case Work::ReserveAscending: return Must::Append;
    case Work::ReserveDescending: return Must::Shift;
    case Work::ReserveRandom:
    case Work::Mix: return Must::FindShift;
    case Work::IsReservedRandom:
    case Work::IsRegionReservedRandom:
    case Work::IsMemoryRandom: return Must::Find;
    case Work::IsReservedLocal:
    case Work::IsRegionReservedLocal:
    case Work::IsMemoryLocal: return Must::Look;
    case Work::MarkEach: return Must::FindWrite;
    case Work::Nodes: return Must::FindEither;
    case Work::WalkUp:
    case Work::WalkDown:
    case Work::MergeAll:
    case Work::Handover: return Must::Pass;
    case Work::MarkAll: return Must::PassWrite;
    case Work::AllocBetweenDown:
    case Work::AllocCoveredDown:
    case Work::AllocOtherNodeDown:
    case Work::AllocUnmappedDown:
    case Work::AllocNotMirroredDown:
    case Work::AllocChurnedDown: return Must::FindWrite;
    case Work::ColdIsReserved:
    case Work::ColdMix:
    case Work::ColdAlloc: break;  // What caches hold nobody can say.
    case Work::Boot: break;       // A job of its own.
    case Work::AllocNearDown:
    case Work::AllocNearUp:
    case Work::AllocFarDown:
    case Work::AllocFarUp:
    case Work::AllocMisalignedDown:
    case Work::AllocMisalignedUp:
    case Work::AllocHugeDown: return Must::Bump;
  }
  return std::nullopt;
}

/// `kTree`: shifts stay within a leaf of up to 128 regions, of which 64 to 127 are in use.
template <class Search, bool kTree>
class LimitJob : public Job {
 public:
  LimitJob(Must must, bool grows, size_t count)
      : must_(must), grows_(grows), count_(count), search_(keys(count)) {
    const size_t leaves = count / kLeaf + 1;
    regions_.resize(kTree ? leaves * 2 * kLeaf : count + 1, plain_region(slot(0)));
    Random random{count};
    const uint64_t bytes = span_of_slots(count).size();
    for (size_t i = 0; i < kAsked; ++i) asked_.push_back(kLayoutBase.value + random.below(bytes));
  }

  uint64_t ops_min() const override { return passes() ? count_ : 64; }

  uint64_t prepare(uint64_t ops, unsigned) override {
    shot_ = passes() ? std::max<uint64_t>(1, ops / count_) * count_ : ops;
    return shot_;
  }

  void work() override {
    switch (must_) {
      case Must::Append:
        return each([this](size_t i) {
          regions_[i % count_] = plain_region(slot(i));
          use(regions_[i % count_]);
        });
      case Must::Shift: return each([this](size_t i) { shift(0, i); });
      case Must::Find: return each([this](size_t i) { use(find(i)); });
      case Must::FindShift: return each([this](size_t i) { shift(find(i), i); });
      case Must::FindWrite: return each([this](size_t i) { write(find(i)); });
      case Must::FindEither:
        return each([this](size_t i) {
          const size_t at = find(i);
          i % 2 == 0 ? shift(at, i) : write(at);
        });
      case Must::Look:
        return each([this](size_t i) {
          const Region& region = regions_[i / 4 % count_];
          use(asked_[i % kAsked] - region.base.value < region.size);
        });
      case Must::Bump:
        return each([this](size_t) {
          Region& last = regions_.back();
          use(last.base.value - kPage >= bound_);
          last.base = last.base - kPage;
          last.size += kPage;
          total_ += kPage;
        });
      case Must::Pass: return pass([](Region& region) { return region.base.value; });
      case Must::PassWrite:
        return pass([](Region& region) { return region.flags.bits ^= kHotplug.bits; });
    }
  }

  std::string verify() override {
    for (const uint64_t key : asked_) {
      if (search_.find(key) != (key - kLayoutBase.value) / kSlotStride) return "a search is wrong";
    }
    return {};
  }

 private:
  static constexpr size_t kLeaf = 64;
  static constexpr size_t kAsked = 1 << 14;

  static std::vector<uint64_t> keys(size_t count) {
    std::vector<uint64_t> out;
    for (size_t i = 0; i < count; ++i) out.push_back(slot(i).base.value);
    return out;
  }

  bool passes() const { return must_ == Must::Pass || must_ == Must::PassWrite; }
  size_t find(size_t i) const { return search_.find(asked_[i % kAsked]); }

  template <class Op>
  void each(Op&& op) {
    // Behind a call, as a memblock's verbs are.
    const auto call = [&]() __attribute__((noinline)) { op(next_++); };
    for (uint64_t i = 0; i < shot_; ++i) call();
  }

  template <class Op>
  void pass(Op&& op) {
    for (uint64_t done = 0; done < shot_; done += count_) {
      uint64_t sum = 0;
      for (Region& region : std::span{regions_}.first(count_)) sum += op(region);
      use(sum);
    }
  }

  /// Opens a gap at position `at`. A table that is being built holds, over all ops, half as many.
  void shift(size_t at, size_t op) {
    if constexpr (kTree) {
      const size_t leaf = at / kLeaf * (2 * kLeaf);
      const size_t used = count_ <= kLeaf ? count_ : kLeaf + op % kLeaf;
      const size_t in_leaf = at % kLeaf * used / std::min(kLeaf, count_);
      Region* const gap = &regions_[leaf + in_leaf];
      std::memmove(gap + 1, gap, (used - in_leaf) * sizeof(Region));
      use(*gap);
    } else {
      const size_t used = grows_ ? 1 + op * 7919 % count_ : count_;
      const size_t from = at * used / count_;
      std::memmove(&regions_[from + 1], &regions_[from], (used - from) * sizeof(Region));
      use(regions_[from]);
    }
  }

  void write(size_t at) {
    Region& region = regions_[kTree ? at / kLeaf * (2 * kLeaf) + at % kLeaf : at];
    region.nid = NodeId{region.nid.value ^ 1};
    use(region.nid);
  }

  Must must_;
  bool grows_;
  size_t count_;
  Search search_;
  std::vector<Region> regions_;
  std::vector<uint64_t> asked_;
  uint64_t shot_ = 0;
  size_t next_ = 0;
  uint64_t bound_ = kPage;
  uint64_t total_ = 0;
};

template <class Search, bool kTree>
std::unique_ptr<Job> make_limit(const Task& task) {
  if (task.work == Work::Boot) return kTree ? nullptr : make_boot_limit(*task.boot);
  const std::optional<Must> what = must(task.work);
  if (!what) return nullptr;
  const bool grows = task.work != Work::Mix;
  return std::make_unique<LimitJob<Search, kTree>>(*what, grows, task.regions);
}

}  // namespace

Candidate tree_limit_candidate() {
  return {"limit:tree", Role::Limit, make_limit<PackedTree, true>, nullptr};
}

Candidate array_limit_candidate() {
  return {"limit:array", Role::Limit, make_limit<PackedArray, false>, nullptr};
}

}  // namespace memblock::bench
