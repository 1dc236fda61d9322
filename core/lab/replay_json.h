// What lab-replay found, for machines.
#pragma once

#include <memory>

#include "lab/bootlog_replay.h"

namespace memblock::lab {

class ReplayJson {
 public:
  ReplayJson();
  ~ReplayJson();
  ReplayJson(const ReplayJson&) = delete;
  ReplayJson& operator=(const ReplayJson&) = delete;

  void add(const ImportedBoot& boot, const ReplayReport& report);
  void add(const LogDiagnostic& diagnostic);
  std::string to_text(const Tally& logs, const Tally& allocations, const Tally& dumps,
                      uint64_t inferred) const;

 private:
  struct Document;
  std::unique_ptr<Document> document_;
};

}  // namespace memblock::lab
