// What a check looks at: files of the corpora, recorded boots, and random traces, by number, each
// on our backends and on every kernel tree.
#pragma once

#include "lab/linux_judge.h"

namespace memblock::lab {

/// The signature of files that cannot be judged at all.
inline constexpr const char* kUnreadable = "unreadable";

/// In the place of a tree's index: the core against the model.
inline constexpr size_t kOurs = ~size_t{0};

struct CheckCase {
  /// File: a trace as text or as a fuzzer's bytes, or a boot log: its content tells.
  enum class Kind : uint8_t { File, Divergence, Boot };
  Kind kind = Kind::File;
  std::string path;
  size_t tree = kOurs;
};

/// Files of corpora/spec, regress, divergences and boots, in this order, each by name; every folder
/// on our backends first, then on each of `trees` kernel trees.
std::vector<CheckCase> corpus_cases(const std::string& corpora, size_t trees);

/// These files, in this order.
std::vector<CheckCase> file_cases(const std::vector<std::string>& files, size_t trees);

/// The boot logs among `cases`, each once.
std::vector<std::string> boots_among(const std::vector<CheckCase>& cases);

/// Releases that the headers of all divergences among `cases` name.
std::vector<std::string> named_releases(const std::vector<CheckCase>& cases);

/// A random trace: where it runs, and which one of those it is.
struct RandomCase {
  size_t tree = kOurs;
  uint64_t index = 0;
};

/// The `number`-th random trace of a check on `trees` kernel trees: all get the same share.
RandomCase random_case(uint64_t number, size_t trees);

/// What random traces are made of.
struct RandomSource {
  uint64_t seed;
  const std::vector<CheckTree>& trees;
  std::vector<std::string> boots;  ///< Logs: some traces are one of these with calls changed.
};

/// A trace that depends on nothing but the two, and the tree's kind of tables.
Trace random_trace(const RandomSource& source, const RandomCase& which);

/// The same as text, written to a file descriptor op by op: should the core, which runs along,
/// crash, the op at which it did stands last.
void tell_random_trace(const RandomSource& source, const RandomCase& which, int to);

/// What a tree makes of an entry of corpora/divergences.
enum class EntryState : uint8_t {
  NotJudged,
  Shown,       ///< It diverges as the entry says.
  Fixed,       ///< The entry's header says that it would, and it does not.
  Unexpected,  ///< It does, and the header does not name this release.
  Absent,      ///< It does not, and nobody said so.
};

/// What came of a case.
struct CaseResult {
  Verdict verdict;
  uint64_t traces = 0;
  uint64_t executions = 0;
  uint64_t ops = 0;
  uint64_t skipped = 0;
  std::map<std::string, uint64_t> known;
  EntryState entry = EntryState::NotJudged;
};

/// Reads and judges a file, every boot of it. `named` as in should_show().
CaseResult judge_case(const CheckCase& which, const std::vector<CheckTree>& trees,
                      const std::vector<std::string>& named);

/// Judges a random trace, or a smaller one in its place.
CaseResult judge_random(const Trace& trace, const RandomCase& which,
                        const std::vector<CheckTree>& trees, const std::string& file);

}  // namespace memblock::lab
