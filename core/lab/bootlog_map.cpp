// Drawing the memory map.
#include "lab/bootlog_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lab/bootlog_builder.h"

namespace memblock::lab {
namespace {

constexpr size_t kBarWidth = 40;
constexpr size_t kRowsMax = 200;

/// What share of `range` the regions cover.
double share(PhysRange range, const std::vector<Region>& regions) {
  uint64_t covered = 0;
  for (const Region& region : regions) {
    if (!region.range().overlaps(range)) continue;
    covered += min(region.end(), range.end) - max(region.base, range.base);
  }
  return range.empty() ? 0 : static_cast<double>(covered) / static_cast<double>(range.size());
}

/// `##..`: where in `range` memory is reserved; `+` where part of the cell is.
std::string bar(PhysRange range, const std::vector<Region>& reserved) {
  std::string cells;
  for (size_t i = 0; i < kBarWidth; ++i) {
    const uint64_t step = range.size() / kBarWidth;
    const uint64_t rest = range.size() % kBarWidth;
    const PhysAddr from = range.base + (step * i + rest * i / kBarWidth);
    const PhysAddr to = range.base + (step * (i + 1) + rest * (i + 1) / kBarWidth);
    const double part = from < to ? share(PhysRange{from, to}, reserved) : 0;
    cells += part >= 0.999 ? '#' : part > 0 ? '+' : '.';
  }
  return cells;
}

std::string kinds(const Region& region) {
  std::string text;
  if (is_node(region.nid)) text += fmt::format("  node {}", region.nid.value);
  constexpr std::array<std::pair<RegionFlags, const char*>, 5> kNames = {
      {{kHotplug, "hotplug"},
       {kMirror, "mirror"},
       {kNomap, "nomap"},
       {kDriverManaged, "driver-managed"},
       {kReservedNoinit, "noinit"}}};
  for (const auto& [flag, name] : kNames) {
    if (region.flags.has(flag)) text += fmt::format("  {}", name);
  }
  return text;
}

class Picture {
 public:
  void title(const std::string& text) { text_ += text + "\n"; }

  void gap(PhysRange range, const char* what) {
    if (range.empty() || ++rows_ > kRowsMax) return;
    text_ +=
        fmt::format("  {:#018x}  {:>10}  {}\n", range.base.value, human_size(range.size()), what);
  }

  void memory(const Region& region, const std::vector<Region>& reserved) {
    if (++rows_ > kRowsMax) return;
    text_ += fmt::format("  {:#018x}  {:>10}  |{}| {:3.0f}% used{}\n", region.base.value,
                         human_size(region.size), bar(region.range(), reserved),
                         100 * share(region.range(), reserved), kinds(region));
  }

  void reservation(const Region& region) {
    if (++rows_ > kRowsMax) return;
    text_ += fmt::format("  {:#018x}  {:>10}  {}\n", region.base.value, human_size(region.size),
                         kinds(region));
  }

  std::string finish() {
    if (rows_ > kRowsMax) text_ += fmt::format("  and {} more rows\n", rows_ - kRowsMax);
    return std::move(text_);
  }

 private:
  std::string text_;
  size_t rows_ = 0;
};

std::vector<Region> reserved_outside(const std::vector<Region>& memory,
                                     const std::vector<Region>& reserved) {
  std::vector<Region> outside;
  for (const Region& region : reserved) {
    if (share(region.range(), memory) == 0) outside.push_back(region);
  }
  return outside;
}

}  // namespace

std::string human_size(uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const bool whole = value >= 100 || value == static_cast<double>(static_cast<uint64_t>(value));
  return whole ? fmt::format("{:.0f} {}", value, kUnits[unit])
               : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string map_picture(const ImportedBoot& boot) {
  std::vector<Region> memory;
  std::vector<Region> reserved;
  std::string source;
  for (const LoggedDump& dump : boot.dumps) {
    if (!dump.damage.empty()) continue;
    memory = dump.table(TableId::Memory).regions;
    reserved = dump.table(TableId::Reserved).regions;
    source = fmt::format("{} of line {}", dump.final_map ? "debugfs map" : "dump", dump.line);
  }
  if (source.empty()) {
    FlatBackend core(boot.trace.limits);
    for (const Step& step : boot.trace.steps) (void)apply(core, step.op);
    memory.assign(core.memory().begin(), core.memory().end());
    reserved.assign(core.reserved().begin(), core.reserved().end());
    source = "state after the last call";
  }
  uint64_t total = 0;
  for (const Region& region : memory) total += region.size;
  Picture picture;
  picture.title(
      fmt::format("  physical memory, {}: {} in {} regions ('#' reserved, '+' partly, "
                  "'.' free)",
                  source, human_size(total), memory.size()));
  PhysAddr end{0};
  for (const Region& region : memory) {
    if (end < region.base) picture.gap(PhysRange{end, region.base}, "-- gap --");
    picture.memory(region, reserved);
    end = max(end, region.end());
  }
  const std::vector<Region> outside = reserved_outside(memory, reserved);
  if (!outside.empty()) picture.title("  reserved where there is no memory:");
  for (const Region& region : outside) picture.reservation(region);
  return picture.finish();
}

}  // namespace memblock::lab
