#include "docker_plugin/line.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "gantry/error.hpp"

namespace gantry::docker_plugin {
namespace {

constexpr int kLookAgain = 100;  // ms; what a call that has no cancel_fd takes to notice

[[noreturn]] void fail_line(const std::string& what) {
  throw Error{Errc::unavailable, what + ": " + std::strerror(errno)};
}

}  // namespace

void wait_for(int socket, short events, const Call& call) {
  for (;;) {
    call.check();
    std::array<pollfd, 2> both{pollfd{socket, events, 0}, pollfd{call.cancel_fd(), POLLIN, 0}};
    const int ready = ::poll(both.data(), both.size(), kLookAgain);
    if (ready < 0 && errno != EINTR) fail_line("poll");
    if (ready > 0 && both[0].revents != 0) return;
  }
}

void PlainLine::send(std::string_view bytes) {
  while (!bytes.empty()) {
    wait_for(socket_.get(), POLLOUT, call_);
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) fail_line("write to the plugin");
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::size_t PlainLine::receive(std::span<char> bytes) {
  for (;;) {
    wait_for(socket_.get(), POLLIN, call_);
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EAGAIN && errno != EINTR) fail_line("read from the plugin");
  }
}

}  // namespace gantry::docker_plugin
