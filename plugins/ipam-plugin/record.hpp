#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net_link/record_folder.hpp"

namespace gantry::ipam_plugin {

/// An address of a pool, as a plugin has given it.
struct Given {
  std::string pool_id;
  std::string address;  ///< With prefix length.
};

/// A pool that a plugin has given.
struct PoolRecord {
  std::string id;  ///< The plugin's.
  std::string subnet;
  std::string range;
  std::string gateway;      ///< With prefix length; empty: none.
  bool gateway_is_given{};  ///< As an address of the pool: it is given back with it.
  std::vector<std::pair<std::string, std::string>> reserved;
};

/// What a plugin has given, by network and endpoint. It outlives the host's end, as plugins' own records do.
class Records {
 public:
  explicit Records(const std::filesystem::path& directory);

  /// Whether a folder has some.
  static bool exist_in(const std::filesystem::path& directory);

  void put_pools(const std::string& network_id, const std::vector<PoolRecord>& pools) const;
  void put_addresses(const std::string& network_id, const std::string& endpoint_id,
                     const std::vector<Given>& addresses) const;
  [[nodiscard]] std::optional<std::vector<PoolRecord>> pools(const std::string& network_id) const;
  [[nodiscard]] std::optional<std::vector<Given>> addresses(const std::string& network_id,
                                                            const std::string& endpoint_id) const;
  void erase_pools(const std::string& network_id) const;
  void erase_addresses(const std::string& network_id, const std::string& endpoint_id) const;
  [[nodiscard]] std::vector<std::string> networks() const;
  /// Pairs of network and endpoint.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> endpoints() const;

 private:
  net_link::RecordFolder networks_;
  net_link::RecordFolder endpoints_;
};

}  // namespace gantry::ipam_plugin
