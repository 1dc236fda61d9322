// Shrinks grown corpora to inputs that together cover the same.
#pragma once

#include "fuzz/campaign.h"

namespace memblock::fuzz {

/// For each target: merges corpus and seeds into a new folder by set cover, then puts it in the
/// place of the old corpus. A target whose merge fails keeps its corpus. False if any failed.
bool distil(const CampaignOptions& options);

}  // namespace memblock::fuzz
