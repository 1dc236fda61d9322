// The E820 model. Each verb is written from its contract, by looking at every edge of the map.
#include "lab/model_e820.h"

#include <algorithm>
#include <array>

namespace memblock::lab {
namespace {

using Wide = ModelE820::Wide;

constexpr Wide kPastTop = Wide{1} << 64;

/// Bytes `[first, past)`.
struct Span {
  Wide first;
  Wide past;

  bool empty() const { return first >= past; }
  bool contains(Wide byte) const { return first <= byte && byte < past; }
};

Span span_of(PhysAddr base, uint64_t size) {
  const Wide past = Wide{base.value} + size;
  return {base.value, past < kPastTop ? past : kPastTop};
}
Span span_of(const E820Entry& entry) { return span_of(entry.base, entry.size); }
Span span_of(PhysRange range) { return {range.base.value, range.end.value}; }

Span common(Span a, Span b) { return {std::max(a.first, b.first), std::min(a.past, b.past)}; }

E820Entry entry_of(Span span, E820Type type) {
  return {PhysAddr{static_cast<uint64_t>(span.first)},
          static_cast<uint64_t>(span.past - span.first), type};
}

bool is_type(const E820Entry& entry, E820Type type) {
  return type == E820Type::None || entry.type == type;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

uint64_t saturated(Wide bytes) {
  return bytes < kPastTop ? static_cast<uint64_t>(bytes) : ~uint64_t{0};
}

}  // namespace

Status ModelE820::become(std::vector<E820Entry> entries) {
  if (entries.size() > capacity_) return Status::TableFull;
  entries_ = std::move(entries);
  return Status::Ok;
}

Status ModelE820::append(const E820Entry& entry) {
  if (Wide{entry.base.value} + entry.size > kPastTop) return Status::Invalid;
  if (entries_.size() == capacity_) return Status::TableFull;
  entries_.push_back(entry);
  return Status::Ok;
}

Result<uint64_t> ModelE820::update(PhysAddr base, uint64_t size, E820Type from, E820Type to) {
  if (from == to) return Status::Invalid;
  const Span window = span_of(base, size);
  std::vector<E820Entry> result;
  std::vector<E820Entry> cut_off;
  Wide changed = 0;
  for (const E820Entry& entry : entries_) {
    const Span whole = span_of(entry);
    const Span inside = common(whole, window);
    if (entry.type != from || inside.empty()) {
      result.push_back(entry);
      continue;
    }
    changed += inside.past - inside.first;
    const Span below{whole.first, inside.first};
    const Span above{inside.past, whole.past};
    if (below.empty() && above.empty()) {
      result.push_back(entry_of(whole, to));
      continue;
    }
    result.push_back(entry_of(below.empty() ? above : below, from));
    cut_off.push_back(entry_of(inside, to));
    if (!below.empty() && !above.empty()) cut_off.push_back(entry_of(above, from));
  }
  result.insert(result.end(), cut_off.begin(), cut_off.end());
  const Status status = become(result);
  if (status != Status::Ok) return status;
  return saturated(changed);
}

Result<uint64_t> ModelE820::remove(PhysAddr base, uint64_t size, E820Type type) {
  const Span window = span_of(base, size);
  std::vector<E820Entry> result;
  std::vector<E820Entry> cut_off;
  Wide dropped = 0;
  for (const E820Entry& entry : entries_) {
    const Span whole = span_of(entry);
    const Span inside = common(whole, window);
    if (!is_type(entry, type) || inside.empty()) {
      result.push_back(entry);
      continue;
    }
    dropped += inside.past - inside.first;
    const Span below{whole.first, inside.first};
    const Span above{inside.past, whole.past};
    if (!below.empty()) result.push_back(entry_of(below, entry.type));
    if (!above.empty()) (below.empty() ? result : cut_off).push_back(entry_of(above, entry.type));
  }
  result.insert(result.end(), cut_off.begin(), cut_off.end());
  const Status status = become(result);
  if (status != Status::Ok) return status;
  return saturated(dropped);
}

/// Every address where an entry begins or ends, once and in order: between two of them nothing
/// changes.
std::vector<Wide> ModelE820::edges() const {
  std::vector<Wide> result;
  result.reserve(2 * entries_.size() + 1);
  for (const E820Entry& entry : entries_) {
    if (entry.size == 0) continue;
    result.push_back(span_of(entry).first);
    result.push_back(span_of(entry).past);
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

bool ModelE820::mapped_any(PhysRange range, E820Type type) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const E820Entry& entry) {
    return is_type(entry, type) && !common(span_of(entry), span_of(range)).empty();
  });
}

bool ModelE820::mapped_all(PhysRange range, E820Type type) const {
  if (range.empty()) return true;
  std::vector<Wide> probes = edges();
  probes.push_back(range.base.value);
  for (const Wide probe : probes) {
    if (!span_of(range).contains(probe)) continue;
    const bool mapped = std::any_of(entries_.begin(), entries_.end(), [&](const E820Entry& entry) {
      return is_type(entry, type) && span_of(entry).contains(probe);
    });
    if (!mapped) return false;
  }
  return true;
}

Result<E820Type> ModelE820::type_of(PhysRange range) const {
  if (range.empty() || !mapped_all(range, E820Type::None)) return Status::NotFound;
  E820Type highest = E820Type::None;
  for (const E820Entry& entry : entries_) {
    if (span_of(entry).contains(range.end.value - 1)) highest = std::max(highest, entry.type);
  }
  return highest;
}

Status ModelE820::sanitize() {
  struct Piece {
    Span span;
    E820Type type;
  };
  std::vector<Piece> pieces;
  const std::vector<Wide> points = edges();
  for (auto first = points.begin(); first != points.end() && std::next(first) != points.end();
       ++first) {
    E820Type highest = E820Type::None;
    for (const E820Entry& entry : entries_) {
      if (span_of(entry).contains(*first)) highest = std::max(highest, entry.type);
    }
    if (highest == E820Type::None) continue;
    const Span span{*first, *std::next(first)};
    const bool joins = highest != E820Type::Pram && highest != E820Type::SoftReserved &&
                       !pieces.empty() && pieces.back().type == highest &&
                       pieces.back().span.past == span.first;
    if (joins) {
      pieces.back().span.past = span.past;
    } else {
      pieces.push_back({span, highest});
    }
  }
  // The one piece that no entry can say.
  if (pieces.size() == 1 && pieces[0].span.first == 0 && pieces[0].span.past == kPastTop) {
    pieces[0].span.past = kPastTop - 1;
    pieces.push_back({{kPastTop - 1, kPastTop}, pieces[0].type});
  }
  std::vector<E820Entry> result;
  for (const Piece& piece : pieces) result.push_back(entry_of(piece.span, piece.type));
  return become(result);
}

uint64_t ModelE820::end_of_ram_pfn(uint64_t limit_pfn, unsigned page_shift) const {
  const Wide page = Wide{1} << page_shift;
  Wide highest = 0;
  for (const E820Entry& entry : entries_) {
    if (entry.type != E820Type::Ram) continue;
    const Wide first_frame = (span_of(entry).first + page - 1) / page;
    const Wide past_frame = std::min(span_of(entry).past / page, Wide{limit_pfn});
    if (first_frame < past_frame) highest = std::max(highest, past_frame);
  }
  return static_cast<uint64_t>(highest);
}

Result<PhysRange> ModelE820::search_gap() const {
  std::vector<Span> spans;
  for (const E820Entry& entry : entries_) {
    if (entry.size != 0) spans.push_back(span_of(entry));
  }
  const auto starts_first = [](const Span& a, const Span& b) { return a.first < b.first; };
  if (!std::is_sorted(spans.begin(), spans.end(), starts_first)) return Status::Invalid;

  constexpr Wide kLimit = Wide{1} << 32;
  Span best{0, 0};
  for (const Span& below : spans) {
    // The hole that begins where this entry ends, if one does.
    Span hole{below.past, kLimit};
    for (const Span& other : spans) {
      if (other.contains(hole.first)) hole.past = hole.first;
      if (other.first > hole.first) hole.past = std::min(hole.past, other.first);
    }
    if (hole.empty()) continue;
    const Wide size = hole.past - hole.first;
    const Wide best_size = best.past - best.first;
    if (size > best_size || (size == best_size && hole.first < best.first)) best = hole;
  }
  if (best.past - best.first < (Wide{4} << 20)) return Status::NotFound;
  return PhysRange{PhysAddr{static_cast<uint64_t>(best.first)},
                   PhysAddr{static_cast<uint64_t>(best.past)}};
}

Status trim_bios_range(ModelE820& table) {
  ModelE820 trial = table;
  Status status = trial.update(PhysAddr{0}, 0x1000, E820Type::Ram, E820Type::Reserved).status();
  if (status != Status::Ok) return status;
  status = trial.remove(PhysAddr{0xa0000}, 0x60000, E820Type::Ram).status();
  if (status != Status::Ok) return status;
  status = trial.sanitize();
  if (status != Status::Ok) return status;
  return table.become(trial.entries_);
}

Status add_kernel_range(ModelE820& table, PhysRange kernel) {
  if (table.mapped_all(kernel, E820Type::Ram)) return Status::Ok;
  ModelE820 trial = table;
  Status status = trial.remove(kernel.base, kernel.size(), E820Type::None).status();
  if (status != Status::Ok) return status;
  status = trial.append({kernel.base, kernel.size(), E820Type::Ram});
  if (status != Status::Ok) return status;
  return table.become(trial.entries_);
}

// ---- The command line ---------------------------------------------------------------------------

std::optional<uint64_t> model_number(std::string& text, bool suffix) {
  std::string digits = "0123456789";
  size_t at = 0;
  if (text.size() > 1 && text[0] == '0') {
    digits = "01234567";
    if (lower(text[1]) == 'x' && text.size() > 2 &&
        std::string("0123456789abcdef").find(lower(text[2])) != std::string::npos) {
      digits = "0123456789abcdef";
      at = 2;
    }
  }
  const size_t first = at;
  Wide value = 0;
  for (; at < text.size(); ++at) {
    const size_t digit = digits.find(lower(text[at]));
    if (digit == std::string::npos) break;
    value = std::min(value * digits.size() + digit, kPastTop);  // More than fits stays so.
  }
  if (at == first) return std::nullopt;
  if (suffix && at < text.size()) {
    const size_t power = std::string("kmgtpe").find(lower(text[at]));
    if (power != std::string::npos) {
      ++at;
      for (size_t i = 0; i <= power; ++i) value = std::min(value * 1024, kPastTop);
    }
  }
  if (value >= kPastTop) return std::nullopt;
  text.erase(0, at);
  return static_cast<uint64_t>(value);
}

namespace {

/// The one character if it comes next; it is then gone from `text`.
bool take(std::string& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.erase(0, 1);
  return true;
}

/// A type behind `sign`, None if the sign is absent, nothing if the text is wrong.
std::optional<E820Type> take_type(std::string& text, char sign) {
  if (!take(text, sign)) return E820Type::None;
  const auto number = model_number(text, false);
  if (!number || *number >= (uint64_t{1} << 32)) return std::nullopt;
  return static_cast<E820Type>(*number);
}

Status cut_ram(ModelE820& table, uint64_t end) {
  if (end == 0) return Status::Invalid;
  return table.remove(PhysAddr{end}, static_cast<uint64_t>(kPastTop - end), E820Type::Ram).status();
}

}  // namespace

Status ModelE820Options::mem(std::string_view value) {
  std::string rest{value};
  const auto size = model_number(rest, true);
  if (!size || !rest.empty()) return Status::Invalid;
  const Status status = cut_ram(table_, *size);
  user_defined_ = user_defined_ || status == Status::Ok;
  return status;
}

Status ModelE820Options::memmap(std::string_view value) {
  Status result = Status::Ok;
  std::string item;
  for (const char c : std::string{value} + ',') {
    if (c != ',') {
      item += c;
      continue;
    }
    const Status status = memmap_item(item);
    user_defined_ = user_defined_ || status == Status::Ok;
    if (result == Status::Ok) result = status;
    item.clear();
  }
  return result;
}

Status ModelE820Options::memmap_item(const std::string& item) {
  if (item == "exactmap") {
    table_.clear();
    return Status::Ok;
  }
  std::string rest = item;
  const auto size = model_number(rest, true);
  if (!size) return Status::Invalid;
  if (rest.empty()) return cut_ram(table_, *size);

  static const std::array<std::pair<char, E820Type>, 4> kAdding{{{'@', E820Type::Ram},
                                                                 {'#', E820Type::Acpi},
                                                                 {'$', E820Type::Reserved},
                                                                 {'!', E820Type::Pram}}};
  for (const auto& [sign, type] : kAdding) {
    if (!take(rest, sign)) continue;
    const auto base = model_number(rest, true);
    if (!base || !rest.empty()) return Status::Invalid;
    return table_.append({PhysAddr{*base}, *size, type});
  }
  if (!take(rest, '%')) return Status::Invalid;
  const auto base = model_number(rest, true);
  if (!base) return Status::Invalid;
  const auto from = take_type(rest, '-');
  if (!from) return Status::Invalid;
  const auto to = take_type(rest, '+');
  if (!to || !rest.empty()) return Status::Invalid;

  const PhysAddr start{*base};
  if (*from != E820Type::None && *to != E820Type::None) {
    return table_.update(start, *size, *from, *to).status();
  }
  if (*to != E820Type::None) return table_.append({start, *size, *to});
  return table_.remove(start, *size, *from).status();
}

std::optional<ModelNamedRequest> model_named_request(std::string text, uint64_t cache_line) {
  ModelNamedRequest request;
  const auto size = model_number(text, true);
  if (!size || *size == 0 || !take(text, ':')) return std::nullopt;
  const auto align = model_number(text, true);
  if (!align || !take(text, ':')) return std::nullopt;
  request.size = *size;
  request.align = std::max(*align, cache_line);
  request.name = text;
  int bits = 0;
  for (uint64_t rest = request.align; rest != 0; rest >>= 1) bits += static_cast<int>(rest & 1);
  if (bits != 1) return std::nullopt;
  if (text.empty() || text.size() > 15) return std::nullopt;
  if (text.find('\0') != std::string::npos) return std::nullopt;
  if (text.find_first_not_of(" \t\n\v\f\r") == std::string::npos) return std::nullopt;
  return request;
}

PhysRange model_page_end(PhysRange range, uint64_t page) {
  const Wide end = (Wide{range.end.value} + page - 1) / page * page;
  return PhysRange{range.base, PhysAddr{saturated(end)}};
}

Result<PhysRange> ModelNamed::find(std::string_view name) const {
  for (const auto& [taken, range] : entries_) {
    if (taken == name) return range;
  }
  return Status::NotFound;
}

}  // namespace memblock::lab
