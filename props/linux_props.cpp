// props_linux TREE...: what a kernel object promises: starting again is cheap and complete, objects
// live side by side, and all flavours load.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "lab/core_backend.h"
#include "lab/gen.h"
#include "lab/linux_judge.h"

namespace {

using namespace memblock;
using namespace memblock::lab;

constexpr double kResetNanosecondsMax = 2000;

bool holds(const std::string& sentence, bool truth) {
  fmt::print("{} {}\n", truth ? "ok    " : "BROKEN", sentence);
  return truth;
}

/// Null, and why is printed, if it cannot be had.
std::unique_ptr<LinuxTree> tree_of(const std::string& which, const std::string& flavour) {
  const char* root = std::getenv("MEMBLOCK_LAB_ROOT");
  const LinuxBuilt built = build_linux({.tree = which,
                                        .patch = "",
                                        .flavour = flavour,
                                        .root = root != nullptr ? root : ".",
                                        .out = ""});
  std::string problem = built.problem;
  std::unique_ptr<LinuxTree> tree;
  if (problem.empty()) tree = LinuxTree::load(built.object, problem);
  if (tree == nullptr) fmt::print("BROKEN {} {}: {}\n", which, flavour, problem);
  return tree;
}

/// Every answer of a boot, as text.
std::string answers(LinuxTree& tree, const Trace& trace) {
  LinuxSlot<0>::tree = &tree;
  LinuxSlot<0> kernel{trace.limits};
  std::string out;
  for (const Step& step : trace.steps) {
    if (kernel.supports(step.op)) out += to_text(step.op, apply(kernel, step.op)) + "\n";
  }
  for (const Region& region : kernel.reserved()) out += to_text(region) + "\n";
  return out;
}

std::vector<Trace> boots(const LinuxTree& tree) {
  std::vector<Trace> out;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    PrngChoices choices{seed};
    out.push_back(for_linux(gen_trace(choices, OpMix::memblock_only()), tree));
  }
  return out;
}

/// The cost of one reset after a boot that filled all tables, in the middle of many batches.
double reset_nanoseconds(LinuxTree& tree, uint32_t regions) {
  using Clock = std::chrono::steady_clock;
  constexpr int kBatches = 21, kEach = 2000;
  Limits limits;
  limits.memory = limits.reserved = regions;
  LinuxBackend kernel{tree, limits};
  for (uint64_t i = 0; i + 2 < regions; ++i) {
    const PhysRange range = PhysRange::from_size(PhysAddr{(2 * i + 1) << 12}, 4096);
    static_cast<void>(kernel.add(range));
    static_cast<void>(kernel.reserve(range));
  }
  const LinuxHost nobody{};
  std::vector<double> batches;
  for (int batch = 0; batch < kBatches; ++batch) {
    const auto start = Clock::now();
    for (int i = 0; i < kEach; ++i) tree.object().reset(&nobody, regions, regions, 4, 12);
    batches.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count() /
                      kEach);
  }
  std::sort(batches.begin(), batches.end());
  return batches[kBatches / 2];
}

bool starts_again(LinuxTree& tree) {
  bool ok = true;
  for (const uint32_t regions : {8u, 128u}) {
    const double cost = reset_nanoseconds(tree, regions);
    ok &= holds(fmt::format("{}: starting again with {} regions takes {:.0f} ns, {:.0f} at most",
                            tree.name(), regions, cost, kResetNanosecondsMax),
                cost <= kResetNanosecondsMax);
  }
  std::vector<std::string> first, again;
  const std::vector<Trace> all = boots(tree);
  for (const Trace& trace : all) first.push_back(answers(tree, trace));
  for (auto trace = all.rbegin(); trace != all.rend(); ++trace) {
    again.push_back(answers(tree, *trace));
  }
  std::reverse(again.begin(), again.end());
  return holds(tree.name() + ": a boot is the same whatever boot came before it", first == again) &&
         ok;
}

bool side_by_side(LinuxTree& a, LinuxTree& b) {
  Limits limits;
  LinuxBackend one{a, limits}, other{b, limits};
  const PhysRange low{PhysAddr{0x1000}, PhysAddr{0x3000}};
  const PhysRange high{PhysAddr{0x8000}, PhysAddr{0x9000}};
  bool ok = one.add(low) == Status::Ok && other.add(high) == Status::Ok;
  ok = ok && one.memory().size() == 1 && other.memory().size() == 1;
  ok = ok && one.memory()[0].range() == low && other.memory()[0].range() == high;
  return holds(a.name() + " and " + b.name() + " know nothing of each other", ok);
}

}  // namespace

int main(int argc, char** argv) {
  bool ok = argc > 1;
  std::vector<std::unique_ptr<LinuxTree>> trees;
  for (int i = 1; i < argc; ++i) {
    for (const char* flavour : {"plain", "timing"}) {
      trees.push_back(tree_of(argv[i], flavour));
      if (trees.back() == nullptr) return 1;
    }
    ok &= starts_again(*trees[trees.size() - 2]);
  }
  for (size_t i = 0; i + 1 < trees.size(); ++i) ok &= side_by_side(*trees[i], *trees[i + 1]);
  return ok ? 0 : 1;
}
