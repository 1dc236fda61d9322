// Fetching, unpacking and stripping the text of boot logs.
#include "lab/bootlog_text.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace memblock::lab {
namespace {

constexpr size_t kChunk = size_t{64} << 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

/// Appends what fits below `bytes_max`; false when something had to be left out.
bool append_bounded(std::string& out, const char* bytes, size_t count, size_t bytes_max) {
  const size_t room = bytes_max - std::min(bytes_max, out.size());
  out.append(bytes, std::min(room, count));
  return count <= room;
}

void note(LoadedText& loaded, const std::string& name, std::string text) {
  loaded.diagnostics.push_back({name, 0, std::move(text)});
}

void note_cut(LoadedText& loaded, const std::string& name, size_t bytes_max) {
  note(loaded, name,
       fmt::format("more than {} MiB of text, the rest is not read; cut the log to the boot",
                   bytes_max >> 20));
}

void unpack_gzip(const std::string& bytes, const std::string& name, size_t bytes_max,
                 LoadedText& loaded) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) {
    note(loaded, name, "zlib cannot start; is there memory left?");
    return;
  }
  std::array<char, kChunk> chunk;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    const size_t produced = chunk.size() - stream.avail_out;
    if (!append_bounded(loaded.text, chunk.data(), produced, bytes_max)) {
      note_cut(loaded, name, bytes_max);
      break;
    }
    if (result == Z_STREAM_END) {
      // Members may follow one another, as `cat a.gz b.gz` makes them.
      if (stream.avail_in == 0 || inflateReset(&stream) != Z_OK) break;
      continue;
    }
    if (result != Z_OK || (stream.avail_in == 0 && produced == 0)) {
      note(loaded, name, "gzip data is damaged or cut off; what came before it is used");
      break;
    }
  }
  inflateEnd(&stream);
}

void unpack_zstd(const std::string& bytes, const std::string& name, size_t bytes_max,
                 LoadedText& loaded) {
  constexpr int kWindowLogMax = 27;  // 128 MiB: what `zstd --ultra` needs, and no more.
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                   &ZSTD_freeDCtx);
  if (!context) {
    note(loaded, name, "zstd cannot start; is there memory left?");
    return;
  }
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  std::array<char, kChunk> chunk;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t wanted = 1;
  while (true) {
    ZSTD_outBuffer out{chunk.data(), chunk.size(), 0};
    wanted = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(wanted) != 0) {
      note(loaded, name,
           fmt::format("zstd data is damaged ({}); what came before it is used",
                       ZSTD_getErrorName(wanted)));
      return;
    }
    if (!append_bounded(loaded.text, chunk.data(), out.pos, bytes_max)) {
      note_cut(loaded, name, bytes_max);
      return;
    }
    if (in.pos == in.size && out.pos < out.size) break;
  }
  if (wanted != 0) note(loaded, name, "zstd data is cut off; what there is of it is used");
}

bool read_all(std::FILE* file, size_t bytes_max, std::string& out, bool& cut) {
  std::array<char, kChunk> chunk;
  while (const size_t got = std::fread(chunk.data(), 1, chunk.size(), file)) {
    if (!append_bounded(out, chunk.data(), got, bytes_max)) {
      cut = true;
      return true;
    }
  }
  return std::ferror(file) == 0;
}

/// `[    0.000000]`, `[    0.000000][    T0]`, `[T1]`, `[Mon Nov 23 05:21:00 2026]`.
bool strip_bracket(std::string_view& text, std::optional<double>& seconds) {
  if (text.empty() || text[0] != '[') return false;
  const size_t end = text.find(']');
  if (end == std::string_view::npos || end > 40) return false;
  std::string_view inside = text.substr(1, end - 1);
  while (!inside.empty() && is_blank(inside.front())) inside.remove_prefix(1);
  if (inside.empty()) return false;
  const bool stamp = is_digit(inside[0]) && inside.find('.') != std::string_view::npos &&
                     inside.find_first_not_of("0123456789.") == std::string_view::npos;
  const bool caller = (inside[0] == 'T' || inside[0] == 'C') && inside.size() > 1 &&
                      inside.find_first_not_of("0123456789", 1) == std::string_view::npos;
  const bool date =
      inside.size() >= 20 && inside.find(':') != std::string_view::npos &&
      std::string_view("MonTueWedThuFriSatSun").find(inside.substr(0, 3)) != std::string_view::npos;
  if (!stamp && !caller && !date) return false;
  if (stamp && !seconds) seconds = std::strtod(std::string(inside).c_str(), nullptr);
  text.remove_prefix(end + 1);
  return true;
}

/// `<6>` and `<14>`.
bool strip_level(std::string_view& text) {
  if (text.size() < 3 || text[0] != '<' || !is_digit(text[1])) return false;
  const size_t end = text.find_first_not_of("0123456789", 1);
  if (end == std::string_view::npos || end > 4 || text[end] != '>') return false;
  text.remove_prefix(end + 1);
  return true;
}

/// `Nov 23 05:21:00 host kernel: `, `2026-11-23T05:21:00+00:00 host kernel: `, `host kernel: `,
/// `kern  :info  : `.
bool strip_daemon(std::string_view& text) {
  constexpr size_t kHeadMax = 120;
  constexpr std::string_view kKernel = "kernel: ";
  const size_t at = text.substr(0, kHeadMax).find(kKernel);
  if (at != std::string_view::npos && (at == 0 || is_blank(text[at - 1]))) {
    text.remove_prefix(at + kKernel.size());
    return true;
  }
  if (!starts_with(text, "kern ")) return false;
  const size_t first = text.find(':');
  const size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos || second > 20) return false;
  text.remove_prefix(second + 1);
  return true;
}

/// `ESC [ ... letter` and `ESC letter`, as earlycon and firmware menus send them.
bool strip_escape(std::string_view& text) {
  if (text.size() < 2 || text[0] != '\x1b') return false;
  if (text[1] != '[') {
    text.remove_prefix(2);
    return true;
  }
  size_t end = 2;
  while (end < text.size() &&
         (is_digit(text[end]) || text[end] == ';' || text[end] == '?' || text[end] == '=')) {
    ++end;
  }
  text.remove_prefix(std::min(end + 1, text.size()));
  return true;
}

/// A few words that firmware printed last, without ending its line, before the kernel's first.
void strip_firmware(std::string_view& text, std::optional<double>& seconds) {
  constexpr size_t kWordsMax = 24;
  for (size_t at = text.find('['); at <= kWordsMax; at = text.find('[', at + 1)) {
    std::string_view rest = text.substr(at);
    if (!strip_bracket(rest, seconds) || !seconds) continue;
    text = rest;
    return;
  }
}

bool strip_one(std::string_view& text, std::optional<double>& seconds) {
  if (text.empty()) return false;
  if (is_blank(text[0]) || text[0] == '\r' || text[0] == '|' ||
      (text[0] == '>' && text.size() > 1)) {
    text.remove_prefix(1);
    return true;
  }
  return strip_bracket(text, seconds) || strip_level(text) || strip_escape(text) ||
         strip_daemon(text);
}

}  // namespace

std::string LogDiagnostic::to_string() const {
  return line == 0 ? fmt::format("{}: {}", file, text) : fmt::format("{}:{}: {}", file, line, text);
}

LoadedText unpack_text(std::string bytes, const std::string& name, size_t bytes_max) {
  LoadedText loaded;
  loaded.readable = true;
  if (starts_with(bytes, "\x1f\x8b")) {
    unpack_gzip(bytes, name, bytes_max, loaded);
  } else if (starts_with(bytes, "\x28\xb5\x2f\xfd")) {
    unpack_zstd(bytes, name, bytes_max, loaded);
  } else {
    loaded.text = std::move(bytes);
  }
  return loaded;
}

LoadedText load_text(const std::string& path, size_t bytes_max) {
  const std::string name = path == "-" ? "(standard input)" : path;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      path == "-" ? stdin : std::fopen(path.c_str(), "rb"),
      path == "-" ? [](std::FILE*) { return 0; } : &std::fclose);
  LoadedText failed;
  if (!file) {
    note(failed, name, fmt::format("cannot be read ({}); check the name", std::strerror(errno)));
    return failed;
  }
  std::string bytes;
  bool cut = false;
  if (!read_all(file.get(), bytes_max, bytes, cut)) {
    note(failed, name, fmt::format("cannot be read ({}); is it a file?", std::strerror(errno)));
    return failed;
  }
  LoadedText loaded = unpack_text(std::move(bytes), name, bytes_max);
  if (cut) note_cut(loaded, name, bytes_max);
  return loaded;
}

StrippedLine strip_line(std::string_view line) {
  StrippedLine stripped;
  while (!line.empty() && (is_blank(line.back()) || line.back() == '\r' || line.back() == '\n')) {
    line.remove_suffix(1);
  }
  while (strip_one(line, stripped.seconds)) {
  }
  if (!stripped.seconds) strip_firmware(line, stripped.seconds);
  while (strip_one(line, stripped.seconds)) {
  }
  stripped.text = line;
  return stripped;
}

}  // namespace memblock::lab
