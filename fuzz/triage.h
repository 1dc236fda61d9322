// Makes a finding small and readable: what a person looks at first.
#pragma once

#include <string>
#include <vector>

#include "fuzz/campaign.h"

namespace memblock::fuzz {

/// What became of a finding.
struct Report {
  Finding finding;
  std::string smallest;           ///< File with the smallest input of the same signature.
  std::string text_file;          ///< The same as a readable trace, for targets that take traces.
  std::string shown;              ///< The input for people, with a newline at its end.
  std::vector<std::string> said;  ///< What the target says about it.
  bool reproduced = false;        ///< Whether it failed again with the same signature.
  std::string replay_command;
  std::string keep_command;
};

/// Whether the finding is that an input took too long.
bool about_time(const Finding& finding);

/// Runs the target's program again and again on smaller inputs, for at most `seconds`.
Report triage(const Finding& finding, const CampaignOptions& options, double seconds);

}  // namespace memblock::fuzz
