// Jobs on one table: building it in three orders, changing it at a steady size.
#pragma once

#include <optional>

#include "bench/expected.h"
#include "bench/job.h"
#include "bench/layout.h"
#include "bench/subject.h"

namespace memblock::bench {

/// Windows of a build lie at these fill levels: (2 * i + 1) / 8 of all ops.
inline constexpr unsigned kLevels = 4;
constexpr size_t level(size_t count, unsigned phase) { return count * (2 * phase + 1) / 8; }

/// Keeps the compiler from leaving out a call whose answer nobody looks at.
template <class T>
void use(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

/// Reserves `count` ranges that do not touch, one call each, from nothing.
template <Subject S>
class BuildJob : public Job {
 public:
  BuildJob(Order order, size_t count) : count_(count) {
    // Short orders are many, so that no branch predictor learns them by heart.
    const size_t orders = order == Order::Random ? std::max<size_t>(1, 65536 / count) : 1;
    for (size_t seed = 0; seed < orders; ++seed) {
      std::vector<uint32_t>& slots = orders_.emplace_back(shuffled(count, seed + count));
      if (order != Order::Random) std::sort(slots.begin(), slots.end());
      if (order == Order::Descending) std::reverse(slots.begin(), slots.end());
    }
  }

  uint64_t whole() const override { return count_; }
  unsigned phases(uint64_t ops) const override { return ops >= count_ ? 1 : kLevels; }

  uint64_t prepare(uint64_t ops, unsigned phase) override {
    turn_ = (turn_ + 1) % orders_.size();
    from_ = ops >= count_ ? 0 : level(count_, phase);
    to_ = std::min<size_t>(count_, from_ + ops);
    // Windows leave growth out: it is rare, and one of few ops would be all of it.
    subject_.emplace(Capacity{128, grown_capacity(from_ == 0 ? 0 : to_)});
    if (from_ > 0) subject_->fill(TableId::Reserved, first(from_));
    return to_ - from_;
  }

  void work() override {
    const uint32_t* const slots = orders_[turn_].data();
    for (size_t i = from_; i < to_; ++i) {
      use(subject_->reserve(slot(slots[i]), kUnsetNode, kNoFlags));
    }
  }

  std::string verify() override {
    const std::vector<Region> steps = first(to_);
    const std::vector<Region> got = subject_->regions(TableId::Reserved);
    if (count_ > kModelRegionsMax) return difference("reserved", got, in_order(steps));
    const auto model = model_after([&](lab::Model& m) {
      for (const Region& region : steps) use(m.reserve(region.range(), kUnsetNode, kNoFlags));
    });
    return difference("reserved", got, model->reserved());
  }

 private:
  /// What the first `count` ops of this shot's order reserve.
  std::vector<Region> first(size_t count) const {
    std::vector<Region> regions;
    for (size_t i = 0; i < count; ++i) regions.push_back(plain_region(slot(orders_[turn_][i])));
    return regions;
  }

  size_t count_;
  std::vector<std::vector<uint32_t>> orders_;
  size_t turn_ = 0;
  size_t from_ = 0;
  size_t to_ = 0;
  std::optional<S> subject_;
};

/// Frees a random reservation and makes another, at a steady size. An op is one call.
template <Subject S>
class MixJob : public Job {
 public:
  explicit MixJob(size_t count)
      : count_(count), subject_(Capacity{128, grown_capacity(count + 2)}) {
    std::vector<uint32_t> taken, open;
    for (size_t i = 0; i < 2 * count; ++i) {
      (i % 2 == 0 ? taken : open).push_back(static_cast<uint32_t>(i));
    }
    Random random{count};
    for (size_t i = 0; i < kSwaps; ++i) {
      uint32_t& from = taken[random.below(taken.size())];
      uint32_t& to = open[random.below(open.size())];
      swaps_.push_back({from, to});
      std::swap(from, to);
    }
    use(subject_.add(span_of_slots(2 * count), kUnsetNode, kNoFlags));
    subject_.fill(TableId::Reserved, some_slots(2 * count, [](size_t i) { return i % 2 == 0; }));
  }

  uint64_t prepare(uint64_t ops, unsigned) override {
    shot_ = std::max<uint64_t>(1, ops / 2);
    return shot_ * 2;
  }

  void work() override {
    for (uint64_t i = 0; i < shot_; ++i) {
      const Swap swap = at(position_);
      position_ = position_ + 1 == 2 * swaps_.size() ? 0 : position_ + 1;
      use(subject_.free(slot(swap.freed)));
      use(subject_.reserve(slot(swap.reserved), kUnsetNode, kNoFlags));
    }
  }

  std::string verify() override {
    std::vector<bool> taken(2 * count_);
    for (size_t i = 0; i < taken.size(); i += 2) taken[i] = true;
    for (size_t i = 0; i < position_; ++i) {
      taken[at(i).freed] = false;
      taken[at(i).reserved] = true;
    }
    std::vector<Region> expected;
    for (size_t i = 0; i < taken.size(); ++i) {
      if (taken[i]) expected.push_back(plain_region(slot(i)));
    }
    // The layout leaves no two slots touching, so nothing merges: no model is needed.
    return difference("reserved", subject_.regions(TableId::Reserved), expected);
  }

 private:
  static constexpr size_t kSwaps = 65536;

  struct Swap {
    uint32_t freed;
    uint32_t reserved;
  };

  /// All swaps forwards and then backwards end where they began.
  Swap at(size_t position) const {
    if (position < swaps_.size()) return swaps_[position];
    const Swap& swap = swaps_[2 * swaps_.size() - 1 - position];
    return {swap.reserved, swap.freed};
  }

  size_t count_;
  std::vector<Swap> swaps_;
  size_t position_ = 0;
  uint64_t shot_ = 0;
  S subject_;
};

}  // namespace memblock::bench
