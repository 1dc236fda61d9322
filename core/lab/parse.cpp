// The parser of the text format: lines into a Trace, and everything that is wrong with them.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "lab/parse_op.h"
#include "lab/rules.h"
#include "lab/words.h"

namespace memblock::lab {
namespace {

/// Lines into a trace.
class TraceReader {
 public:
  explicit TraceReader(ParsedTrace& out) : out_(out), trace_(out.trace) {}

  /// False when there were so many errors that reading on makes no sense.
  bool read_line(std::string_view line) {
    ++number_;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
      line.remove_suffix(1);
    }
    Cursor cursor{line, number_};
    const bool indented = !line.empty() && (line[0] == ' ' || line[0] == '\t');
    if (cursor.at_end()) {
      read_comment(line);
    } else if (open_ && indented) {
      Outcome& expected = *trace_.steps.back().expected;
      read_items(cursor, spec_of(trace_.steps.back().op.code).answer, expected);
      got_item_ = true;
      finish(cursor);
    } else {
      close();
      in_header_ = false;
      read_statement(cursor);
    }
    if (cursor.error()) out_.errors.push_back(*cursor.error());
    return out_.errors.size() < kDiagnosticsMax;
  }

  void finish() {
    close();
    if (trace_.e820.size() > trace_.limits.e820 && out_.errors.size() < kDiagnosticsMax) {
      out_.errors.push_back(
          {1, 1,
           "the map has " + std::to_string(trace_.e820.size()) +
               " entries; write limits e820=" + std::to_string(trace_.e820.size()) + " or more"});
    }
  }

 private:
  void read_comment(std::string_view line) {
    // The leading block is kept, to the first blank line or statement; other comments are not.
    if (line.empty()) {
      if (!trace_.comments.empty()) in_header_ = false;
      return;
    }
    if (!in_header_) return;
    std::string text{line.substr(line.find('#') + 1)};
    if (!text.empty() && text[0] == ' ') text.erase(0, 1);
    const auto is_control = [](char c) {
      return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    };
    std::replace_if(text.begin(), text.end(), is_control, ' ');
    while (!text.empty() && text.back() == ' ') text.pop_back();
    trace_.comments.push_back(std::move(text));
  }

  /// Ends a list that stood below its op.
  void close() {
    if (!open_) return;
    open_ = false;
    const Step& step = trace_.steps.back();
    const std::string broken =
        got_item_
            ? rule_broken_by(step.op, *step.expected)
            : "`->` with nothing behind it; put the items on indented lines below, or write none";
    if (!broken.empty() && out_.errors.size() < kDiagnosticsMax) {
      out_.errors.push_back({step.line, 1, broken});
    }
  }

  void read_statement(Cursor& cursor) {
    const size_t start = cursor.column();
    const std::string_view name = cursor.word();
    if (name == "limits") return read_limits(cursor, start);
    if (name == "e820") return read_map_entry(cursor, start);
    const auto code = code_of_name(name);
    if (!code) {
      if (name.empty()) {
        return cursor.fail("expected an op, limits or e820, found " + cursor.shown_rest());
      }
      std::string message = "there is no op " + quoted_name(name);
      const std::string_view nearest = nearest_name(name);
      message += nearest.empty() ? "; corpora/README.md lists them"
                                 : "; did you mean `" + std::string{nearest} + "`?";
      return cursor.fail_at(start, std::move(message));
    }
    read_op(cursor, start, *code);
  }

  void read_op(Cursor& cursor, size_t start, OpCode code) {
    if (trace_.steps.size() >= kStepsMax) return cursor.fail("too many ops in one trace");
    Step step;
    step.line = number_;
    step.op.code = code;
    read_arguments(cursor, step.op);
    if (cursor.failed()) return;
    if (std::string broken = rule_broken_by(step.op); !broken.empty()) {
      return cursor.fail_at(start, std::move(broken));
    }
    if (cursor.take('-')) {
      if (!cursor.take('>')) return cursor.fail("expected `->` and an outcome");
      step.expected.emplace();
      read_expected(cursor, step.op, *step.expected, open_);
      got_item_ = false;
    }
    finish(cursor);
    if (cursor.failed()) {
      open_ = false;
      return;
    }
    trace_.steps.push_back(std::move(step));
    if (!open_) check_expected(cursor);
  }

  void check_expected(Cursor& cursor) {
    const Step& step = trace_.steps.back();
    if (cursor.failed() || !step.expected) return;
    if (std::string broken = rule_broken_by(step.op, *step.expected); !broken.empty()) {
      cursor.fail_at(0, std::move(broken));
    }
  }

  void read_limits(Cursor& cursor, size_t start) {
    if (limits_seen_) return cursor.fail_at(start, "limits are given twice; join the lines");
    if (!trace_.steps.empty()) {
      return cursor.fail_at(start, "limits come before the first op; move them up");
    }
    limits_seen_ = true;
    Limits& limits = trace_.limits;
    while (!cursor.at_end()) {
      const std::string_view key = cursor.word();
      uint32_t* const value = key == "memory"         ? &limits.memory
                              : key == "reserved"     ? &limits.reserved
                              : key == "physmem"      ? &limits.physmem
                              : key == "e820"         ? &limits.e820
                              : key == "page_shift"   ? &limits.page_shift
                              : key == "region_bytes" ? &limits.region_bytes
                                                      : nullptr;
      if (value == nullptr || !cursor.take('=')) {
        return cursor.fail(
            "expected memory=, reserved=, physmem=, e820=, page_shift= or region_bytes=");
      }
      *value = static_cast<uint32_t>(cursor.number(~uint32_t{0}, "a number"));
    }
    if (cursor.failed()) return;
    if (std::string broken = rule_broken_by(limits); !broken.empty()) {
      cursor.fail_at(0, std::move(broken));
      limits = Limits{};
    }
  }

  void read_map_entry(Cursor& cursor, size_t start) {
    if (!trace_.steps.empty()) {
      return cursor.fail_at(start,
                            "the map comes before the first op; use e820_append from here on");
    }
    E820Entry entry;
    cursor.extent(entry.base, entry.size);
    entry.type = cursor.type();
    finish(cursor);
    if (cursor.failed()) return;
    if (entry.wraps()) {
      return cursor.fail_at(0,
                            "the entry wraps past the top of the address space; end it at "
                            "0x10000000000000000 at most");
    }
    trace_.e820.push_back(entry);
  }

  static void finish(Cursor& cursor) {
    if (!cursor.at_end()) cursor.fail("expected the end of the line, found " + cursor.shown_rest());
  }

  ParsedTrace& out_;
  Trace& trace_;
  uint32_t number_ = 0;
  bool in_header_ = true;
  bool limits_seen_ = false;
  bool open_ = false;  // The last step's items stand on the lines below it.
  bool got_item_ = false;
};

}  // namespace

ParsedTrace parse_trace(std::string_view text) {
  ParsedTrace out;
  if (text.size() > kTraceBytesMax) {
    out.errors.push_back({0, 0, "the file is larger than 256 MiB; split it"});
    return out;
  }
  TraceReader reader{out};
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (!reader.read_line(text.substr(at, end - at))) {
      out.errors.back().message += " (and maybe more: reading stopped here)";
      return out;
    }
    at = end + 1;
  }
  reader.finish();
  return out;
}

ParsedTrace read_trace(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file.is_open() || file.bad()) {
    ParsedTrace out;
    out.errors.push_back({0, 0, "cannot be read; check the name and the permissions"});
    return out;
  }
  return parse_trace(text);
}

}  // namespace memblock::lab
