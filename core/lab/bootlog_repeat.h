// RepeatFilter: notices where a log starts over. A console that takes over prints what the kernel
// still remembers, and so what an earlier console has printed already.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

namespace memblock::lab {

class RepeatFilter {
 public:
  /// Something happened after which lines may be repeated: lines were dropped, or time went back.
  void suspect() {
    if (!repeating_) suspicious_ = true;
  }

  /// Whether this line, time stamp and all, only repeats an earlier one.
  bool repeats(std::string_view line) {
    const size_t key = std::hash<std::string_view>{}(line);
    if (suspicious_) {
      suspicious_ = false;
      start(key);
    }
    if (repeating_) {
      advance(key);
      if (repeating_) return true;
    }
    places_[key].push_back(seen_.size());
    seen_.push_back(key);
    return false;
  }

 private:
  /// Places to follow at once; a line that was printed more often is not worth it.
  static constexpr size_t kFollowedMax = 64;

  void start(size_t key) {
    const auto found = places_.find(key);
    if (found == places_.end() || found->second.size() > kFollowedMax) return;
    at_ = found->second;
    end_ = seen_.size();
    repeating_ = true;
  }

  /// Keeps the places where this line stands too; without any, or at the end, the repeat is over.
  void advance(size_t key) {
    std::vector<size_t> next;
    for (const size_t place : at_) {
      if (place < end_ && seen_[place] == key) next.push_back(place + 1);
    }
    at_ = std::move(next);
    repeating_ = !at_.empty();
  }

  std::vector<size_t> seen_;
  std::unordered_map<size_t, std::vector<size_t>> places_;
  std::vector<size_t> at_;
  size_t end_ = 0;
  bool suspicious_ = false;
  bool repeating_ = false;
};

}  // namespace memblock::lab
