// Jobs that only ask.
#pragma once

#include "bench/table_jobs.h"

namespace memblock::bench {

enum class Lookup { IsReserved, IsRegionReserved, IsMemory };

/// Asks for addresses in a table of `count`: everywhere at random, or walking up in small steps.
template <Subject S, Lookup kLookup>
class LookupJob : public Job {
 public:
  LookupJob(size_t count, bool walking)
      : count_(count), subject_(Capacity{grown_capacity(count), grown_capacity(count)}) {
    const uint64_t bytes = span_of_slots(count).size();
    Random random{count + 1};
    uint64_t at = 0;
    for (size_t i = 0; i < kAddresses; ++i) {
      at = walking ? (at + random.below(kPage)) % bytes : random.below(bytes);
      addresses_.push_back(kLayoutBase + at);
    }
    subject_.fill(kLookup == Lookup::IsMemory ? TableId::Memory : TableId::Reserved,
                  all_slots(count));
  }

  uint64_t prepare(uint64_t ops, unsigned) override {
    shot_ = std::min<uint64_t>(ops, kAddresses);
    if (at_ + shot_ > kAddresses) at_ = 0;
    return shot_;
  }

  void work() override {
    uint64_t hits = 0;
    const PhysAddr* const asked = addresses_.data() + at_;
    for (uint64_t i = 0; i < shot_; ++i) hits += ask(asked[i]) ? 1 : 0;
    use(hits);
    at_ += shot_;
  }

  std::string verify() override {
    for (const PhysAddr address : addresses_) {
      if (ask(address) != expected(address)) {
        return "a lookup gave another answer than the layout says";
      }
    }
    return {};
  }

 private:
  static constexpr size_t kAddresses = 1 << 16;
  static constexpr uint64_t kAsked = 64;  // Bytes, where a range is asked for.

  bool ask(PhysAddr address) const {
    if constexpr (kLookup == Lookup::IsReserved) return subject_.is_reserved(address);
    if constexpr (kLookup == Lookup::IsMemory) return subject_.is_memory(address);
    return subject_.is_region_reserved(PhysRange::from_size(address, kAsked));
  }

  /// Whether a slot holds the address, or the bytes from it on touch one: plain arithmetic.
  bool expected(PhysAddr address) const {
    const uint64_t offset = (address - kLayoutBase) % kSlotStride;
    if (offset < kPage) return true;
    const bool is_last = (address - kLayoutBase) / kSlotStride + 1 == count_;
    return kLookup == Lookup::IsRegionReserved && !is_last && offset + kAsked > kSlotStride;
  }

  size_t count_;
  std::vector<PhysAddr> addresses_;
  uint64_t at_ = 0;
  uint64_t shot_ = 0;
  S subject_;
};

/// All free ranges between `count` reservations; an op is one range.
template <Subject S>
class WalkJob : public Job {
 public:
  WalkJob(size_t count, Direction direction)
      : count_(count), direction_(direction), subject_(Capacity{128, grown_capacity(count)}) {
    use(subject_.add(span_of_slots(count), kUnsetNode, kNoFlags));
    subject_.fill(TableId::Reserved, all_slots(count));
  }

  uint64_t ops_min() const override { return count_; }

  uint64_t prepare(uint64_t ops, unsigned) override {
    walks_ = std::max<uint64_t>(1, ops / count_);
    return walks_ * count_;
  }

  void work() override {
    for (uint64_t i = 0; i < walks_; ++i) {
      sum_ = subject_.sum_free(direction_);
      use(sum_);
    }
  }

  std::string verify() override {
    const std::vector<PhysRange> list = subject_.free_list(direction_);
    uint64_t sum = 0;
    for (size_t found = 0; found < list.size(); ++found) {
      const size_t i = direction_ == Direction::Up ? found : count_ - 1 - found;
      if (found >= count_ || list[found] != PhysRange::from_size(slot(i).end, kPage)) {
        return "the free ranges are not the gaps of the layout";
      }
      sum += list[found].base.value;
    }
    if (list.size() != count_) return "free ranges are missing";
    return sum_ == sum ? "" : "the free ranges seen while timed are others";
  }

 private:
  size_t count_;
  Direction direction_;
  uint64_t walks_ = 1;
  uint64_t sum_ = 0;
  S subject_;
};

}  // namespace memblock::bench
