// Any bytes are text: the parser reads them or says what is wrong and where; what it reads prints,
// parses and encodes to the same trace. The same bytes, decoded as a trace, must survive printing.
#include <algorithm>
#include <cstdint>

#include "fuzz/finding.h"
#include "lab/codec.h"
#include "lab/rules.h"
#include "lab/text.h"

namespace {

using namespace memblock;

void check_errors(std::string_view text, const lab::ParsedTrace& parsed) {
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  if (parsed.errors.size() > lab::kDiagnosticsMax + 1) fuzz::finding("too many diagnostics", text);
  for (const lab::Diagnostic& error : parsed.errors) {
    const bool inside = error.line >= 1 && error.line <= lines && error.column >= 1;
    const bool printable = std::all_of(error.message.begin(), error.message.end(),
                                       [](char c) { return c >= ' ' && c <= '~'; });
    if (!inside || !printable || error.message.empty()) {
      fuzz::finding("a diagnostic without a place or with raw bytes", lab::to_text("input", error));
    }
  }
}

void check_round_trips(const lab::Trace& trace) {
  if (const std::string broken = lab::rule_broken_by(trace); !broken.empty()) {
    fuzz::finding("an invalid trace was accepted: " + broken, lab::to_text(trace));
  }
  const std::string text = lab::to_text(trace);
  const lab::ParsedTrace again = lab::parse_trace(text);
  if (!again.ok()) {
    fuzz::finding("printed text does not parse",
                  lab::to_text("printed", again.errors.front()) + '\n' + text);
  }
  if (!(again.trace == trace)) fuzz::finding("printed text parses to another trace", text);
  if (lab::to_text(again.trace) != text) fuzz::finding("canonical text prints differently", text);
  if (!(lab::decode(lab::encode(trace)) == lab::bare(trace))) {
    fuzz::finding("encoding loses something", text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const lab::ParsedTrace parsed = lab::parse_trace(text);
  check_errors(text, parsed);
  if (parsed.ok()) check_round_trips(parsed.trace);
  // Every few bytes are an op: more of them say nothing new, and take their time.
  constexpr size_t kDecodedMax = 48;
  check_round_trips(lab::decode({data, size < kDecodedMax ? size : kDecodedMax}));
  return 0;
}
