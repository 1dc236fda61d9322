#include "fuzz/engine_log.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace memblock::fuzz {
namespace {

constexpr size_t kTailMax = 400;
constexpr size_t kFramesMax = 3;

uint64_t number_at(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The number behind `key`, if the line has it.
void read_number(std::string_view line, std::string_view key, uint64_t& out) {
  const size_t at = line.find(key);
  if (at != std::string_view::npos) out = number_at(line.substr(at + key.size()));
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

/// Functions of the engine, the sanitizers and the C library say nothing about a bug.
bool foreign_function(std::string_view name) {
  return starts_with_any(name, {"__", "fuzzer::", "raise", "abort", "gsignal", "main", "_start",
                                "LLVMFuzzer", "pthread_", "std::", "memcpy", "memmove", "memset",
                                "memblock::fuzz::finding", "memblock_panic"}) ||
         name.find("sanitizer") != std::string_view::npos;
}

/// Numbers differ from input to input: one `N` for each, hexadecimal ones included. Digits inside
/// a name, as in e820_sanitize, are not a number.
std::string without_numbers(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto is_digit = [&](size_t at) {
      return at < text.size() && std::isdigit(text[at]) != 0;
    };
    const bool in_name = i != 0 && (std::isalnum(text[i - 1]) != 0 || text[i - 1] == '_');
    if (!is_digit(i) || in_name) {
      out += text[i++];
      continue;
    }
    const bool hex = text[i] == '0' && i + 1 < text.size() && text[i + 1] == 'x';
    if (hex) i += 2;
    while (i < text.size() && (hex ? std::isxdigit(text[i]) != 0 : is_digit(i))) ++i;
    out += 'N';
  }
  return out;
}

}  // namespace

void EngineLog::add_line(std::string_view line) {
  read_progress(line);
  read_failure(line);
  read_frame(line);
  if (tail_.size() == kTailMax) tail_.erase(tail_.begin(), tail_.begin() + kTailMax / 2);
  tail_.emplace_back(line);
}

void EngineLog::read_progress(std::string_view line) {
  if (line.starts_with("stat::")) {
    read_number(line, "stat::number_of_executed_units:", progress_.executions);
    read_number(line, "stat::new_units_added:", progress_.new_units);
    read_number(line, "stat::peak_rss_mb:", progress_.rss_mb);
    return;
  }
  if (!line.starts_with('#') || line.find(" cov: ") == std::string_view::npos) return;
  progress_.executions = std::max(progress_.executions, number_at(line.substr(1)));
  read_number(line, " cov: ", progress_.edges);
  read_number(line, " ft: ", progress_.features);
  read_number(line, " corp: ", progress_.corpus_units);
  read_number(line, " exec/s: ", progress_.exec_per_second);
  read_number(line, " rss: ", progress_.rss_mb);
  const bool initialised = line.find("INITED") != std::string_view::npos;
  if (progress_.initialised && line.find("\tNEW ") != std::string_view::npos) ++progress_.new_units;
  progress_.initialised = progress_.initialised || initialised;
}

void EngineLog::read_failure(std::string_view line) {
  constexpr std::string_view kFinding = "finding: ";
  constexpr std::string_view kWritten = "Test unit written to ";
  constexpr std::string_view kRuntime = "runtime error: ";
  constexpr std::string_view kSummary = "SUMMARY: ";
  if (line.starts_with(kFinding) && named_.empty()) {
    named_ = without_numbers(line.substr(kFinding.size()));
  } else if (const size_t at = line.find(kWritten); at != std::string_view::npos) {
    artifact_ = line.substr(at + kWritten.size());
    // The only artifact that does not end its process, and comes without a summary.
    if (artifact_.find("slow-unit-") != std::string::npos && kind_.empty()) kind_ = "slow unit";
  } else if (const size_t error = line.find(kRuntime); error != std::string_view::npos) {
    if (kind_.empty())
      kind_ = "undefined: " + without_numbers(line.substr(error + kRuntime.size()));
  } else if (line.starts_with(kSummary) && kind_.empty()) {
    // "AddressSanitizer: heap-use-after-free file:1:2 in f" or "libFuzzer: deadly signal".
    std::string_view rest = line.substr(kSummary.size());
    const size_t colon = rest.find(": ");
    if (colon == std::string_view::npos) return;
    const size_t end = rest.starts_with("libFuzzer") ? rest.size() : rest.find(' ', colon + 2);
    kind_ = rest.substr(0, end);
  } else if (const size_t panic = line.find("memblock_panic: "); panic != std::string_view::npos) {
    if (kind_.empty()) kind_ = without_numbers(line.substr(panic));
  }
}

void EngineLog::read_frame(std::string_view line) {
  const size_t first = line.find_first_not_of(' ');
  const bool frame = first != std::string_view::npos && first != 0 && line[first] == '#';
  if (!frame) {
    if (in_first_stack_) first_stack_over_ = true;
    return;
  }
  if (first_stack_over_) return;
  in_first_stack_ = true;
  const size_t in = line.find(" in ");
  if (in == std::string_view::npos || frames_.size() == kFramesMax) return;
  std::string_view name = line.substr(in + 4);
  name = name.substr(0, name.find_first_of("( "));
  if (!foreign_function(name)) frames_.emplace_back(name);
}

std::string EngineLog::signature() const {
  if (!named_.empty()) return named_;
  std::string text = kind_.empty() ? std::string{"stopped without a word"} : kind_;
  for (size_t i = 0; i < frames_.size(); ++i) text += (i == 0 ? " in " : " < ") + frames_[i];
  return text;
}

}  // namespace memblock::fuzz
