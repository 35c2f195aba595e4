#include "wire/container_config.hpp"

#include "wire/fields.hpp"

namespace gantry::wire {

template <class Visitor, SameAs<Healthcheck> T>
void visit(Visitor& fields, T& health) {
  fields("Test", health.test, Empty::brief);
  fields("Interval", health.interval, Empty::brief);
  fields("Timeout", health.timeout, Empty::brief);
  fields("StartPeriod", health.start_period, Empty::brief);
  fields("StartInterval", health.start_interval, Empty::brief);
  fields("Retries", health.retries, Empty::brief);
}

namespace {

// The API takes a plain string where a list of words is meant.
void read_words(const Json& in, const char* name, std::optional<std::vector<std::string>>& words) {
  std::vector<std::string> found;
  if (FieldReader::decode_words(in, name, "Config", found)) words = std::move(found);
}

template <class Visitor, class T>
void visit_streams(Visitor& fields, T& config) {
  fields("Hostname", config.hostname);
  fields("Domainname", config.domainname);
  fields("User", config.user);
  fields("AttachStdin", config.attach_stdin);
  fields("AttachStdout", config.attach_stdout);
  fields("AttachStderr", config.attach_stderr);
  fields("ExposedPorts", config.exposed_ports, Empty::brief);
  fields("Tty", config.tty);
  fields("OpenStdin", config.open_stdin);
  fields("StdinOnce", config.stdin_once);
  fields("Env", config.env);
}

}  // namespace

template <class Visitor, SameAs<ContainerConfig> T>
void visit(Visitor& fields, T& config) {
  visit_streams(fields, config);
  if constexpr (!Visitor::kReads) fields("Cmd", config.cmd);
  fields("Healthcheck", config.healthcheck, Empty::brief);
  fields("HealthcheckOnFailureAction", config.health_on_failure, Empty::brief);
  fields("ArgsEscaped", config.args_escaped, Empty::brief);
  fields("Image", config.image);
  fields("Volumes", config.volumes);
  fields("WorkingDir", config.working_dir);
  if constexpr (!Visitor::kReads) fields("Entrypoint", config.entrypoint);
  fields("NetworkDisabled", config.network_disabled, Empty::brief);
  fields("MacAddress", config.mac_address, Empty::brief);
  fields("OnBuild", config.on_build);
  fields("Labels", config.labels, Empty::braces);
  fields("StopSignal", config.stop_signal, Empty::brief);
  fields("StopTimeout", config.stop_timeout, Empty::brief);
  if constexpr (!Visitor::kReads) fields("Shell", config.shell, Empty::brief);
}

template <class Visitor, SameAs<EndpointSettings::IpamAddresses> T>
void visit(Visitor& fields, T& ipam) {
  fields("IPv4Address", ipam.ipv4_address, Empty::brief);
  fields("IPv6Address", ipam.ipv6_address, Empty::brief);
  fields("LinkLocalIPs", ipam.link_local_ips, Empty::brief);
}

template <class Visitor, SameAs<EndpointSettings> T>
void visit(Visitor& fields, T& endpoint) {
  fields("IPAMConfig", endpoint.ipam);
  fields("Links", endpoint.links);
  fields("Aliases", endpoint.aliases);
  fields("MacAddress", endpoint.mac_address);
  fields("DriverOpts", endpoint.driver_opts);
  fields("GwPriority", endpoint.gateway_priority);
  fields("NetworkID", endpoint.network_id);
  fields("EndpointID", endpoint.endpoint_id);
  fields("Gateway", endpoint.gateway);
  fields("IPAddress", endpoint.ip_address);
  fields("IPPrefixLen", endpoint.ip_prefix_len);
  fields("IPv6Gateway", endpoint.ipv6_gateway);
  fields("GlobalIPv6Address", endpoint.global_ipv6_address);
  fields("GlobalIPv6PrefixLen", endpoint.global_ipv6_prefix_len);
  fields("DNSNames", endpoint.dns_names);
}

nlohmann::ordered_json to_json(const ContainerConfig& config) { return FieldWriter::encode(config); }
nlohmann::ordered_json to_json(const EndpointSettings& endpoint) { return FieldWriter::encode(endpoint); }

nlohmann::ordered_json to_json(const CreateBody& body) {
  OrderedJson out = to_json(body.config);
  out["HostConfig"] = to_json(body.host_config);
  out["NetworkingConfig"]["EndpointsConfig"] = FieldWriter::encode(body.endpoints, Empty::braces);
  return out;
}

void from_json(const nlohmann::json& in, ContainerConfig& config) {
  FieldReader::decode(in, config, "Config");
  read_words(in, "Cmd", config.cmd);
  read_words(in, "Entrypoint", config.entrypoint);
  (void)FieldReader::decode_words(in, "Shell", "Config", config.shell);
}

void from_json(const nlohmann::json& in, CreateBody& body) {
  from_json(in, body.config);
  each_member(in, "HostConfig", [&](const Json& host) {
    if (!host.is_null()) from_json(host, body.host_config);
  });
  each_member(in, "NetworkingConfig", [&](const Json& networking) {
    if (networking.is_null()) return;
    FieldReader reader{networking, "NetworkingConfig"};
    reader("EndpointsConfig", body.endpoints);
  });
}

}  // namespace gantry::wire
