#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gantry/network.hpp"
#include "net_link/record_folder.hpp"

namespace gantry::net_plugin {

/// What the plugin was told of a network.
struct NetworkRecord {
  std::string id;
  std::string name;
  bool internal{};
  bool ipv6{};
  std::vector<network::v1::Pool> pools;
};

/// A route that the plugin wants in a container.
struct StaticRoute {
  std::string destination;
  std::string next_hop;  ///< Empty: on the link.
};

/// What the plugin was told of an endpoint, and has said of it.
struct EndpointRecord {
  std::string id;
  std::string network_id;
  std::string mac;
  std::string ipv4;  ///< With prefix length; empty: none.
  std::string ipv6;
  bool joined{};          ///< Intent: the plugin may have heard of it.
  bool external{};        ///< Intent: ports and the way out.
  std::string source;     ///< The interface that the plugin has made; empty: none.
  std::string interface;  ///< Its name inside.
  std::string gateway4;
  std::string gateway6;
  std::vector<StaticRoute> routes;
  std::uint64_t sandbox{};  ///< The inode of its network namespace.
};

/// What a plugin holds for us, written down before it is told. It outlives the host's end, as plugins' own records do.
class Records {
 public:
  explicit Records(const std::filesystem::path& directory);

  /// Whether a folder has some.
  static bool exist_in(const std::filesystem::path& directory);

  void put(const NetworkRecord& record) const;
  void put(const EndpointRecord& record) const;
  /// Errors: invalid (an id that is none).
  [[nodiscard]] std::optional<NetworkRecord> network(const std::string& id) const;
  [[nodiscard]] std::optional<EndpointRecord> endpoint(const std::string& network_id, const std::string& id) const;
  void erase_network(const std::string& id) const;
  void erase_endpoint(const std::string& network_id, const std::string& id) const;
  [[nodiscard]] std::vector<std::string> networks() const;
  /// Pairs of network and endpoint.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> endpoints() const;

 private:
  net_link::RecordFolder networks_;
  net_link::RecordFolder endpoints_;
};

}  // namespace gantry::net_plugin
