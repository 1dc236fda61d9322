// KernelRules: calls that kernels make without printing them, other than about nodes: limits,
// direction, permission to grow, trimming, handover, and allocations whose request is not printed.
#pragma once

#include "lab/bootlog_numa.h"

namespace memblock::lab {

class KernelRules {
 public:
  KernelRules(const LoggedBoot& boot, TraceBuilder& builder, const NumaRules& numa)
      : boot_(boot), builder_(builder), numa_(numa), facts_(builder.facts()) {}

  /// Before the first event.
  void start();
  /// Before and after each event, in order.
  void before(size_t index);
  void after(size_t index);
  void hint(const LogLine& line);

  /// What an allocation of which only the result was printed has asked for; nothing if unknown.
  /// May add steps for attempts that came before the one that succeeded.
  struct Derived {
    Op op;
    std::string why;
    bool bottom_up = false;
  };
  std::optional<Derived> derive_request(size_t index);

 private:
  void infer(OpCode code, uint32_t line, std::string why);
  void infer_limit(uint64_t limit, uint32_t line, std::string why);
  void infer_bottom_up(bool on, uint32_t line, std::string why);
  void before_x86(const Event& event, uint32_t line);
  void before_powerpc(const Event& event, uint32_t line);
  void handover(uint32_t line);
  void mark_noinit(const Event& event);
  const LogLine* following_cma(size_t index) const;
  Derived derive_cma(const LogLine& cma) const;

  const LoggedBoot& boot_;
  TraceBuilder& builder_;
  const NumaRules& numa_;
  const BootFacts& facts_;
  bool loading_ = false;  // x86: the firmware's map is being added.
  bool mapping_ = false;  // x86: the direct map is being built.
  bool mapped_ = false;
  bool handed_over_ = false;
  bool boot_paca_ = false;  // powerpc: structures of the boot CPU are being allocated.
  bool saw_paca_ = false;
};

}  // namespace memblock::lab
