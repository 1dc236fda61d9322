// Jobs on the memory table: flags and nodes, one region at a time or all at once; and the handover.
#pragma once

#include "bench/table_jobs.h"

namespace memblock::bench {

/// Marks each of `count` memory regions in random order, then clears each.
template <Subject S>
class MarkEachJob : public Job {
 public:
  explicit MarkEachJob(size_t count)
      : count_(count),
        order_(shuffled(count, count)),
        subject_(Capacity{grown_capacity(count + 2), 128}) {
    subject_.fill(TableId::Memory, all_slots(count));
  }

  uint64_t prepare(uint64_t ops, unsigned) override { return shot_ = ops; }

  void work() override {
    for (uint64_t i = 0; i < shot_; ++i) {
      const bool mark = position_ < count_;
      const PhysRange range = slot(order_[mark ? position_ : position_ - count_]);
      use(mark ? subject_.mark_hotplug(range) : subject_.clear_hotplug(range));
      position_ = position_ + 1 == 2 * count_ ? 0 : position_ + 1;
    }
  }

  std::string verify() override {
    std::vector<Region> expected;
    for (size_t i = 0; i < count_; ++i) expected.push_back(plain_region(slot(order_[i])));
    for (size_t i = 0; i < count_; ++i) {
      const bool marked = i < position_ && i + count_ >= position_;
      if (marked) expected[i].flags = kHotplug;
    }
    return difference("memory", subject_.regions(TableId::Memory), in_order(expected));
  }

 private:
  size_t count_;
  std::vector<uint32_t> order_;
  size_t position_ = 0;
  uint64_t shot_ = 0;
  S subject_;
};

/// One call over everything marks, one clears; nothing merges. An op is one region changed.
template <Subject S>
class MarkAllJob : public Job {
 public:
  explicit MarkAllJob(size_t count)
      : count_(count), subject_(Capacity{grown_capacity(count + 2), 128}) {
    subject_.fill(TableId::Memory, all_slots(count));
  }

  uint64_t ops_min() const override { return 2 * count_; }

  uint64_t prepare(uint64_t ops, unsigned) override {
    pairs_ = std::max<uint64_t>(1, ops / (2 * count_));
    return pairs_ * 2 * count_;
  }

  void work() override {
    const PhysRange all = span_of_slots(count_);
    for (uint64_t i = 0; i < pairs_; ++i) {
      use(subject_.mark_hotplug(all));
      use(subject_.clear_hotplug(all));
    }
  }

  std::string verify() override {
    std::vector<Region> expected = in_order(all_slots(count_));
    const std::string plain = difference("memory", subject_.regions(TableId::Memory), expected);
    for (Region& region : expected) region.flags = kHotplug;
    use(subject_.mark_hotplug(span_of_slots(count_)));
    const std::string marked = difference("memory", subject_.regions(TableId::Memory), expected);
    use(subject_.clear_hotplug(span_of_slots(count_)));
    return plain.empty() ? marked : plain;
  }

 private:
  size_t count_;
  uint64_t pairs_ = 1;
  S subject_;
};

/// `count` regions that touch, every second one nomap: one call over all of them clears the flag,
/// or sets it everywhere, and all of them become one. An op is one region.
template <Subject S>
class MergeAllJob : public Job {
 public:
  explicit MergeAllJob(size_t count) : count_(count) {
    for (const uint32_t i : shuffled(count, count)) {
      regions_.push_back(plain_region(piece(i), i % 2 == 0 ? kNoFlags : kNomap));
    }
  }

  uint64_t whole() const override { return count_; }
  unsigned phases(uint64_t ops) const override { return ops >= count_ ? 2 : 2 * kLevels; }
  uint64_t ops_counted() const override { return count_; }

  uint64_t prepare(uint64_t ops, unsigned phase) override {
    clears_ = phase % 2 == 0;
    from_ = ops >= count_ ? 0 : level(count_, phase / 2);
    to_ = std::min<size_t>(count_, from_ + ops);
    subject_.emplace(Capacity{grown_capacity(count_ + 2), 128});
    subject_->fill(TableId::Memory, regions_);
    return to_ - from_;
  }

  void work() override {
    const PhysRange range = PhysRange::from_size(piece(from_).base, (to_ - from_) * kPage);
    use(clears_ ? subject_->clear_nomap(range) : subject_->mark_nomap(range));
  }

  std::string verify() override {
    std::vector<Region> expected;
    for (size_t i = 0; i < count_; ++i) {
      Region region = plain_region(piece(i), i % 2 == 0 ? kNoFlags : kNomap);
      if (from_ <= i && i < to_) region.flags = clears_ ? kNoFlags : kNomap;
      if (!expected.empty() && expected.back().flags == region.flags) {
        expected.back().size += region.size;
      } else {
        expected.push_back(region);
      }
    }
    return difference("memory", subject_->regions(TableId::Memory), expected);
  }

 private:
  static PhysRange piece(size_t i) { return PhysRange::from_size(kLayoutBase + i * kPage, kPage); }

  size_t count_;
  size_t from_ = 0;
  size_t to_ = 0;
  bool clears_ = true;
  std::vector<Region> regions_;
  std::optional<S> subject_;
};

/// Adds `count` memory regions in random order, then gives each one of eight nodes in another.
template <Subject S>
class NodesJob : public Job {
 public:
  explicit NodesJob(size_t count)
      : count_(count), adds_(all_slots(count)), nodes_(shuffled(count, count + 7)) {}

  uint64_t whole() const override { return 2 * count_; }
  unsigned phases(uint64_t ops) const override { return ops >= whole() ? 1 : 2 * kLevels; }

  uint64_t prepare(uint64_t ops, unsigned phase) override {
    const bool all = ops >= whole();
    first_add_ = all ? 0 : phase < kLevels ? level(count_, phase) : count_;
    last_add_ = all ? count_ : std::min<size_t>(count_, first_add_ + ops);
    first_node_ = all || phase < kLevels ? 0 : level(count_, phase - kLevels);
    last_node_ = all ? count_ : std::min<size_t>(count_, first_node_ + ops);
    if (!all && phase < kLevels) last_node_ = 0;
    subject_.emplace(Capacity{grown_capacity(all ? 0 : last_add_ + 2), 128});
    const auto end = adds_.begin() + static_cast<ptrdiff_t>(first_add_);
    if (first_add_ > 0) subject_->fill(TableId::Memory, {adds_.begin(), end});
    return (last_add_ - first_add_) + (last_node_ - first_node_);
  }

  void work() override {
    for (size_t i = first_add_; i < last_add_; ++i) {
      use(subject_->add(adds_[i].range(), kUnsetNode, kNoFlags));
    }
    for (size_t i = first_node_; i < last_node_; ++i) {
      use(subject_->set_node(slot(nodes_[i]), TableId::Memory, node(nodes_[i])));
    }
  }

  std::string verify() override {
    std::vector<Region> expected{adds_.begin(), adds_.begin() + static_cast<ptrdiff_t>(last_add_)};
    expected = in_order(std::move(expected));
    // Whenever nodes are set all regions are there, so that a region's place is its slot.
    for (size_t i = first_node_; i < last_node_; ++i) expected[nodes_[i]].nid = node(nodes_[i]);
    return difference("memory", subject_->regions(TableId::Memory), expected);
  }

 private:
  static NodeId node(uint32_t i) { return NodeId{static_cast<int32_t>(i % 8)}; }

  size_t count_;
  std::vector<Region> adds_;
  std::vector<uint32_t> nodes_;
  size_t first_add_ = 0, last_add_ = 0;
  size_t first_node_ = 0, last_node_ = 0;
  std::optional<S> subject_;
};

/// Hands over memory with `count` reservations in it; an op is one of them.
template <class S>
requires HandsOver<S>
class HandoverJob : public Job {
 public:
  explicit HandoverJob(size_t count) : count_(count) {}

  uint64_t whole() const override { return count_; }
  uint64_t ops_min() const override { return count_; }

  uint64_t prepare(uint64_t, unsigned) override {
    subject_.emplace(Capacity{128, grown_capacity(count_ + 2)});
    use(subject_->add(span_of_slots(count_), kUnsetNode, kNoFlags));
    subject_->fill(TableId::Reserved, all_slots(count_));
    free_pages_ = kept_pages_ = 0;
    return count_;
  }

  void work() override {
    PageSink sink;
    sink.context = this;
    sink.free_pages = [](void* self, uint64_t, unsigned order) {
      static_cast<HandoverJob*>(self)->free_pages_ += uint64_t{1} << order;
    };
    sink.keep_pages = [](void* self, const PfnRange& pages) {
      static_cast<HandoverJob*>(self)->kept_pages_ += pages.last - pages.first;
    };
    freed_ = subject_->free_all(sink);
  }

  std::string verify() override {
    if (freed_ == count_ && free_pages_ == count_ && kept_pages_ == count_) return {};
    return "the pages handed over are not those of the layout";
  }

 private:
  size_t count_;
  uint64_t free_pages_ = 0, kept_pages_ = 0, freed_ = 0;
  std::optional<S> subject_;
};

}  // namespace memblock::bench
