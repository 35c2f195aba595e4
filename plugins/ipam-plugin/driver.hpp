#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "docker_plugin/client.hpp"
#include "gantry/ipam.hpp"
#include "record.hpp"

namespace gantry::ipam_plugin {

/// Addresses of a plugin that speaks Docker's legacy IPAM protocol: the daemon opens one of these for each plugin that
/// somebody names.
class Driver : public ipam::v1::Driver {
 public:
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void acquire_pools(const ipam::v1::NetworkRequest& request, std::vector<network::v1::Pool>& out,
                     const Call& call) override;
  void release_pools(const std::string& network_id, const Call& call) override;
  void acquire_addresses(const ipam::v1::EndpointRequest& request, ipam::v1::Addresses& out, const Call& call) override;
  void release_addresses(const std::string& network_id, const std::string& endpoint_id, const Call& call) override;
  void list(ipam::v1::Holdings& out, const Call& call) override;

 private:
  [[nodiscard]] docker_plugin::Client& plugin() const;
  [[nodiscard]] std::string address_space(const Call& call) const;
  PoolRecord request_pool(const std::string& space, const network::v1::Pool& wanted, bool ipv6, const Options& options,
                          const Call& call) const;
  void reserve(const network::v1::Pool& wanted, PoolRecord& pool, const Call& call) const;
  [[nodiscard]] std::string request_address(const std::string& pool_id, const std::string& address,
                                            const nlohmann::json& options, const Call& call) const;
  std::optional<Given> first_address(const std::vector<PoolRecord>& pools, bool ipv6, const std::string& asked,
                                     const std::string& mac, const Call& call) const;
  void give_back(const PoolRecord& pool, const Call& call) const;
  void give_back(const Given& given, const Call& call) const;
  void tell(const std::string& method, const nlohmann::json& message, const Call& call) const;

  std::unique_ptr<docker_plugin::Client> plugin_;  ///< None: this one only stands for those to come.
  std::optional<Records> records_;
};

}  // namespace gantry::ipam_plugin
