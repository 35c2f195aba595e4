#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "net_link/record_folder.hpp"
#include "net_link_names.hpp"

namespace gantry::bridge {

/// What the kernel holds for a network.
struct NetworkRecord {
  std::string id;
  std::string interface;
  bool owned{};                          ///< Whether we made the bridge: else it was there, and stays.
  std::vector<network::v1::Pool> pools;  ///< Subnet and gateway only.
};

/// What the kernel holds for an endpoint.
struct EndpointRecord {
  std::string id;
  std::string network_id;
  std::string interface;  ///< The host's end.
  std::string sandbox_interface;
  std::string mac;
  std::string ipv4;  ///< Empty: none.
  std::string ipv6;
  std::vector<network::v1::Port> ports;  ///< As chosen.
  std::vector<std::string> link_local;   ///< More addresses, of the user's choice.
  bool guarded{};                        ///< Ports obey the host's own firewall.
  bool anti_spoofing{};                  ///< It sends from its own MAC and addresses only.
  std::vector<std::string> trusted;      ///< Interfaces that ports are open to at the container's own address.
  std::string joined;                    ///< The fingerprint of the sandbox's end, once it is whole; empty: not yet.
};

/// What is written for it: two that differ are told apart by it.
std::string text(const EndpointRecord& record);

/// What we make in the kernel, written down before it is made and struck off after it is gone, so that a killed
/// daemon's successor finds all of it.
class Records {
 public:
  /// Errors: io.
  explicit Records(const std::filesystem::path& directory);

  void put(const NetworkRecord& record) const;
  void put(const EndpointRecord& record) const;
  /// Puts `joined` on record.
  void note_joined(const EndpointRecord& record) const;
  [[nodiscard]] std::optional<NetworkRecord> network(const std::string& id) const;
  [[nodiscard]] std::optional<EndpointRecord> endpoint(const std::string& network_id, const std::string& id) const;
  void erase_network(const std::string& id) const;
  void erase_endpoint(const std::string& network_id, const std::string& id) const;
  /// That the host's forwarding was off before us. `family` is AF_INET or AF_INET6.
  void note_forwarding(int family) const;
  void forget_forwarding(int family) const;
  [[nodiscard]] bool switched_forwarding(int family) const;
  [[nodiscard]] std::vector<std::string> networks() const;
  /// Pairs of network and endpoint.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> endpoints() const;

 private:
  RecordFolder networks_;
  RecordFolder endpoints_;
  RecordFolder forwarding_;
};

}  // namespace gantry::bridge
