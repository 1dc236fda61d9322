// The importer: walks the events of a boot, turns each into steps, and asks the rules for what lies
// between them.
#include <fmt/format.h>

#include <algorithm>

#include "lab/bootlog_maps.h"
#include "lab/bootlog_requests.h"
#include "lab/bootlog_rules.h"
#include "lab/bootlog_start.h"

namespace memblock::lab {
namespace {

class Importer {
 public:
  Importer(LoggedBoot& boot, ImportedBoot& out)
      : boot_(boot),
        out_(out),
        builder_(out, out.facts),
        numa_(boot, builder_),
        rules_(boot, builder_),
        maps_(boot, out, builder_) {}

  void run() {
    rules_.start();
    for (InferredOp& start : infer_start(boot_, out_.facts)) {
      builder_.inferred(std::move(start.op), 0, std::move(start.why));
    }
    const std::vector<ScheduledOp> marks = infer_marks(boot_);
    size_t next_mark = 0;
    for (size_t i = 0; i < boot_.events.size(); ++i) {
      while (next_mark < marks.size() && marks[next_mark].after <= i) {
        const ScheduledOp& mark = marks[next_mark++];
        builder_.inferred(mark.inferred.op, boot_.events[i].line.line, mark.inferred.why);
      }
      take(i);
    }
  }

 private:
  void take(size_t index) {
    const Event& event = boot_.events[index];
    numa_.before(index);
    rules_.before(index);
    switch (event.kind) {
      case EventKind::Call: take_call(event.line); break;
      case EventKind::Allocation: take_allocation(index); break;
      case EventKind::Dump: builder_.dump(event.line.line, event.dump); break;
      case EventKind::Hint:
        numa_.hint(event.line);
        maps_.hint(index);
        break;
    }
    rules_.after(index);
  }

  void take_call(const LogLine& line) {
    if (line.kind == LogKind::FreeLate && line.caller == "memblock_discard") {
      take_discard(line);
      return;
    }
    constexpr OpCode kCodes[] = {OpCode::Add,  OpCode::Remove,     OpCode::Reserve,
                                 OpCode::Free, OpCode::PhysmemAdd, OpCode::FreeLate};
    Op op = range_op(kCodes[static_cast<size_t>(line.kind)], line.range());
    if (line.text == "memblock_add_node") {
      op.nid = NodeId{line.nid};
      op.flags = RegionFlags{line.flags & kAllFlags.bits};
    }
    builder_.printed(std::move(op), line.line);
  }

  /// One line for each table that had grown, but one call.
  void take_discard(const LogLine& line) {
    if (discarded_) return;
    discarded_ = true;
    Op op;
    op.code = OpCode::Discard;
    builder_.printed(std::move(op), line.line);
  }

  void take_allocation(size_t index) {
    const Event& event = boot_.events[index];
    StepNote note;
    note.line = event.line.line;
    note.result = event.result;
    if (event.printed_request) {
      Op op = request_op(event.line);
      if (op.align != 0 && !is_power_of_two(op.align)) {
        note.why = "the alignment printed is not a power of two";
      }
      builder_.allocation(std::move(op), std::move(note));
      return;
    }
    if (std::optional<DerivedRequest> derived = derive_request(boot_, index, builder_, numa_)) {
      note.why = std::move(derived->why);
      note.guessed_request = true;
      set_direction(derived->bottom_up, event.line.line);
      builder_.allocation(std::move(derived->op), std::move(note));
      set_direction(false, event.line.line);
      return;
    }
    const bool cut = index == 0 || boot_.events[index - 1].line.kind == LogKind::Dropped;
    note.why = cut ? "the line with the request is cut off"
                   : "the kernel printed the result but not the request";
    note.unexplained = true;
    builder_.allocation(range_op(OpCode::Reserve, *event.result), std::move(note));
  }

  /// CMA looks bottom-up above 4 GiB and goes back to where it was.
  void set_direction(bool bottom_up, uint32_t line) {
    if (bottom_up == flipped_) return;
    flipped_ = bottom_up;
    Op op;
    op.code = OpCode::SetBottomUp;
    op.on = bottom_up;
    builder_.inferred(std::move(op), line, "contiguous areas are looked for bottom-up above 4 GiB");
  }

  Op request_op(const LogLine& line) const {
    Op op;
    op.size = line.size;
    op.align = line.align;
    op.min = PhysAddr{line.base};
    op.max = PhysAddr{line.max};
    // Without NUMA there is one node, and it is all of memory.
    op.nid = line.nid >= 0 && out_.facts.numa ? NodeId{line.nid} : kNoNode;
    const std::string_view name = line.text;
    if (name.find("phys_alloc_range") != std::string_view::npos ||
        name.find("alloc_range") != std::string_view::npos) {
      op.code = OpCode::PhysAllocRange;
    } else if (name.find("exact_nid") != std::string_view::npos) {
      op.code = out_.facts.numa ? OpCode::AllocExactNidRaw : OpCode::AllocTryNidRaw;
    } else {
      op.code = name.find("_raw") != std::string_view::npos ? OpCode::AllocTryNidRaw
                                                            : OpCode::AllocTryNid;
    }
    return op;
  }

  LoggedBoot& boot_;
  ImportedBoot& out_;
  TraceBuilder builder_;
  NumaRules numa_;
  KernelRules rules_;
  MapRules maps_;
  bool discarded_ = false;
  bool flipped_ = false;
};

}  // namespace

const char* arch_text(Arch arch) {
  switch (arch) {
    case Arch::X86: return "x86";
    case Arch::Arm64: return "arm64";
    case Arch::Arm: return "arm";
    case Arch::Riscv: return "riscv";
    case Arch::Powerpc: return "powerpc";
    case Arch::S390: return "s390";
    case Arch::Unknown: break;
  }
  return "an unknown machine";
}

bool ImportedBoot::empty() const {
  return trace.e820.empty() && std::all_of(notes.begin(), notes.end(), [](const StepNote& note) {
           return note.kind == StepKind::Inferred;
         });
}

std::vector<ImportedBoot> import_bootlog(std::string_view text, const std::string& name) {
  std::vector<ImportedBoot> boots;
  for (LoggedBoot& logged : read_boots(text, name)) {
    ImportedBoot boot;
    boot.file = name;
    boot.facts = gather_facts(logged);
    boot.trace.limits = boot.facts.limits;
    boot.trace.comments = {fmt::format("A recorded boot of Linux {}.{} on {}.", boot.facts.major,
                                       boot.facts.minor, arch_text(boot.facts.arch))};
    boot.dumps = std::move(logged.dumps);
    boot.diagnostics = std::move(logged.diagnostics);
    logged.dumps = boot.dumps;
    Importer(logged, boot).run();
    boots.push_back(std::move(boot));
  }
  return boots;
}

std::vector<ImportedBoot> import_bootlog_file(const std::string& path,
                                              std::vector<LogDiagnostic>& failed) {
  LoadedText loaded = load_text(path);
  if (!loaded.readable) {
    failed.insert(failed.end(), loaded.diagnostics.begin(), loaded.diagnostics.end());
    return {};
  }
  std::vector<ImportedBoot> boots =
      import_bootlog(loaded.text, path == "-" ? "(standard input)" : path);
  if (!boots.empty()) {
    boots[0].diagnostics.insert(boots[0].diagnostics.begin(), loaded.diagnostics.begin(),
                                loaded.diagnostics.end());
  }
  return boots;
}

}  // namespace memblock::lab
