#pragma once

#include <cstdint>
#include <string>

/// Git repositories at http, https, git and SSH addresses. Nothing of a repository is executed: no hook, no filter.
namespace gantry::fetch {

/// Tells on standard output "commit SHA" of a branch, a tag or (empty) the repository's head, and over SSH "host-key
/// SHA256:...": what the host has shown. `host_key`: see `SshLogin`.
/// Errors: not_found, invalid (the address), unavailable, denied and unsupported (over SSH).
void resolve(const std::string& url, const std::string& reference, const std::string& host_key);

struct Wanted {
  std::string reference;
  std::string commit;  ///< What `reference` was resolved to; empty: it was not. No other is checked out.
  bool keep_git{};     ///< The ".git".
  std::string host_key;
};

/// Checks `wanted` out into `directory` with its submodules. Tells what `resolve` does.
/// Errors: as there; invalid (more than `limit` bytes came or would be written).
void check_out(const std::string& url, const Wanted& wanted, const std::string& directory, std::uint64_t limit);

}  // namespace gantry::fetch
