#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net_link/address.hpp"
#include "net_link_names.hpp"

struct nft_ctx;

namespace gantry::bridge {

/// How one bridge's packets of one address family are treated.
struct FamilyRules {
  bool masquerade{};
  bool routed{};       ///< Published ports are open at the containers' own addresses, and they answer pings.
  bool unprotected{};  ///< All of their ports are.
};

/// How one bridge is treated.
struct BridgeRules {
  std::string interface;
  bool internal{};
  bool icc{true};  ///< Whether its containers may talk to each other.
  FamilyRules ipv4;
  FamilyRules ipv6;
};

/// Stands for all of the host's interfaces among those that are trusted: no interface has the name.
inline constexpr const char* kAllInterfaces = "*";

/// One published port. An unspecified host address stands for all of the host's own. Without a port of the host's it is
/// open at the container's own address only.
struct PortRule {
  std::string protocol;
  Address host;
  std::uint16_t host_port{};
  Address container;
  std::uint16_t container_port{};
  std::vector<std::string> trusted{};  ///< Interfaces from where it is open at the container's own address, too.
  bool guarded{};                      ///< Open to whom the host's other tables let in.
};

/// The text of the transactions on our one table. Elements are added before they are deleted: nft 1.0.6 has no
/// "destroy", and deleting what is not there would fail the whole transaction.
struct BaseRules {
  bool loopback6{};  ///< Ports are published on [::1], see `loopback6_can_be_published`.
  bool closed4{};    ///< Nothing new is forwarded that neither comes from a bridge nor goes to one of ours.
  bool closed6{};
};
std::string base_rules(const BaseRules& base);
std::string remove_base_rules();
std::string add_bridge_rules(const BridgeRules& bridge);
std::string remove_bridge_rules(const std::string& interface);
/// Has whoever was let in to a guarded port ask again.
std::string forget_admitted();
std::string add_port_rules(const std::vector<PortRule>& ports);
std::string remove_port_rules(const std::vector<PortRule>& ports);

/// Whether packets from [::1] may be sent into a bridge: their answers come back only where br_netfilter does not
/// hand the bridge's frames to nftables, since it would translate them back to [::1] before the kernel's own check that
/// no such address comes in from a wire.
bool loopback6_can_be_published();

/// libnftables; any thread, one transaction at a time.
class Nftables {
 public:
  Nftables();
  ~Nftables();

  /// All or nothing. Errors: io with nft's message.
  void run(const std::string& commands);
  /// What nft prints. Errors: as of `run`.
  std::string ask(const std::string& commands);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  void run_held(const std::string& commands);

  std::mutex mutex_;
  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace gantry::bridge
