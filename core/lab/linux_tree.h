// A kernel tree's memblock, loaded: what ci/linux/build made of the tree, in this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/linux/object.h"

namespace memblock::lab {

/// Which object to build, as ci/linux/build takes it.
struct LinuxBuild {
  std::string tree;               ///< `6.1`, `6.12` or a path.
  std::string patch;              ///< A patch on top, or empty.
  std::string flavour = "plain";  ///< `plain`, `fuzz` or `timing`.
  std::string root;               ///< The folder of this project.
  std::string out;                ///< Where objects are kept; empty: the build folder.
};

/// What a build came to: the object's path, or what went wrong in a few lines.
struct LinuxBuilt {
  std::string object;
  std::string problem;
};

/// Builds the object unless it is there already. Prints nothing.
LinuxBuilt build_linux(const LinuxBuild& build);

/// A loaded object. Several trees, and one tree several times (from copies of the file), live side
/// by side: no symbol of one is seen by another.
class LinuxTree {
 public:
  /// Null and `problem` set if it cannot be loaded.
  static std::unique_ptr<LinuxTree> load(const std::string& object, std::string& problem);

  LinuxTree(const LinuxTree&) = delete;
  LinuxTree& operator=(const LinuxTree&) = delete;
  ~LinuxTree();

  /// All that live, one after the other: a signal handler knows no more than its signal's number.
  static const LinuxTree* first() { return newest; }
  const LinuxTree* next() const { return next_; }

  const LinuxObject& object() const { return *object_; }
  std::string name() const { return object_->name; }
  /// `6.12`, or empty where the tree does not say.
  std::string release() const { return object_->release; }

  /// Real memory at physical `[0, bytes)`, for growth and clearing; no bytes: none, growth gets
  /// memory of its own anywhere. Nothing is done if that is so already. False if the system gives
  /// none. Not while a backend lives.
  bool set_window(uint64_t bytes);
  /// The window's memory behind `address`, or null.
  void* window_at(uint64_t address, uint64_t bytes) const;
  /// The inverse; false if `pointer` is not in the window.
  bool window_address(const void* pointer, uint64_t& address) const;

 private:
  LinuxTree(void* library, const LinuxObject* object);

  void* library_;
  const LinuxObject* object_;
  LinuxTree* next_;
  static inline LinuxTree* newest = nullptr;
  std::byte* window_ = nullptr;
  uint64_t window_bytes_ = 0;
};

/// What an endless loop of kernel code is said to have died of.
inline constexpr const char* kEndless = "runs without end";

/// While one lives, crashes and endless loops of kernel code, of any tree, end the call that they
/// happen in, as a panic would; elsewhere they are what they were. Not for objects of the flavour
/// `fuzz`, whose sanitizers report crashes better.
class LinuxGuard {
 public:
  /// A call that takes `seconds` of processor time ends, one that takes twice as long certainly.
  explicit LinuxGuard(unsigned seconds = 5);
  LinuxGuard(const LinuxGuard&) = delete;
  LinuxGuard& operator=(const LinuxGuard&) = delete;
  ~LinuxGuard();

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

}  // namespace memblock::lab
