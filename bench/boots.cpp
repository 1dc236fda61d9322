#include "bench/boots.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "lab/apply.h"
#include "lab/bootlog.h"

namespace memblock::bench {
namespace {

namespace fs = std::filesystem;
using lab::Op;
using lab::OpCode;

std::string log_name(const fs::path& path) {
  const std::string file = path.filename().string();
  return file.substr(0, file.find(".log"));
}

/// As the kernel's memblock_alloc_try_nid() and its siblings ask.
AllocRequest with_fallback(const Op& op) {
  return {.size = op.size,
          .align = op.align,
          .min = op.min,
          .max = op.max,
          .nid = op.nid,
          .exact_nid = op.code == OpCode::AllocExactNidRaw,
          .within_limit = true,
          .retry_below_min = true,
          .zero = op.code == OpCode::AllocTryNid};
}

std::optional<AllocRequest> request_for(const Op& op) {
  switch (op.code) {
    case OpCode::Allocate: return lab::request_of(op);
    case OpCode::PhysAllocRange:
      return AllocRequest{.size = op.size, .align = op.align, .min = op.min, .max = op.max};
    case OpCode::PhysAllocTryNid:
      return AllocRequest{.size = op.size, .align = op.align, .nid = op.nid};
    case OpCode::AllocTryNid:
    case OpCode::AllocTryNidRaw:
    case OpCode::AllocExactNidRaw: return with_fallback(op);
    default: return std::nullopt;
  }
}

/// The call, or nothing for one that is left out.
std::optional<BootCall> call_for(const Op& op) {
  BootCall call;
  call.code = op.code;
  call.table = op.table;
  call.flags = op.flags;
  call.nid = op.nid;
  call.on = op.on;
  call.range = op.range;
  call.limit = op.min;
  switch (op.code) {
    case OpCode::Add:
    case OpCode::Remove:
    case OpCode::Reserve:
    case OpCode::Free:
    case OpCode::MarkHotplug:
    case OpCode::ClearHotplug:
    case OpCode::MarkNomap:
    case OpCode::ClearNomap:
    case OpCode::SetNode:
    case OpCode::SetBottomUp:
    case OpCode::SetLimit:
    case OpCode::SetMovableNode: return call;
    case OpCode::TrimMemory: call.request.align = std::max<uint64_t>(op.align, 1); return call;
    default: break;
  }
  const std::optional<AllocRequest> request = request_for(op);
  if (!request) return std::nullopt;
  call.code = OpCode::Allocate;
  call.request = *request;
  return call;
}

}  // namespace

std::vector<Boot> load_boots(const std::string& folder, std::string& problem) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().find(".log") != std::string::npos) {
      files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    problem = folder + " holds no boot logs; name their folder with --boots";
    return {};
  }
  std::sort(files.begin(), files.end());
  std::vector<Boot> boots;
  for (const fs::path& file : files) {
    std::vector<lab::LogDiagnostic> failed;
    for (const lab::ImportedBoot& imported : lab::import_bootlog_file(file.string(), failed)) {
      Boot boot;
      boot.name = log_name(file);
      boot.capacity = {imported.trace.limits.memory, imported.trace.limits.reserved};
      for (const lab::Step& step : imported.trace.steps) {
        // A boot ends where the page allocator begins; the handover is a job of its own.
        if (step.op.code == OpCode::FreeAll) break;
        if (const std::optional<BootCall> call = call_for(step.op)) boot.calls.push_back(*call);
      }
      // A log that does not show single calls holds none.
      if (!boot.calls.empty()) boots.push_back(std::move(boot));
    }
  }
  return boots;
}

}  // namespace memblock::bench
