// Shrinks grown corpora to inputs that together cover the same.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "fuzz/campaign.h"

namespace memblock::fuzz {

/// What became of one target's corpus.
struct Distilled {
  const Target* target = nullptr;
  size_t before = 0;
  size_t after = 0;
  size_t failing = 0;  ///< Inputs that are findings: moved to the folder of findings.
  double seconds = 0;
  std::string problem;  ///< Why the corpus is as it was, or empty.
};

/// For each target: merges corpus and seeds into a new folder by set cover, then puts it in the
/// place of the old corpus. A target whose merge fails or is stopped keeps its corpus.
std::vector<Distilled> distil(const CampaignOptions& options, const std::atomic<bool>& stop);

/// Writes the same for machines. False if the file cannot be written.
bool write_json(const std::string& path, const std::vector<Distilled>& results);

}  // namespace memblock::fuzz
