#pragma once

#include <cstdint>
#include <string>

#include "address.hpp"
#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::dockerfile {

/// A file that came from a server.
struct Download {
  std::string name;        ///< By the address, else by the server; empty: neither names it.
  std::string media_type;  ///< In lower case, without parameters.
};

/// Gets files and repositories, by a process for each (`gantry-fetch`). Any thread.
class Fetcher {
 public:
  Fetcher(std::string program, std::uint64_t limit) : program_(std::move(program)), limit_(limit) {}

  /// The most bytes that are fetched, and that an archive among them may unpack to.
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }

  /// Writes the file at `url` into `file` and gives it the server's time, or that of 1970.
  /// Errors: not_found, invalid, unavailable, cancelled; the message names the address.
  Download file(const std::string& url, int file, const Call& call) const;

  /// The commit that an address means now. Errors: as `file`.
  [[nodiscard]] std::string commit_of(const GitAddress& address, const Call& call) const;

  /// Checks the whole of a repository out into an empty directory. Errors: as `file`.
  void repository(const GitAddress& address, const std::string& directory, bool keep_git, const Call& call) const;

 private:
  const std::string program_;
  const std::uint64_t limit_;
};

}  // namespace gantry::dockerfile
