#include <arpa/inet.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <charconv>
#include <sstream>

#include "base/file.hpp"
#include "networks/resolver.hpp"

namespace gantry::networks {
namespace {

constexpr const char* kAddress = "127.0.0.11";

struct Ports {
  std::uint16_t udp{};
  std::uint16_t tcp{};
};

/// On `port` if that is free, else on one that the kernel chooses; `port` becomes what it is.
UniqueFd bind_socket(int type, std::uint16_t& port) {
  UniqueFd sock(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!sock) throw_errno("open the resolver's socket");
  const int on = 1;
  // Connections of a daemon that was killed may still be closing.
  if (type == SOCK_STREAM) ::setsockopt(sock.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, kAddress, &address.sin_addr);
  socklen_t size = sizeof address;
  const auto bind = [&] { return ::bind(sock.get(), reinterpret_cast<sockaddr*>(&address), size) == 0; };
  bool bound = bind();
  if (!bound && port != 0) {
    address.sin_port = 0;
    bound = bind();
  }
  if (!bound) throw_errno("bind the resolver's socket");
  if (type == SOCK_STREAM && ::listen(sock.get(), 16) != 0) throw_errno("listen on the resolver's socket");
  if (::getsockname(sock.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) throw_errno("the resolver's port");
  port = ntohs(address.sin_port);
  return sock;
}

/// Replaces what a daemon before this one left in the sandbox.
std::string rules(const Ports& ports) {
  const std::string table = "ip gantry_resolver";
  const auto redirect = [&](const char* protocol, std::uint16_t port) {
    const std::string number = std::to_string(port);
    return "add rule " + table + " output ip daddr 127.0.0.11 " + protocol + " dport 53 dnat to 127.0.0.11:" + number +
           "\nadd rule " + table + " postrouting ip saddr 127.0.0.11 " + protocol + " sport " + number +
           " snat to :53\n";
  };
  return "add table " + table + "\ndelete table " + table + "\nadd table " + table + "\nadd chain " + table +
         " output { type nat hook output priority -100; }\nadd chain " + table +
         " postrouting { type nat hook postrouting priority 100; }\n" + redirect("udp", ports.udp) +
         redirect("tcp", ports.tcp);
}

/// What the commands say; their error, if they may fail, is an empty answer.
std::string run_nft(const std::string& commands, bool may_fail = false) {
  const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context(nft_ctx_new(NFT_CTX_DEFAULT), nft_ctx_free);
  if (!context) throw Error{Errc::io, "libnftables can't be opened"};
  nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_NUMERIC_ALL);
  nft_ctx_buffer_output(context.get());
  nft_ctx_buffer_error(context.get());
  if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) {
    const char* said = nft_ctx_get_output_buffer(context.get());
    return said == nullptr ? "" : said;
  }
  if (may_fail) return {};
  const char* reason = nft_ctx_get_error_buffer(context.get());
  throw Error{Errc::io, std::string("nftables: ") + (reason == nullptr ? "unknown error" : reason)};
}

/// Those that a daemon before this one used; 0 for what is not there.
Ports ports_before() {
  Ports out;
  std::istringstream lines{run_nft("list table ip gantry_resolver", true)};
  const std::string target = std::string("dnat to ") + kAddress + ":";
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find(target);
    if (at == std::string::npos) continue;
    std::uint16_t& port = line.find("tcp dport") == std::string::npos ? out.udp : out.tcp;
    std::from_chars(line.data() + at + target.size(), line.data() + line.size(), port);
  }
  return out;
}

}  // namespace

ResolverSockets open_resolver(NamespaceThread& namespaces, int netns, bool again) {
  ResolverSockets sockets;
  namespaces.run(netns, [&sockets, again] {
    // The same ports: connection tracking sends who keeps a socket to the port that was there at its first question.
    Ports ports = again ? ports_before() : Ports{};
    sockets.udp = bind_socket(SOCK_DGRAM, ports.udp);
    sockets.tcp = bind_socket(SOCK_STREAM, ports.tcp);
    run_nft(rules(ports));
  });
  return sockets;
}

UniqueFd open_inside(NamespaceThread& namespaces, int netns, int family, int type) {
  UniqueFd opened;
  namespaces.run(netns, [&] { opened.reset(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); });
  if (!opened) throw Error{Errc::io, "can't open a socket in a container's network namespace"};
  return opened;
}

}  // namespace gantry::networks
