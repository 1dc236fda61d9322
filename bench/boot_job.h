// A whole boot as a job; an op is one call.
#pragma once

#include "bench/boots.h"
#include "bench/table_jobs.h"

namespace memblock::bench {

/// What a boot comes to: the sum of all addresses handed out, and calls that failed.
struct BootResult {
  uint64_t addresses = 0;
  uint64_t failures = 0;
  friend bool operator==(const BootResult&, const BootResult&) = default;
};

/// In the loop that replays them, so that it takes little of the time itself: most calls allocate,
/// and what they come to stays in registers.
template <class S>
[[gnu::always_inline]] inline void make_call(S& subject, const BootCall& call, BootResult& result) {
  using lab::OpCode;
  const auto count = [&](Status status) { result.failures += status == Status::Ok ? 0 : 1; };
  if (call.code == OpCode::Allocate) {
    const Result<PhysAddr> got = subject.allocate(call.request);
    if (!got.ok()) return count(got.status());
    result.addresses += got.value().value;
    return;
  }
  switch (call.code) {
    case OpCode::Add: return count(subject.add(call.range, call.nid, call.flags));
    case OpCode::Remove: return count(subject.remove(call.range));
    case OpCode::Reserve: return count(subject.reserve(call.range, call.nid, call.flags));
    case OpCode::Free: return count(subject.free(call.range));
    case OpCode::SetNode: return count(subject.set_node(call.range, call.table, call.nid));
    case OpCode::MarkHotplug: return count(subject.mark_hotplug(call.range));
    case OpCode::ClearHotplug: return count(subject.clear_hotplug(call.range));
    case OpCode::MarkNomap: return count(subject.mark_nomap(call.range));
    case OpCode::ClearNomap: return count(subject.clear_nomap(call.range));
    case OpCode::SetBottomUp: return subject.set_bottom_up(call.on);
    case OpCode::SetLimit: return subject.set_limit(call.limit);
    case OpCode::SetMovableNode: return subject.set_movable_node(call.on);
    case OpCode::TrimMemory: return subject.trim_memory(call.request.align);
    default: return;
  }
}

template <Subject S>
class BootJob : public Job {
 public:
  explicit BootJob(const Boot& boot) : boot_(boot) {}

  uint64_t whole() const override { return boot_.calls.size(); }
  uint64_t ops_min() const override { return whole(); }

  uint64_t prepare(uint64_t, unsigned) override {
    subject_.emplace(boot_.capacity);
    return whole();
  }

  void work() override {
    BootResult result;
    for (const BootCall& call : boot_.calls) make_call(*subject_, call, result);
    result_ = result;
  }

  std::string verify() override {
    BootResult expected;
    const auto model = model_after([&](lab::Model& m) {
      for (const BootCall& call : boot_.calls) make_call(m, call, expected);
    });
    if (!(result_ == expected)) return "answers differ from the model's";
    for (const TableId table : {TableId::Memory, TableId::Reserved}) {
      const RegionView right = table == TableId::Memory ? model->memory() : model->reserved();
      const std::string wrong = difference(table == TableId::Memory ? "memory" : "reserved",
                                           subject_->regions(table), right);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

 private:
  const Boot& boot_;
  BootResult result_;
  std::optional<S> subject_;
};

}  // namespace memblock::bench
