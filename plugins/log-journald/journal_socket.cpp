#include "journal_socket.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "gantry/error.hpp"

namespace gantry::journald {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

}  // namespace

bool JournalSocket::send_datagram(std::string_view fields) const {
  const sockaddr_un address = address_of(path_);
  ssize_t count = -1;
  do {
    count = ::sendto(socket_.get(), fields.data(), fields.size(), MSG_NOSIGNAL,
                     reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (count < 0 && errno == EINTR);
  return count >= 0;
}

bool JournalSocket::send_file(std::string_view fields) const {
  const UniqueFd file{::memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!file) return false;
  for (std::string_view rest = fields; !rest.empty();) {
    const ssize_t count = ::write(file.get(), rest.data(), rest.size());
    if (count < 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) return false;
  sockaddr_un address = address_of(path_);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = file.get();
  std::memcpy(CMSG_DATA(header), &number, sizeof number);
  return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0;
}

void JournalSocket::send(std::string_view fields) {
  if (!socket_) socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket_ && send_datagram(fields)) return;
  if (socket_ && (errno == EMSGSIZE || errno == ENOBUFS) && send_file(fields)) return;
  throw Error{Errc::unavailable, "cannot send to journald: " + std::string(std::strerror(errno))};
}

}  // namespace gantry::journald
