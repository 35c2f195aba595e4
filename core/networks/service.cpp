#include "networks/service.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>

#include "base/id.hpp"
#include "networks/impl.hpp"

namespace gantry::networks {
namespace {

constexpr const char* kPredefined[] = {"bridge", "host", "none"};
constexpr const char* kNoAddresses = "null";
constexpr const char* kNoBridge = "none";

/// The options that the driver names; others stay on record only, as dockerd keeps what its drivers ignore.
Options known_options(const plugins::DriverInfo& driver, const Options& options) {
  const auto& can = driver.capabilities;
  if (std::count(can.begin(), can.end(), "any-options") != 0) return options;
  Options out;
  for (const OptionInfo& option : driver.options) {
    const auto found = options.find(option.name);
    if (option.scope == OptionScope::object && found != options.end()) out.insert(*found);
  }
  return out;
}

Options default_bridge_options() {
  return {{"com.docker.network.bridge.default_bridge", "true"},
          {"com.docker.network.bridge.enable_icc", "true"},
          {"com.docker.network.bridge.enable_ip_masquerade", "true"},
          {"com.docker.network.bridge.host_binding_ipv4", "0.0.0.0"},
          {"com.docker.network.bridge.name", "gantry0"},
          {"com.docker.network.driver.mtu", "1500"}};
}

/// The user's own bridge, or ours: what was chosen for another one does not hold for it.
void put_on_bridge(Network& network, const std::string& bridge) {
  const std::string name = bridge.empty() ? "gantry0" : bridge;
  std::string& option = network.options["com.docker.network.bridge.name"];
  if (option == name) return;
  option = name;
  network.chosen.clear();
}

/// Containers without a network need nobody, so the driver of `none` may be missing.
bool has_driver_file(const plugins::Drivers& drivers, const Network& network) {
  const auto names = drivers.names("network");
  return network.driver != kNoDriver || std::find(names.begin(), names.end(), network.driver) != names.end();
}

}  // namespace

network::v1::NetworkSpec spec_of(const Network& network, const plugins::DriverInfo& driver) {
  network::v1::NetworkSpec spec;
  spec.id = network.id;
  spec.name = network.name;
  spec.options = known_options(driver, network.options);
  spec.pools = network.chosen.empty() ? network.pools : network.chosen;
  spec.internal = network.internal;
  spec.ipv6 = network.ipv6;
  spec.ipv4 = network.ipv4;
  spec.unaddressed = network.ipam_driver == kNoAddresses;
  return spec;
}

Service::Impl::Impl(state::Store& store_, events::Bus& bus_, plugins::Drivers& drivers_, Workers& workers_)
    : store(store_),
      bus(bus_),
      drivers(drivers_),
      workers(workers_),
      networks(store_, "networks"),
      endpoints(store_, "endpoints") {}

Service::Service(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& workers)
    : impl_(std::make_unique<Impl>(store, bus, drivers, workers)) {}

Service::~Service() = default;

bool Service::predefined(const std::string& name) {
  return name == "default" ||
         std::any_of(std::begin(kPredefined), std::end(kPredefined), [&](const char* known) { return name == known; });
}

Service::Impl::NetworkPtr Service::Impl::find_name(const std::string& name) const {
  for (const auto& [id, network] : networks.all()) {
    if (network->name == name) return network;
  }
  return nullptr;
}

std::shared_ptr<const Network> Service::get(const std::string& name_or_id) const {
  if (auto by_id = impl_->networks.find(name_or_id)) return by_id;
  if (auto by_name = impl_->find_name(name_or_id)) return by_name;
  std::vector<std::shared_ptr<const Network>> found;
  const auto& all = impl_->networks.all();
  for (auto at = all.lower_bound(name_or_id); at != all.end() && at->first.starts_with(name_or_id); ++at) {
    found.push_back(at->second);
  }
  if (found.empty() || name_or_id.empty()) throw Error{Errc::not_found, "network " + name_or_id + " not found"};
  if (found.size() > 1) {
    throw Error{Errc::invalid, "network " + name_or_id + " is ambiguous (" + std::to_string(found.size()) +
                                   " matches found based on ID prefix)"};
  }
  return found.front();
}

std::vector<std::shared_ptr<const Network>> Service::list() const {
  std::vector<std::shared_ptr<const Network>> all;
  for (const auto& [id, network] : impl_->networks.all()) all.push_back(network);
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->created > b->created; });
  return all;
}

awaitable<void> Service::start(Settings settings) {
  impl_->config = std::move(settings);
  impl_->add_predefined();
  co_await impl_->drop_default_bridge();
  // The oldest first: their subnets are taken before a driver chooses new ones.
  auto all = list();
  std::reverse(all.begin(), all.end());
  for (const auto& network : all) {
    if (network->config_only || !has_driver_file(impl_->drivers, *network)) continue;
    try {
      Network made = co_await impl_->ask_driver_to_create(*network);
      if (to_record(made) != to_record(*network)) impl_->commit(std::move(made));
    } catch (const Error& error) {
      spdlog::error("network {} is not available: {}", network->name, error.what());
    }
  }
  // Before anybody is adopted: what a cut-off `connect` has moved to an endpoint that never came to be is free again.
  std::set<std::string> on_record;
  for (const auto& [id, endpoint] : impl_->endpoints.all()) on_record.insert(id);
  co_await impl_->give_up_all_but(std::move(on_record));
}

void Service::Impl::add_predefined() {
  for (const char* name : kPredefined) {
    const bool bridge = std::string_view{"bridge"} == name;
    if (bridge && config.bridge == kNoBridge) continue;
    const NetworkPtr known = find_name(name);
    Network network = known ? *known : Network{};
    network.ipv6 = bridge && config.default_ipv6;
    if (!known) {
      network.id = random_id();
      network.name = name;
      network.driver = network.name == "none" ? kNoDriver : name;
      if (bridge) network.options = default_bridge_options();
      network.created = now();
    }
    if (bridge) put_on_bridge(network, config.bridge);
    if (!known || to_record(network) != to_record(*known)) commit(std::move(network));
  }
}

/// Without it there is nothing of it, as with dockerd: no bridge, no rules, no record.
awaitable<void> Service::Impl::drop_default_bridge() {
  const NetworkPtr known = find_name("bridge");
  if (!known || config.bridge != kNoBridge) co_return;
  try {
    co_await ask_driver_to_remove(*known);
  } catch (const Error& error) {
    spdlog::error("network bridge is not removed: {}", error.what());
  }
}

Service::Impl::NetworkPtr Service::Impl::commit(Network network) {
  NetworkPtr stored;
  const std::string id = network.id;
  store.update([&](state::Transaction& transaction) { stored = networks.put(transaction, id, std::move(network)); });
  return stored;
}

awaitable<network::v1::Network> Service::Impl::make_in_driver(Network network, plugins::NetworkDriver driver,
                                                              std::vector<network::v1::Pool> pools) {
  auto spec = spec_of(network, driver.info());
  spec.leased = is_leased(network);
  if (spec.leased) spec.pools = std::move(pools);
  // What a network has already it keeps.
  if (network.chosen.empty()) spec.taken = other_subnets(network);
  const plugins::CallSettings settings = call_settings(driver.info());
  const auto work = [spec](auto& callee, const Call& call) {
    network::v1::Network out;
    callee.create_network(spec, out, call);
    return out;
  };
  co_return co_await drivers.call(driver, Pool::quick, settings, work);
}

awaitable<Network> Service::Impl::ask_driver_to_create(Network network) {
  const plugins::NetworkDriver driver = co_await drivers.use_network(network.driver);
  plugins::IpamDriver ipam;
  if (is_leased(network)) ipam = co_await drivers.use_ipam(network.ipam_driver);
  check_ipam(network, driver);
  std::vector<network::v1::Pool> pools;
  if (ipam) pools = co_await acquire_pools(network, ipam);
  std::exception_ptr failure;
  try {
    auto made = co_await make_in_driver(network, driver, std::move(pools));
    network.chosen = std::move(made.pools);
    network.interface = std::move(made.interface);
    network.no_way_out = made.no_way_out;
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure && network.chosen.empty()) co_await release_pools(network);
  if (failure) std::rethrow_exception(failure);
  co_return network;
}

/// Takes over what a network without a driver says.
void Service::Impl::take_settings(NetworkRequest& request) const {
  const NetworkPtr from = find_name(request.config_from);
  if (!from) throw Error{Errc::not_found, "configuration network \"" + request.config_from + "\" does not exist"};
  if (!from->config_only) {
    throw Error{Errc::denied, "network \"" + request.config_from + "\" is not a configuration network"};
  }
  if (request.config_only || has_settings(request)) {
    throw Error{Errc::denied,
                "user specified configurations are not supported if the network depends on a configuration network"};
  }
  request.options = from->options;
  request.labels = from->labels;
  request.pools = from->pools;
  request.internal = from->internal;
  request.ipv6 = from->ipv6;
  request.ipv4 = from->ipv4;
  request.ipam_options = from->ipam_options;
}

awaitable<std::shared_ptr<const Network>> Service::create(NetworkRequest request) {
  check_request(request);
  take_ipv6_option(request);
  check_pools(request.name, request.pools, request.ipv6);
  const auto lock = co_await impl_->creation.lock();
  const auto pass = co_await impl_->gate.enter();
  if (impl_->find_name(request.name)) {
    throw Error{Errc::conflict, "network with name " + request.name + " already exists"};
  }
  if (!request.config_from.empty()) impl_->take_settings(request);
  const std::string driver = request.driver.empty() ? "bridge" : request.driver;
  if (const auto defaults = impl_->config.default_options.find(driver);
      defaults != impl_->config.default_options.end() && !request.config_only) {
    request.options.insert(defaults->second.begin(), defaults->second.end());  // what is there stays
  }
  Network network = new_network(std::move(request));
  if (network.config_only) co_return impl_->commit(std::move(network));
  // No record before the call: what a driver holds without one is removed by `reconcile` after a crash.
  Network made = co_await impl_->ask_driver_to_create(std::move(network));
  auto stored = impl_->commit(std::move(made));
  impl_->publish("create", *stored);
  co_return stored;
}

/// Nobody joins the network meanwhile: it has no members, and it is to have none when its record goes.
awaitable<void> Service::Impl::ask_driver_to_remove(Network network) {
  leaving.insert(network.id);
  std::exception_ptr failure;
  try {
    const plugins::NetworkDriver driver = co_await drivers.use_network(network.driver);
    const plugins::CallSettings settings = call_settings(driver.info());
    const auto work = [id = network.id](auto& callee, const Call& call) { callee.remove_network(id, call); };
    co_await drivers.call(driver, Pool::quick, settings, work);
    co_await release_pools(network);
    store.update([&](state::Transaction& transaction) { networks.erase(transaction, network.id); });
  } catch (...) {
    failure = std::current_exception();
  }
  leaving.erase(network.id);
  if (failure) std::rethrow_exception(failure);
}

awaitable<void> Service::remove(std::string name_or_id) {
  const auto lock = co_await impl_->creation.lock();
  const auto pass = co_await impl_->gate.enter();
  const auto network = get(name_or_id);
  if (predefined(network->name)) {
    throw Error{Errc::denied, network->name + " is a pre-defined network and cannot be removed"};
  }
  if (!members(network->id).empty()) {
    throw Error{Errc::denied, "error while removing network: network " + network->name + " id " + network->id +
                                  " has active endpoints"};
  }
  const auto depends = [&](const auto& other) { return other->config_from == network->name; };
  const auto all = list();
  if (network->config_only && std::any_of(all.begin(), all.end(), depends)) {
    throw Error{Errc::denied,
                "error while removing network: configuration network \"" + network->name + "\" is in use"};
  }
  if (!network->config_only) co_await impl_->ask_driver_to_remove(*network);
  if (network->config_only) {
    impl_->store.update([&](state::Transaction& transaction) { impl_->networks.erase(transaction, network->id); });
  }
  impl_->publish("destroy", *network);
}

awaitable<std::vector<std::string>> Service::prune(std::function<bool(const Network&)> wanted) {
  std::vector<std::string> removed;
  auto all = list();
  std::reverse(all.begin(), all.end());
  for (const auto& network : all) {
    if (predefined(network->name) || network->config_only || !members(network->id).empty()) continue;
    if (!wanted(*network)) continue;
    try {
      co_await remove(network->id);
      removed.push_back(network->name);
    } catch (const Error& error) {
      spdlog::warn("could not remove network {}: {}", network->name, error.what());
    }
  }
  co_return removed;
}

void Service::Impl::publish(const std::string& action, const Network& network, const std::string& container_id) {
  events::Event event;
  event.type = "network";
  event.action = action;
  event.actor = network.id;
  event.attributes = {{"name", network.name}, {"type", network.driver}};
  if (!container_id.empty()) event.attributes["container"] = container_id;
  bus.publish(std::move(event));
}

}  // namespace gantry::networks
