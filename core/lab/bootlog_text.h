// The text of a boot log: fetched from a file, unpacked, cut into lines, freed of what consoles and
// log daemons put in front.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace memblock::lab {

/// Something about a log that a person should know: `file:line: what; what to do`. (Traces have a
/// Diagnostic of their own in text.h.)
struct LogDiagnostic {
  std::string file;
  uint32_t line = 0;  ///< 0: the file as a whole.
  std::string text;

  std::string to_string() const;
};

/// The most that is unpacked from one file, so that a hostile one cannot fill the memory.
inline constexpr size_t kBootlogBytesMax = size_t{256} << 20;
/// Longer lines are cut: no line a kernel prints comes near.
inline constexpr size_t kBootlogLineBytesMax = 4096;

/// What was read, and whether it is all there is.
struct LoadedText {
  std::string text;
  std::vector<LogDiagnostic> diagnostics;  ///< Damage, and text that was cut.
  bool readable = false;                   ///< False: nothing could be had; `diagnostics` says why.
};

/// Reads `path` (`-`: standard input), plain, gzip or zstd, told apart by content.
LoadedText load_text(const std::string& path, size_t bytes_max = kBootlogBytesMax);

/// Unpacks `bytes` if they are gzip or zstd; `name` is for diagnostics.
LoadedText unpack_text(std::string bytes, const std::string& name,
                       size_t bytes_max = kBootlogBytesMax);

/// One line, without what stood in front of the kernel's own words and without its end.
struct StrippedLine {
  std::string_view text;
  std::optional<double> seconds;  ///< The kernel's time stamp.
};

/// Takes off, in any order and number: blanks, mail quotes, `<6>` levels, time stamps, printk
/// caller ids, the heads of syslog, journal and `dmesg -x` lines, escape sequences of terminals,
/// carriage returns.
StrippedLine strip_line(std::string_view line);

/// Calls `visit(number, line)` for each line of `text`, numbered from 1, ends left off.
template <class Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  uint32_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    visit(++number, line.substr(0, kBootlogLineBytesMax));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace memblock::lab
