#pragma once

#include <cstdint>
#include <string>

#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::runtime::v1 {

/// An ability of a runtime driver: tells at once, while the container runs on, that the kernel has found no memory for
/// one of its processes within its limit. `Driver::query(kAbility)` answers it.
class OomWatch {
 public:
  static constexpr const char* kAbility = "oom-watch";
  virtual ~OomWatch() = default;

  /// `changed`, the caller's, becomes readable for poll(2) when that may have happened, until `has_struck` is asked.
  /// Errors: not_found (container), unsupported (its cgroup has no account of memory), io.
  virtual void watch_oom(const std::string& id, UniqueFd& changed, const Call& call) = 0;

  /// Whether it has happened since the last call with the same `changed`. `seen` begins as 0 and is the driver's.
  /// Errors: not_found (the container has ended).
  virtual bool has_struck(const std::string& id, int changed, std::uint64_t& seen, const Call& call) = 0;
};

}  // namespace gantry::runtime::v1
