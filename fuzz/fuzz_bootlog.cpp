// Any bytes are a boot log, plain or packed: it is read, imported and replayed on the core and on
// the model. Nothing may crash, both must judge it alike, and its trace must survive as text.
#include <cstdint>
#include <string>

#include "fuzz/finding.h"
#include "lab/bootlog_map.h"
#include "lab/bootlog_replay.h"
#include "lab/text.h"

namespace {

using namespace memblock::lab;

/// What is unpacked of one input: enough for any log, too little to wait for.
constexpr size_t kTextBytesMax = size_t{1} << 18;

[[noreturn]] void complain(const ImportedBoot& boot, std::string_view kind,
                           const std::string& what = {}) {
  std::string report = what + '\n';
  for (size_t i = 0; i < boot.trace.steps.size(); ++i) report += step_text(boot, i) + '\n';
  memblock::fuzz::finding(kind, report);
}

/// All of a report but the name of its backend.
bool same_verdicts(const ReplayReport& a, const ReplayReport& b) {
  if (a.calls != b.calls || a.inferred != b.inferred || !(a.allocations == b.allocations) ||
      !(a.dumps == b.dumps) || a.wrong.size() != b.wrong.size() ||
      a.verdicts.size() != b.verdicts.size()) {
    return false;
  }
  for (size_t i = 0; i < a.wrong.size(); ++i) {
    if (a.wrong[i].step != b.wrong[i].step) return false;
  }
  for (size_t i = 0; i < a.verdicts.size(); ++i) {
    if (a.verdicts[i].differences != b.verdicts[i].differences ||
        a.verdicts[i].divergences != b.verdicts[i].divergences) {
      return false;
    }
  }
  return true;
}

void check(const ImportedBoot& boot) {
  if (boot.notes.size() != boot.trace.steps.size()) complain(boot, "steps without notes");
  const ReplayReport on_core = replay(boot, "tree");
  const ReplayReport on_model = replay(boot, "model");
  if (!on_core.broken.empty()) complain(boot, "the core breaks an invariant", on_core.broken);
  if (!on_model.broken.empty()) complain(boot, "the model breaks an invariant", on_model.broken);
  if (!same_verdicts(on_core, on_model)) complain(boot, "core and model judge the log differently");
  const Trace trace = playable_trace(boot);
  const ParsedTrace parsed = parse_trace(to_text(trace));
  if (!parsed.ok()) {
    complain(boot, "the trace does not parse", to_text("trace", parsed.errors[0]));
  }
  if (!(parsed.trace == trace)) complain(boot, "the trace does not read back from its text");
  const TraceReport played = replay_trace_on(trace, "tree");
  if (!(played.expectations.right == played.expectations.checked)) {
    complain(boot, "the trace does not play", played.differences[0]);
  }
  (void)map_picture(boot);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const LoadedText loaded =
      unpack_text(std::string(reinterpret_cast<const char*>(data), size), "input", kTextBytesMax);
  for (const ImportedBoot& boot : import_bootlog(loaded.text, "input")) check(boot);
  return 0;
}
