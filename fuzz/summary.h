// What a campaign ends with: a table for people, JSON for machines.
#pragma once

#include <string>
#include <vector>

#include "fuzz/triage.h"

namespace memblock::fuzz {

void print_summary(const CampaignResult& result, const std::vector<Report>& reports);

/// Writes everything known about the campaign. False if the file cannot be written.
bool write_json(const std::string& path, const CampaignOptions& options,
                const CampaignResult& result, const std::vector<Report>& reports);

}  // namespace memblock::fuzz
