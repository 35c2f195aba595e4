#include "container_shim/shim_client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "container_shim/message.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

void send_request(int connection, const Request& request, std::initializer_list<int> descriptors) {
  if (!send_message(connection, encode(request), {descriptors.begin(), descriptors.size()})) {
    throw Error{Errc::unavailable, std::string("the container's shim does not answer: ") + std::strerror(errno)};
  }
}

}  // namespace

UniqueFd connect_shim(const std::string& directory) {
  // Through the directory's descriptor: the path may be longer than a socket's address can be.
  const UniqueFd base(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  UniqueFd connection(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(base.get()) + "/" + kSocketFile;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (!base || !connection ||
      ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return {};
  }
  return connection;
}

Reply receive_reply(int connection, const Call& call) {
  pollfd polls[2] = {{connection, POLLIN, 0}, {call.cancel_fd(), POLLIN, 0}};
  while (::poll(polls, polls[1].fd >= 0 ? 2 : 1, -1) < 0 && errno == EINTR) {
  }
  if (polls[0].revents == 0) call.check();
  std::string bytes(kMaxMessage, '\0');
  const ssize_t size = ::recv(connection, bytes.data(), bytes.size(), 0);
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  Reply reply;
  if (bytes.empty() || !decode(bytes, reply)) throw Error{Errc::unavailable, "the container's shim has ended"};
  if (reply.error != 0) throw Error{static_cast<Errc>(reply.error), reply.message};
  return reply;
}

Reply ask_shim(int connection, const Request& request, std::initializer_list<int> descriptors, const Call& call) {
  send_request(connection, request, descriptors);
  return receive_reply(connection, call);
}

}  // namespace gantry::container_shim
