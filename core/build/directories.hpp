#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "gantry/builder.hpp"
#include "gantry/unique_fd.hpp"

/// Build contexts that are not sent, because client and daemon see the same files.
namespace gantry::build {

/// What a client says of a directory: enough to tell that the daemon has opened the same one.
struct DirectoryClaim {
  std::string path;  ///< Without links.
  std::uint64_t device{};
  std::uint64_t inode{};
  std::int64_t changed{};  ///< Its change time, nanoseconds.
  std::string boot;        ///< The kernel's boot id: another host has another.
};

/// A client's process.
struct Peer {
  pid_t pid{};
  builder::v1::Reader reader;
};

struct SharedDirectory {
  UniqueFd fd;
  builder::v1::Reader reader;
};

/// Opens a directory as the client's process sees it. Blocks. Errors: conflict (it is another one here, or none).
SharedDirectory open_claimed(const DirectoryClaim& claim, const Peer& peer);

/// Directories whose build has not begun. Io thread only.
class DirectoryDesk {
 public:
  /// Answers a name that cannot be guessed. What no build takes within a minute is closed when the
  /// next one comes. Errors: exhausted.
  std::string put(std::shared_ptr<SharedDirectory> directory);
  /// Errors: not_found.
  std::shared_ptr<SharedDirectory> take(const std::string& id);

 private:
  struct Waiting {
    std::shared_ptr<SharedDirectory> directory;
    std::chrono::steady_clock::time_point since;
  };
  void forget_old();
  std::map<std::string, Waiting> waiting_;
};

}  // namespace gantry::build
