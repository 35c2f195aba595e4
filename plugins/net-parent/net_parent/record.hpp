#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gantry/network.hpp"
#include "net_link/record_folder.hpp"

namespace gantry::net_parent {

/// What the kernel holds for a network.
struct NetworkRecord {
  std::string id;
  std::string parent;
  bool owned{};                          ///< Whether we made the parent: else it was there, and stays.
  std::vector<network::v1::Pool> pools;  ///< Subnet and gateway only.
};

/// What the kernel holds for an endpoint: nothing on the host's side, so it is found inside of its sandbox only.
struct EndpointRecord {
  std::string id;
  std::string network_id;
  std::string interface;  ///< Inside.
  std::string mac;        ///< As asked for or derived; empty: the kernel's choice.
  std::string ipv4;       ///< Empty: none.
  std::string ipv6;
  std::uint64_t sandbox{};  ///< The inode of its network namespace.
};

/// What we make in the kernel, written down before it is made and struck off after it is gone.
class Records {
 public:
  explicit Records(const std::filesystem::path& directory);  ///< Errors: io.

  void put(const NetworkRecord& record) const;
  void put(const EndpointRecord& record) const;
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

}  // namespace gantry::net_parent
