// The minimiser: rounds of passes until one changes nothing.
#include "lab/minimize.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <tuple>

#include "lab/rules.h"

namespace memblock::lab {
namespace {

/// Old addresses to new ones, for all of a trace at once.
using Moves = std::map<uint64_t, uint64_t>;

/// Calls `f(value, shift)` for each address of `op`, where the address is `value << shift`.
template <class AnyOp, class F>
void each_address(AnyOp& op, unsigned page_shift, F f) {
  const auto both = [&](auto& range, unsigned shift) {
    f(range.base.value, shift);
    f(range.end.value, shift);
  };
  const OpSpec& spec = spec_of(op.code);
  for (size_t i = 0; i < spec.field_count; ++i) {
    switch (spec.fields[i]) {
      case Field::Range: both(op.range, op.code == OpCode::FreePfnsInZone ? page_shift : 0); break;
      case Field::Pfn: f(op.size, page_shift); break;
      case Field::Within:
        f(op.min.value, 0);
        if (op.max > kUpToLimitNoLeakTrace) f(op.max.value, 0);
        break;
      case Field::Min:
      case Field::Address:
      case Field::Extent: f(op.min.value, 0); break;
      case Field::Initrd: both(op.initrd, 0); break;
      case Field::Bios: both(op.bios, 0); break;
      case Field::SetupData:
        for (auto& range : op.setup_data) both(range, 0);
        break;
      default: break;
    }
  }
}

bool has_size(OpCode code) {
  const OpSpec& spec = spec_of(code);
  return std::any_of(spec.fields.begin(), spec.fields.begin() + spec.field_count, [](Field field) {
    return field == Field::Size || field == Field::Bytes || field == Field::Extent;
  });
}

/// How hard a trace is to read; a trial must be less.
using Cost = std::tuple<size_t, size_t, uint64_t, size_t>;

uint64_t ugliness(uint64_t value) {
  return static_cast<uint64_t>(std::bit_width(value) + 2 * std::popcount(value));
}

size_t fields_set(const Op& op) {
  static const Op blank;
  return static_cast<size_t>(op.align != blank.align) + static_cast<size_t>(op.nid != blank.nid) +
         static_cast<size_t>(op.flags != blank.flags) + static_cast<size_t>(op.on) +
         static_cast<size_t>(op.exact) + static_cast<size_t>(op.within_limit) +
         static_cast<size_t>(op.retry_below_min) + static_cast<size_t>(op.zero) +
         static_cast<size_t>(op.min != blank.min) + static_cast<size_t>(op.max != blank.max) +
         static_cast<size_t>(!op.initrd.empty()) + static_cast<size_t>(!op.bios.empty()) +
         op.setup_data.size();
}

Cost cost_of(const Trace& trace) {
  size_t fields = static_cast<size_t>(trace.limits.page_shift != 12) +
                  static_cast<size_t>(trace.limits.region_bytes != sizeof(Region)) +
                  static_cast<size_t>(trace.limits.physmem != Limits{}.physmem) +
                  static_cast<size_t>(trace.limits.e820 != Limits{}.e820);
  uint64_t ugly = ugliness(trace.limits.memory) + ugliness(trace.limits.reserved);
  size_t text = 0;
  for (const Step& step : trace.steps) {
    fields += fields_set(step.op);
    text += step.op.text.size();
    each_address(step.op, trace.limits.page_shift,
                 [&](uint64_t value, unsigned) { ugly += ugliness(value); });
    ugly += ugliness(step.op.size) + static_cast<uint64_t>(std::bit_width(step.op.align));
    ugly += step.op.nid == kUnsetNode ? 0 : static_cast<uint64_t>(step.op.nid.value + 2);
  }
  for (const E820Entry& entry : trace.e820) {
    ugly += ugliness(entry.base.value) + ugliness(entry.size);
  }
  return {trace.steps.size() + trace.e820.size() + trace.comments.size(), fields, ugly, text};
}

class Minimizer {
 public:
  Minimizer(Trace trace, const std::function<bool(const Trace&)>& fails, size_t trials_max)
      : best_(std::move(trace)), cost_(cost_of(best_)), fails_(fails), trials_left_(trials_max) {}

  Trace run() {
    Cost before;
    do {
      before = cost_;
      drop_from(&Trace::steps);
      drop_from(&Trace::e820);
      drop_from(&Trace::comments);
      plain_limits();
      plain_fields();
      small_sizes();
      short_texts();
      move_together();
      move_alone();
    } while (cost_ < before && trials_left_ != 0);
    return std::move(best_);
  }

 private:
  uint64_t page() const { return uint64_t{1} << best_.limits.page_shift; }

  /// Takes `trial` for the best if it is valid, less, and still fails.
  bool accept(Trace trial) {
    if (trials_left_ == 0) return false;
    for (Step& step : trial.steps) step.op = made_valid(std::move(step.op));
    const Cost cost = cost_of(trial);
    if (!(cost < cost_) || !rule_broken_by(trial).empty()) return false;
    --trials_left_;
    if (!fails_(trial)) return false;
    best_ = std::move(trial);
    cost_ = cost;
    return true;
  }

  /// Drops chunks of halving size, from the end: what comes after the failure goes at once.
  template <class T>
  void drop_from(std::vector<T> Trace::*list) {
    for (size_t chunk = (best_.*list).size(); chunk != 0; chunk /= 2) {
      size_t end = (best_.*list).size();
      while (end != 0 && trials_left_ != 0) {
        const size_t begin = end > chunk ? end - chunk : 0;
        Trace trial = best_;
        auto& elements = trial.*list;
        elements.erase(elements.begin() + static_cast<ptrdiff_t>(begin),
                       elements.begin() + static_cast<ptrdiff_t>(end));
        accept(std::move(trial));
        end = begin;
      }
    }
  }

  void plain_limits() {
    const Limits usual;
    for (uint32_t Limits::*member : {&Limits::memory, &Limits::reserved, &Limits::physmem,
                                     &Limits::e820, &Limits::page_shift, &Limits::region_bytes}) {
      for (const uint32_t value : {usual.*member, 1u, 2u, 4u, 8u}) {
        Trace trial = best_;
        if (trial.limits.*member == value) break;
        trial.limits.*member = value;
        if (accept(std::move(trial))) break;
      }
    }
  }

  /// Tries `change(op)` on every op.
  template <class F>
  void on_each_op(F change) {
    for (size_t i = 0; i < best_.steps.size() && trials_left_ != 0; ++i) {
      Trace trial = best_;
      change(trial.steps[i].op);
      if (!(trial.steps[i].op == best_.steps[i].op)) accept(std::move(trial));
    }
  }

  void plain_fields() {
    const Op blank;
    on_each_op([&](Op& op) { op.nid = blank.nid; });
    on_each_op([&](Op& op) { op.nid = NodeId{0}; });
    on_each_op([&](Op& op) { op.flags = blank.flags; });
    for (const RegionFlags flag : {kHotplug, kMirror, kNomap, kDriverManaged, kReservedNoinit}) {
      on_each_op([&](Op& op) { op.flags = without(op.flags, flag); });
    }
    on_each_op([&](Op& op) { op.on = false; });
    on_each_op([&](Op& op) { op.exact = false; });
    on_each_op([&](Op& op) { op.within_limit = false; });
    on_each_op([&](Op& op) { op.retry_below_min = false; });
    on_each_op([&](Op& op) { op.zero = false; });
    on_each_op([&](Op& op) { op.min = blank.min; });
    on_each_op([&](Op& op) { op.max = blank.max; });
    on_each_op([&](Op& op) { op.initrd = {}; });
    on_each_op([&](Op& op) { op.bios = {}; });
    on_each_op([&](Op& op) {
      if (!op.setup_data.empty()) op.setup_data.pop_back();
    });
    for (const uint64_t align : {uint64_t{0}, uint64_t{1}, uint64_t{64}, page()}) {
      on_each_op([&](Op& op) {
        if (op.align > align) op.align = align;
      });
    }
  }

  void small_sizes() {
    for (const uint64_t size : {uint64_t{0}, uint64_t{1}, page()}) {
      on_each_op([&](Op& op) {
        if (has_size(op.code) && op.size > size) op.size = size;
      });
    }
    on_each_op([&](Op& op) {
      if (has_size(op.code)) op.size = align_down(op.size, page());
    });
    for (int i = 0; i < 64; ++i) {
      on_each_op([&](Op& op) {
        if (has_size(op.code)) op.size /= 2;
      });
    }
  }

  void short_texts() {
    for (size_t i = 0; i < best_.steps.size(); ++i) {
      for (size_t chunk = best_.steps[i].op.text.size(); chunk != 0; chunk /= 2) {
        for (size_t at = 0; at < best_.steps[i].op.text.size() && trials_left_ != 0;) {
          Trace trial = best_;
          trial.steps[i].op.text.erase(at, chunk);
          if (!accept(std::move(trial))) at += chunk;
        }
      }
    }
  }

  std::vector<uint64_t> addresses() const {
    std::set<uint64_t> out;
    const auto note = [&](uint64_t value, unsigned shift) { out.insert(value << shift); };
    for (const Step& step : best_.steps) each_address(step.op, best_.limits.page_shift, note);
    for (const E820Entry& entry : best_.e820) {
      out.insert(entry.base.value);
      out.insert(entry.base.value + entry.size);
    }
    return {out.begin(), out.end()};
  }

  bool try_moves(const Moves& moves) {
    const auto moved = [&](uint64_t address) {
      const auto found = moves.find(address);
      return found == moves.end() ? address : found->second;
    };
    Trace trial = best_;
    for (Step& step : trial.steps) {
      each_address(step.op, trial.limits.page_shift, [&](uint64_t& value, unsigned shift) {
        value = moved(value << shift) >> shift;
      });
    }
    for (E820Entry& entry : trial.e820) {
      const uint64_t end = moved(entry.base.value + entry.size);
      entry.base = PhysAddr{moved(entry.base.value)};
      entry.size = end - entry.base.value;
    }
    return accept(std::move(trial));
  }

  /// Moves every address by a rule that keeps their order; 0 and the top stay.
  template <class F>
  bool move_all(F rule) {
    Moves moves;
    uint64_t last_old = 0;
    uint64_t last_new = 0;
    for (const uint64_t address : addresses()) {
      if (address == 0 || address == ~uint64_t{0}) continue;
      const uint64_t moved = rule(last_old, last_new, address);
      if (moved < last_new) return false;
      moves[address] = moved;
      last_old = address;
      last_new = moved;
    }
    return try_moves(moves);
  }

  void move_together() {
    const uint64_t page = this->page();
    // Neighbours one page apart; failing that, gaps cut to a few pages with the offset kept.
    move_all([&](uint64_t, uint64_t last, uint64_t) { return align_down(last, page) + page; });
    for (const uint64_t pages : {1, 2, 4, 16, 256, 65536}) {
      move_all([&](uint64_t old, uint64_t last, uint64_t address) {
        const uint64_t gap = address - old;
        return last + (gap > pages * page ? gap % page + pages * page : gap);
      });
    }
    // All of them down, with every alignment up to a power of two kept.
    const std::vector<uint64_t> all = addresses();
    const auto first = std::find_if(all.begin(), all.end(), [](uint64_t a) { return a != 0; });
    if (first == all.end()) return;
    for (unsigned log2 = best_.limits.page_shift; log2 < 48; log2 += 3) {
      const uint64_t down = align_down(*first, uint64_t{1} << log2);
      const uint64_t keep = down > page ? down - page : 0;
      const uint64_t shift = align_down(keep, uint64_t{1} << log2);
      move_all([&](uint64_t, uint64_t, uint64_t address) { return address - shift; });
    }
    for (unsigned shift = 1; shift < 32; shift *= 2) {
      move_all([&](uint64_t, uint64_t, uint64_t address) {
        return align_down(address >> shift, page) + address % page;
      });
    }
  }

  /// Each address by itself, wherever it stands.
  void move_alone() {
    const uint64_t page = this->page();
    for (const uint64_t address : addresses()) {
      if (trials_left_ == 0) return;
      static_cast<void>(try_moves({{address, 0}}) ||
                        try_moves({{address, align_down(address, page)}}) ||
                        try_moves({{address, align_up(address, page)}}) ||
                        try_moves({{address, std::bit_floor(address)}}));
    }
  }

  Trace best_;
  Cost cost_;
  const std::function<bool(const Trace&)>& fails_;
  size_t trials_left_;
};

}  // namespace

Trace minimize(Trace trace, const std::function<bool(const Trace&)>& fails,
               const MinimizeOptions& options) {
  return Minimizer{std::move(trace), fails, options.trials_max}.run();
}

}  // namespace memblock::lab
