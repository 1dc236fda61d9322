#include "bench/arguments.h"

#include <fmt/format.h>

#include <algorithm>

namespace memblock::bench {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  lab-bench --quick                                 two table sizes, everything side by side\n"
    "  lab-bench --filter Alloc --regions 8,4096 --json alloc.json\n"
    "  lab-bench --table                                 the goals, and what was reached\n"
    "  lab-bench --table --filter mix --regions 64\n"
    "  lab-bench --growth core/README.md                 does cost grow as documented?\n"
    "  lab-bench --filter Alloc --repetitions 9 --candidates core --json before.json\n"
    "  lab-bench --filter Alloc --baseline before.json   compare with that file\n"
    "  lab-bench --quick --baseline OLD/lab-bench        run both in turn, and compare\n"
    "Exit code: 0 all right; 1 a wrong result, a regression or a goal missed; 2 wrong usage or\n"
    "something missing.";

void add_choices(CLI::App& app, Arguments& arguments) {
  app.add_option("--filter", arguments.filter,
                 "Only benchmarks (--table: rows) whose name matches this expression");
  app.add_option("--regions", arguments.sizes, "Table sizes (8,64,512,4096,32768,131072)")
      ->delimiter(',')
      ->check(CLI::Range(size_t{8}, size_t{1} << 18));
  app.add_option("--candidates", arguments.candidates,
                 "Only these, the first is the one that others are compared with (all; core with "
                 "--baseline)")
      ->delimiter(',');
  app.add_option("--linux", arguments.linux_trees,
                 "Kernels: a number of Debian's linux-source, or a tree; up to four (6.1, 6.12)");
  app.add_flag("--no-linux", arguments.no_linux, "No kernels");
  app.add_option("--repetitions", arguments.repetitions, "Rounds for each benchmark (9)");
  app.add_option("--min-time", arguments.min_time,
                 "Seconds for each candidate in a round (0.005; quick: 0.002)");
  app.add_flag("--quick", arguments.quick, "Two table sizes, short rounds");
  app.add_flag("--smoke", arguments.smoke,
               "Every benchmark once, tiny: does it run and is it right?");
  app.add_flag("--list", arguments.list, "List the benchmarks");
}

}  // namespace

void add_options(CLI::App& app, Arguments& arguments) {
  add_choices(app, arguments);
  app.add_flag("--table", arguments.table,
               "Measure what bench/goals.txt names and print ratio, goal and quartiles");
  app.add_option("--goals", arguments.goals, "Another file of goals for --table");
  app.add_option("--growth", arguments.growth,
                 "Count instructions (valgrind) and compare how they grow with the classes in this "
                 "file's table");
  app.add_option("--count", arguments.count)->group("");  // The other side of --growth.
  app.add_option("--json", arguments.json, "Write the results to this file");
  app.add_option("--baseline", arguments.baseline,
                 "Compare with this result file, or with this lab-bench program, run in turn");
  app.add_option("--compare-json", arguments.compare_json, "Write the comparison to this file");
  app.add_option("--threshold", arguments.gate.threshold,
                 "Median ratio above which a significant change is a regression")
      ->check(CLI::Range(1.0, 100.0))
      ->capture_default_str();
  app.add_option("--alpha", arguments.gate.alpha, "Largest p of the U test that is significant")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--boots", arguments.boots, "Folder of boot logs that are replayed");
  app.add_option("--root", arguments.root, "Folder of the project")->envname("MEMBLOCK_LAB_ROOT");
  app.add_flag("--silent", arguments.silent, "Print no table");
  app.footer(kExamples);
}

Plan plan_of(const Arguments& arguments) {
  Plan plan;
  plan.sizes = {8, 64, 512, 4096, 32768, 131072};
  if (arguments.smoke) plan.sizes = {8, 64};
  if (arguments.quick) plan.sizes = {128, 4096};
  if (!arguments.sizes.empty()) plan.sizes = arguments.sizes;
  std::sort(plan.sizes.begin(), plan.sizes.end());
  plan.seconds = arguments.smoke ? 1e-5 : arguments.quick ? 0.002 : 0.005;
  if (arguments.min_time > 0) plan.seconds = arguments.min_time;
  plan.rounds = arguments.smoke ? 1 : 9;
  if (arguments.repetitions > 0) plan.rounds = arguments.repetitions;
  return plan;
}

std::vector<Candidate> chosen_candidates(const Arguments& arguments, std::string& problem) {
  std::vector<std::string> wanted = arguments.candidates;
  if (wanted.empty() && !arguments.baseline.empty()) wanted = {"core"};
  const auto position = [&](const std::string& name) {
    return static_cast<size_t>(std::find(wanted.begin(), wanted.end(), name) - wanted.begin());
  };
  std::vector<Candidate> all = candidates();
  const bool any_linux =
      wanted.empty() || std::any_of(wanted.begin(), wanted.end(),
                                    [](auto& name) { return name.starts_with("linux"); });
  for (size_t slot = 0; any_linux && !arguments.no_linux && slot < arguments.linux_trees.size();
       ++slot) {
    if (slot == kLinuxSlots) {
      problem = fmt::format("no more than {} kernels at once", kLinuxSlots);
      return {};
    }
    std::string missing;
    Candidate kernel = linux_candidate(slot, arguments.linux_trees[slot], arguments.root, missing);
    if (missing.empty()) {
      all.insert(all.begin() + 1 + static_cast<ptrdiff_t>(slot), std::move(kernel));
    } else {
      fmt::print(stderr, "lab-bench: without Linux {}: {}\n", arguments.linux_trees[slot], missing);
    }
  }
  if (wanted.empty()) return all;
  for (const std::string& name : wanted) {
    const bool known =
        std::any_of(all.begin(), all.end(), [&](const Candidate& one) { return one.name == name; });
    if (known) continue;
    problem = fmt::format("no candidate {}; there are", name);
    for (const Candidate& one : all) problem += " " + one.name;
    return {};
  }
  std::erase_if(all, [&](const Candidate& one) { return position(one.name) == wanted.size(); });
  std::sort(all.begin(), all.end(), [&](const Candidate& a, const Candidate& b) {
    return position(a.name) < position(b.name);
  });
  return all;
}

}  // namespace memblock::bench
