// Any bytes are a trace; the memblock of two kernels, the core and the model must agree on it, but
// for what is known of the kernels. Their code is instrumented like ours.
#include <cstdint>
#include <cstdio>
#include <sstream>

#include "fuzz/finding.h"
#include "fuzz/op_input.h"
#include "lab/linux_judge.h"

namespace {

using namespace memblock;

/// All objects of LAB_LINUX_OBJECTS, loaded before the engine counts what can be reached.
class Trees {
 public:
  Trees() {
    std::istringstream paths{LAB_LINUX_OBJECTS};
    for (std::string path; std::getline(paths, path, ':');) {
      std::string problem;
      loaded_.push_back(lab::LinuxTree::load(path, problem));
      if (loaded_.back() == nullptr) {
        std::fprintf(stderr, "fuzz_linux: %s\n", problem.c_str());
        std::exit(2);
      }
      const std::string release = loaded_.back()->release();
      all_.push_back({loaded_.back().get(), "ci/lab check --linux " + release});
    }
  }
  const std::vector<lab::CheckTree>& all() const { return all_; }

 private:
  std::vector<std::unique_ptr<lab::LinuxTree>> loaded_;
  std::vector<lab::CheckTree> all_;
};

const Trees kTrees;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const lab::Trace trace = fuzz::trace_of_input({data, size});
  // Whether kernel code works in real memory is a choice of the input's too.
  const bool window = size != 0 && data[size - 1] % 4 == 3;
  const lab::LinuxRun beside = window ? lab::LinuxRun::Window : lab::LinuxRun::SmallTree;
  for (const lab::CheckTree& tree : kTrees.all()) {
    const lab::Trace fitting = lab::for_linux(trace, *tree.tree);
    for (const lab::LinuxRun run : {beside, lab::LinuxRun::Flat}) {
      const lab::Verdict verdict = lab::judge_on_linux(tree, fitting, "", run).verdict;
      if (!verdict.good()) fuzz::finding(verdict.signature, verdict.report);
    }
  }
  return 0;
}
