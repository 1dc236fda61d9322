// Sanitising: from whatever the firmware wrote to a sorted map without overlaps.
//
// One sweep over the address space visits every address where an entry begins or ends. Between two
// of them the same entries are active, so a heap of the active ones, highest type on top, says what
// the piece between is. Copies in the workspace feed the sweep: one sorted by base, whose consumed
// front becomes the heap, and one sorted by last byte.
#include "memblock/e820.h"

namespace memblock {
namespace {

constexpr uint64_t kTop = ~uint64_t{0};

struct HigherBase {
  bool operator()(const E820Entry& a, const E820Entry& b) const { return a.base > b.base; }
};
struct HigherLast {
  bool operator()(const E820Entry& a, const E820Entry& b) const { return a.last() > b.last(); }
};
struct HigherType {
  bool operator()(const E820Entry& a, const E820Entry& b) const { return a.type > b.type; }
};

void swap(E820Entry& a, E820Entry& b) {
  const E820Entry held = a;
  a = b;
  b = held;
}

/// Lets the entry at `index` sink until no child goes before it.
template <class Before>
void sift_down(std::span<E820Entry> heap, size_t index, Before before) {
  for (size_t child = 2 * index + 1; child < heap.size(); child = 2 * index + 1) {
    if (child + 1 < heap.size() && before(heap[child + 1], heap[child])) ++child;
    if (!before(heap[child], heap[index])) return;
    swap(heap[child], heap[index]);
    index = child;
  }
}

/// Lets the last entry rise until its parent goes before it.
template <class Before>
void sift_up(std::span<E820Entry> heap, Before before) {
  for (size_t index = heap.size() - 1; index > 0;) {
    const size_t parent = (index - 1) / 2;
    if (!before(heap[index], heap[parent])) return;
    swap(heap[index], heap[parent]);
    index = parent;
  }
}

/// Heap sort; what goes `after` others ends behind them.
template <class After>
void sort(std::span<E820Entry> entries, After after) {
  for (size_t i = entries.size() / 2; i > 0; --i) sift_down(entries, i - 1, after);
  for (size_t left = entries.size(); left > 1; --left) {
    swap(entries[0], entries[left - 1]);
    sift_down(entries.first(left - 1), 0, after);
  }
}

/// The pieces of the map between neighbouring ends of entries, upwards.
class Sweep {
 public:
  /// Both hold the same entries, none of them empty, and are used up.
  Sweep(std::span<E820Entry> starts, std::span<E820Entry> ends) : starts_(starts), ends_(ends) {
    sort(starts, HigherBase{});
    sort(ends, HigherLast{});
  }

  /// Puts the next piece of one or more entries into `piece`; false after the last. The whole
  /// address space as one piece cannot come up: no entry can say it.
  bool next(E820Entry& piece) {
    if (ended_ == ends_.size()) return false;
    // Where nothing is active there is a hole: go on where the next entry begins.
    if (started_ == ended_) cursor_ = starts_[started_].base;
    while (started_ < starts_.size() && starts_[started_].base == cursor_) activate();
    while (starts_[0].last() < cursor_) drop_top();

    PhysAddr last = ends_[ended_].last();
    if (started_ < starts_.size()) last = min(last, starts_[started_].base - 1);
    piece = {cursor_, last - cursor_ + 1, starts_[0].type};
    while (ended_ < ends_.size() && ends_[ended_].last() == last) ++ended_;
    cursor_ = last + 1;
    return true;
  }

 private:
  std::span<E820Entry> heap() const { return starts_.first(active_); }

  void activate() {
    // The slot is free: at most started_ entries are in the heap.
    starts_[active_++] = starts_[started_++];
    sift_up(heap(), HigherType{});
  }

  void drop_top() {
    starts_[0] = starts_[--active_];
    sift_down(heap(), 0, HigherType{});
  }

  std::span<E820Entry> starts_;  ///< In front the heap; from started_ on, what is still to begin.
  std::span<E820Entry> ends_;
  size_t started_ = 0;
  size_t ended_ = 0;
  size_t active_ = 0;  ///< Size of the heap. It may hold entries that ended, below its top.
  PhysAddr cursor_{0};
};

/// These may mark ranges of different devices or nodes: where one ends is worth knowing.
bool keeps_cuts(E820Type type) { return type == E820Type::Pram || type == E820Type::SoftReserved; }

/// Receives the pieces, joins them, and writes or only counts the entries they make.
class Joiner {
 public:
  Joiner(E820Entry* out, bool count_only) : out_(out), count_only_(count_only) {}

  void take(E820Entry piece) {
    if (piece.type == E820Type::None) return;
    if (count_ != 0 && touches(piece)) {
      if (piece.size <= kTop - current_.size) {
        current_.size += piece.size;
        write();
        return;
      }
      // All 2^64 bytes: one short, and the last byte by itself.
      current_.size = kTop;
      write();
      piece = {kPhysAddrMax, 1, piece.type};
    }
    ++count_;
    current_ = piece;
    write();
  }

  size_t count() const { return count_; }

 private:
  bool touches(const E820Entry& piece) const {
    return piece.type == current_.type && !keeps_cuts(piece.type) &&
           current_.last() + 1 == piece.base;
  }

  void write() {
    if (!count_only_) out_[count_ - 1] = current_;
  }

  E820Entry* out_;
  bool count_only_;
  size_t count_ = 0;
  E820Entry current_;
};

}  // namespace

size_t E820Table::write_sanitised(bool count_only) {
  const std::span<E820Entry> starts = workspace_.first(capacity());
  const std::span<E820Entry> ends = workspace_.subspan(capacity(), capacity());
  size_t filled = 0;
  for (const E820Entry& entry : entries()) {
    if (entry.size == 0) continue;
    starts[filled] = entry;
    ends[filled++] = entry;
  }
  Sweep sweep{starts.first(filled), ends.first(filled)};
  Joiner joiner{storage_.data(), count_only};
  E820Entry piece;
  while (sweep.next(piece)) joiner.take(piece);
  return joiner.count();
}

Status E820Table::sanitize() {
  // n entries have 2n ends, so at most 2n - 1 pieces: often it is clear that the result fits.
  const bool fits = 2 * count_ <= capacity() + 1;
  if (!fits && write_sanitised(true) > capacity()) return Status::TableFull;
  count_ = write_sanitised(false);
  return Status::Ok;
}

}  // namespace memblock
