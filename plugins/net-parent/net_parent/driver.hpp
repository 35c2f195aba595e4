#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "gantry/unique_fd.hpp"
#include "net_link/namespace_thread.hpp"
#include "net_parent/network.hpp"
#include "net_parent/record.hpp"

/// Networks whose endpoints stand on an interface of the host's, their parent: containers are machines of the network
/// that the parent is in.
namespace gantry::net_parent {

/// The option that names the parent, as dockerd's drivers have it.
inline constexpr const char* kParent = "parent";

/// All but what one kind of interface has of its own.
class Driver : public network::v1::Driver {
 public:
  explicit Driver(std::string kind) : kind_(std::move(kind)) {}

  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void create_network(const network::v1::NetworkSpec& spec, network::v1::Network& out, const Call& call) override;
  void remove_network(const std::string& network_id, const Call& call) override;
  void attach(const network::v1::EndpointSpec& spec, int netns, network::v1::Endpoint& out, const Call& call) override;
  void detach(const std::string& network_id, const std::string& endpoint_id, const Call& call) override;
  void list(network::v1::Holdings& out, const Call& call) override;

 protected:
  /// The options that only this kind has, and what they say. Errors: invalid, in dockerd's words.
  virtual void add_options(std::vector<OptionInfo>& out) const = 0;
  [[nodiscard]] virtual LinkMode parse_mode(const Options& options) const = 0;

 private:
  using NetworkPtr = std::shared_ptr<Network>;

  [[nodiscard]] NetworkPtr find(const std::string& network_id);
  NetworkPtr make_network(const network::v1::NetworkSpec& spec);
  [[nodiscard]] std::string parent_of(const network::v1::NetworkSpec& spec) const;
  void check_kernel();
  void check_neighbours(const network::v1::NetworkSpec& spec, const std::string& parent, const LinkMode& mode);
  [[nodiscard]] net_link::UsedSubnets used_subnets(const network::v1::NetworkSpec& spec);
  void drop_parent(const NetworkRecord& record);

  EndpointRecord plan_endpoint(Network& network, const network::v1::EndpointSpec& spec, int netns,
                               const std::optional<EndpointRecord>& before) const;
  void make_interface(const Network& network, const EndpointRecord& record, int netns);
  std::string configure(Network& network, const network::v1::EndpointSpec& spec, const EndpointRecord& record,
                        int netns);
  void take_away(const EndpointRecord& record);
  void fill(Network& network, const EndpointRecord& record, network::v1::Endpoint& out) const;

  std::string kind_;
  Host* host_ = nullptr;
  std::vector<net_link::SubnetSource> sources_;
  std::optional<Records> records_;
  std::optional<net_link::NamespaceThread> namespaces_;

  std::mutex creation_;  ///< Networks are made and removed one at a time; before `mutex_`.
  bool kernel_checked_ = false;
  std::mutex mutex_;
  std::map<std::string, NetworkPtr> networks_;
  std::map<std::string, UniqueFd> sandboxes_;  ///< Of endpoints, until they are detached.
};

}  // namespace gantry::net_parent
