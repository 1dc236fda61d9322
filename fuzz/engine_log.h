// Reads what a libFuzzer process prints: its progress, and what it says when it finds something.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace memblock::fuzz {

/// Where one fuzzing process stands.
struct Progress {
  uint64_t executions = 0;
  uint64_t edges = 0;     ///< Code edges reached (cov).
  uint64_t features = 0;  ///< Edges with their counts (ft).
  uint64_t corpus_units = 0;
  uint64_t exec_per_second = 0;
  uint64_t new_units = 0;  ///< Units this process added to the corpus.
  uint64_t rss_mb = 0;
  bool initialised = false;  ///< The corpus has been replayed; what follows is new.
};

/// Collects the lines of one process.
class EngineLog {
 public:
  void add_line(std::string_view line);

  const Progress& progress() const { return progress_; }

  /// Path of the input that failed, or empty.
  const std::string& artifact() const { return artifact_; }

  /// The last lines printed, for reports.
  const std::vector<std::string>& tail() const { return tail_; }

  /// The kind of failure in words that do not change from input to input: what the target called
  /// it, else the sanitizer's word for it and the innermost functions of ours.
  std::string signature() const;

 private:
  void read_progress(std::string_view line);
  void read_failure(std::string_view line);
  void read_frame(std::string_view line);

  Progress progress_;
  std::string artifact_;
  std::string named_;                // After `finding: `.
  std::string kind_;                 // The sanitizer's or the engine's word.
  std::vector<std::string> frames_;  // Innermost functions of ours, of the first stack.
  bool in_first_stack_ = false;
  bool first_stack_over_ = false;
  std::vector<std::string> tail_;
};

}  // namespace memblock::fuzz
