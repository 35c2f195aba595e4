#include "net_parent/driver.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "gantry/error.hpp"
#include "net_link/sandbox_link.hpp"
#include "net_link/scope_exit.hpp"
#include "net_parent/parent_interface.hpp"
#include "net_parent/sandbox_search.hpp"

namespace gantry::net_parent {
namespace {

using net_link::Address;
using net_link::Netlink;
using net_link::ScopeExit;
using net_link::StackedLink;
using network::v1::Endpoint;
using network::v1::EndpointSpec;
using network::v1::NetworkSpec;

constexpr const char* kPools = "default-address-pools";

std::vector<net_link::SubnetSource> parse_sources(const std::string& text) {
  std::vector<net_link::SubnetSource> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(",base=", at), text.size());
    const auto source = net_link::parse_source(text.substr(at, end - at));
    if (!source) throw Error{Errc::invalid, std::string(kPools) + ": \"base=10.10.0.0/16 size=24\" was expected"};
    out.push_back(*source);
    at = end + 1;
  }
  return out.empty() ? net_link::default_sources() : out;
}

/// What the kernel says to a first interface of a kind, in a namespace that ends with the thread.
std::exception_ptr try_kind(const std::string& kind) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      if (::unshare(CLONE_NEWNET) != 0)
        throw Error{Errc::io, std::string("network namespace: ") + std::strerror(errno)};
      Netlink netlink;
      make_parent(netlink, placeholder_name("000000000000"), "000000000000");
      const auto parent = netlink.find(placeholder_name("000000000000"));
      net_link::add_stacked_link(netlink, {"probe", kind, parent.value().index, -1, "", false, {}});
    } catch (const Error&) {
      failure = std::current_exception();
    }
  }).join();
  return failure;
}

bool is_it(const std::optional<net_link::Link>& link, const std::string& kind, const std::string& mac) {
  return link && link->kind == kind && (mac.empty() || link->mac == mac);
}

}  // namespace

void Driver::capabilities(Capabilities& out) const { out.emplace_back("no-addresses"); }

void Driver::options(std::vector<OptionInfo>& out) const {
  out.push_back({kPools, OptionType::text, OptionScope::driver, "",
                 "where subnets are chosen from: base=10.10.0.0/16 size=24, one or several behind commas"});
  out.push_back({kParent, OptionType::text, OptionScope::object, "",
                 "the host's interface to stand on; eth0.50 makes a VLAN of eth0; none: a network without a way out"});
  add_options(out);
}

void Driver::open(Host& host) {
  host_ = &host;
  const auto pools = host.options().find(kPools);
  sources_ = parse_sources(pools == host.options().end() ? "" : pools->second);
  records_.emplace(host.exec_dir());
  namespaces_.emplace();
}

Driver::NetworkPtr Driver::find(const std::string& network_id) {
  const std::lock_guard lock(mutex_);
  const auto found = networks_.find(network_id);
  return found == networks_.end() ? nullptr : found->second;
}

void Driver::create_network(const NetworkSpec& spec, network::v1::Network& out, const Call& /*call*/) {
  net_link::check_id(spec.id);
  const std::lock_guard creation(creation_);
  NetworkPtr network = find(spec.id);
  if (!network) {
    network = make_network(spec);
    const std::lock_guard lock(mutex_);
    networks_[spec.id] = network;
  }
  out.pools = network->pools();
  out.interface = network->parent();
  out.no_way_out = network->internal();
}

Driver::NetworkPtr Driver::make_network(const NetworkSpec& spec) {
  const LinkMode mode = parse_mode(spec.options);
  const std::string parent = parent_of(spec);
  check_neighbours(spec, parent, mode);
  check_kernel();
  const auto before = records_->network(spec.id);
  NetworkSpec known = spec;
  if (known.pools.empty() && before) known.pools = before->pools;
  auto network = std::make_shared<Network>(spec, parent, mode, plan_addresses(known, sources_, used_subnets(spec)));
  Netlink netlink;
  const bool exists = netlink.find(parent).has_value();
  records_->put(NetworkRecord{spec.id, parent, before ? before->owned : !exists, network->pools()});
  auto undo = ScopeExit([&] {
    if (!before) records_->erase_network(spec.id);
  });
  if (!exists) make_parent(netlink, parent, spec.id);
  undo.release();
  return network;
}

std::string Driver::parent_of(const NetworkSpec& spec) const {
  const auto given = spec.options.find(kParent);
  if (given == spec.options.end() || given->second.empty()) return placeholder_name(spec.id);
  if (given->second == "lo") {
    throw Error{Errc::invalid, "loopback interface is not a valid " + kind_ + " parent link"};
  }
  net_link::check_interface(given->second);
  return given->second;
}

void Driver::check_neighbours(const NetworkSpec& spec, const std::string& parent, const LinkMode& mode) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, other] : networks_) {
    if (other->parent() != parent || id == spec.id) continue;
    if (mode.exclusive) {
      throw Error{Errc::denied, "cannot use mode passthru, " + kind_ + " network " + id +
                                    " is already using parent interface " + parent};
    }
    if (other->mode().exclusive) {
      throw Error{Errc::denied,
                  kind_ + " network " + id + " is already using parent interface " + parent + " in mode passthru"};
    }
  }
}

/// Before anything is made: dockerd says so only when the first container starts.
void Driver::check_kernel() {
  if (kernel_checked_) return;
  if (const auto failure = try_kind(kind_)) {
    try {
      std::rethrow_exception(failure);
    } catch (const Error& error) {
      // What else may be in the way there need not be in the way of a network with a parent.
      if (error.code() == Errc::unsupported && std::string(error.what()) == "operation not supported") {
        throw Error{Errc::unsupported, "failed to create the " + kind_ +
                                           " port: operation not supported: this host's " + "kernel has no " + kind_ +
                                           " (module " + kind_ + ")"};
      }
    }
  }
  kernel_checked_ = true;
}

net_link::UsedSubnets Driver::used_subnets(const NetworkSpec& spec) {
  net_link::UsedSubnets used;
  used.host = [] { return Netlink().used_subnets(); };
  for (const std::string& text : spec.taken) {
    if (const auto cidr = net_link::parse_cidr(text)) used.networks.push_back(cidr->subnet());
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [id, other] : networks_) {
    for (const auto& plan : other->leases().plans()) used.networks.push_back(plan.subnet);
  }
  return used;
}

void Driver::remove_network(const std::string& network_id, const Call& /*call*/) {
  const std::lock_guard creation(creation_);
  if (const auto record = records_->network(network_id)) {
    if (record->owned) drop_parent(*record);
    records_->erase_network(network_id);
  }
  const std::lock_guard lock(mutex_);
  networks_.erase(network_id);
}

/// A parent that we made, unless another network stands on it: then it is that one's from now on.
void Driver::drop_parent(const NetworkRecord& record) {
  for (const std::string& id : records_->networks()) {
    auto other = records_->network(id);
    if (id == record.id || !other || other->parent != record.parent) continue;
    other->owned = true;
    records_->put(*other);
    return;
  }
  Netlink().remove(record.parent);
}

void Driver::attach(const EndpointSpec& spec, int netns, Endpoint& out, const Call& /*call*/) {
  net_link::check_id(spec.id);
  net_link::check_interface(spec.interface);
  const NetworkPtr network = find(spec.network_id);
  if (!network) throw Error{Errc::not_found, "network " + spec.network_id + " not found"};
  const auto before = records_->endpoint(spec.network_id, spec.id);
  EndpointRecord record = plan_endpoint(*network, spec, netns, before);
  UniqueFd sandbox(::fcntl(netns, F_DUPFD_CLOEXEC, 0));
  {
    const std::lock_guard lock(mutex_);
    sandboxes_[spec.id] = std::move(sandbox);
  }
  auto undo = ScopeExit([&] {
    if (!before) take_away(record);
  });
  records_->put(record);
  make_interface(*network, record, netns);
  record.mac = configure(*network, spec, record, netns);
  records_->put(record);
  undo.release();
  fill(*network, record, out);
}

EndpointRecord Driver::plan_endpoint(Network& network, const EndpointSpec& spec, int netns,
                                     const std::optional<EndpointRecord>& before) const {
  EndpointRecord record{spec.id, spec.network_id, spec.interface, "", "", "", sandbox_inode(netns)};
  const auto either = [](const std::string& asked, const std::string& had) { return asked.empty() ? had : asked; };
  const EndpointRecord had = before.value_or(EndpointRecord{});
  record.mac = either(spec.mac, had.mac);
  if (!network.mode().own_mac && !spec.mac.empty() && spec.mac != had.mac) {
    throw Error{Errc::invalid, kind_ + " interfaces do not support custom mac address assignment"};
  }
  const auto lease = network.leases().lease(spec.id, either(spec.ipv4, had.ipv4), either(spec.ipv6, had.ipv6));
  if (lease.ipv4) record.ipv4 = lease.ipv4->text();
  if (lease.ipv6) record.ipv6 = lease.ipv6->text();
  if (record.mac.empty() && network.mode().own_mac) {
    record.mac = lease.ipv4 ? net_link::mac_of(*lease.ipv4) : net_link::random_mac();
  }
  return record;
}

void Driver::make_interface(const Network& network, const EndpointRecord& record, int netns) {
  bool exists = false;
  namespaces_->run(netns, [&] { exists = is_it(Netlink().find(record.interface), kind_, record.mac); });
  if (exists) return;
  Netlink netlink;
  const auto parent = netlink.find(network.parent());
  if (!parent) {
    throw Error{Errc::io, "error occurred looking up the " + kind_ + " parent iface " + network.parent() +
                              " error: Link not found"};
  }
  try {
    net_link::add_stacked_link(netlink, {record.interface, kind_, parent->index, netns,
                                         network.mode().own_mac ? record.mac : "", false, network.mode().attributes});
  } catch (const Error& error) {
    throw Error{error.code(), "failed to create the " + kind_ + " port: " + error.what()};
  }
}

/// Answers the interface's MAC address.
std::string Driver::configure(Network& network, const EndpointSpec& spec, const EndpointRecord& record, int netns) {
  net_link::SandboxLink link;
  link.interface = record.interface;
  link.ipv6 = network.ipv6();
  link.sysctls = net_link::interface_sysctls(spec.options, spec.interface);
  for (const std::string& text : {record.ipv4, record.ipv6}) {
    const auto address = net_link::parse_address(text);
    if (!address) continue;
    link.addresses.push_back({*address, network.leases().plan_of(*address)->subnet.prefix});
    if (!spec.default_gateway) continue;
    if (const auto gateway = network.gateway(*address)) link.default_gateways.push_back(*gateway);
    if (network.routed_out()) link.default_families.push_back(address->family);
  }
  net_link::add_link_local(spec.link_local, link);
  std::string mac;
  const bool parent_runs = Netlink().find(network.parent()).value_or(net_link::Link{}).running;
  namespaces_->run(netns, [&] {
    net_link::configure_sandbox(link);
    Netlink netlink;
    // Until its carrier is noticed, too, the interface drops packets. Behind an unplugged cable that is never.
    if (parent_runs) netlink.wait_until_running(record.interface);
    mac = netlink.find(record.interface).value_or(net_link::Link{}).mac;
  });
  return mac;
}

void Driver::detach(const std::string& network_id, const std::string& endpoint_id, const Call& /*call*/) {
  if (const auto record = records_->endpoint(network_id, endpoint_id)) take_away(*record);
}

/// Nothing of an endpoint is on the host's side: it is removed where it is, unless it went with its sandbox.
void Driver::take_away(const EndpointRecord& record) {
  UniqueFd sandbox;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sandboxes_.find(record.id);
    if (found != sandboxes_.end()) sandbox = std::move(found->second);
    sandboxes_.erase(record.id);
  }
  if (!sandbox) sandbox = find_sandbox(record.sandbox);
  try {
    if (sandbox) {
      namespaces_->run(sandbox.get(), [&] {
        Netlink netlink;
        if (is_it(netlink.find(record.interface), kind_, record.mac)) netlink.remove(record.interface);
      });
    }
    if (const NetworkPtr network = find(record.network_id)) network->leases().release(record.id);
    records_->erase_endpoint(record.network_id, record.id);
  } catch (const Error& error) {
    host_->log(LogLevel::error, "endpoint " + record.id + " is not taken away: " + error.what());
  }
}

void Driver::fill(Network& network, const EndpointRecord& record, Endpoint& out) const {
  out.mac = record.mac;
  const auto address4 = net_link::parse_address(record.ipv4);
  const auto address6 = net_link::parse_address(record.ipv6);
  if (address4) {
    out.ipv4 = record.ipv4;
    out.ipv4_prefix = network.leases().plan_of(*address4)->subnet.prefix;
    if (const auto gateway = network.gateway(*address4)) out.ipv4_gateway = gateway->text();
  }
  if (address6) {
    out.ipv6 = record.ipv6;
    out.ipv6_prefix = network.leases().plan_of(*address6)->subnet.prefix;
    if (const auto gateway = network.gateway(*address6)) out.ipv6_gateway = gateway->text();
  }
}

void Driver::list(network::v1::Holdings& out, const Call& /*call*/) {
  std::map<std::string, std::vector<std::string>> found;
  for (const std::string& id : records_->networks()) found[id];
  for (const auto& [network_id, endpoint_id] : records_->endpoints()) found[network_id].push_back(endpoint_id);
  for (auto& [network_id, endpoints] : found) out.networks.push_back({network_id, std::move(endpoints)});
}

}  // namespace gantry::net_parent
