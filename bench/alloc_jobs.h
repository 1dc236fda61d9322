// Jobs of the allocator on a table of given size: pages one after the other, where the first free
// range has room, and where every free range but the last one has not. And the worst that fuzz_cost
// has found, with searches that cannot go on where others ended.
#pragma once

#include "bench/table_jobs.h"

namespace memblock::bench {

enum class Fit {
  Near,        ///< The free range the search meets first has room.
  Far,         ///< All free ranges but the last are too small.
  Misaligned,  ///< All free ranges but the last are large enough, but hold no aligned block.
  Huge,        ///< The same with an alignment of 2 MiB: large gaps, none of use.
  Between,  ///< The same with 1 MiB, which lies between the alignments that a tree has bounds for.
  Covered,  ///< All memory but the last is reserved, and the holes in it are not.
  // Many memory regions and no reservations. All but the last memory region:
  OtherNode,    ///< belongs to another node than is asked for.
  Unmapped,     ///< is not to be mapped.
  NotMirrored,  ///< is not mirrored.
  Churned,      ///< As Far, and before each search a reservation is given back and made again.
};

/// Whether it is the kind of memory that lets nothing but the last region pass.
constexpr bool is_filtered(Fit fit) {
  return fit == Fit::OtherNode || fit == Fit::Unmapped || fit == Fit::NotMirrored;
}

/// `count` reservations, with room below and above all of them.
struct AllocLayout {
  static constexpr uint64_t kMostAllocations = 1024;

  AllocLayout(Fit fit, bool bottom_up, size_t count) {
    block = fit == Fit::Huge ? uint64_t{2} << 20 : fit == Fit::Between ? uint64_t{1} << 20 : kPage;
    const bool covered = fit == Fit::Covered || is_filtered(fit);
    const bool misaligned = fit == Fit::Misaligned || fit == Fit::Huge || fit == Fit::Between;
    const uint64_t stride = (covered ? 4 : 2) * block;
    const uint64_t gap = covered ? 2 * block : misaligned ? block * 3 / 2 : block / 2;
    const uint64_t start = misaligned ? block * 7 / 4 : gap;  // A gap from 1/4 to 7/4 blocks.
    const uint64_t room = kMostAllocations * block;
    const PhysAddr body = kLayoutBase + room;
    const PhysRange whole{kLayoutBase, body + (count + 1) * stride + room};
    // Unless the nearest range is to fit, the outermost reservation takes that end of memory too.
    const bool near = fit == Fit::Near;
    for (const uint32_t i : shuffled(count, count)) {
      PhysRange range = PhysRange::from_size(body + i * stride + start, stride - gap);
      if (!near && bottom_up && i == 0) range.base = whole.base;
      if (!near && !bottom_up && i == count - 1) range.end = whole.end;
      if (!is_filtered(fit)) reserved.push_back(plain_region(range));
      if (covered) memory.push_back(passed_by(fit, range));
    }
    const PhysRange low{whole.base, covered ? body : body + start};
    const PhysRange high{body + (count - 1) * stride + start + stride - gap, whole.end};
    const bool at_low = bottom_up == near;
    const PhysRange place = at_low ? low : high;
    first = bottom_up ? PhysAddr{align_up(place.base.value, block)}
                      : PhysAddr{align_down(place.end.value - block, block)};
    last = covered ? place : whole;
    memory.push_back(plain_region(last));
    if (fit == Fit::OtherNode) memory.back().nid = NodeId{0};
  }

  std::vector<Region> memory;
  std::vector<Region> reserved;
  PhysRange last;  ///< The last region of memory.
  uint64_t block;  ///< Size and alignment of an allocation.
  PhysAddr first;  ///< Where the first one must be; the others follow without gaps.

 private:
  static Region passed_by(Fit fit, PhysRange range) {
    Region region = plain_region(range);
    if (fit == Fit::OtherNode) region.nid = NodeId{1};
    if (fit == Fit::Unmapped) region.flags = kNomap;
    return region;
  }
};

template <Subject S>
class AllocJob : public Job {
 public:
  AllocJob(Fit fit, bool bottom_up, size_t count)
      : layout_(fit, bottom_up, count),
        bottom_up_(bottom_up),
        anew_(fit == Fit::Between || fit == Fit::Covered || fit == Fit::Churned ||
              is_filtered(fit)),
        churns_(fit == Fit::Churned),
        mirrors_(fit == Fit::NotMirrored),
        with_model_(count <= kModelRegionsMax),
        subject_(Capacity{grown_capacity(layout_.memory.size()), grown_capacity(count + 4)}) {
    request_.size = request_.align = layout_.block;
    if (fit == Fit::OtherNode) {
      request_.nid = NodeId{0};
      request_.exact_nid = true;
    }
    subject_.fill(TableId::Memory, layout_.memory);
    if (mirrors_) use(subject_.mark_mirror(layout_.last));
    subject_.set_bottom_up(bottom_up);
    subject_.fill(TableId::Reserved, layout_.reserved);
    // What filling left behind, the first search pays for: fuzz_cost watches that.
    const Result<PhysAddr> first = subject_.allocate(request_);
    if (first.ok()) use(subject_.free(PhysRange::from_size(first.value(), layout_.block)));
  }

  uint64_t ops_min() const override { return 8; }  // All cost the same.
  uint64_t ops_max() const override { return AllocLayout::kMostAllocations; }
  uint64_t ops_counted() const override { return 64; }  // Of which the first has to search.

  uint64_t prepare(uint64_t ops, unsigned) override {
    look_back();
    // What a shot took is given back at once; the table is then as it was.
    if (shot_ > 0) use(subject_.free(taken()));
    shot_ = std::min<uint64_t>(ops, AllocLayout::kMostAllocations);
    return shot_;
  }

  void work() override {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < shot_; ++i) {
      if (churns_) churn();
      if (anew_) subject_.set_bottom_up(bottom_up_);  // Nothing is known of searches from then on.
      // Made anew, as callers do: what has just been written may take longer to read.
      const AllocRequest request = request_;
      const Result<PhysAddr> got = subject_.allocate(request);
      sum += got.ok() ? got.value().value : 0;
    }
    sum_ = sum;
  }

  std::string verify() override {
    look_back();
    if (wrong_) return "the allocations are not where they should be";
    std::vector<Region> expected = layout_.reserved;
    expected.push_back(plain_region(taken()));
    if (!with_model_) {
      return difference("reserved", subject_.regions(TableId::Reserved), merged(expected));
    }
    const auto model = model_after([&](lab::Model& m) {
      for (const Region& region : layout_.memory) {
        use(m.add(region.range(), region.nid, region.flags));
      }
      if (mirrors_) use(m.mark_mirror(layout_.last));
      m.set_bottom_up(bottom_up_);
      for (const Region& region : layout_.reserved) {
        use(m.reserve(region.range(), kUnsetNode, kNoFlags));
      }
      // Many by one call: they lie beside each other.
      for (uint64_t i = 0; i < std::min<uint64_t>(shot_, 4); ++i) use(m.allocate(request_));
      use(m.reserve(taken(), kUnsetNode, kNoFlags));
    });
    return difference("reserved", subject_.regions(TableId::Reserved), model->reserved());
  }

 private:
  PhysRange taken() const {
    const uint64_t bytes = shot_ * layout_.block;
    return PhysRange::from_size(bottom_up_ ? layout_.first : layout_.first + layout_.block - bytes,
                                bytes);
  }

  /// Gives one reservation back and makes it again.
  void churn() {
    const PhysRange range = layout_.reserved[churned_].range();
    churned_ = churned_ + 1 == layout_.reserved.size() ? 0 : churned_ + 1;
    use(subject_.free(range));
    use(subject_.reserve(range, kUnsetNode, kNoFlags));
  }

  void look_back() {
    const uint64_t low = taken().base.value;
    const uint64_t sum = shot_ * low + layout_.block * (shot_ * (shot_ - 1) / 2);
    wrong_ = wrong_ || (shot_ > 0 && sum_ != sum);
  }

  static std::vector<Region> merged(std::vector<Region> regions) {
    std::vector<Region> out;
    for (const Region& region : in_order(std::move(regions))) {
      if (!out.empty() && out.back().end() == region.base) {
        out.back().size += region.size;
      } else {
        out.push_back(region);
      }
    }
    return out;
  }

  AllocLayout layout_;
  bool bottom_up_;
  bool anew_;
  bool churns_;
  bool mirrors_;
  bool with_model_;
  AllocRequest request_;
  size_t churned_ = 0;
  uint64_t shot_ = 0;
  uint64_t sum_ = 0;
  bool wrong_ = false;
  S subject_;
};

}  // namespace memblock::bench
