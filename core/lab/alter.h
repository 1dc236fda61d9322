// Recorded boots with something changed: calls left out, made twice or out of turn, or for other
// memory. Maps that firmware makes, and long rows of like calls, are not what a generator comes to.
#pragma once

#include "lab/gen.h"

namespace memblock::lab {

/// Changes a boot. The same choices change the same boot alike.
template <Choices C>
class BootAlterer {
 public:
  BootAlterer(C& choices, Trace boot) : choices_(choices), boot_(std::move(boot)) {}

  /// A valid trace without expectations.
  Trace trace() {
    if (boot_.steps.empty()) return std::move(boot_);
    Trace out;
    out.limits = boot_.limits;
    out.e820 = boot_.e820;
    if (below(4) == 0) out.limits.reserved = out.limits.memory = 4u << below(5);
    if (!out.e820.empty() && below(4) == 0) {
      out.e820.erase(out.e820.begin() + static_cast<ptrdiff_t>(below(out.e820.size())));
    }
    const uint64_t untouched = uint64_t{8} << below(5);
    for (const Step& step : boot_.steps) {
      if (below(untouched) != 0) {
        out.steps.push_back({step.op, {}, 0});
        continue;
      }
      for (Op& op : instead_of(step.op)) out.steps.push_back({made_valid(std::move(op)), {}, 0});
    }
    return out;
  }

 private:
  uint64_t below(uint64_t n) { return choices_.below(n); }

  const Op& any_op() { return boot_.steps[below(boot_.steps.size())].op; }

  std::vector<Op> instead_of(const Op& op) {
    switch (below(6)) {
      case 0: return {};
      case 1: return {op, op};
      case 2: return {any_op(), op};
      case 3: return {setting(), op};
      default: return {changed(op)};
    }
  }

  /// An end of what some call is about.
  PhysAddr edge() {
    const PhysRange range = any_op().range;
    return below(2) == 0 ? range.base : range.end;
  }

  /// The same call, for a little more or less, on another node, or within other bounds.
  Op changed(Op op) {
    const uint64_t bytes = below(2) == 0 ? 4096 * (1 + below(64)) : 1 + below(8192);
    switch (below(8)) {
      case 0: op.range = PhysRange::from_size(op.range.base + bytes, op.range.size()); break;
      case 1: op.range = PhysRange::from_size(op.range.base, op.range.size() + bytes); break;
      case 2: op.range = PhysRange{min(op.range.base, edge()), op.range.end}; break;
      case 3: op.size += bytes; break;
      case 4: op.size /= 2; break;
      case 5: op.align = uint64_t{1} << below(22); break;
      case 6: op.nid = any_op().nid; break;
      default:
        op.min = edge();
        op.max = edge();
        break;
    }
    return op;
  }

  /// What the calls that follow depend on.
  Op setting() {
    Op op;
    switch (below(3)) {
      case 0:
        op.code = OpCode::SetBottomUp;
        op.on = below(2) != 0;
        break;
      case 1:
        op.code = OpCode::SetLimit;
        op.min = edge();
        break;
      default:
        op.code = OpCode::Free;
        op.range = any_op().range;
        break;
    }
    return op;
  }

  C& choices_;
  Trace boot_;
};

}  // namespace memblock::lab
