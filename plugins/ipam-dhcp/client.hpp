#pragma once

#include <optional>
#include <string>

#include "gantry/call.hpp"
#include "message.hpp"

/// A DHCP client's conversations (RFC 2131): for others' interfaces, from the host's interface that they are behind.
namespace gantry::dhcp {

/// Who asks.
struct Client {
  std::string interface;  ///< The host's.
  Mac mac{};              ///< All zero: the interface's own, with a client_id to tell its users apart.
  std::string client_id;  ///< Raw; empty: the MAC address is enough.
  std::string hostname;
};

/// What a server has said.
struct Lease {
  std::uint32_t address{};
  int prefix{};
  std::uint32_t router{};  ///< 0: none.
  std::uint32_t server{};
  Mac server_mac{};
  std::uint32_t seconds{};
  std::uint32_t renew{};  ///< When to renew it, in seconds.
};

/// What a server would give. Nothing if none answers within `patience` ms. Errors: cancelled, io, not_found.
std::optional<Lease> discover(const Client& client, std::uint32_t wanted, int patience, const Call& call);

/// A lease; of `wanted`, if there is one. Errors: unavailable (no answer), denied (the address is not given).
Lease acquire(const Client& client, std::uint32_t wanted, const Call& call);

/// The same lease for longer; nothing if no server answers. It asks as a client does that starts again: the answer
/// comes by broadcast, so that it is seen wherever the container is. Errors: denied (the server takes the address
/// away).
std::optional<Lease> renew(const Client& client, const Lease& lease, const Call& call);

/// Nobody answers that.
void release(const Client& client, const Lease& lease);

}  // namespace gantry::dhcp
