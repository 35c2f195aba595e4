#include <arpa/inet.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include "base/file.hpp"
#include "networks/resolver.hpp"

namespace gantry::networks {
namespace {

constexpr const char* kAddress = "127.0.0.11";

UniqueFd bind_socket(int type, std::uint16_t& port) {
  UniqueFd sock(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!sock) throw_errno("open the resolver's socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, kAddress, &address.sin_addr);
  socklen_t size = sizeof address;
  if (::bind(sock.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) throw_errno("bind the resolver's socket");
  if (type == SOCK_STREAM && ::listen(sock.get(), 16) != 0) throw_errno("listen on the resolver's socket");
  if (::getsockname(sock.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) throw_errno("the resolver's port");
  port = ntohs(address.sin_port);
  return sock;
}

/// Replaces what a daemon before this one left in the sandbox.
std::string rules(std::uint16_t udp_port, std::uint16_t tcp_port) {
  const std::string table = "ip gantry_resolver";
  const auto redirect = [&](const char* protocol, std::uint16_t port) {
    const std::string number = std::to_string(port);
    return "add rule " + table + " output ip daddr 127.0.0.11 " + protocol + " dport 53 dnat to 127.0.0.11:" + number +
           "\nadd rule " + table + " postrouting ip saddr 127.0.0.11 " + protocol + " sport " + number +
           " snat to :53\n";
  };
  return "add table " + table + "\ndelete table " + table + "\nadd table " + table + "\nadd chain " + table +
         " output { type nat hook output priority -100; }\nadd chain " + table +
         " postrouting { type nat hook postrouting priority 100; }\n" + redirect("udp", udp_port) +
         redirect("tcp", tcp_port);
}

void run_nft(const std::string& commands) {
  const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context(nft_ctx_new(NFT_CTX_DEFAULT), nft_ctx_free);
  if (!context) throw Error{Errc::io, "libnftables can't be opened"};
  nft_ctx_buffer_output(context.get());
  nft_ctx_buffer_error(context.get());
  if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) return;
  const char* reason = nft_ctx_get_error_buffer(context.get());
  throw Error{Errc::io, std::string("nftables: ") + (reason == nullptr ? "unknown error" : reason)};
}

}  // namespace

ResolverSockets open_resolver(NamespaceThread& namespaces, int netns) {
  ResolverSockets sockets;
  namespaces.run(netns, [&sockets] {
    std::uint16_t udp_port = 0;
    std::uint16_t tcp_port = 0;
    sockets.udp = bind_socket(SOCK_DGRAM, udp_port);
    sockets.tcp = bind_socket(SOCK_STREAM, tcp_port);
    run_nft(rules(udp_port, tcp_port));
  });
  return sockets;
}

}  // namespace gantry::networks
