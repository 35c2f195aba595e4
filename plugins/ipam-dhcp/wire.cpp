#include "wire.hpp"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace gantry::dhcp {
namespace {

constexpr int kLookAgain = 100;  // ms; what a call that has no cancel_fd takes to notice

[[noreturn]] void fail(const std::string& what) { throw Error{Errc::io, what + ": " + std::strerror(errno)}; }

/// IPv4, UDP, no later fragment, to a DHCP client: nothing else of the interface's traffic is copied.
void keep_answers_only(int socket) {
  std::array<sock_filter, 11> code{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 8),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) fail("dhcp: socket filter");
}

}  // namespace

Wire::Wire(const std::string& interface) : interface_(interface) {
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index == 0) throw Error{Errc::not_found, "dhcp: interface " + interface + " not found"};
  // The protocol comes with `bind`, behind the filter: nothing slips in before.
  socket_ = UniqueFd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) fail("dhcp: socket");
  keep_answers_only(socket_.get());
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  if (::ioctl(socket_.get(), SIOCGIFHWADDR, &request) != 0) fail("dhcp: interface " + interface);
  std::memcpy(mac_.data(), request.ifr_hwaddr.sa_data, mac_.size());
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("dhcp: interface " + interface);
  }
}

void Wire::send(const Message& message, const Mac& to, std::uint32_t target) const {
  const std::string frame = frame_of(message, to, target);
  if (::send(socket_.get(), frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size())) {
    fail("dhcp: send by interface " + interface_);
  }
}

std::optional<Message> Wire::receive(int limit, const Call& call) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit);
  std::array<char, 2048> frame{};
  while (std::chrono::steady_clock::now() < end) {
    call.check();
    std::array<pollfd, 2> both{pollfd{socket_.get(), POLLIN, 0}, pollfd{call.cancel_fd(), POLLIN, 0}};
    if (::poll(both.data(), both.size(), kLookAgain) <= 0 || both[0].revents == 0) continue;
    const ssize_t got = ::recv(socket_.get(), frame.data(), frame.size(), 0);
    if (got < 0 && errno != EAGAIN && errno != EINTR) fail("dhcp: interface " + interface_);
    if (got <= 0) continue;
    if (auto message = parse_frame({frame.data(), static_cast<std::size_t>(got)})) return message;
  }
  return std::nullopt;
}

}  // namespace gantry::dhcp
