#include "isolated/frame.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "gantry/error.hpp"

namespace gantry::isolated {
namespace {

struct FrameHeader {
  std::uint32_t magic = 0;
  FrameType type{};
  std::uint32_t message_size = 0;
  std::uint32_t bytes_size = 0;
};

constexpr std::uint32_t kFrameMagic = 0x67646831;  // "gdh1"

using DescriptorSpace = std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)>;

[[noreturn]] void break_link(const std::string& why) { throw BrokenLink{why}; }

[[noreturn]] void cannot_connect(const char* what) {
  throw Error{Errc::exhausted, std::string{"no connection to a driver: "} + what + ": " + std::strerror(errno)};
}

void attach_descriptors(msghdr& message, DescriptorSpace& space, const std::vector<int>& descriptors) {
  const std::size_t size = sizeof(int) * descriptors.size();
  message.msg_control = space.data();
  message.msg_controllen = CMSG_SPACE(size);
  cmsghdr* control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(size);
  std::memcpy(CMSG_DATA(control), descriptors.data(), size);
}

std::vector<UniqueFd> descriptors_of(msghdr& message) {
  std::vector<UniqueFd> out;
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr; control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; at + CMSG_LEN(sizeof(int)) <= control->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + at, sizeof fd);
      out.emplace_back(fd);
    }
  }
  return out;
}

/// What recvmsg says, but for interruptions; 0 at the end, also where the other process was killed.
std::size_t receive_some(int socket, msghdr& message) {
  for (;;) {
    const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == ECONNRESET) return 0;
    if (errno != EINTR) break_link(std::string{"receiving: "} + std::strerror(errno));
  }
}

bool receive_all(int socket, char* place, std::size_t size) {
  while (size > 0) {
    iovec part{place, size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const std::size_t got = receive_some(socket, message);
    if (got == 0) return false;
    place += got;
    size -= got;
  }
  return true;
}

/// Room is made as the bytes come: a length alone costs nothing.
void receive_text(int socket, std::size_t size, std::string& out) {
  constexpr std::size_t kStep = std::size_t{1} << 20;
  while (out.size() < size) {
    const std::size_t begin = out.size();
    out.resize(begin + std::min(kStep, size - begin));
    if (!receive_all(socket, out.data() + begin, out.size() - begin)) break_link("a frame was cut off");
  }
}

}  // namespace

SocketPair make_socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) cannot_connect("socketpair");
  SocketPair pair{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
  const timeval limit{30, 0};
  for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (::setsockopt(ends[0], SOL_SOCKET, direction, &limit, sizeof limit) != 0) cannot_connect("setsockopt");
  }
  return pair;
}

void await_frame(int socket) noexcept {
  pollfd event{socket, POLLIN, 0};
  while (::poll(&event, 1, -1) < 0 && errno == EINTR) {
  }
}

void send_frame(int socket, FrameType type, const std::string& message, const std::string& bytes,
                const std::vector<int>& descriptors, Patience patience) {
  if (message.size() > kCallBounds.bytes || bytes.size() > kLargestBytes || descriptors.size() > kMostDescriptors) {
    break_link("a frame of " + std::to_string(message.size() + bytes.size()) + " bytes is too large");
  }
  FrameHeader header{kFrameMagic, type, static_cast<std::uint32_t>(message.size()),
                     static_cast<std::uint32_t>(bytes.size())};
  std::array<iovec, 3> parts{iovec{&header, sizeof header}, iovec{const_cast<char*>(message.data()), message.size()},
                             iovec{const_cast<char*>(bytes.data()), bytes.size()}};
  msghdr out{};
  out.msg_iov = parts.data();
  out.msg_iovlen = parts.size();
  alignas(cmsghdr) DescriptorSpace space{};
  if (!descriptors.empty()) attach_descriptors(out, space, descriptors);
  const int flags = MSG_NOSIGNAL | (patience == Patience::none ? MSG_DONTWAIT : 0);
  while (out.msg_iovlen > 0) {
    const ssize_t sent = ::sendmsg(socket, &out, flags);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) break_link(std::string{"sending: "} + std::strerror(errno));
    out.msg_control = nullptr;
    out.msg_controllen = 0;
    auto rest = static_cast<std::size_t>(sent);
    while (out.msg_iovlen > 0 && rest >= out.msg_iov->iov_len) {
      rest -= out.msg_iov->iov_len;
      ++out.msg_iov;
      --out.msg_iovlen;
    }
    if (out.msg_iovlen == 0) break;
    out.msg_iov->iov_base = static_cast<char*>(out.msg_iov->iov_base) + rest;
    out.msg_iov->iov_len -= rest;
  }
}

bool receive_frame(int socket, Frame& out, bool expected, std::size_t largest_message) {
  FrameHeader header;
  iovec part{&header, sizeof header};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) DescriptorSpace space{};
  if (expected) {
    message.msg_control = space.data();
    message.msg_controllen = space.size();
  }
  const std::size_t got = receive_some(socket, message);
  if (got == 0) return false;
  out = Frame{};
  out.descriptors = descriptors_of(message);
  out.lacks_descriptors = expected && (message.msg_flags & MSG_CTRUNC) != 0;
  if (out.lacks_descriptors && out.descriptors.size() == kMostDescriptors) {
    throw Nonsense{"a frame with too many files"};
  }
  if (!receive_all(socket, reinterpret_cast<char*>(&header) + got, sizeof header - got)) {
    break_link("a frame was cut off");
  }
  if (header.magic != kFrameMagic) throw Nonsense{"this is no frame"};
  if (header.type < FrameType::describe || header.type > FrameType::close) throw Nonsense{"a frame of an unknown type"};
  if (header.message_size > largest_message || header.bytes_size > kLargestBytes) {
    throw Nonsense{"a frame is too large"};
  }
  out.type = header.type;
  receive_text(socket, header.message_size, out.message);
  receive_text(socket, header.bytes_size, out.bytes);
  return true;
}

}  // namespace gantry::isolated
