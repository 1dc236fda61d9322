// Boot logs as traces: what a kernel printed about its memblock, turned into calls that can be
// replayed, with the calls it made but did not print put in where they follow from what it did
// print.
#pragma once

#include "lab/bootlog_events.h"
#include "lab/trace.h"

namespace memblock::lab {

enum class Arch : uint8_t { Unknown, X86, Arm64, Arm, Riscv, Powerpc, S390 };

/// `x86`, `arm64`, ...
const char* arch_text(Arch arch);

/// What is known of a machine and its kernel, from all lines of its boot.
struct BootFacts {
  Arch arch = Arch::Unknown;
  unsigned major = 0;  ///< Kernel version; 0: unknown.
  unsigned minor = 0;
  unsigned width = 64;  ///< Bits of a physical address.
  unsigned page_shift = 12;
  uint64_t cache_line = 64;
  bool numa = false;      ///< The kernel knows nodes.
  bool complete = false;  ///< The log begins with the first call.
  bool movable_node = false;
  std::string command_line;
  size_t printed_adds = 0;  ///< Calls that registered the firmware's memory.
  uint64_t low_end = 0;     ///< End of directly mapped memory, 32-bit kernels; 0: unknown.
  uint64_t dma_end = 0;     ///< End of the zone for devices; 0: unknown.
  Limits limits;

  bool at_least(unsigned want_major, unsigned want_minor) const {
    return major > want_major || (major == want_major && minor >= want_minor);
  }
};

BootFacts gather_facts(const LoggedBoot& boot);

/// What a step of an imported trace stands for.
enum class StepKind : uint8_t {
  Printed,     ///< A call that the log shows.
  Inferred,    ///< A call that the log does not show; `why` says from what it follows.
  Allocation,  ///< A call whose answer is checked.
  Map,         ///< Nothing: here the firmware's map is checked.
  Dump,        ///< Nothing: here the tables are checked. The op asks for the regions of memory.
};

/// The log's side of one step, parallel to Trace::steps.
struct StepNote {
  StepKind kind = StepKind::Printed;
  uint32_t line = 0;                ///< In the log.
  std::string why;                  ///< Of an inference, or why the answer cannot follow.
  std::optional<PhysRange> result;  ///< Allocation: what the kernel got; nothing: it failed.
  bool unexplained = false;         ///< Allocation: the log does not say what was asked for.
  bool guessed_request = false;     ///< Allocation: the request itself is inferred.
  size_t dump = 0;                  ///< Dump: index into ImportedBoot::dumps.
};

/// A boot that can be replayed on any backend.
struct ImportedBoot {
  std::string file;
  BootFacts facts;
  Trace trace;
  std::vector<StepNote> notes;  ///< One for each step.
  std::vector<LoggedDump> dumps;
  std::vector<uint64_t> trim_excess;  ///< For each dump: bytes Linux still counts though trimmed.
  std::vector<LogDiagnostic> diagnostics;

  /// Whether the log said nothing about memory.
  bool empty() const;
};

/// Turns a log into one trace for each boot in it. Accepts any text; never fails, but a log without
/// a word about memory gives boots that are empty().
std::vector<ImportedBoot> import_bootlog(std::string_view text, const std::string& name);

/// load_text() and import_bootlog(). Diagnostics of reading are those of the first boot; an
/// unreadable file gives none at all, and its diagnostics in `failed`.
std::vector<ImportedBoot> import_bootlog_file(const std::string& path,
                                              std::vector<LogDiagnostic>& failed);

}  // namespace memblock::lab
