// KernelRules: calls that kernels make without printing them, other than about nodes: limits,
// direction, permission to grow, trimming and the handover.
#pragma once

#include "lab/bootlog_builder.h"

namespace memblock::lab {

class KernelRules {
 public:
  KernelRules(const LoggedBoot& boot, TraceBuilder& builder)
      : boot_(boot), builder_(builder), facts_(builder.facts()) {}

  /// Before the first event.
  void start();
  /// Before and after each event, in order.
  void before(size_t index);
  void after(size_t index);

 private:
  void infer(OpCode code, uint32_t line, std::string why);
  void infer_limit(uint64_t limit, uint32_t line, std::string why);
  void infer_bottom_up(bool on, uint32_t line, std::string why);
  void start_powerpc();
  void before_x86(const Event& event, uint32_t line);
  void before_powerpc(const Event& event, uint32_t line);
  void before_arm64(const Event& event, uint32_t line);
  void before_device_tree(const Event& event, uint32_t line);
  void handover(size_t index, uint32_t line);
  bool stamps_with_ends(size_t index) const;
  void mark_noinit(const Event& event);

  const LoggedBoot& boot_;
  TraceBuilder& builder_;
  const BootFacts& facts_;
  bool loading_ = false;  // x86: the firmware's map is being added.
  bool mapping_ = false;  // x86: the direct map is being built.
  bool mapped_ = false;
  bool boot_paca_ = false;  // powerpc: structures of the boot CPU are being allocated.
  bool saw_paca_ = false;
  bool hash_limit_ = false;  // powerpc: allocation stays within what real mode reaches.
  bool capped_ = false;      // arm64: mem= has acted.
  bool handed_over_ = false;
  bool turned_ = false;             // The direction is turned for one allocation of a device tree.
  std::vector<PhysRange> dynamic_;  // What device-tree nodes without an address were given.
};

}  // namespace memblock::lab
