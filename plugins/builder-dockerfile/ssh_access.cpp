#include "ssh_access.hpp"

#include <fcntl.h>

#include "fetch/confinement.hpp"
#include "gantry/error.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::dockerfile {
namespace {

/// As in BuildKit.
constexpr const char* kAgent = "default";
constexpr const char* kAnyKey = "any";

std::string name_of(const SshAddress& address) { return address.host + " " + std::to_string(address.port); }

}  // namespace

SshAccess::Agent::Agent(const SshAccess& access) : files_(access.root_) {
  auto* loans = static_cast<builder::v1::Loans*>(access.session_.query(builder::v1::Loans::kService));
  int listener = -1;
  const std::string place = files_.listen({0600, fetch::kNobody, fetch::kNobody}, listener);
  if (loans == nullptr || !loans->serve_agent(kAgent, listener)) {
    throw Error{
        Errc::denied,
        "a repository at an SSH address is read with the keys of your SSH agent, and the build has none: lend it "
        "with --ssh default"};
  }
  socket_ = UniqueFd{::open(place.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  if (!socket_) layer_archive::throw_errno("cannot lend an agent");
}

std::string HostKeys::of(const SshAddress& address) const {
  const std::lock_guard lock{mutex_};
  const auto found = keys_.find(name_of(address));
  return found == keys_.end() ? kAnyKey : found->second;
}

void HostKeys::pin(const SshAddress& address, const std::string& key) {
  const std::lock_guard lock{mutex_};
  const auto [pinned, is_new] = keys_.try_emplace(name_of(address), key);
  if (is_new || pinned->second == key) return;
  throw Error{Errc::denied,
              "the host " + address.host + " has shown two keys during the build: " + pinned->second + " and " + key};
}

}  // namespace gantry::dockerfile
