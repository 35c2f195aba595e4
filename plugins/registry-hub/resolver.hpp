#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "gantry/call.hpp"

namespace hub {

/// A socket address and how it is written: "127.0.0.1:5000", "[::1]:5000".
struct Address {
  sockaddr_storage storage{};
  socklen_t size{};
  int family{};
  std::string text;
};

/// Looks a host up without outliving the call's cancellation. Errors: TransportError (unreachable), cancelled.
std::vector<Address> resolve(const std::string& host, const std::string& port, const gantry::Call& call);

/// Waits for `events` (poll(2)) on `fd`, at most `milliseconds`; false when the time is over. Errors: cancelled.
bool wait_for(int fd, short events, int milliseconds, const gantry::Call& call);

}  // namespace hub
