// Putting lines together into events.
#include "lab/bootlog_events.h"

#include <fmt/format.h>

#include "lab/bootlog_repeat.h"

namespace memblock::lab {
namespace {

/// Complaints beyond this many of one log help nobody.
constexpr size_t kDiagnosticsMax = 50;

/// Collects a dump while its lines come in.
class DumpReader {
 public:
  explicit DumpReader(LoggedBoot& boot) : boot_(boot) {}

  bool open() const { return open_; }

  void start(const LogLine& line, bool final_map) {
    close();
    open_ = true;
    dump_ = LoggedDump{};
    dump_.line = line.line;
    dump_.final_map = final_map;
    // It happened here, whatever comes in between before its last line.
    Event event;
    event.kind = EventKind::Dump;
    event.line.line = dump_.line;
    event.dump = boot_.dumps.size();
    boot_.dumps.emplace_back();
    boot_.events.push_back(std::move(event));
  }

  /// False if the line does not belong here.
  void take(const LogLine& line) {
    LoggedTable& table = dump_.table(line.table);
    switch (line.kind) {
      case LogKind::DumpSizes:
        dump_.with_sizes = true;
        dump_.memory_size = line.size;
        dump_.reserved_size = line.max;
        break;
      case LogKind::DumpCount:
        table.printed = true;
        table.count = line.number;
        break;
      case LogKind::DumpRegion: take_region(line); break;
      default: break;
    }
  }

  /// A line of debugfs. Where no heading names the table, a 0 begins the next one.
  void take_final(const LogLine& line) {
    if (!open_ || !dump_.final_map) {
      start(line, true);
      final_table_ = TableId::Memory;
      dump_.table(final_table_).printed = true;
    } else if (line.number == 0 && !dump_.table(final_table_).regions.empty()) {
      next_final();
    }
    if (line.text == "plain") dump_.with_kinds = false;
    LogLine region = line;
    region.table = final_table_;
    region.size = line.last - line.base + 1;
    take_region(region);
    ++dump_.table(final_table_).count;
  }

  void final_table(const LogLine& line) {
    if (!open_ || !dump_.final_map || dump_.table(line.table).printed) start(line, true);
    final_table_ = line.table;
    dump_.table(line.table).printed = true;
  }

  void damaged(const std::string& what) {
    if (open_ && dump_.damage.empty()) dump_.damage = what;
  }

  void close() {
    if (!open_) return;
    open_ = false;
    if (dump_.damage.empty()) check();
    boot_.dumps.back() = std::move(dump_);
  }

 private:
  void take_region(const LogLine& line) {
    LoggedTable& table = dump_.table(line.table);
    if (line.number == 0 && line.size == 0 && table.regions.empty()) {
      table.sentinel = true;
      return;
    }
    if (line.number != table.regions.size()) {
      damaged(fmt::format("region {} of the dump is where region {} should be", line.number,
                          table.regions.size()));
    }
    const uint64_t top = line.width == 32 ? 0xffffffffu : ~uint64_t{0};
    if (line.size == 0 || line.size > top || line.base > top - line.size ||
        line.last != line.base + line.size - 1) {
      damaged(fmt::format("the ends of region {} do not fit its size", line.number));
      return;
    }
    table.regions.push_back({PhysAddr{line.base}, line.size, RegionFlags{line.flags},
                             line.nid >= 0 ? NodeId{line.nid} : kNoNode});
    table.lines.push_back(line.line);
  }

  void next_final() {
    final_table_ = final_table_ == TableId::Memory ? TableId::Reserved : TableId::Physmem;
    dump_.table(final_table_).printed = true;
  }

  void check() {
    if (!dump_.table(TableId::Memory).printed || !dump_.table(TableId::Reserved).printed) {
      dump_.damage = "the dump is cut off";
      return;
    }
    for (const LoggedTable& table : dump_.tables) {
      const uint64_t read = table.regions.size() + (table.sentinel ? 1 : 0);
      if (table.count != read) {
        dump_.damage = fmt::format("the dump counts {} regions but shows {}", table.count, read);
        return;
      }
      for (size_t i = 1; i < table.regions.size(); ++i) {
        if (table.regions[i - 1].end() <= table.regions[i].base) continue;
        dump_.damage = "the regions of the dump are out of order";
        return;
      }
    }
  }

  LoggedBoot& boot_;
  LoggedDump dump_;
  TableId final_table_ = TableId::Memory;
  bool open_ = false;
};

/// Builds one boot out of lines.
class EventBuilder {
 public:
  explicit EventBuilder(const std::string& name) : name_(name), dump_(boot_) {}

  bool empty() const { return boot_.events.empty() && !dump_.open() && !pending_; }

  void complain(uint32_t line, std::string text) {
    const size_t count = boot_.diagnostics.size();
    if (count < kDiagnosticsMax) {
      boot_.diagnostics.push_back({name_, line, std::move(text)});
    } else if (count == kDiagnosticsMax) {
      boot_.diagnostics.push_back({name_, line, "and more of the same kind, no longer listed"});
    }
  }

  void damage(uint32_t line, const std::string& what) {
    if (dump_.open() && what.find("dump") != std::string::npos) dump_.damaged(what);
    complain(line, what + "; look at the log there, or take it again with `dmesg`");
  }

  void take(LogLine line) {
    if (take_dump_line(line)) return;
    if (line.kind == LogKind::Grown || line.kind == LogKind::GrowthFailed) {
      growing_ = line.kind == LogKind::Grown;
      boot_.grown.push_back(line);
      return;
    }
    // What a growing table does to reserved is part of the call that made it grow.
    if (line.by_growth() || frees_old_table(line)) {
      boot_.by_growth.push_back(std::move(line));
      return;
    }
    if (line.kind <= LogKind::Request) growing_ = false;
    if (line.kind == LogKind::Request) {
      settle();
      pending_ = std::move(line);
      return;
    }
    if (line.by_allocator()) {
      take_result(std::move(line));
      return;
    }
    if (line.kind == LogKind::Dropped) note_dropped(line);
    const bool call = line.kind <= LogKind::FreeLate;
    if (call) settle();
    Event event;
    event.kind = call ? EventKind::Call : EventKind::Hint;
    event.line = std::move(line);
    boot_.events.push_back(std::move(event));
  }

  void watch_time(uint32_t line, double seconds) {
    // Clocks step back a little when the kernel finds a better one.
    constexpr double kStep = 1.0;
    if (seconds + kStep < seconds_ && !time_complained_) {
      time_complained_ = true;
      complain(line, fmt::format("time goes back from {:.6f} to {:.6f}: lines are out of order, or "
                                 "two logs were joined; they are taken in the order of the file",
                                 seconds_, seconds));
    }
    seconds_ = std::max(seconds_, seconds);
  }

  LoggedBoot finish() {
    settle();
    dump_.close();
    for (const LoggedDump& dump : boot_.dumps) {
      if (!dump.damage.empty()) {
        complain(dump.line, fmt::format("dump cannot be checked: {}; is the log complete there?",
                                        dump.damage));
      }
    }
    return std::move(boot_);
  }

 private:
  void note_dropped(const LogLine& line) {
    settle();
    dump_.damaged("lines of the dump were dropped by the console");
    complain(line.line, fmt::format("the console dropped {} lines here, and calls may be among "
                                    "them; boot with log_buf_len=16M and take the log with `dmesg`",
                                    line.number));
  }

  bool take_dump_line(const LogLine& line) {
    switch (line.kind) {
      case LogKind::DumpStart:
        settle();
        dump_.start(line, false);
        return true;
      case LogKind::DumpSizes:
      case LogKind::DumpCount:
      case LogKind::DumpRegion:
        if (!dump_.open()) {
          settle();
          dump_.start(line, false);
          dump_.damaged("the dump begins in the middle");
        }
        dump_.take(line);
        return true;
      case LogKind::FinalTable:
        settle();
        dump_.final_table(line);
        return true;
      case LogKind::FinalRegion:
        settle();
        dump_.take_final(line);
        return true;
      default:
        // Hints may come in between; a call ends the dump.
        if (line.kind <= LogKind::Request) dump_.close();
        return false;
    }
  }

  /// Kernels that do not inline memblock_free() print it as the caller, growing tables or not.
  bool frees_old_table(const LogLine& line) const {
    if (!growing_ || line.kind != LogKind::Free) return false;
    for (const LogLine& grown : boot_.grown) {
      if (grown.kind == LogKind::Grown && grown.base == line.base) return true;
    }
    return false;
  }

  /// A request that no reserve line followed: the kernel found nothing.
  void settle() {
    if (!pending_) return;
    push_allocation(std::move(*pending_), true, std::nullopt);
    pending_.reset();
  }

  void take_result(LogLine line) {
    const PhysRange got = line.range();
    if (pending_ && pending_->size == got.size()) {
      push_allocation(std::move(*pending_), true, got);
      pending_.reset();
      return;
    }
    settle();
    push_allocation(std::move(line), false, got);
  }

  void push_allocation(LogLine line, bool printed, std::optional<PhysRange> result) {
    Event event;
    event.kind = EventKind::Allocation;
    event.line = std::move(line);
    event.printed_request = printed;
    event.result = result;
    boot_.events.push_back(std::move(event));
  }

  std::string name_;
  LoggedBoot boot_;
  DumpReader dump_;
  std::optional<LogLine> pending_;
  bool growing_ = false;
  double seconds_ = 0;
  bool time_complained_ = false;
};

}  // namespace

bool LoggedDump::with_nodes() const {
  for (const Region& region : table(TableId::Memory).regions) {
    if (is_node(region.nid)) return true;
  }
  return false;
}

namespace {

/// Reads line by line, and begins a new boot where a kernel begins.
class BootReader {
 public:
  explicit BootReader(const std::string& name) : name_(name) { builder_.emplace(name); }

  void take(uint32_t number, std::string_view raw) {
    if (taken_ >= kBootlogLinesMax) return;
    Recognised found = recognise(raw, number);
    if (found.lines.empty() && found.damage.empty()) return;
    if (!found.lines.empty() && found.lines[0].kind == LogKind::Dropped) {
      dropped_ = std::move(found.lines[0]);
      repeats_.suspect();
      return;
    }
    const std::optional<double> seconds = strip_line(raw).seconds;
    if (seconds && *seconds < seconds_) repeats_.suspect();
    // A kernel that begins is a new boot, even if it begins like the one before.
    const bool begins = !found.lines.empty() && found.lines[0].kind == LogKind::Version;
    if (!begins && repeats_.repeats(raw)) {
      if (repeated_ == 0) first_repeated_ = number;
      ++repeated_;
      dropped_.reset();
      return;
    }
    if (dropped_) builder_->take(std::move(*dropped_));
    dropped_.reset();
    if (seconds) seconds_ = std::max(seconds_, *seconds);
    if (!found.damage.empty()) builder_->damage(number, found.damage);
    for (LogLine& line : found.lines) take_line(std::move(line), seconds);
  }

  std::vector<LoggedBoot> finish() {
    if (dropped_) builder_->take(std::move(*dropped_));
    if (!builder_->empty() || boots_.empty()) close_boot();
    return std::move(boots_);
  }

 private:
  void take_line(LogLine line, const std::optional<double>& seconds) {
    if (++taken_ == kBootlogLinesMax) {
      builder_->complain(line.line, fmt::format("more than {} lines about memory, the rest is not "
                                                "read; cut the log to the boot",
                                                kBootlogLinesMax));
    }
    if (line.kind == LogKind::Version) {
      if (versioned_) {
        close_boot();
        builder_.emplace(name_);
        repeats_ = {};
        seconds_ = 0;
      }
      versioned_ = true;
    }
    if (line.kind <= LogKind::Request && seconds) builder_->watch_time(line.line, *seconds);
    builder_->take(std::move(line));
  }

  void close_boot() {
    if (repeated_ != 0) {
      builder_->complain(
          first_repeated_,
          fmt::format("{} lines only repeat earlier ones, as a second console prints "
                      "them; they are left out",
                      repeated_));
      repeated_ = 0;
    }
    boots_.push_back(builder_->finish());
  }

  std::string name_;
  std::vector<LoggedBoot> boots_;
  std::optional<EventBuilder> builder_;
  RepeatFilter repeats_;
  std::optional<LogLine> dropped_;
  double seconds_ = 0;
  size_t taken_ = 0;
  size_t repeated_ = 0;
  uint32_t first_repeated_ = 0;
  bool versioned_ = false;
};

}  // namespace

std::vector<LoggedBoot> read_boots(std::string_view text, const std::string& name) {
  BootReader reader(name);
  for_each_line(text, [&](uint32_t number, std::string_view raw) { reader.take(number, raw); });
  return reader.finish();
}

}  // namespace memblock::lab
