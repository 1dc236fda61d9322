// lab-replay: boot logs and traces on one or more backends.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "lab/replay_tool.h"

namespace {

constexpr const char* kDescription =
    "Replays boot logs (dmesg or serial text with memblock=debug) and trace files, and checks "
    "every\n"
    "allocation against the address the kernel printed and every dump region by region.\n"
    "FILE may be plain, .gz or .zst; - is standard input.";

constexpr const char* kFooter =
    "Each log gives one line: calls replayed, allocations and dumps right of checked, inferences.\n"
    "Inferred calls are those that the kernel made but did not print; --explain lists them.\n"
    "A final map from debugfs counts as a dump. The last line is the total, right of checked.\n\n"
    "A log is right when all its allocations and dumps are right, no invariant breaks, and the\n"
    "firmware map that options such as memmap= lead to is the one the kernel printed. A trace\n"
    "file is right when every expectation in it is met.\n\n"
    "Exit: 0 all right, 1 something differs, 2 wrong usage or an unreadable file.\n\n"
    "Examples:\n"
    "  lab-replay corpora/boots/*.log.gz\n"
    "  lab-replay --explain --backend flat,model boot.log\n"
    "  dmesg | lab-replay --map -\n"
    "  lab-replay --trace boot.txt boot.log.zst";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{kDescription, "lab-replay"};
  app.footer(kFooter);
  memblock::lab::ReplayOptions options;
  app.add_option("FILE", options.files, "Boot logs and traces; - for standard input")->required();
  app.add_option("--backend", options.backends,
                 "tree, flat, small-tree or model; more than one with commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--explain", options.explain,
               "Show the calls around the first difference, and all inferred calls");
  app.add_flag("--map", options.map, "Show the physical memory map as a picture");
  app.add_option("--json", options.json, "Write everything to this file, - for standard output");
  app.add_option("--trace", options.trace, "Write the imported trace to this file as text");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return memblock::lab::run_replay_tool(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lab-replay: {}\n", error.what());
    return 2;
  }
}
