#include "report/page.h"

#include <fmt/format.h>

#include "report/timings.h"

namespace memblock::report {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

const char* const kHead =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>memblock-lab</title>\n"
    "<style>\n"
    "body{font:15px/1.45 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}\n"
    "table{border-collapse:collapse;margin:.6em 0}td,th{padding:.15em .8em;text-align:right}\n"
    "td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f4f4f2}\n"
    "th{border-bottom:1px solid #888}pre{background:#f4f4f2;padding:.8em;overflow:auto;\n"
    "font-size:12px;max-height:40em}.good{color:#176117}.bad{color:#a40000}\n"
    "</style></head><body>\n";

std::string row(const std::string& name, const std::string& value) {
  return fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", name, value);
}

std::string totals_table(const Totals& totals) {
  const auto of = [](uint64_t right, uint64_t all) {
    return fmt::format("<span class=\"{}\">{} of {}</span>", right == all ? "good" : "bad", right,
                       all);
  };
  return "<table>\n" + row("boots reproduced", of(totals.boots_right, totals.boots)) +
         row("allocations at the recorded address",
             of(totals.allocations_right, totals.allocations)) +
         row("dumps reproduced", of(totals.dumps_right, totals.dumps)) +
         row("ops compared, " + escaped(backends_text(totals)), fmt::format("{}", totals.checks)) +
         row("executions fuzzed", fmt::format("{} ({:.0f}/s on one core)", totals.executions,
                                              totals.executions_per_second)) +
         "</table>\n";
}

std::string findings(const Totals& totals) {
  if (totals.findings.empty() && totals.problems.empty()) {
    return "<p class=\"good\">No findings.</p>\n";
  }
  std::string out = "<ul class=\"bad\">\n";
  for (const std::string& line : totals.findings) out += "<li>" + escaped(line) + "</li>\n";
  for (const std::string& line : totals.problems) {
    out += "<li>did not run: " + escaped(line) + "</li>\n";
  }
  return out + "</ul>\n";
}

std::string timings(const Report& report) {
  const TimingTable table = tabulate(report.timings);
  std::string out = "<h2>Nanoseconds for one op</h2>\n<table><tr><th>operation</th>";
  for (const uint64_t size : table.sizes) out += fmt::format("<th>{} regions</th>", size);
  out += "</tr>\n";
  for (const std::string& name : table.order) {
    out += "<tr><td>" + escaped(name) + "</td>";
    const auto& figures = table.rows.at(name);
    for (const uint64_t size : table.sizes) {
      const auto found = figures.find(size);
      out += found == figures.end() ? "<td></td>" : fmt::format("<td>{:.1f}</td>", found->second);
    }
    out += "</tr>\n";
  }
  out += "</table>\n<table><tr><th>whole runs</th><th>ns for one op</th></tr>\n";
  for (const Timing& timing : report.timings) {
    if (timing.name.find("regions:") != std::string::npos) continue;
    out += row(escaped(timing.name), fmt::format("{:.1f}", timing.ns_per_op));
  }
  return out + "</table>\n";
}

std::string outputs(const Report& report) {
  std::string out;
  for (const StageResult& stage : report.stages) {
    out += fmt::format("<h2>{}: exit code {}, {:.0f} s</h2>\n<pre>", stage.name, stage.code,
                       stage.seconds);
    for (const std::string& line : stage.lines) out += escaped(line) + "\n";
    out += "</pre>\n";
  }
  return out;
}

}  // namespace

std::string page_of(const Report& report) {
  return kHead + std::string{"<h1>memblock-lab: the run</h1>\n"} + totals_table(report.totals) +
         "<h2>Findings</h2>\n" + findings(report.totals) + timings(report) +
         "<h2>What each stage printed</h2>\n" + outputs(report) + "</body></html>\n";
}

}  // namespace memblock::report
