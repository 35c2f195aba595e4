#pragma once

#include <cstdint>
#include <string>

namespace gantry::dockerfile {

/// Where a repository is that is read over SSH.
struct SshAddress {
  std::string user{"git"};  ///< Whom hosts of repositories know without a name.
  std::string host;         ///< An IPv6 address without its brackets.
  std::uint16_t port{22};

  friend bool operator==(const SshAddress&, const SshAddress&) = default;
};

/// "ssh://host/path", "git@host:path": whether `text` is meant to be read over SSH.
bool is_ssh_address(const std::string& text);

/// Parses "ssh://[user@]host[:port]/path" and "[user@]host:path". The path becomes part of a command of the
/// server's, between quotes that libgit2 did not always escape (CVE-2026-5917): so nothing is taken that could end
/// them, be an option, or be read in two ways. Errors: invalid.
SshAddress parse_ssh_address(const std::string& text);

}  // namespace gantry::dockerfile
