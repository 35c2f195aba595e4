#include "container_shim/message.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace gantry::container_shim {

namespace {

/// Room for the descriptors of one message, aligned as the kernel wants it.
union ControlBuffer {
  cmsghdr header;
  char bytes[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
};

msghdr message_over(iovec& piece, ControlBuffer& control, std::size_t control_size) {
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control_size > 0 ? control.bytes : nullptr;
  message.msg_controllen = control_size;
  return message;
}

}  // namespace

UniqueFd Message::take(std::size_t index) {
  return index < descriptors.size() ? std::move(descriptors[index]) : UniqueFd();
}

bool send_message(int socket, std::string_view bytes, std::span<const int> descriptors, int flags) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  ControlBuffer control{};
  const std::size_t size = std::min(descriptors.size(), kMaxDescriptors) * sizeof(int);
  const msghdr message = message_over(piece, control, size > 0 ? CMSG_SPACE(size) : 0);
  if (size > 0) {
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(&control.header), descriptors.data(), size);
  }
  return ::sendmsg(socket, &message, flags | MSG_NOSIGNAL) >= 0;
}

Message receive_message(int socket, std::size_t max_size, int flags) {
  Message result;
  result.bytes.resize(max_size);
  iovec piece{result.bytes.data(), result.bytes.size()};
  ControlBuffer control{};
  msghdr message = message_over(piece, control, sizeof control.bytes);
  result.size = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  result.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(result.size, 0)));
  const cmsghdr* header = result.size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return result;
  const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
    result.descriptors.emplace_back(fd);
  }
  return result;
}

}  // namespace gantry::container_shim
