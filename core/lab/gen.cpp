// How often ops are drawn.
#include "lab/gen.h"

namespace memblock::lab {
namespace {

constexpr bool is_e820(OpCode code) { return code >= OpCode::ReserveMem; }

uint16_t usual_weight(OpCode code) {
  switch (code) {
    case OpCode::Add:
    case OpCode::Reserve: return 24;
    case OpCode::Remove:
    case OpCode::Free:
    case OpCode::Allocate: return 12;
    case OpCode::Discard:
    case OpCode::FreeAll:
    case OpCode::LateAllocatorUp:
    case OpCode::EnforceMemoryLimit:
    case OpCode::CapMemoryRange:
    case OpCode::MemLimitRemoveMap: return 1;
    case OpCode::SetLimit:
    case OpCode::SetBottomUp:
    case OpCode::SetMovableNode: return 2;
    default: break;
  }
  if (code >= OpCode::PhysAllocRange && code <= OpCode::AllocExactNidRaw) return 4;
  if (code >= OpCode::MarkHotplug && code <= OpCode::SetNode) return 6;
  return 3;
}

template <class Wanted>
OpMix of_ops(Wanted wanted) {
  OpMix out;
  for (size_t i = 0; i < kOpCount; ++i) {
    const auto code = static_cast<OpCode>(i);
    out.weights[i] = wanted(code) ? usual_weight(code) : uint16_t{0};
  }
  return out;
}

}  // namespace

OpMix OpMix::everything() {
  return of_ops([](OpCode) { return true; });
}

OpMix OpMix::memblock_only() {
  return of_ops([](OpCode code) { return !is_e820(code); });
}

OpMix OpMix::e820_only() {
  OpMix out = of_ops(is_e820);
  out[OpCode::Regions] = 3;
  out.patterns = 0;
  out.begins_with_memory = false;
  return out;
}

}  // namespace memblock::lab
