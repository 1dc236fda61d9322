// The limit of a boot: a program that knows every answer beforehand, and only puts them down. No
// call searches for free memory, asks what touches or counts bytes.
#include "bench/boot_limit.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "bench/boot_job.h"

namespace memblock::bench {
namespace {

/// What a call changes: `gone` regions of a table make way for `come` others.
struct Edit {
  uint32_t table = 0;  ///< 0: memory, 1: reserved.
  uint32_t at = 0;
  uint32_t gone = 0;
  uint32_t come = 0;
  uint32_t first = 0;  ///< Of those that come, among all regions that ever do.
};

class BootLimitJob : public Job {
 public:
  explicit BootLimitJob(const Boot& boot) {
    model_ = model_after([&](lab::Model& model) {
      std::array<std::vector<Region>, 2> before;
      for (const BootCall& call : boot.calls) {
        BootResult result;
        make_call(model, call, result);
        steps_.push_back(step_to(model, before));
      }
    });
  }

  uint64_t whole() const override { return steps_.size(); }
  uint64_t ops_min() const override { return whole(); }

  uint64_t prepare(uint64_t, unsigned) override {
    counts_ = {};
    return whole();
  }

  void work() override {
    const Edit* edit = edits_.data();
    for (const uint32_t end : steps_) {
      put_down(edit, edits_.data() + end);
      edit = edits_.data() + end;
    }
  }

  std::string verify() override {
    for (size_t i = 0; i < 2; ++i) {
      const std::string wrong =
          difference(i == 0 ? "memory" : "reserved", std::span{tables_[i]}.first(counts_[i]),
                     i == 0 ? model_->memory() : model_->reserved());
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

 private:
  /// Notes what a call has changed; returns how many edits there are now.
  uint32_t step_to(const lab::Model& model, std::array<std::vector<Region>, 2>& before) {
    for (uint32_t table = 0; table < 2; ++table) {
      const RegionView now = table == 0 ? model.memory() : model.reserved();
      std::vector<Region>& old = before[table];
      const auto [from, to] = std::mismatch(old.begin(), old.end(), now.begin(), now.end());
      const size_t at = static_cast<size_t>(from - old.begin());
      size_t same = 0;
      while (same < std::min(old.size(), now.size()) - at &&
             old[old.size() - 1 - same] == now[now.size() - 1 - same]) {
        ++same;
      }
      const size_t gone = old.size() - at - same;
      const size_t come = now.size() - at - same;
      if (gone == 0 && come == 0) continue;
      edits_.push_back({table, static_cast<uint32_t>(at), static_cast<uint32_t>(gone),
                        static_cast<uint32_t>(come), static_cast<uint32_t>(new_.size())});
      for (size_t i = 0; i < come; ++i) new_.push_back(now[at + i]);
      old.assign(now.begin(), now.end());
      tables_[table].resize(std::max(tables_[table].size(), now.size()));
    }
    return static_cast<uint32_t>(edits_.size());
  }

  /// Behind a call, as a memblock's verbs are.
  [[gnu::noinline]] void put_down(const Edit* edit, const Edit* stop) {
    for (; edit != stop; ++edit) {
      size_t& count = counts_[edit->table];
      Region* const at = &tables_[edit->table][edit->at];
      if (edit->come != edit->gone) {
        std::memmove(at + edit->come, at + edit->gone,
                     (count - edit->at - edit->gone) * sizeof(Region));
        count = count + edit->come - edit->gone;
      }
      for (size_t i = 0; i < edit->come; ++i) at[i] = new_[edit->first + i];
    }
  }

  std::unique_ptr<lab::Model> model_;
  std::vector<uint32_t> steps_;  ///< Of each call, where the next one's edits begin.
  std::vector<Edit> edits_;
  std::vector<Region> new_;
  std::array<std::vector<Region>, 2> tables_;
  std::array<size_t, 2> counts_{};
};

}  // namespace

std::unique_ptr<Job> make_boot_limit(const Boot& boot) {
  return std::make_unique<BootLimitJob>(boot);
}

}  // namespace memblock::bench
