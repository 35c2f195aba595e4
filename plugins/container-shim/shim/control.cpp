#include "shim/control.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "container_shim/protocol.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

constexpr std::size_t kMaxPlan = std::size_t{16} << 20;

}  // namespace

Control::Control(Loop& loop, Container& container, UniqueFd owner) : loop_(loop), container_(container) {
  const int fd = owner.get();
  connections_.push_back(std::move(owner));
  loop_.add(fd, EPOLLIN, [this, fd](std::uint32_t) { serve(fd, true); });
}

int Control::listen() {
  listener_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, kSocketFile, sizeof address.sun_path - 1);
  if (!listener_ || ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(listener_.get(), 64) < 0) {
    return errno;
  }
  loop_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_one(); });
  return 0;
}

void Control::accept_one() {
  UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection) return;
  const int fd = connection.get();
  connections_.push_back(std::move(connection));
  loop_.add(fd, EPOLLIN, [this, fd](std::uint32_t) { serve(fd, false); });
}

void Control::drop(int connection) {
  loop_.remove(connection);
  connections_.remove_if([connection](const UniqueFd& fd) { return fd.get() == connection; });
}

void Control::serve(int connection, bool is_owner) {
  Message message = receive_message(connection, kMaxMessage, MSG_DONTWAIT);
  if (message.size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  Request request;
  if (message.size <= 0 || !decode(message.bytes, request)) {
    drop(connection);
    if (is_owner) container_.lose_owner();
    return;
  }
  // The answer may come later and from elsewhere: it gets a descriptor of its own.
  const auto later = [connection] { return UniqueFd(::fcntl(connection, F_DUPFD_CLOEXEC, 10)); };
  UniqueFd first = message.take(0);
  switch (request.operation) {
    case Operation::start:
      return container_.start(later());
    case Operation::exec: {
      ExecPlan plan;
      ::lseek(first.get(), 0, SEEK_SET);
      if (!decode(read_rest(first.get(), kMaxPlan), plan)) {
        return answer(connection, {static_cast<std::int32_t>(Errc::invalid), "malformed exec", 0});
      }
      return container_.exec(request, std::move(plan), message.take(1), message.take(2), later());
    }
    case Operation::attach:
      return answer(connection, container_.attach(std::move(first)));
    case Operation::signal:
      return answer(connection, container_.signal(request));
    case Operation::resize:
      return answer(connection, container_.resize(request));
    case Operation::reopen_log:
      return answer(connection, container_.reopen_log());
    case Operation::watch:
      return answer(connection, container_.watch(request, std::move(first)));
  }
}

}  // namespace gantry::container_shim
