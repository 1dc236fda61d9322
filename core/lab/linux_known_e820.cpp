// How each known divergence of arch/x86/kernel/e820.c shows itself.
#include <algorithm>

#include "lab/linux_compare.h"

namespace memblock::lab {
namespace {

bool is_one_of(const LinuxStep& step, std::initializer_list<OpCode> codes) {
  return std::find(codes.begin(), codes.end(), step.op.code) != codes.end();
}

bool is_edit(const LinuxStep& step) {
  return is_one_of(step, {OpCode::E820Append, OpCode::E820Update, OpCode::E820Remove,
                          OpCode::E820Option, OpCode::E820TrimBios, OpCode::E820AddKernelRange});
}

bool is_query(const LinuxStep& step) {
  return is_one_of(step, {OpCode::E820MappedAny, OpCode::E820MappedAll, OpCode::E820TypeOf,
                          OpCode::E820EndOfRam, OpCode::E820EndOfLowRam});
}

bool sanitises(const LinuxStep& step) {
  return is_one_of(step, {OpCode::E820Sanitize, OpCode::E820FinishOptions, OpCode::E820TrimBios});
}

bool only_answer(const LinuxStep& step) { return !step.difference.map; }

bool ends_at_top(const E820Entry& entry) {
  return entry.size != 0 && entry.base.value + entry.size == 0;
}
bool any_ends_at_top(const std::vector<E820Entry>& map) {
  return std::any_of(map.begin(), map.end(), ends_at_top);
}
bool at_top(const LinuxStep& step) {
  return any_ends_at_top(step.map_before) || any_ends_at_top(step.kernel.e820) ||
         any_ends_at_top(step.ours.e820);
}

// An option or a range past 2^64 is taken.
bool option_wraps(const LinuxStep& step) {
  return is_edit(step) && step.ours.answer.status == Status::Invalid &&
         std::any_of(step.kernel.e820.begin(), step.kernel.e820.end(),
                     [](const E820Entry& entry) { return entry.wraps(); });
}

bool edit_top(const LinuxStep& step) {
  // The later items of one option may have taken the last bytes of the entry again.
  const auto near_top = [](const E820Entry& entry) {
    return entry.size != 0 && entry.last().value > ~uint64_t{0} - 4096;
  };
  const std::vector<E820Entry>& ours = step.ours.e820;
  return is_edit(step) && (at_top(step) || (step.op.code == OpCode::E820Option &&
                                            std::any_of(ours.begin(), ours.end(), near_top)));
}
bool sanitize_top(const LinuxStep& step) { return sanitises(step) && at_top(step); }
bool gap_top(const LinuxStep& step) {
  return step.op.code == OpCode::E820SearchGap && at_top(step);
}
bool mapped_top(const LinuxStep& step) {
  return is_query(step) && only_answer(step) && at_top(step);
}

// Fewer than two entries are refused, and after options that is a panic.
bool sanitize_single(const LinuxStep& step) {
  const auto& map = step.op.code == OpCode::E820TrimBios ? step.kernel.e820 : step.map_before;
  return sanitises(step) && (map.size() < 2 || step.kernel.e820.size() < 2);
}

// Entries that do not fit are dropped in silence; what was removed keeps its slot until sanitised.
bool is_full(const LinuxStep& step) {
  return step.ours.answer.status == Status::TableFull ||
         step.kernel.e820.size() == step.limits.e820;
}
bool append_full(const LinuxStep& step) {
  return is_one_of(step, {OpCode::E820Append, OpCode::E820Option}) && is_full(step);
}
bool update_full(const LinuxStep& step) {
  return step.op.code == OpCode::E820Update && is_full(step);
}
bool remove_full(const LinuxStep& step) {
  if (step.op.code == OpCode::E820TrimBios && step.map_before.size() + 3 > step.limits.e820) {
    return true;  // Each of its steps may need room, and the last makes some.
  }
  return is_one_of(step, {OpCode::E820Remove, OpCode::E820TrimBios}) && is_full(step);
}
bool kernel_range_full(const LinuxStep& step) {
  return step.op.code == OpCode::E820AddKernelRange && is_full(step);
}
bool sanitize_full(const LinuxStep& step) { return sanitises(step) && is_full(step); }

bool load_full(const LinuxStep& step) {
  return step.op.code == OpCode::E820Load && step.ours.answer.status == Status::TableFull;
}

/// What a map says of each type, however its entries are cut and stacked.
std::vector<E820Entry> coverage(std::vector<E820Entry> map) {
  std::sort(map.begin(), map.end(), [](const E820Entry& a, const E820Entry& b) {
    return a.type != b.type ? a.type < b.type : a.base < b.base;
  });
  std::vector<E820Entry> out;
  for (const E820Entry& entry : without_empty(std::move(map))) {
    if (out.empty() || out.back().type != entry.type ||
        entry.base - out.back().base > out.back().size) {
      out.push_back(entry);
      continue;
    }
    out.back().size = std::max(out.back().size, entry.base - out.back().base + entry.size);
  }
  return out;
}

bool any_empty(const std::vector<E820Entry>& map) {
  return std::any_of(map.begin(), map.end(),
                     [](const E820Entry& entry) { return entry.size == 0; });
}

// Ranges of no bytes split what they lie in, and are mapped where they are not.
bool empty_window(const LinuxStep& step) {
  if (step.op.code == OpCode::E820Option) {
    return step.ours.answer.status == Status::Ok &&
           coverage(step.ours.e820) == coverage(step.kernel.e820);
  }
  if (step.op.code == OpCode::E820MappedAny && any_empty(step.map_before)) return only_answer(step);
  if (is_one_of(step, {OpCode::E820Update, OpCode::E820Remove})) return step.op.size == 0;
  if (step.op.code == OpCode::E820AddKernelRange) return step.op.range.empty();
  return is_query(step) && only_answer(step) && step.op.range.empty() &&
         !is_one_of(step, {OpCode::E820EndOfRam, OpCode::E820EndOfLowRam});
}

bool is_end_of_ram(const LinuxStep& step) {
  return is_one_of(step, {OpCode::E820EndOfRam, OpCode::E820EndOfLowRam}) && only_answer(step);
}
bool acpi_is_ram(const LinuxStep& step) {
  return is_end_of_ram(step) && step.backend.tree().object().e820->acpi_is_ram &&
         std::any_of(step.map_before.begin(), step.map_before.end(),
                     [](const E820Entry& entry) { return entry.type == E820Type::Acpi; });
}
bool last_pfn_partial(const LinuxStep& step) {
  const uint64_t page = uint64_t{1} << step.limits.page_shift;
  return is_end_of_ram(step) &&
         std::any_of(step.map_before.begin(), step.map_before.end(), [&](const E820Entry& entry) {
           return entry.type == E820Type::Ram &&
                  (entry.base.value % page != 0 || entry.size < page);
         });
}

bool in_order(const std::vector<E820Entry>& map) {
  uint64_t reached = 0;
  for (const E820Entry& entry : map) {
    if (entry.base.value < reached) return false;
    reached = entry.base.value + entry.size;
  }
  return true;
}
bool mapped_unsorted(const LinuxStep& step) {
  return is_query(step) && only_answer(step) && !in_order(step.map_before);
}
bool kernel_range_unsorted(const LinuxStep& step) {
  return step.op.code == OpCode::E820AddKernelRange && !in_order(step.map_before);
}
bool gap_unsorted(const LinuxStep& step) {
  return step.op.code == OpCode::E820SearchGap && !in_order(step.map_before);
}

bool same_type(const LinuxStep& step) {
  return step.difference.dead.find("old_type == new_type") != std::string::npos;
}

// What is refused has acted all the same, and memmap= is never refused.
bool garbage_acts(const LinuxStep& step) {
  // Even mem=0, which changes nothing, makes the map one that a user gave.
  if (step.op.code == OpCode::E820FinishOptions) {
    return step.difference.map && without_empty(step.ours.e820) == without_empty(step.map_before);
  }
  return step.op.code == OpCode::E820Option && step.ours.answer.status == Status::Invalid;
}

// What was removed is still an entry, [0, 0), and the hole below 4 GiB reaches down to it.
bool gap_removed(const LinuxStep& step) {
  return step.op.code == OpCode::E820SearchGap && any_empty(step.map_before);
}

// More bytes than a number holds.
bool amount_wraps(const LinuxStep& step) {
  return is_one_of(step, {OpCode::E820Update, OpCode::E820Remove}) && only_answer(step) &&
         step.ours.answer.values == std::vector<uint64_t>{~uint64_t{0}};
}

constexpr LinuxKnown kKnown[] = {
    {"cmdline-same-type", same_type, LinuxNext::Stop},
    {"e820-option-wraps", option_wraps, LinuxNext::Stop},
    {"e820-edit-top", edit_top, LinuxNext::Stop},
    {"e820-sanitize-top", sanitize_top, LinuxNext::Stop},
    {"e820-gap-top", gap_top, LinuxNext::GoOn},
    {"e820-mapped-top", mapped_top, LinuxNext::GoOn},
    {"e820-empty-window", empty_window, LinuxNext::Stop},
    {"cmdline-garbage-acts", garbage_acts, LinuxNext::Stop},
    {"e820-append-full", append_full, LinuxNext::Stop},
    {"e820-update-full", update_full, LinuxNext::Stop},
    {"e820-remove-full", remove_full, LinuxNext::Stop},
    {"e820-kernel-range-full", kernel_range_full, LinuxNext::Stop},
    {"e820-sanitize-single", sanitize_single, LinuxNext::Stop},
    {"e820-sanitize-full", sanitize_full, LinuxNext::Stop},
    {"e820-load-full", load_full, LinuxNext::Stop},
    {"e820-mapped-unsorted", mapped_unsorted, LinuxNext::GoOn},
    {"e820-mapped-unsorted", kernel_range_unsorted, LinuxNext::Stop},
    {"e820-acpi-is-ram", acpi_is_ram, LinuxNext::GoOn},
    {"e820-last-pfn-partial", last_pfn_partial, LinuxNext::GoOn},
    {"e820-gap-removed", gap_removed, LinuxNext::GoOn},
    {"e820-gap-unsorted", gap_unsorted, LinuxNext::GoOn},
    {"e820-amount-wraps", amount_wraps, LinuxNext::GoOn},
};

}  // namespace

std::span<const LinuxKnown> known_e820_divergences() { return kKnown; }

}  // namespace memblock::lab
