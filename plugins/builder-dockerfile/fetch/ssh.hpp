#pragma once

#include <git2.h>

#include <optional>
#include <string>

#include "gantry/error.hpp"
#include "ssh_address.hpp"

namespace gantry::fetch {

/// How one run reads repositories over SSH: with an agent's keys, as one user of one host, which shows one key all the
/// time. The functions that libgit2 calls answer as it wants it; `check` throws what they would have.
class SshLogin {
 public:
  /// `host_key`: the host's, as `ssh-keygen -l` has it ("SHA256:..."); "any": whichever it shows first; empty: there is
  /// no agent (else it is at the descriptor `kAgent`), and no repository is read over SSH.
  explicit SshLogin(std::string host_key);

  /// To be called before each connection. Errors: invalid (the address), denied (no agent, or another host or user than
  /// the first), unsupported (libgit2 has no SSH).
  void prepare(const std::string& url);

  int check_key(const git_cert* certificate) noexcept;
  int give_key(git_credential** out, const char* user, unsigned allowed) noexcept;

  /// Errors: denied (the host has another key than before, or takes none of the agent's).
  void check() const;

  /// What the host has shown, or must; empty: nothing yet.
  [[nodiscard]] std::string host_key() const;

 private:
  int refuse(Errc code, const std::string& why) noexcept;

  std::string host_key_;
  std::optional<dockerfile::SshAddress> host_;
  bool asked_{};  ///< For a key, by the connection that goes on.
  std::optional<Error> refusal_;
};

}  // namespace gantry::fetch
