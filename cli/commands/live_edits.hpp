#pragma once

#include <string>
#include <vector>

#include "client/client.hpp"
#include "command/flags.hpp"
#include "json.hpp"

namespace gantry::cli {

/// What `gantry update` changes beside limits: published ports, mounts and networks, also of a container that runs. The
/// flags have the names of `docker service update`.
class LiveEdits {
 public:
  void declare(Flags& flags);
  [[nodiscard]] bool empty() const;
  /// Each part succeeds or changes nothing: networks that come, mounts, ports, networks that go. Throws DaemonError.
  void apply(Client& client, const std::string& container) const;

 private:
  std::vector<std::string> publish_;
  std::vector<std::string> unpublish_;
  std::vector<std::string> mount_;
  std::vector<std::string> unmount_;
  std::vector<std::string> connect_;
  std::vector<std::string> disconnect_;
};

}  // namespace gantry::cli
