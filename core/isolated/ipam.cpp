#include "gantry/ipam.hpp"

#include "isolated/kinds.hpp"
#include "isolated/methods.hpp"

namespace gantry::isolated {
namespace {

using IpamMethods =
    MethodList<ipam::v1::Driver, &ipam::v1::Driver::acquire_pools, &ipam::v1::Driver::release_pools,
               &ipam::v1::Driver::acquire_addresses, &ipam::v1::Driver::release_addresses, &ipam::v1::Driver::list>;

class IpamProxy final : public Proxy<ipam::v1::Driver, IpamMethods> {
 public:
  using Proxy::Proxy;

  void acquire_pools(const ipam::v1::NetworkRequest& request, std::vector<network::v1::Pool>& out,
                     const Call& call) override {
    invoke<&ipam::v1::Driver::acquire_pools>(request, out, call);
  }
  void release_pools(const std::string& network_id, const Call& call) override {
    invoke<&ipam::v1::Driver::release_pools>(network_id, call);
  }
  void acquire_addresses(const ipam::v1::EndpointRequest& request, ipam::v1::Addresses& out,
                         const Call& call) override {
    invoke<&ipam::v1::Driver::acquire_addresses>(request, out, call);
  }
  void release_addresses(const std::string& network_id, const std::string& endpoint_id, const Call& call) override {
    invoke<&ipam::v1::Driver::release_addresses>(network_id, endpoint_id, call);
  }
  void list(ipam::v1::Holdings& out, const Call& call) override { invoke<&ipam::v1::Driver::list>(out, call); }
};

}  // namespace

const Kind kIpamKind{ipam::v1::Driver::kKind,
                     [](std::shared_ptr<Remote> remote, Lesson lesson) -> std::shared_ptr<void> {
                       return std::shared_ptr<ipam::v1::Driver>{std::make_shared<IpamProxy>(std::move(remote), lesson)};
                     },
                     &IpamMethods::serve,
                     {}};

}  // namespace gantry::isolated
