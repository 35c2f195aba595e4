#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "gantry/unique_fd.hpp"
#include "networks/name_server.hpp"
#include "networks/namespace_thread.hpp"

namespace gantry::networks {

/// What a name means to one container.
struct NameAnswer {
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
};

/// Where a resolver finds what the containers are called; io thread.
struct NameSource {
  std::function<std::optional<NameAnswer>(const std::string& name)> forward;  ///< Nothing: ask the servers outside.
  std::function<std::optional<std::string>(const std::string& address)> reverse;
  std::function<bool()> outside;  ///< Whether the host's servers may be asked.
};

/// The sockets of a resolver, opened inside of a sandbox.
struct ResolverSockets {
  UniqueFd udp;
  UniqueFd tcp;
};

/// Opens sockets on ports of 127.0.0.11 that the kernel chooses, and has the sandbox's port 53 of that address lead
/// there: so a container may have a name server of its own on port 53. `again`: a daemon before this one did so, and
/// the ports are to be the same where they are free. Blocks. Errors: io.
ResolverSockets open_resolver(NamespaceThread& namespaces, int netns, bool again = false);

/// Opens a socket in a container's network namespace, for the names that are asked of others. Blocks. Errors: io.
UniqueFd open_inside(NamespaceThread& namespaces, int netns, int family, int type);

/// Answers one container's questions at 127.0.0.11 until it is destroyed. Io thread.
class Resolver {
 public:
  Resolver(asio::any_io_executor executor, ResolverSockets sockets, NameSource names, std::vector<NameServer> servers,
           OpenInside open_inside);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gantry::networks
