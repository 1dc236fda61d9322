#include "lab/linux_judge.h"

#include <algorithm>
#include <charconv>

#include "lab/core_backend.h"
#include "lab/model.h"

namespace memblock::lab {
namespace {

constexpr uint64_t kWindowBytes = uint64_t{16} << 20;

/// Number and number of `6.12`; zeros where there are none.
std::pair<int, int> as_numbers(std::string_view release) {
  std::pair<int, int> out{0, 0};
  const char* const end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, out.first);
  if (first.ptr != end && *first.ptr == '.') std::from_chars(first.ptr + 1, end, out.second);
  return out;
}

/// The release whose entries a tree is held to.
std::string reference(const std::string& release, const std::vector<std::string>& named) {
  if (std::find(named.begin(), named.end(), release) != named.end()) return release;
  std::string best;
  for (const std::string& one : named) {
    const bool newer = !release.empty() && as_numbers(release) < as_numbers(one);
    if (!newer && (best.empty() || as_numbers(best) < as_numbers(one))) best = one;
  }
  return best;
}

}  // namespace

LinuxJudged judge_on_linux(const CheckTree& tree, const Trace& trace, const std::string& file,
                           LinuxRun run) {
  LinuxJudged out;
  if (!tree.tree->set_window(run == LinuxRun::Window ? kWindowBytes : 0)) return out;
  const auto compare = [&] {
    switch (run) {
      case LinuxRun::Flat: return compare_with_linux<FlatBackend>(*tree.tree, trace);
      case LinuxRun::SmallTree: return compare_with_linux<SmallTreeBackend>(*tree.tree, trace);
      case LinuxRun::Model: return compare_with_linux<Model>(*tree.tree, trace);
      default: return compare_with_linux<TreeBackend>(*tree.tree, trace);
    }
  };
  LinuxComparison result = compare();
  // A machine that stood still for a while makes any call look endless. One that is shows it again.
  if (result.unknown && result.unknown->what.find(kEndless) != std::string::npos) {
    result = compare();
  }
  out.executions = static_cast<uint64_t>(result.supported);
  out.ops = result.ops;
  out.skipped = result.skipped;
  out.known = result.known;
  if (result.unknown) {
    out.verdict = {signature_of(*result.unknown, trace) + " (" + tree.tree->name() + ")",
                   report(*result.unknown, trace, file, tree.command)};
  }
  return out;
}

Trace for_linux(Trace trace, const LinuxTree& tree) {
  trace.limits.region_bytes = sizeof(LinuxRegion);
  for (uint32_t* const least :
       {&trace.limits.memory, &trace.limits.reserved, &trace.limits.physmem}) {
    *least = std::max(*least, LinuxBackend::least_capacity(tree));
  }
  return trace;
}

std::span<const std::string> known_names() {
  static const std::vector<std::string> kNames = [] {
    // Made alike by the backend, so that no predicate is needed.
    std::vector<std::string> out{"growth-panics", "sentinel-walk"};
    for (const auto list : {known_divergences(), known_e820_divergences()}) {
      for (const LinuxKnown& known : list) out.emplace_back(known.name);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }();
  return kNames;
}

std::vector<std::string> releases_of(const Trace& divergence) {
  constexpr std::string_view kHeader = "Kernels:";
  std::vector<std::string> out;
  for (const std::string& comment : divergence.comments) {
    if (!comment.starts_with(kHeader)) continue;
    // `6.1, 6.12 (... run in user space ...)`; what was only read cannot be shown from outside.
    const size_t how = comment.find('(');
    const size_t end = comment.find(')');
    if (end == std::string::npos ||
        comment.substr(how, end - how).find("run in user space") == std::string::npos) {
      continue;
    }
    std::string word;
    for (const char c : comment.substr(kHeader.size(), how - kHeader.size())) {
      if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.') {
        word += c;
      } else if (!word.empty()) {
        out.push_back(std::exchange(word, {}));
      }
    }
    if (!word.empty()) out.push_back(word);
  }
  return out;
}

bool should_show(const Trace& divergence, const std::string& release,
                 const std::vector<std::string>& named) {
  const std::vector<std::string> own = releases_of(divergence);
  return std::find(own.begin(), own.end(), reference(release, named)) != own.end();
}

}  // namespace memblock::lab
