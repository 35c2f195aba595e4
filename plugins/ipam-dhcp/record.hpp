#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client.hpp"
#include "net_link/record_folder.hpp"

namespace gantry::dhcp {

/// A network whose addresses come from a DHCP server.
struct NetworkRecord {
  std::string id;
  std::string interface;
  std::string subnet;
  std::string gateway;  ///< Empty: none.
};

/// An endpoint's lease.
struct LeaseRecord {
  std::string id;
  std::string network_id;
  Client client;
  Lease lease;
  std::int64_t since{};  ///< Seconds since the host was started: they go on while the daemon is away.
};

/// What is leased, in the exec root: a host that starts again has no containers that run.
class Records {
 public:
  explicit Records(const std::filesystem::path& directory);

  void put(const NetworkRecord& record) const;
  void put(const LeaseRecord& record) const;
  [[nodiscard]] std::optional<NetworkRecord> network(const std::string& id) const;
  void erase_network(const std::string& id) const;
  void erase_lease(const std::string& network_id, const std::string& id) const;
  [[nodiscard]] std::vector<std::string> networks() const;
  [[nodiscard]] std::vector<LeaseRecord> leases() const;

 private:
  net_link::RecordFolder networks_;
  net_link::RecordFolder leases_;
};

}  // namespace gantry::dhcp
