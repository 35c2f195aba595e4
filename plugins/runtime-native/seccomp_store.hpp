#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace gantry::native {

/// Compiled filters: a compilation takes tens of milliseconds and must not be on the way to a start. Any thread.
class SeccompStore {
 public:
  SeccompStore() = default;
  ~SeccompStore();
  SeccompStore(const SeccompStore&) = delete;
  SeccompStore& operator=(const SeccompStore&) = delete;

  /// Compiles the default profile for Docker's default capabilities in the background.
  void warm_up();

  /// The filter for a Spec's `seccomp` and a process's capabilities; empty for "unconfined". Errors: invalid.
  std::string filter(const std::string& profile, std::uint64_t capabilities);

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::uint64_t>, std::string> filters_;
  std::thread warming_;
};

}  // namespace gantry::native
