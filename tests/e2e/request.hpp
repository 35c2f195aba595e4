#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace gantry::e2e {

/// What a daemon answered; status 0: nothing, or not all of it.
struct Answer {
  unsigned status{};
  std::string body;
};

/// One request over a daemon's UNIX socket. In this process: curl takes longer to start than most requests take. A `body`
/// is JSON; none: no body. One that takes longer than `limit` fails the test.
Answer request(const std::filesystem::path& socket, const std::string& method, const std::string& target,
               const std::string& body = {}, std::chrono::seconds limit = std::chrono::seconds{60});

}  // namespace gantry::e2e
