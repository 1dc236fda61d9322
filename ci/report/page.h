// The page of the report: one HTML file that needs nothing else.
#pragma once

#include <string>

#include "report/report.h"

namespace memblock::report {

std::string page_of(const Report& report);

}  // namespace memblock::report
