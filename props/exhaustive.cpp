// Exhaustive small scope: every sequence of ops over a tiny universe, core against model.
//
// Breadth first over reachable states with equal states merged: each state is reached by a shortest
// sequence, and every op is tried in it once. Between two ops the core is brought back to the state
// by its bytes, the model by assignment.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "lab/compare.h"
#include "lab/core_backend.h"
#include "lab/model.h"
#include "props/exhaustive_scopes.h"

namespace memblock::lab {
namespace {

/// More regions than any table of a tiny universe comes to have room for.
constexpr size_t kSlots = 24;
using Slots = std::array<Region, kSlots>;

/// Where tables live: at first, and once they have grown into a unit of the universe.
struct TinyStorage {
  std::array<Slots, 3> first;
  std::array<Slots, kCellsMax> grown;
};

/// The core in storage that can be copied as bytes and copied back.
class TinyCore : private TinyStorage, public FlatMemblock {
 public:
  struct Saved {
    std::array<std::byte, sizeof(FlatMemblock)> memblock;
    TinyStorage storage;
  };

  explicit TinyCore(const Limits& limits)
      : FlatMemblock(first_storage(limits), platform(), machine_of(limits)) {}

  /// Where the universe of grown tables begins, and whether there are any.
  void set_universe(const Scope& scope) {
    origin_ = PhysAddr{scope.origin};
    grows_ = scope.grows;
  }

  static constexpr const char* name() { return "core"; }

  // Formally one does not copy such an object as bytes. It holds numbers and pointers to what never
  // moves, so here its bytes are its state.
  void save(Saved& out) const {
    const FlatMemblock* self = this;
    std::memcpy(out.memblock.data(), static_cast<const void*>(self), sizeof(FlatMemblock));
    out.storage = *this;
  }
  void restore(const Saved& saved) {
    FlatMemblock* self = this;
    std::memcpy(static_cast<void*>(self), saved.memblock.data(), sizeof(FlatMemblock));
    first = saved.storage.first;
    if (grows_) grown = saved.storage.grown;
  }

  /// The unit that a grown table lives in, from 1; 0 for its first storage.
  size_t unit_of(TableId id) const {
    const Region* data = table(id).storage().data();
    for (size_t i = 0; i < grown.size(); ++i) {
      if (data == grown[i].data()) return i + 1;
    }
    return 0;
  }

  E820Table& e820() { return e820_; }
  const E820Table& e820() const { return e820_; }
  E820Options& options() { return options_; }
  NamedReservations& named() { return named_; }
  Observed& observed() { return observed_; }
  std::vector<PhysRange>& zeroed() { return zeroed_; }

 private:
  Storage first_storage(const Limits& limits) {
    MEMBLOCK_ASSERT(limits.memory <= kSlots && limits.reserved <= kSlots);
    return {{first[0].data(), limits.memory},
            {first[1].data(), limits.reserved},
            {first[2].data(), limits.physmem}};
  }

  Platform platform() {
    Platform out;
    out.context = this;
    out.phys_to_virt = [](void* context, PhysRange range) -> void* {
      auto* self = static_cast<TinyCore*>(context);
      if (!can_touch(range)) return nullptr;
      return self->grown.at((range.base - self->origin_) / kUnit).data();
    };
    out.zero = [](void* context, PhysRange range) {
      static_cast<TinyCore*>(context)->zeroed_.push_back(range);
    };
    out.warn = [](void* context, Warning warning) {
      static_cast<TinyCore*>(context)->observed_.warnings |= 1u << static_cast<unsigned>(warning);
    };
    out.print = [](void* context, const char* line, size_t length) {
      static_cast<TinyCore*>(context)->observed_.lines.emplace_back(line, length);
    };
    return out;
  }

  static Machine machine_of(const Limits& limits) {
    Machine machine;
    machine.page_shift = limits.page_shift;
    return machine;
  }

  PhysAddr origin_;
  bool grows_ = false;
  Observed observed_;
  std::vector<PhysRange> zeroed_;
  E820Table e820_{{}, {}};
  E820Options options_{e820_};
  NamedReservations named_;
};

// ---- States

/// A state as numbers: equal exactly for states that behave alike from then on.
struct Key {
  uint64_t memory = 0;    ///< A byte for each unit: the kind of what is there.
  uint64_t reserved = 0;  ///< The same.
  uint64_t rest = 0;      ///< Capacities, places, settings.

  friend bool operator==(const Key&, const Key&) = default;
};

struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t h = key.memory * 0x9e3779b97f4a7c15 ^ key.reserved * 0xc2b2ae3d27d4eb4f ^
                 key.rest * 0x165667b19e3779f9;
    return static_cast<size_t>(h ^ h >> 29);
  }
};

uint64_t key_of(const std::vector<Region>& regions, const Scope& scope) {
  uint64_t key = 0;
  for (const Region& region : regions) {
    const uint64_t node = region.nid == kNoNode ? 0 : region.nid == kUnsetNode ? 1 : 2;
    const uint64_t kind = 0x80 |
                          (node + static_cast<uint64_t>(node == 2 && region.nid.value == 1)) << 5 |
                          region.flags.bits;
    const uint64_t first = region.base.value - scope.origin;
    const uint64_t last = region.end().value - scope.origin;
    MEMBLOCK_ASSERT(first % kUnit == 0 && last % kUnit == 0 && last <= scope.cells * kUnit);
    for (uint64_t cell = first / kUnit; cell < last / kUnit; ++cell) key |= kind << (8 * cell);
  }
  return key;
}

uint64_t unit_of(const Model::Place& place, const Scope& scope) {
  return place.range.empty() ? 0 : (place.range.base.value - scope.origin) / kUnit + 1;
}

Key key_of(const Model& model, const Scope& scope) {
  const Model::State& state = model.state();
  uint64_t rest = 0;
  const auto put = [&](uint64_t value, unsigned bits) { rest = rest << bits | value; };
  put(state.memory.capacity(), 5);
  put(state.reserved.capacity(), 5);
  put(unit_of(state.places[0], scope), 4);
  put(unit_of(state.places[1], scope), 4);
  put(state.limit == kPhysAddrMax ? 0xf : (state.limit.value - scope.origin) / kUnit, 4);
  for (const bool flag : {state.bottom_up, state.movable_node, state.has_mirror, state.can_resize,
                          state.handed_over, state.discarded}) {
    put(flag ? 1 : 0, 1);
  }
  return {key_of(state.memory.regions(), scope), key_of(state.reserved.regions(), scope), rest};
}

// ---- The search

struct Totals {
  uint64_t states = 0, transitions = 0, queries = 0, depth = 0;
};

class Search {
 public:
  explicit Search(const Scope& scope) : scope_(scope), core_(scope.limits), model_(scope.limits) {
    core_.set_universe(scope);
  }

  /// False if a difference was found; it has been printed then.
  bool run(Totals& totals) {
    if (scope_.grows) prologue_.code = OpCode::AllowResize;
    if (scope_.grows && !step(prologue_)) return failed(prologue_);
    seen_.insert(key_of(model_, scope_));
    for (size_t i = 0; i < reached_.size(); ++i) {
      if (!expand(i, totals)) return false;
    }
    totals.states += reached_.size();
    totals.depth = std::max<uint64_t>(totals.depth, reached_.back().depth);
    return true;
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  /// How a state was reached first.
  struct Reached {
    uint32_t from = kNone;
    uint32_t op = kNone;
    uint32_t depth = 0;
  };

  std::vector<Op> path_to(size_t index) const {
    std::vector<Op> ops;
    for (; reached_[index].from != kNone; index = reached_[index].from) {
      ops.push_back(scope_.ops[reached_[index].op]);
    }
    return {ops.rbegin(), ops.rend()};
  }

  /// Does `op` on both; false if they part.
  bool step(const Op& op) {
    const Outcome a = apply(core_, op);
    const Outcome b = apply(model_, op);
    const bool cleared_alike = core_.zeroed() == model_.zeroed();
    core_.zeroed().clear();
    model_.forget_zeroed();
    return a == b && cleared_alike && same_state();
  }

  bool same_state() const {
    const Model::State& state = model_.state();
    for (const TableId id : {TableId::Memory, TableId::Reserved}) {
      const FlatTable& table = core_.table(id);
      if (!detail::same(table.regions(), model_.table(id).regions())) return false;
      if (table.capacity() != model_.table(id).capacity()) return false;
      if (table.total_bytes() != model_.table(id).total_bytes()) return false;
      if (core_.unit_of(id) != unit_of(state.places[static_cast<size_t>(id)], scope_)) return false;
    }
    return core_.first_broken_invariant() == 0;
  }

  /// Who frees the storage of a table breaks his own memory, in Linux as here: no test of anything.
  bool breaks_a_table(const Op& op) const {
    if (op.code != OpCode::Free) return false;
    const auto& places = model_.state().places;
    return std::any_of(places.begin(), places.end(),
                       [&](const Model::Place& place) { return place.range.overlaps(op.range); });
  }

  bool expand(size_t index, Totals& totals) {
    core_.restore(start_core());
    model_.restore(start_model());
    const std::vector<Op> path = path_to(index);
    for (const Op& op : path) {
      static_cast<void>(apply(core_, op));
      static_cast<void>(apply(model_, op));
    }
    core_.save(here_core_);
    here_model_ = model_.state();
    here_ = index;
    const Key here = key_of(model_, scope_);
    for (const Op& op : scope_.queries) {
      ++totals.queries;
      if (!step(op) || !(key_of(model_, scope_) == here)) return failed(op);
    }
    for (uint32_t i = 0; i < scope_.ops.size(); ++i) {
      const Op& op = scope_.ops[i];
      if (breaks_a_table(op)) continue;
      ++totals.transitions;
      if (!step(op)) return failed(op);
      const Key key = key_of(model_, scope_);
      if (key == here) continue;
      if (seen_.insert(key).second) {
        reached_.push_back({static_cast<uint32_t>(index), i, reached_[index].depth + 1});
      }
      core_.restore(here_core_);
      model_.restore(here_model_);
    }
    return true;
  }

  /// The state that everything begins in, saved when first asked for.
  const TinyCore::Saved& start_core() {
    if (!started_) {
      core_.save(start_core_);
      start_model_ = model_.state();
      started_ = true;
    }
    return start_core_;
  }
  const Model::State& start_model() const { return *start_model_; }

  /// Prints the sequence that leads to the difference.
  bool failed(const Op& op) const {
    Trace trace;
    trace.limits = scope_.limits;
    trace.comments = {"Found by the exhaustive search of scope " + scope_.name + "."};
    if (scope_.grows) trace.steps.push_back({prologue_, {}, 0});
    for (const Op& before : path_to(here_)) trace.steps.push_back({before, {}, 0});
    trace.steps.push_back({op, {}, 0});
    const auto divergence = compare<FlatBackend, Model>(trace);
    std::printf("%s\n", divergence ? report(*divergence, trace, "").c_str()
                                   : ("core and model part at the last op of\n" + to_text(trace) +
                                      "(only where lookups remember what the search did before)")
                                         .c_str());
    return false;
  }

  const Scope& scope_;
  TinyCore core_;
  Model model_;
  Op prologue_;
  std::vector<Reached> reached_{Reached{}};
  std::unordered_set<Key, KeyHash> seen_;
  TinyCore::Saved start_core_, here_core_;
  std::optional<Model::State> start_model_;
  Model::State here_model_ = model_.state();
  size_t here_ = 0;
  bool started_ = false;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool cover(const std::vector<Scope>& scopes) {
  Totals all;
  const auto start = std::chrono::steady_clock::now();
  for (const Scope& scope : scopes) {
    Totals totals;
    const auto scope_start = std::chrono::steady_clock::now();
    if (!Search{scope}.run(totals)) return false;
    std::printf(
        "%-10s %9llu states, %11llu transitions, %10llu queries, depth %2llu, %6.1f s: %s\n",
        scope.name.c_str(), static_cast<unsigned long long>(totals.states),
        static_cast<unsigned long long>(totals.transitions),
        static_cast<unsigned long long>(totals.queries),
        static_cast<unsigned long long>(totals.depth), seconds_since(scope_start),
        scope.about.c_str());
    std::fflush(stdout);
    all.states += totals.states;
    all.transitions += totals.transitions;
    all.queries += totals.queries;
  }
  std::printf("exhaustive: %llu states, %llu transitions, %llu queries, all equal, %.1f s\n",
              static_cast<unsigned long long>(all.states),
              static_cast<unsigned long long>(all.transitions),
              static_cast<unsigned long long>(all.queries), seconds_since(start));
  return true;
}

}  // namespace
}  // namespace memblock::lab

int main(int argc, char** argv) {
  using namespace memblock::lab;
  const std::string_view choice = argc > 1 ? argv[1] : "";
  if (argc > 2 || (!choice.empty() && choice[0] == '-' && choice != "--full")) {
    std::printf(
        "usage: props_exhaustive [--full | SCOPE]\n"
        "Tries every sequence of ops over tiny universes, core against model.\n"
        "  --full   one large universe with everything in it: minutes\n"
        "  SCOPE    one of the small universes, such as memory\n");
    return choice == "--help" ? 0 : 2;
  }
  std::vector<Scope> scopes =
      choice == "--full" ? std::vector<Scope>{full_scope()} : small_scopes();
  if (!choice.empty() && choice != "--full") {
    std::erase_if(scopes, [&](const Scope& scope) { return scope.name != choice; });
    if (scopes.empty()) {
      std::printf("props_exhaustive: no scope is called %s; run without arguments to see them\n",
                  argv[1]);
      return 2;
    }
  }
  return cover(scopes) ? 0 : 1;
}
