#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command/flags.hpp"
#include "json.hpp"

namespace gantry::cli {

/// What `gantry update` changes beside limits: published ports, mounts and networks, also of a container that runs. The
/// flags have the names of `docker service update`.
class LiveEdits {
 public:
  void declare(Flags& flags);
  [[nodiscard]] bool empty() const;

  struct Request {
    std::string path;
    std::shared_ptr<const Json> body;
  };
  /// What to post, in this order: networks that come, mounts, ports, networks that go. Each of them succeeds or changes
  /// nothing. Throws Failure if a flag has no sense.
  [[nodiscard]] std::vector<Request> requests(const std::string& container) const;

 private:
  std::vector<std::string> publish_;
  std::vector<std::string> unpublish_;
  std::vector<std::string> mount_;
  std::vector<std::string> unmount_;
  std::vector<std::string> connect_;
  std::vector<std::string> disconnect_;
};

}  // namespace gantry::cli
