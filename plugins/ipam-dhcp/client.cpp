#include "client.hpp"

#include <sys/random.h>

#include <algorithm>
#include <chrono>

#include "wire.hpp"

namespace gantry::dhcp {
namespace {

constexpr std::uint32_t kDefaultLease = 3600;
constexpr std::uint32_t kShortestLease = 2;
constexpr int kFirstWait = 1000;  // ms; doubled at each repetition
constexpr int kPatience = 12'000;
constexpr int kRenewPatience = 5'000;

std::uint32_t random_number() {
  std::uint32_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) {
    throw Error{Errc::io, "dhcp: no random numbers"};
  }
  return value;
}

Message message_of(const Client& client, const Wire& wire, Type type) {
  Message out;
  out.type = type;
  out.xid = random_number();
  out.mac = client.mac == Mac{} ? wire.mac() : client.mac;
  out.client_id = client.client_id;
  out.hostname = client.hostname;
  return out;
}

Lease lease_of(const Message& answer) {
  Lease lease;
  lease.address = answer.yours;
  lease.prefix = prefix_of(answer.mask == 0 ? 0xffffff00U : answer.mask).value_or(24);
  lease.router = answer.router;
  lease.server = answer.server;
  lease.server_mac = answer.sender;
  lease.seconds = std::max(answer.lease == 0 ? kDefaultLease : answer.lease, kShortestLease);
  lease.renew =
      std::max<std::uint32_t>(1, std::min(answer.renew == 0 ? lease.seconds / 2 : answer.renew, lease.seconds / 2));
  return lease;
}

/// Asks, again and again, until somebody answers. `from`: the server that is asked; 0: any.
std::optional<Message> exchange(const Wire& wire, const Message& question, std::uint32_t from, int patience,
                                const Call& call) {
  for (int wait = kFirstWait, left = patience; left > 0; left -= wait, wait *= 2) {
    wire.send(question);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(std::min(wait, left));
    for (;;) {
      const auto rest =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
      const auto answer = rest > 0 ? wire.receive(static_cast<int>(rest), call) : std::nullopt;
      if (!answer) break;
      const bool expected = question.type == Type::discover ? answer->type == Type::offer
                                                            : answer->type == Type::ack || answer->type == Type::nak;
      if (!expected || answer->xid != question.xid || answer->mac != question.mac) continue;
      if (answer->server == 0 || (from != 0 && answer->server != from)) continue;
      if (answer->type != Type::nak && answer->yours == 0) continue;
      return answer;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Lease> discover(const Client& client, std::uint32_t wanted, int patience, const Call& call) {
  const Wire wire(client.interface);
  Message question = message_of(client, wire, Type::discover);
  question.requested = wanted;
  const auto offer = exchange(wire, question, 0, patience, call);
  return offer ? std::optional(lease_of(*offer)) : std::nullopt;
}

Lease acquire(const Client& client, std::uint32_t wanted, const Call& call) {
  const auto offer = discover(client, wanted, kPatience, call);
  if (!offer) throw Error{Errc::unavailable, "dhcp: no server answers at interface " + client.interface};
  if (wanted != 0 && offer->address != wanted) {
    throw Error{Errc::denied, "Address already in use: the DHCP server " + text_of(offer->server) + " offers " +
                                  text_of(offer->address) + ", not " + text_of(wanted)};
  }
  const Wire wire(client.interface);
  Message question = message_of(client, wire, Type::request);
  question.requested = offer->address;
  question.server = offer->server;
  const auto answer = exchange(wire, question, offer->server, kPatience, call);
  if (!answer) {
    throw Error{Errc::unavailable, "dhcp: the server " + text_of(offer->server) + " does not answer any more"};
  }
  if (answer->type == Type::nak) {
    throw Error{Errc::denied, "dhcp: the server " + text_of(offer->server) + " refuses " + text_of(offer->address)};
  }
  if (answer->yours != offer->address) {
    throw Error{Errc::denied, "dhcp: the server " + text_of(offer->server) + " gives " + text_of(answer->yours) +
                                  " after it has offered " + text_of(offer->address)};
  }
  return lease_of(*answer);
}

std::optional<Lease> renew(const Client& client, const Lease& lease, const Call& call) {
  const Wire wire(client.interface);
  Message question = message_of(client, wire, Type::request);
  question.requested = lease.address;
  const auto answer = exchange(wire, question, 0, kRenewPatience, call);
  if (!answer) return std::nullopt;
  if (answer->type == Type::nak || answer->yours != lease.address) {
    throw Error{Errc::denied,
                "dhcp: the server " + text_of(answer->server) + " takes " + text_of(lease.address) + " away"};
  }
  return lease_of(*answer);
}

void release(const Client& client, const Lease& lease) {
  const Wire wire(client.interface);
  Message farewell = message_of(client, wire, Type::release);
  farewell.client = lease.address;
  farewell.server = lease.server;
  wire.send(farewell, lease.server_mac, lease.server);
}

}  // namespace gantry::dhcp
