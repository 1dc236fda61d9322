// Building, loading and guarding kernel objects.
#include "lab/linux_tree.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace memblock::lab {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string without_newline(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

LinuxBuilt build_linux(const LinuxBuild& build) {
  std::string command = quoted(build.root + "/ci/linux/build") + " --tree " + quoted(build.tree) +
                        " --flavour " + quoted(build.flavour);
  if (!build.patch.empty()) command += " --patch " + quoted(build.patch);
  if (!build.out.empty()) command += " --out " + quoted(build.out);
  command += " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {{}, "cannot start " + build.root + "/ci/linux/build"};
  std::string said;
  char piece[4096];
  while (const size_t length = std::fread(piece, 1, sizeof piece, pipe)) said.append(piece, length);
  const int status = pclose(pipe);
  said = without_newline(std::move(said));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return {{}, said};
  const size_t last = said.rfind('\n');
  return {last == std::string::npos ? said : said.substr(last + 1), {}};
}

std::unique_ptr<LinuxTree> LinuxTree::load(const std::string& object, std::string& problem) {
  void* library = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    problem = dlerror();
    return nullptr;
  }
  using Entry = const LinuxObject* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "linux_object"));
  if (entry == nullptr || entry()->version != kLinuxObjectVersion) {
    problem = object + ": not an object of this version of the lab; build it again";
    dlclose(library);
    return nullptr;
  }
  return std::unique_ptr<LinuxTree>{new LinuxTree{library, entry()}};
}

LinuxTree::LinuxTree(void* library, const LinuxObject* object)
    : library_(library), object_(object), next_(newest) {
  newest = this;
}

LinuxTree::~LinuxTree() {
  LinuxTree** link = &newest;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
  if (window_ != nullptr) munmap(window_, window_bytes_);
  dlclose(library_);
}

bool LinuxTree::set_window(uint64_t bytes) {
  if (bytes == window_bytes_) return true;
  if (window_ != nullptr) munmap(window_, window_bytes_);
  window_ = nullptr;
  window_bytes_ = 0;
  if (bytes == 0) return true;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  window_ = static_cast<std::byte*>(memory);
  window_bytes_ = bytes;
  return true;
}

void* LinuxTree::window_at(uint64_t address, uint64_t bytes) const {
  if (window_ == nullptr) return nullptr;
  return address <= window_bytes_ && bytes <= window_bytes_ - address ? window_ + address : nullptr;
}

bool LinuxTree::window_address(const void* pointer, uint64_t& address) const {
  const auto* const byte = static_cast<const std::byte*>(pointer);
  if (window_ == nullptr || byte < window_ || byte >= window_ + window_bytes_) return false;
  address = static_cast<uint64_t>(byte - window_);
  return true;
}

// ---- LinuxGuard

namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGVTALRM};
constexpr size_t kSignalCount = std::size(kSignals);
struct sigaction before[kSignalCount];

const char* words_for(int signal) {
  switch (signal) {
    case SIGVTALRM: return kEndless;
    case SIGFPE: return "divides by zero";
    case SIGILL: return "executes what is no instruction";
    default: return "touches memory that is not there";
  }
}

// Does not come back where kernel code was running; elsewhere the signal does what it did before.
void on_signal(int signal) {
  for (const LinuxTree* tree = LinuxTree::first(); tree != nullptr; tree = tree->next()) {
    const LinuxObject& object = tree->object();
    const auto abort = signal == SIGVTALRM ? object.abort_stuck_call : object.abort_call;
    if (abort(words_for(signal))) return;
  }
  if (signal == SIGVTALRM) return;
  for (size_t i = 0; i < kSignalCount; ++i) {
    if (kSignals[i] == signal) sigaction(signal, &before[i], nullptr);
  }
  raise(signal);
}

}  // namespace

struct LinuxGuard::Saved {
  itimerval timer{};
  stack_t stack{};
  std::vector<std::byte> own_stack = std::vector<std::byte>(size_t{64} << 10);
};

LinuxGuard::LinuxGuard(unsigned seconds) : saved_(std::make_unique<Saved>()) {
  stack_t stack{};
  stack.ss_sp = saved_->own_stack.data();
  stack.ss_size = saved_->own_stack.size();
  sigaltstack(&stack, &saved_->stack);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;  // The handler is left by longjmp.
  for (size_t i = 0; i < kSignalCount; ++i) sigaction(kSignals[i], &action, &before[i]);
  itimerval timer{};
  timer.it_value.tv_sec = timer.it_interval.tv_sec = seconds;
  setitimer(ITIMER_VIRTUAL, &timer, &saved_->timer);
}

LinuxGuard::~LinuxGuard() {
  setitimer(ITIMER_VIRTUAL, &saved_->timer, nullptr);
  for (size_t i = 0; i < kSignalCount; ++i) sigaction(kSignals[i], &before[i], nullptr);
  sigaltstack(&saved_->stack, nullptr);
}

}  // namespace memblock::lab
