#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net_link/address.hpp"

struct ifinfomsg;
struct nl_msg;
struct nl_sock;

namespace gantry::net_link {

/// What a veth pair is made of: one end at a bridge, the other inside a sandbox.
struct VethSpec {
  std::string host_name;
  int bridge_index{};
  int netns{-1};
  std::string sandbox_name;
  std::string sandbox_mac;
  int mtu{};        ///< 0: the kernel's default.
  bool isolated{};  ///< Frames pass between this port and the bridge itself only.
};

/// An interface as the kernel has it.
struct Link {
  int index{};
  std::string kind;  ///< "bridge", "veth" or whatever else.
  int master{};
  bool up{};
  bool running{};   ///< Packets pass: the kernel gets there some time after both ends are up.
  std::string mac;  ///< Empty: it has none.
};

/// A netlink socket in the network namespace of the thread that made it. One thread at a time.
/// Errors of all: io with the kernel's reason.
class Netlink {
 public:
  Netlink();
  ~Netlink();
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;

  [[nodiscard]] std::optional<Link> find(const std::string& name);

  /// Makes a bridge and sets it up. Errors: denied if the name is taken.
  void add_bridge(const std::string& name, int mtu);

  /// Makes both ends in one message, so that the sandbox's end is never seen on the host, and the host's end up and at
  /// its bridge. An end that a crash left behind gives way.
  void add_veth(const VethSpec& spec);

  /// Succeeds if there is none.
  void remove(const std::string& name);

  /// Lets a bridge send frames back to the port that they came from: a container that asks for its own published port
  /// gets there this way where br_netfilter hands the bridge's frames to nftables.
  void allow_hairpin(const std::string& port);

  /// Has a bridge learn no addresses from frames for itself alone (LLDP and the like), that no filter of a bridge's
  /// sees.
  void learn_from_forwarded_only(int bridge);

  void set_up(int index);
  void set_down(int index);

  /// Returns when packets pass through an interface, or after a second.
  void wait_until_running(const std::string& name);

  /// Succeeds if the interface has the address already.
  void add_address(int index, const Cidr& address);

  /// Takes the addresses of an interface away that are none of `wanted`; those that the kernel gave itself stay.
  void keep_addresses(int index, const std::vector<Cidr>& wanted);

  /// The only default route of its family: takes the place of another one. An unspecified gateway: everybody is reached
  /// by the interface itself.
  void set_default_route(int index, const Address& gateway);

  /// Lets answers to [::1] in by an interface: what `route_localnet` is for IPv4. Succeeds if they are already.
  void route_loopback6(int index);

  /// The subnets that this host's addresses and routes use, without those of the interface `except`.
  [[nodiscard]] std::vector<Subnet> used_subnets(int except = 0);

  [[nodiscard]] std::vector<Address> addresses(int index);

  [[nodiscard]] nl_sock* socket() { return socket_.get(); }

 private:
  void set_port(const std::string& name, int attribute);
  void change(int type, ifinfomsg header, const std::string& what, const std::function<bool(nl_msg*)>& add_attributes);

  struct Free {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Free> socket_;
};

/// An interface's name goes to the kernel, into nftables' text and into paths. Errors: invalid.
void check_interface(const std::string& name);

/// "02:42:" and an IPv4 address's four bytes, as Docker derives it; of an IPv6 address four bytes that all of it goes
/// into, so that whoever has it again is still known to its neighbours.
std::string mac_of(const Address& address);
std::string random_mac();

/// The first line of a file under /proc/sys/net of the calling thread's network namespace; empty if there is none.
std::string read_sysctl(const std::string& name);
/// Writes a file under /proc/sys/net of the calling thread's network namespace; false if there is none.
bool write_sysctl(const std::string& name, const std::string& value);

}  // namespace gantry::net_link
