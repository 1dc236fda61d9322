// How calls report what went wrong. Nothing in the core throws, prints or aborts.
#pragma once

#include "memblock/phys.h"

namespace memblock {

/// Why a call did not do what was asked. Whatever the error, the regions are as they were before.
enum class [[nodiscard]] Status : uint8_t{
    Ok,
    TableFull,      ///< More regions than the table holds, and it may not or could not grow.
    NoFit,          ///< No free range satisfies the request.
    Invalid,        ///< An argument that no call can satisfy, or text that does not parse.
    NotFound,       ///< The thing asked for is not there.
    Busy,           ///< The name is taken, or there is no more room for names.
    NoMemoryYet,    ///< The call needs registered memory, and there is none.
    AfterHandover,  ///< The free memory belongs to the page allocator now: ask that one.
    Discarded,      ///< The tables were given back with discard().
};

/// One lower-case phrase for people, such as "table full".
constexpr const char* status_text(Status status) {
  switch (status) {
    case Status::Ok: return "ok";
    case Status::TableFull: return "table full";
    case Status::NoFit: return "no fit";
    case Status::Invalid: return "invalid";
    case Status::NotFound: return "not found";
    case Status::Busy: return "busy";
    case Status::NoMemoryYet: return "no memory yet";
    case Status::AfterHandover: return "after handover";
    case Status::Discarded: return "discarded";
  }
  return "unknown status";
}

/// A value, or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  constexpr Result(T value) : value_(value) {}         // NOLINT(google-explicit-constructor)
  constexpr Result(Status status) : status_(status) {  // NOLINT(google-explicit-constructor)
    MEMBLOCK_ASSERT(status != Status::Ok);
  }

  constexpr bool ok() const { return status_ == Status::Ok; }
  constexpr Status status() const { return status_; }

  /// Requires: ok().
  constexpr const T& value() const {
    MEMBLOCK_ASSERT(ok());
    return value_;
  }

  friend constexpr bool operator==(const Result&, const Result&) = default;

 private:
  T value_{};
  Status status_ = Status::Ok;
};

}  // namespace memblock
