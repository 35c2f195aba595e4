#pragma once

#include <map>
#include <mutex>
#include <string>

#include "gantry/builder.hpp"
#include "gantry/unique_fd.hpp"
#include "lent_files.hpp"
#include "ssh_address.hpp"

namespace gantry::dockerfile {

/// The keys that hosts have shown to one build. Any thread.
class HostKeys {
 public:
  /// "any": it has shown none yet.
  [[nodiscard]] std::string of(const SshAddress& address) const;
  /// Errors: denied (the host has shown another one).
  void pin(const SshAddress& address, const std::string& key);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> keys_;
};

/// How one build reads repositories over SSH: with the keys of the agent that its user lends, and from hosts that show
/// one key all the time. Any thread.
class SshAccess {
 public:
  /// `root`: where agents' sockets are mounted.
  SshAccess(builder::v1::Session& session, std::string root) : session_(session), root_(std::move(root)) {}

  /// An agent's socket, for as long as this lives.
  class Agent {
   public:
    /// Errors: denied (the user lends none), io.
    explicit Agent(const SshAccess& access);
    /// The socket (O_PATH), which gantry-fetch's user may connect to.
    [[nodiscard]] int socket() const noexcept { return socket_.get(); }

   private:
    LentFiles files_;
    UniqueFd socket_;
  };

  HostKeys& host_keys() noexcept { return host_keys_; }

 private:
  builder::v1::Session& session_;
  const std::string root_;
  HostKeys host_keys_;
};

}  // namespace gantry::dockerfile
