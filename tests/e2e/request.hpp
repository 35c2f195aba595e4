#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace gantry::e2e {

/// What a daemon answered; status 0: nothing, or not all of it.
struct Answer {
  unsigned status{};
  std::string content_type;
  std::string body;
};

/// One request over a daemon's UNIX socket, by this process: curl takes longer to start than most requests take. A
/// `body` is JSON; none: no body. Nothing: it took longer than `limit`.
std::optional<Answer> request(const std::filesystem::path& socket, const std::string& method, const std::string& target,
                              const std::string& body, std::chrono::seconds limit);

}  // namespace gantry::e2e
