// The JSON of lab-replay.
#include "lab/replay_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lab/text.h"

namespace memblock::lab {
namespace {

using Json = nlohmann::ordered_json;

Json tally(const Tally& value) { return {{"right", value.right}, {"checked", value.checked}}; }

Json inferences(const ImportedBoot& boot) {
  Json list = Json::array();
  for (size_t i = 0; i < boot.notes.size(); ++i) {
    const StepNote& note = boot.notes[i];
    if (note.kind != StepKind::Inferred && !note.guessed_request) continue;
    list.push_back(
        {{"line", note.line}, {"call", to_text(boot.trace.steps[i].op)}, {"why", note.why}});
  }
  return list;
}

}  // namespace

struct ReplayJson::Document {
  Json logs = Json::array();
  Json diagnostics = Json::array();
};

ReplayJson::ReplayJson() : document_(std::make_unique<Document>()) {}
ReplayJson::~ReplayJson() = default;

void ReplayJson::add(const ImportedBoot& boot, const ReplayReport& report) {
  Json log = {{"file", report.file},
              {"backend", report.backend},
              {"right", report.right()},
              {"calls", report.calls},
              {"allocations", tally(report.allocations)},
              {"dumps", tally(report.dumps)},
              {"firmware_maps", tally(report.maps)},
              {"inferred", report.inferred}};
  for (const WrongAllocation& wrong : report.wrong) {
    log["wrong"].push_back({{"line", wrong.line}, {"what", wrong.what}});
  }
  for (const DumpVerdict& verdict : report.verdicts) {
    log["dump_verdicts"].push_back({{"line", verdict.line},
                                    {"final_map", verdict.final_map},
                                    {"right", verdict.right},
                                    {"differences", verdict.differences},
                                    {"divergences", verdict.divergences}});
  }
  for (const WrongMap& wrong : report.wrong_maps) {
    log["wrong_maps"].push_back({{"line", wrong.line}, {"what", wrong.what}});
  }
  if (!report.broken.empty()) log["broken"] = report.broken;
  log["inferences"] = inferences(boot);
  document_->logs.push_back(std::move(log));
}

void ReplayJson::add(const LogDiagnostic& diagnostic) {
  document_->diagnostics.push_back(
      {{"file", diagnostic.file}, {"line", diagnostic.line}, {"text", diagnostic.text}});
}

std::string ReplayJson::to_text(const Tally& logs, const Tally& allocations, const Tally& dumps,
                                uint64_t inferred) const {
  const Json all = {{"total",
                     {{"logs", tally(logs)},
                      {"allocations", tally(allocations)},
                      {"dumps", tally(dumps)},
                      {"inferred", inferred}}},
                    {"logs", document_->logs},
                    {"diagnostics", document_->diagnostics}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace memblock::lab
