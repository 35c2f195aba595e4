#include "driver.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "docker_plugin/limited_call.hpp"
#include "docker_plugin/options.hpp"
#include "gantry/error.hpp"
#include "messages.hpp"
#include "net_link/link.hpp"
#include "net_link/scope_exit.hpp"
#include "net_parent/network.hpp"
#include "net_parent/sandbox_search.hpp"
#include "sandbox_end.hpp"

namespace gantry::net_plugin {
namespace {

using docker_plugin::LimitedCall;
using network::v1::EndpointSpec;
using network::v1::NetworkSpec;
using nlohmann::json;
using std::chrono_literals::operator""s;

constexpr auto kPatience = 20s;  // with what a user waits for
constexpr auto kFarewell = 5s;   // with what a container's end waits for

std::string address_text(const net_link::Leases& leases, const std::optional<net_link::Address>& address) {
  if (!address) return {};
  return address->text() + "/" + std::to_string(leases.plan_of(*address)->subnet.prefix);
}

std::string without_prefix(const std::string& cidr) { return cidr.substr(0, cidr.find('/')); }

std::vector<net_link::FamilyPlan> plans_of(const std::vector<network::v1::Pool>& pools) {
  std::vector<net_link::FamilyPlan> plans;
  for (const auto& pool : pools) plans.push_back(net_link::family_plan(pool, {}));
  return plans;
}

}  // namespace

void Driver::capabilities(Capabilities& out) const { out = {"named-plugins", "any-options", "no-addresses"}; }

void Driver::options(std::vector<OptionInfo>& out) const { out = docker_plugin::options(); }

void Driver::open(Host& host) {
  auto client = docker_plugin::named_plugin(host.options(), "NetworkDriver");
  if (!client) return;
  // One that is not there now may still hold what we have on record.
  if (!client->exists() && !Records::exist_in(host.data_dir())) docker_plugin::throw_not_found(*client);
  plugin_ = std::move(client);
  records_.emplace(host.data_dir());
  namespaces_.emplace();
}

docker_plugin::Client& Driver::plugin() const {
  if (!plugin_) throw Error{Errc::unsupported, "the name of a network plugin is needed, not \"plugin\""};
  return *plugin_;
}

Driver::NetworkPtr Driver::find(const std::string& network_id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = networks_.find(network_id);
    if (found != networks_.end()) return found->second;
  }
  const auto record = records_->network(network_id);
  return record ? take_up(*record) : nullptr;
}

Driver::NetworkPtr Driver::take_up(const NetworkRecord& record) {
  auto network = std::make_shared<Network>(record, plans_of(record.pools));
  for (const auto& [network_id, id] : records_->endpoints()) {
    const auto endpoint = network_id == record.id ? records_->endpoint(network_id, id) : std::nullopt;
    if (!endpoint || record.pools.empty()) continue;
    try {
      network->leases.lease(id, without_prefix(endpoint->ipv4), without_prefix(endpoint->ipv6));
    } catch (const Error&) {
      // An address that the plugin gave, of no subnet of ours.
    }
  }
  const std::lock_guard lock(mutex_);
  return networks_.emplace(record.id, network).first->second;
}

NetworkRecord Driver::plan(const NetworkSpec& spec) {
  net_link::UsedSubnets used;
  used.host = [] { return net_link::Netlink().used_subnets(); };
  for (const std::string& text : spec.taken) {
    if (const auto cidr = net_link::parse_cidr(text)) used.networks.push_back(cidr->subnet());
  }
  NetworkRecord record{spec.id, spec.name, spec.internal, spec.ipv6, {}};
  for (const auto& family : net_parent::plan_addresses(spec, net_link::default_sources(), std::move(used))) {
    record.pools.push_back(family.pool());
  }
  return record;
}

void Driver::create_network(const NetworkSpec& spec, network::v1::Network& out, const Call& call) {
  net_link::check_id(spec.id);
  docker_plugin::Client& client = plugin();
  const std::lock_guard creation(creation_);
  NetworkPtr network = find(spec.id);
  if (!network) {
    const NetworkRecord record = plan(spec);
    const LimitedCall limited(call, kPatience);
    check_capabilities(client.call("GetCapabilities", json::object(), limited));
    records_->put(record);
    auto undo = net_link::ScopeExit([&] { records_->erase_network(spec.id); });
    client.call("CreateNetwork", create_network_message(spec, record), limited);
    undo.release();
    network = take_up(record);
  }
  out.pools = network->record.pools;
}

/// As dockerd, which removes networks whatever their plugins say.
void Driver::remove_network(const std::string& network_id, const Call& call) {
  if (!plugin_ || !records_->network(network_id)) return;
  tell("DeleteNetwork", {{"NetworkID", network_id}}, call);
  records_->erase_network(network_id);
  const std::lock_guard lock(mutex_);
  networks_.erase(network_id);
}

/// What takes something back; false if it is not known to be taken back: nobody waits for a plugin that is gone, or
/// hangs.
bool Driver::tell(const std::string& method, const json& message, const Call& call) const {
  try {
    const LimitedCall limited(call, kFarewell, false);
    plugin_->call(method, message, limited);
  } catch (const docker_plugin::NoSuchMethod&) {
    return true;
  } catch (const Error& error) {
    call.log(LogLevel::warning, "plugin " + plugin_->name() + ": " + error.what());
    return error.code() == Errc::io;
  }
  return true;
}

EndpointRecord Driver::plan(Network& network, const EndpointSpec& spec,
                            const std::optional<EndpointRecord>& before) const {
  if (before) return *before;
  EndpointRecord record;
  record.id = spec.id;
  record.network_id = spec.network_id;
  record.mac = spec.mac;
  if (network.record.pools.empty()) return record;
  const auto lease = network.leases.lease(spec.id, spec.ipv4, spec.ipv6);
  record.ipv4 = address_text(network.leases, lease.ipv4);
  record.ipv6 = address_text(network.leases, lease.ipv6);
  return record;
}

void Driver::attach(const EndpointSpec& spec, int netns, network::v1::Endpoint& out, const Call& call) {
  net_link::check_id(spec.id);
  net_link::check_interface(spec.interface);
  docker_plugin::Client& client = plugin();
  const NetworkPtr network = find(spec.network_id);
  if (!network) throw Error{Errc::not_found, "network " + spec.network_id + " not found"};
  const auto before = records_->endpoint(spec.network_id, spec.id);
  EndpointRecord record = plan(*network, spec, before);
  record.sandbox = net_parent::sandbox_inode(netns);
  UniqueFd sandbox(::fcntl(netns, F_DUPFD_CLOEXEC, 0));
  {
    const std::lock_guard lock(mutex_);
    // The one that the plugin was told of stays.
    sandboxes_.try_emplace(spec.id, std::move(sandbox));
  }
  auto undo = net_link::ScopeExit([&] {
    if (!before) take_away(record, call);
  });
  records_->put(record);
  if (!before) {
    const LimitedCall limited(call, kPatience);
    take_endpoint(client.call("CreateEndpoint", create_endpoint_message(spec, record), limited), record);
    join(spec, netns, record, limited);
  }
  if (!record.source.empty()) {
    record.mac = configure(spec, netns, network->record.ipv6, *namespaces_, record);
  }
  set_external(spec, record, call);
  records_->put(record);
  undo.release();
  const auto fill = [](const std::string& cidr, std::string& address, int& prefix) {
    if (const auto parsed = net_link::parse_cidr(cidr)) {
      address = parsed->address.text();
      prefix = parsed->prefix;
    }
  };
  fill(record.ipv4, out.ipv4, out.ipv4_prefix);
  fill(record.ipv6, out.ipv6, out.ipv6_prefix);
  out.mac = record.mac;
  out.ipv4_gateway = record.gateway4;
  out.ipv6_gateway = record.gateway6;
  if (record.interface != spec.interface) out.interface = record.interface;
  if (record.external) out.ports = spec.ports;
}

void Driver::join(const EndpointSpec& spec, int netns, EndpointRecord& record, const Call& call) {
  record.joined = true;
  records_->put(record);
  json message = endpoint_ids(record);
  // A path that leads there as long as the endpoint is held: sandboxes have no names on this host.
  std::string key;
  {
    const std::lock_guard lock(mutex_);
    key = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(sandboxes_.at(record.id).get());
  }
  message["SandboxKey"] = key;
  message["Options"] = endpoint_options(spec);
  const JoinAnswer answer = take_join(plugin_->call("Join", message, call), record);
  record.interface = spec.interface;
  if (!answer.source.empty()) {
    record.source = answer.source;
    records_->put(record);
    bring_in(spec, answer.prefix, netns, *namespaces_, record);
    records_->put(record);
  }
  try {
    const std::string mac = mac_of(plugin_->call("EndpointOperInfo", endpoint_ids(record), call));
    if (record.mac.empty()) record.mac = mac;
  } catch (const Error& error) {
    // It is for show.
    call.log(LogLevel::debug, error.what());
  }
}

/// Ports and the way out go with the default route. Plugins need not know of it.
void Driver::set_external(const EndpointSpec& spec, EndpointRecord& record, const Call& call) {
  if (record.external == spec.default_gateway) return;
  if (!spec.default_gateway) {
    tell("RevokeExternalConnectivity", endpoint_ids(record), call);
    record.external = false;
    return;
  }
  record.external = true;
  records_->put(record);
  json message = endpoint_ids(record);
  message["Options"] = endpoint_options(spec);
  try {
    const LimitedCall limited(call, kPatience);
    plugin_->call("ProgramExternalConnectivity", message, limited);
  } catch (const docker_plugin::NoSuchMethod&) {
    // It came with Docker 1.10.
  }
}

UniqueFd Driver::sandbox_of(const EndpointRecord& record) {
  UniqueFd sandbox;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sandboxes_.find(record.id); found != sandboxes_.end()) {
      sandbox = std::move(found->second);
      sandboxes_.erase(found);
    }
  }
  return sandbox ? std::move(sandbox) : net_parent::find_sandbox(record.sandbox);
}

void Driver::detach(const std::string& network_id, const std::string& endpoint_id, const Call& call) {
  if (!plugin_) return;
  if (const auto record = records_->endpoint(network_id, endpoint_id)) take_away(*record, call);
}

void Driver::take_away(const EndpointRecord& record, const Call& call) {
  const json ids = endpoint_ids(record);
  bool answers = true;
  if (record.external) answers = tell("RevokeExternalConnectivity", ids, call);
  if (record.joined && answers) answers = tell("Leave", ids, call);
  try {
    if (const UniqueFd sandbox = sandbox_of(record)) take_back(sandbox.get(), *namespaces_, record);
  } catch (const Error& error) {
    call.log(LogLevel::warning, "endpoint " + record.id + ": " + error.what());
  }
  if (answers) tell("DeleteEndpoint", ids, call);
  if (const NetworkPtr network = find(record.network_id)) network->leases.release(record.id);
  records_->erase_endpoint(record.network_id, record.id);
}

void Driver::list(network::v1::Holdings& out, const Call& /*call*/) {
  if (!plugin_) return;
  std::map<std::string, std::vector<std::string>> found;
  for (const std::string& id : records_->networks()) found[id];
  for (const auto& [network_id, endpoint_id] : records_->endpoints()) found[network_id].push_back(endpoint_id);
  for (auto& [network_id, endpoints] : found) out.networks.push_back({network_id, std::move(endpoints)});
}

}  // namespace gantry::net_plugin
