#include <utility>

#include "anti_spoofing.hpp"
#include "driver.hpp"
#include "gantry/error.hpp"
#include "net_link/link.hpp"
#include "net_link/scope_exit.hpp"
#include "sandbox.hpp"

namespace gantry::bridge {

namespace {

/// The host's end of an endpoint's pair.
std::string interface_of(const std::string& endpoint_id) { return "veth" + endpoint_id.substr(0, 11); }

}  // namespace

using network::v1::Endpoint;
using network::v1::EndpointSpec;

void Driver::attach(const EndpointSpec& spec, int netns, Endpoint& out, const Call& /*call*/) {
  check_id(spec.id);
  check_interface(spec.interface);
  const NetworkPtr network = find(spec.network_id);
  if (!network) throw Error{Errc::not_found, "network " + spec.network_id + " not found"};
  if (reaper_->pending(spec.id)) reaper_->drain();
  inherit(*network, spec);
  const auto before = records_->endpoint(spec.network_id, spec.id);
  const Lease addresses = lease(*network, spec, before);
  note_latest(spec);
  EndpointRecord record = plan_endpoint(*network, spec, addresses);
  auto undo = ScopeExit([&] {
    if (before) return give_back(*before, record);
    unpublish(record);
    take_away(record);
  });
  publish(*network, spec, before, record);
  bind_sender(before, record);
  join(*network, spec, before, record, netns);
  if (!record.ports.empty()) let_own_packets_through(*network, record);
  // Both in one transaction: a connection meets the old ports or the new ones. Last, as nothing would undo it.
  const bool changed = before && !same_ports(before->ports, record.ports);
  // The sender's elements once more: the table may have been put back before its record was written.
  change_port_rules((changed ? remove_port_rules(rules_of(*before)) : "") + add_port_rules(rules_of(record)) +
                    (record.anti_spoofing ? add_sender_rules(sender_of(record)) : ""));
  undo.release();
  fill_endpoint(*network, record, out);
}

void Driver::note_latest(const EndpointSpec& spec) {
  const std::lock_guard lock(mutex_);
  latest_[{spec.network_id, spec.container_id}] = spec.id;
}

std::string Driver::latest_of(const EndpointSpec& spec) {
  const std::lock_guard lock(mutex_);
  const auto found = latest_.find({spec.network_id, spec.container_id});
  return found == latest_.end() ? std::string{} : found->second;
}

/// Whose addresses a new endpoint gets while they are on their way out: those of its container's last run, else those
/// that would be the next ones if they were free already; as with dockerd a lower free one comes first. Empty:
/// nobody's.
std::string Driver::predecessor_of(Network& network, const EndpointSpec& spec) {
  const bool asks = !spec.ipv4.empty() || !spec.ipv6.empty();
  const std::string latest = latest_of(spec);
  const bool pending = !latest.empty() && latest != spec.id && reaper_->pending(latest);
  if (pending && (asks || network.leases().next_among({latest}) == latest)) return latest;
  return asks ? std::string{} : network.leases().next_among(reaper_->keys());
}

void Driver::inherit(Network& network, const EndpointSpec& spec) {
  const std::string from = predecessor_of(network, spec);
  if (from.empty() || !network.leases().hand_over(from, spec.id, spec.ipv4, spec.ipv6)) return;
  // The kernel has taken it off the bridge before it waits for its grace period. Else its turn has not come.
  try {
    Netlink netlink;
    if (const auto link = netlink.find(interface_of(from))) netlink.set_down(link->index);
  } catch (const Error&) {
    // Gone in this moment.
  }
}

Lease Driver::lease(Network& network, const EndpointSpec& spec, const std::optional<EndpointRecord>& before) {
  const std::string ipv4 = spec.ipv4.empty() && before ? before->ipv4 : spec.ipv4;
  const std::string ipv6 = spec.ipv6.empty() && before ? before->ipv6 : spec.ipv6;
  try {
    return network.leases().lease(spec.id, ipv4, ipv6);
  } catch (const Error& error) {
    if (error.code() != Errc::exhausted && error.code() != Errc::denied) throw;
  }
  // An endpoint that was detached keeps its addresses until its interface is gone.
  reaper_->drain();
  return network.leases().lease(spec.id, ipv4, ipv6);
}

EndpointRecord Driver::plan_endpoint(const Network& network, const EndpointSpec& spec, const Lease& lease) const {
  EndpointRecord record;
  record.id = spec.id;
  record.network_id = spec.network_id;
  record.interface = interface_of(spec.id);
  record.sandbox_interface = spec.interface;
  record.link_local = spec.link_local;
  record.guarded = network.options().guarded;
  record.anti_spoofing = network.options().anti_spoofing;
  record.trusted = network.options().trusted;
  if (settings_.direct && !record.guarded) record.trusted = {kAllInterfaces};
  if (lease.ipv4) record.ipv4 = lease.ipv4->text();
  if (lease.ipv6) record.ipv6 = lease.ipv6->text();
  record.mac = !spec.mac.empty() ? spec.mac
               : lease.ipv4      ? mac_of(*lease.ipv4)
               : lease.ipv6      ? mac_of(*lease.ipv6)
                                 : random_mac();
  return record;
}

void Driver::publish(const Network& network, const EndpointSpec& spec, const std::optional<EndpointRecord>& before,
                     EndpointRecord& record) {
  if (before && satisfies(before->ports, spec.ports)) {
    record.ports = before->ports;
    if (!ports_.holds(spec.id)) ports_.claim(spec.id, before->ports, {}, PortMap::Policy::keep);
    return;
  }
  if (spec.ports.empty() || network.internal()) {
    ports_.release(spec.id);
    return;
  }
  try {
    record.ports = ports_.claim(spec.id, spec.ports, network.publication(), PortMap::Policy::strict);
  } catch (const Error& error) {
    throw Error{error.code(), "driver failed programming external connectivity on endpoint " + spec.container_name +
                                  " (" + spec.id + "): " + error.what()};
  }
}

/// Before its interface is there: where a container that runs is connected, a process may wait for it.
void Driver::bind_sender(const std::optional<EndpointRecord>& before, const EndpointRecord& record) {
  if (!record.anti_spoofing) return;
  const std::string old = before && before->anti_spoofing ? remove_sender_rules(sender_of(*before)) : "";
  change_port_rules(old + add_sender_rules(sender_of(record)));
}

/// After its interface is gone, and together with its record: else the table might be put back with it in between.
void Driver::unbind_sender(const EndpointRecord& record) noexcept {
  try {
    change_rules(remove_sender_rules(sender_of(record)));
  } catch (const std::exception& error) {
    host_->log(LogLevel::warning, "what endpoint " + record.id + " might send: " + error.what());
  }
}

/// Published ports are for the host and for the container itself, too.
void Driver::let_own_packets_through(const Network& network, const EndpointRecord& record) const {
  Netlink netlink;
  const std::string& bridge = network.options().interface;
  netlink.allow_hairpin(record.interface);
  // Else the kernel takes packets from 127.0.0.1, redirected into the bridge, for martians.
  // Without rules nothing is redirected there, and nothing would keep the bridge from the host's loopback.
  if (nftables_) write_sysctl("ipv4/conf/" + bridge + "/route_localnet", "1");
  if (!network.plan().ipv6 || !loopback6_) return;
  if (const auto link = netlink.find(bridge)) netlink.route_loopback6(link->index);
}

void Driver::unpublish(const EndpointRecord& record) {
  if (record.ports.empty()) return;
  const std::lock_guard lock(port_rules_);
  try {
    change_rules(remove_port_rules(rules_of(record)));
  } catch (const Error& error) {
    // Somebody else's element has the key: it is not ours to remove.
    host_->log(LogLevel::warning, std::string("published ports of endpoint ") + record.id + ": " + error.what());
  }
  ports_.release(record.id);
}

/// An endpoint that was there already, after a change of its ports that failed: its rules still stand.
void Driver::give_back(const EndpointRecord& before, const EndpointRecord& failed) noexcept {
  try {
    bind_sender(failed, before);
    records_->put(before);
    ports_.release(before.id);
    if (!before.ports.empty()) ports_.claim(before.id, before.ports, {}, PortMap::Policy::keep);
  } catch (const std::exception& error) {
    host_->log(LogLevel::warning, std::string("ports of endpoint ") + before.id + ": " + error.what());
  }
}

void Driver::join(const Network& network, const EndpointSpec& spec, const std::optional<EndpointRecord>& before,
                  EndpointRecord& record, int netns) {
  SandboxLink link = sandbox_link(network, record, spec.default_gateway);
  link.sysctls = interface_sysctls(spec.options, spec.interface);
  const std::string whole = fingerprint(link, netns);
  Netlink netlink;
  // A daemon that takes up its predecessor's endpoints finds nearly all of them as they are to be.
  if (before && before->joined == whole && netlink.find(record.interface)) {
    record.mac = before->mac;
    record.joined = whole;
    if (text(record) != text(*before)) records_->put(record);
    return;
  }
  records_->put(record);
  if (!netlink.find(record.interface)) {
    const auto bridge = netlink.find(network.options().interface);
    if (!bridge) throw Error{Errc::io, "the bridge " + network.options().interface + " is gone: restart the daemon"};
    const VethSpec veth{record.interface,      bridge->index,         netns, spec.interface, record.mac,
                        network.options().mtu, !network.options().icc};
    try {
      netlink.add_veth(veth);
    } catch (const Error&) {
      // The sandbox's interface of that name may be one that was detached and is on its way out.
      reaper_->drain();
      netlink.add_veth(veth);
    }
  }
  namespaces_->run(netns, [&link] { configure_sandbox(link); });
  // Both ends are up, but until their carriers are noticed the host's end and a bridge without other ports drop
  // packets.
  netlink.wait_until_running(record.interface);
  netlink.wait_until_running(network.options().interface);
  record.joined = whole;
  records_->note_joined(record);
}

void Driver::detach(const std::string& network_id, const std::string& endpoint_id, const Call& /*call*/) {
  if (reaper_->pending(endpoint_id)) return;
  auto record = records_->endpoint(network_id, endpoint_id);
  if (!record) return;
  if (!record->ports.empty()) {
    unpublish(*record);
    // Others get the ports at once: they must not be taken from them after a crash.
    record->ports.clear();
    records_->put(*record);
  }
  const NetworkPtr network = find(network_id);
  // Addresses of somebody else's are given on as soon as this returns.
  if (network && network->leased()) return remove_endpoint(*record);
  reaper_->submit(endpoint_id, [this, record = *record] { take_away(record); });
}

void Driver::remove_endpoint(const EndpointRecord& record) {
  Netlink().remove(record.interface);
  if (const NetworkPtr network = find(record.network_id)) network->leases().release(record.id);
  {
    const std::lock_guard rules(port_rules_);
    if (record.anti_spoofing) unbind_sender(record);
    records_->erase_endpoint(record.network_id, record.id);
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(latest_, [&record](const auto& one) { return one.second == record.id; });
}

void Driver::take_away(const EndpointRecord& record) noexcept {
  try {
    remove_endpoint(record);
  } catch (const std::exception& error) {
    host_->log(LogLevel::error, "endpoint " + record.id + " is not taken away: " + error.what());
  }
}

}  // namespace gantry::bridge
