#include "driver.hpp"

#include <nlohmann/json.hpp>

#include "docker_plugin/limited_call.hpp"
#include "docker_plugin/options.hpp"
#include "gantry/error.hpp"
#include "net_link/address.hpp"
#include "net_link/scope_exit.hpp"

namespace gantry::ipam_plugin {
namespace {

using docker_plugin::LimitedCall;
using docker_plugin::text_of;
using nlohmann::json;
using std::chrono_literals::operator""s;

constexpr const char* kGateway = "com.docker.network.gateway";

constexpr auto kPatience = 20s;  // with what a user waits for
constexpr auto kFarewell = 5s;   // with what a container's end waits for

std::string without_prefix(const std::string& cidr) { return cidr.substr(0, cidr.find('/')); }

bool is_ipv6(const std::string& text) { return text.find(':') != std::string::npos; }

std::string checked_cidr(const std::string& text, const std::string& what) {
  if (net_link::parse_cidr(text)) return text;
  throw Error{Errc::invalid, "the plugin's answer: invalid " + what + " \"" + text + "\""};
}

/// What the user gave, and an open one for each family that he left open.
std::vector<std::pair<network::v1::Pool, bool>> wanted_pools(const ipam::v1::NetworkRequest& request) {
  std::vector<std::pair<network::v1::Pool, bool>> out;
  for (const bool ipv6 : {false, true}) {
    if (!(ipv6 ? request.ipv6 : request.ipv4)) continue;
    const std::size_t before = out.size();
    for (const auto& pool : request.pools) {
      if (is_ipv6(pool.subnet + pool.gateway) == ipv6) out.emplace_back(pool, ipv6);
    }
    if (out.size() == before) out.emplace_back(network::v1::Pool{}, ipv6);
  }
  return out;
}

}  // namespace

void Driver::capabilities(Capabilities& out) const { out = {"named-plugins", "any-options", "needs-mac"}; }

void Driver::options(std::vector<OptionInfo>& out) const { out = docker_plugin::options(); }

void Driver::open(Host& host) {
  auto client = docker_plugin::named_plugin(host.options(), "IpamDriver");
  if (!client) return;
  // One that is not there now may still hold what we have on record.
  if (!client->exists() && !Records::exist_in(host.data_dir())) docker_plugin::throw_not_found(*client);
  plugin_ = std::move(client);
  records_.emplace(host.data_dir());
}

docker_plugin::Client& Driver::plugin() const {
  if (!plugin_) throw Error{Errc::unsupported, "the name of an IPAM plugin is needed, not \"plugin\""};
  return *plugin_;
}

std::string Driver::address_space(const Call& call) const {
  return text_of(plugin().call("GetDefaultAddressSpaces", json::object(), call), "LocalDefaultAddressSpace");
}

std::string Driver::request_address(const std::string& pool_id, const std::string& address, const json& options,
                                    const Call& call) const {
  const json answer =
      plugin().call("RequestAddress", {{"PoolID", pool_id}, {"Address", address}, {"Options", options}}, call);
  return checked_cidr(text_of(answer, "Address"), "Address");
}

PoolRecord Driver::request_pool(const std::string& space, const network::v1::Pool& wanted, bool ipv6,
                                const Options& options, const Call& call) const {
  const json answer = plugin().call("RequestPool",
                                    {{"AddressSpace", space},
                                     {"Pool", wanted.subnet},
                                     {"SubPool", wanted.ip_range},
                                     {"Options", options},
                                     {"V6", ipv6}},
                                    call);
  PoolRecord pool;
  pool.id = text_of(answer, "PoolID");
  auto undo = net_link::ScopeExit([&] { give_back(pool, call); });
  pool.subnet = checked_cidr(text_of(answer, "Pool"), "Pool");
  pool.range = wanted.ip_range;
  const auto data = answer.find("Data");
  if (data != answer.end()) pool.gateway = text_of(*data, kGateway);
  if (!pool.gateway.empty()) checked_cidr(pool.gateway, kGateway);
  reserve(wanted, pool, call);
  undo.release();
  return pool;
}

/// A gateway of the user's choice is asked for even if the plugin has one, as dockerd does.
void Driver::reserve(const network::v1::Pool& wanted, PoolRecord& pool, const Call& call) const {
  if (!wanted.gateway.empty() || pool.gateway.empty()) {
    pool.gateway = request_address(pool.id, wanted.gateway, {{"RequestAddressType", kGateway}}, call);
    pool.gateway_is_given = true;
  }
  for (const auto& [name, address] : wanted.reserved) {
    static_cast<void>(request_address(pool.id, address, json::object(), call));
    pool.reserved.emplace_back(name, address);
  }
}

void Driver::acquire_pools(const ipam::v1::NetworkRequest& request, std::vector<network::v1::Pool>& out,
                           const Call& call) {
  auto pools = records_ ? records_->pools(request.id) : std::nullopt;
  if (!pools) {
    pools.emplace();
    const LimitedCall limited(call, kPatience);
    auto undo = net_link::ScopeExit([&] {
      for (const PoolRecord& pool : *pools) give_back(pool, call);
    });
    const std::string space = address_space(limited);
    for (const auto& [wanted, ipv6] : wanted_pools(request)) {
      pools->push_back(request_pool(space, wanted, ipv6, request.options, limited));
    }
    records_->put_pools(request.id, *pools);
    undo.release();
  }
  for (const PoolRecord& pool : *pools) {
    out.push_back({pool.subnet, pool.range, without_prefix(pool.gateway), pool.reserved});
  }
}

void Driver::release_pools(const std::string& network_id, const Call& call) {
  const auto pools = records_ ? records_->pools(network_id) : std::nullopt;
  if (!pools) return;
  for (const PoolRecord& pool : *pools) give_back(pool, call);
  records_->erase_pools(network_id);
}

void Driver::give_back(const PoolRecord& pool, const Call& call) const {
  for (const auto& [name, address] : pool.reserved) give_back(Given{pool.id, address}, call);
  if (pool.gateway_is_given) give_back(Given{pool.id, pool.gateway}, call);
  tell("ReleasePool", {{"PoolID", pool.id}}, call);
}

void Driver::give_back(const Given& given, const Call& call) const {
  tell("ReleaseAddress", {{"PoolID", given.pool_id}, {"Address", without_prefix(given.address)}}, call);
}

/// As dockerd, which lets go of addresses whatever their plugins say.
void Driver::tell(const std::string& method, const json& message, const Call& call) const {
  try {
    const LimitedCall limited(call, kFarewell, false);
    plugin().call(method, message, limited);
  } catch (const Error& error) {
    call.log(LogLevel::warning, error.what());
  }
}

std::optional<Given> Driver::first_address(const std::vector<PoolRecord>& pools, bool ipv6, const std::string& asked,
                                           const std::string& mac, const Call& call) const {
  json options = json::object();
  if (!mac.empty()) options["com.docker.network.endpoint.macaddress"] = mac;
  std::optional<Error> failure;
  for (const PoolRecord& pool : pools) {
    if (is_ipv6(pool.subnet) != ipv6) continue;
    const auto address = net_link::parse_address(asked);
    if (address && !net_link::parse_cidr(pool.subnet)->subnet().contains(*address)) continue;
    try {
      return Given{pool.id, request_address(pool.id, asked, options, call)};
    } catch (const Error& error) {
      if (!failure) failure = error;
    }
  }
  if (failure) throw Error{*failure};
  if (asked.empty()) return std::nullopt;
  throw Error{Errc::invalid, "invalid endpoint settings:\nno configured subnet contains the IP address " + asked};
}

void Driver::acquire_addresses(const ipam::v1::EndpointRequest& request, ipam::v1::Addresses& out, const Call& call) {
  const auto pools = records_ ? records_->pools(request.network_id) : std::nullopt;
  if (!pools) throw Error{Errc::not_found, "network " + request.network_id + " not found"};
  auto given = records_->addresses(request.network_id, request.id);
  if (!given) {
    given.emplace();
    const LimitedCall limited(call, kPatience);
    auto undo = net_link::ScopeExit([&] {
      for (const Given& one : *given) give_back(one, call);
    });
    for (const bool ipv6 : {false, true}) {
      const std::string& asked = ipv6 ? request.ipv6 : request.ipv4;
      if (auto one = first_address(*pools, ipv6, asked, request.mac, limited)) given->push_back(std::move(*one));
    }
    records_->put_addresses(request.network_id, request.id, *given);
    undo.release();
  }
  for (const Given& one : *given) {
    (is_ipv6(one.address) ? out.ipv6 : out.ipv4) = without_prefix(one.address);
  }
}

void Driver::release_addresses(const std::string& network_id, const std::string& endpoint_id, const Call& call) {
  const auto given = records_ ? records_->addresses(network_id, endpoint_id) : std::nullopt;
  if (!given) return;
  for (const Given& one : *given) give_back(one, call);
  records_->erase_addresses(network_id, endpoint_id);
}

void Driver::list(ipam::v1::Holdings& out, const Call& /*call*/) {
  if (!records_) return;
  std::map<std::string, std::vector<std::string>> found;
  for (const std::string& id : records_->networks()) found[id];
  for (const auto& [network_id, endpoint_id] : records_->endpoints()) found[network_id].push_back(endpoint_id);
  for (auto& [network_id, endpoints] : found) out.networks.push_back({network_id, std::move(endpoints)});
}

}  // namespace gantry::ipam_plugin
