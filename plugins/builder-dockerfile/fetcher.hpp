#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "address.hpp"
#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"
#include "ssh_access.hpp"

namespace gantry::dockerfile {

/// A file that came from a server.
struct Download {
  std::string name;        ///< By the address, else by the server; empty: neither names it.
  std::string media_type;  ///< In lower case, without parameters.
};

/// Gets the files and repositories of one build, by a process for each (`gantry-fetch`). Any thread.
class Fetcher {
 public:
  Fetcher(std::string program, std::uint64_t limit, SshAccess& ssh)
      : program_(std::move(program)), limit_(limit), ssh_(ssh) {}

  /// The most bytes that are fetched, and that an archive among them may unpack to.
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }

  /// Writes the file at `url` into `file` and gives it the server's time, or that of 1970.
  /// Errors: not_found, invalid, unavailable, cancelled; the message names the address.
  Download file(const std::string& url, int file, const Call& call) const;

  /// The commit that an address means now. Errors: as `file`; denied (over SSH: no agent or none of its keys; a host
  /// whose key has changed).
  [[nodiscard]] std::string commit_of(const GitAddress& address, const Call& call) const;

  /// Checks the whole of a repository out into an empty directory. Errors: as `commit_of`.
  void repository(const GitAddress& address, const std::string& directory, bool keep_git, const Call& call) const;

 private:
  fetch_process::Told ask_git(std::vector<std::string> words, const std::string& url, int target,
                              const Call& call) const;

  const std::string program_;
  const std::uint64_t limit_;
  SshAccess& ssh_;
};

}  // namespace gantry::dockerfile
