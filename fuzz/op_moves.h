// Moves: small changes to a trace that leave it a valid trace, aimed at where region tables break.
#pragma once

#include <random>
#include <vector>

#include "lab/trace.h"

namespace memblock::fuzz {

class Moves {
 public:
  explicit Moves(uint32_t seed) : random_(seed) {}

  /// Makes one to a few moves. The result has at most `steps_max` steps.
  void mutate(lab::Trace& trace, size_t steps_max);

  /// The beginning of one trace and the end of the other, whose addresses are moved so that an edge
  /// of the one meets an edge of the other.
  lab::Trace cross(const lab::Trace& first, const lab::Trace& second, size_t steps_max);

 private:
  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : random_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  const T& any_of(const std::vector<T>& items) {
    return items[below(items.size())];
  }

  // Values: mostly near what the trace already talks about.
  void find_edges(const lab::Trace& trace);
  uint64_t address();
  uint64_t size();
  PhysRange range();
  NodeId node();
  RegionFlags flags();
  E820Type type();
  std::string text(lab::OpCode code);
  lab::Op random_op(const lab::Trace& trace);
  lab::OpCode random_code(const lab::Trace& trace);
  void fill_field(lab::Op& op, lab::Field field);

  // Moves. Each leaves the trace valid.
  void one_move(lab::Trace& trace);
  void insert_op(lab::Trace& trace);
  void erase_ops(lab::Trace& trace);
  void duplicate_op(lab::Trace& trace);
  void swap_ops(lab::Trace& trace);
  void change_field(lab::Trace& trace);
  void nudge(lab::Trace& trace);
  void change_limits(lab::Trace& trace);
  void change_map(lab::Trace& trace);
  void fill_table(lab::Trace& trace);
  void fill_map(lab::Trace& trace);
  void reserve_next_allocation(lab::Trace& trace);
  void reserve_widely(lab::Trace& trace);
  void shift_all(lab::Trace& trace);
  void allow_growth(lab::Trace& trace);
  size_t place(const lab::Trace& trace) { return below(trace.steps.size() + 1); }
  static void insert(lab::Trace& trace, size_t at, lab::Op op);

  std::minstd_rand random_;
  std::vector<uint64_t> edges_;
  uint64_t page_ = 4096;
  bool as_executed_ = false;  // No move has been made yet: every prefix is known to run.
};

}  // namespace memblock::fuzz
