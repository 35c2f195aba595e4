#include "resolver.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "connection.hpp"
#include "gantry/unique_fd.hpp"

namespace hub {
namespace {

constexpr int kLookupLimit = 30'000;

/// Shared with the thread that looks up: getaddrinfo(3) cannot be stopped, only left alone.
struct Lookup {
  gantry::UniqueFd ready{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  int result{};
  addrinfo* found{};

  Lookup() = default;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    if (found != nullptr) ::freeaddrinfo(found);
  }
};

Address convert(const addrinfo& info) {
  Address address;
  std::memcpy(&address.storage, info.ai_addr, info.ai_addrlen);
  address.size = info.ai_addrlen;
  address.family = info.ai_family;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(info.ai_addr, info.ai_addrlen, host.data(), host.size(), port.data(), port.size(),
                NI_NUMERICHOST | NI_NUMERICSERV);
  address.text = info.ai_family == AF_INET6 ? "[" + std::string{host.data()} + "]:" : std::string{host.data()} + ":";
  address.text += port.data();
  return address;
}

}  // namespace

bool wait_for(int fd, short events, int milliseconds, const gantry::Call& call) {
  call.check();
  std::array<pollfd, 2> fds{{{fd, events, 0}, {call.cancel_fd(), POLLIN, 0}}};
  for (;;) {
    const int ready = ::poll(fds.data(), fds.size(), milliseconds);
    if (ready < 0 && errno == EINTR) continue;
    if (fds[1].revents != 0) throw gantry::Error{gantry::Errc::cancelled, "context canceled"};
    return ready > 0;
  }
}

std::vector<Address> resolve(const std::string& host, const std::string& port, const gantry::Call& call) {
  // getaddrinfo(3) would take the remainder.
  if (port.size() > 5 || std::atoi(port.c_str()) > 65535) {
    throw TransportError{TransportError::Kind::unreachable, "dial tcp: address " + port + ": invalid port"};
  }
  const auto lookup = std::make_shared<Lookup>();
  std::thread{[lookup, host, port] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int result = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    {
      const std::lock_guard lock{lookup->mutex};
      lookup->result = result;
      lookup->found = found;
    }
    ::eventfd_write(lookup->ready.get(), 1);
  }}.detach();
  if (!wait_for(lookup->ready.get(), POLLIN, kLookupLimit, call)) {
    throw TransportError{TransportError::Kind::unreachable, "dial tcp: lookup " + host + ": i/o timeout"};
  }
  const std::lock_guard lock{lookup->mutex};
  if (lookup->result != 0) {
    const char* why =
        lookup->result == EAI_NONAME || lookup->result == EAI_NODATA ? "no such host" : ::gai_strerror(lookup->result);
    throw TransportError{TransportError::Kind::unreachable, "dial tcp: lookup " + host + ": " + why};
  }
  std::vector<Address> addresses;
  for (const addrinfo* info = lookup->found; info != nullptr; info = info->ai_next) addresses.push_back(convert(*info));
  return addresses;
}

}  // namespace hub
