#include "seccomp_store.hpp"

#include <exception>

#include "container_shim/capabilities.hpp"
#include "container_shim/seccomp_profile.hpp"

namespace gantry::native {

using namespace container_shim;

namespace {

constexpr std::size_t kMaxFilters = 64;

}  // namespace

SeccompStore::~SeccompStore() {
  if (warming_.joinable()) warming_.join();
}

void SeccompStore::warm_up() {
  warming_ = std::thread([this] {
    try {
      filter("", capability_set({"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD",
                                 "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP",
                                 "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"}));
    } catch (const std::exception&) {
      // Whoever needs the filter meets the error again and can tell somebody.
    }
  });
}

std::string SeccompStore::filter(const std::string& profile, std::uint64_t capabilities) {
  if (profile == "unconfined") return {};
  // Held while compiling: the second one who wants the same filter waits for it.
  const std::lock_guard lock(mutex_);
  const auto found = filters_.find({profile, capabilities});
  if (found != filters_.end()) return found->second;
  std::string compiled =
      compile_seccomp(profile.empty() ? default_seccomp_profile() : parse_seccomp_profile(profile), capabilities);
  if (filters_.size() >= kMaxFilters) filters_.erase(filters_.begin());
  return filters_[{profile, capabilities}] = std::move(compiled);
}

}  // namespace gantry::native
