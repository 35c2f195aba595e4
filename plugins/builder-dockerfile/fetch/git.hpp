#pragma once

#include <cstdint>
#include <string>

/// Git repositories at http, https and git addresses. Nothing of a repository is executed: no hook, no filter.
namespace gantry::fetch {

/// Tells on standard output "commit SHA" of a branch, a tag, a commit or (empty) the repository's head.
/// Errors: not_found, invalid (the address), unavailable.
void resolve(const std::string& url, const std::string& reference);

/// `expected` is the commit that `reference` was resolved to; empty: none. No other is checked out.
/// Checks `reference` out into `directory` with its submodules, without the ".git" unless `keep_git`. Tells its commit
/// as `resolve` does. Errors: as there; invalid (more than `limit` bytes came or would be written).
void check_out(const std::string& url, const std::string& reference, const std::string& expected,
               const std::string& directory, bool keep_git, std::uint64_t limit);

}  // namespace gantry::fetch
