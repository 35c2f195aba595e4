#include "wire/system.hpp"

#include "wire/fields.hpp"

namespace gantry::wire {

template <class Visitor, SameAs<VersionComponent> C>
void visit(Visitor& fields, C& component) {
  fields("Name", component.name);
  fields("Version", component.version);
  fields("Details", component.details);
}

template <class Visitor, SameAs<Version> V>
void visit(Visitor& fields, V& version) {
  fields("Components", version.components);
  fields("Version", version.version);
  fields("ApiVersion", version.api_version);
  fields("MinAPIVersion", version.min_api_version);
  fields("GitCommit", version.git_commit);
  fields("GoVersion", version.go_version);
  fields("Os", version.os);
  fields("Arch", version.arch);
  fields("KernelVersion", version.kernel_version);
  fields("BuildTime", version.build_time);
}

template <class Visitor, SameAs<RuntimeInfo> R>
void visit(Visitor& fields, R& runtime) {
  fields("path", runtime.path);
}

template <class Visitor, SameAs<AddressPool> P>
void visit(Visitor& fields, P& pool) {
  fields("Base", pool.base);
  fields("Size", pool.size);
}

template <class Visitor, SameAs<FoundDevice> D>
void visit(Visitor& fields, D& device) {
  fields("Source", device.source);
  fields("ID", device.id);
}

template <class Visitor, SameAs<RegistryIndex> I>
void visit(Visitor& fields, I& index) {
  fields("Name", index.name);
  fields("Mirrors", index.mirrors, Empty::braces);
  fields("Secure", index.secure);
  fields("Official", index.official);
}

template <class Visitor, class I>
void visit_counts(Visitor& fields, I& info) {
  fields("ID", info.id);
  fields("Containers", info.containers);
  fields("ContainersRunning", info.containers_running);
  fields("ContainersPaused", info.containers_paused);
  fields("ContainersStopped", info.containers_stopped);
  fields("Images", info.images);
  fields("Driver", info.driver);
  fields("DriverStatus", info.driver_status, Empty::braces);
}

template <class Visitor, class I>
void visit_limits(Visitor& fields, I& info) {
  fields("MemoryLimit", info.memory_limit);
  fields("SwapLimit", info.swap_limit);
  fields("CpuCfsPeriod", info.cpu_cfs_period);
  fields("CpuCfsQuota", info.cpu_cfs_quota);
  fields("CPUShares", info.cpu_shares);
  fields("CPUSet", info.cpu_set);
  fields("PidsLimit", info.pids_limit);
  fields("IPv4Forwarding", info.ipv4_forwarding);
  fields("OomKillDisable", info.oom_kill_disable);
}

template <class Visitor, class I>
void visit_host(Visitor& fields, I& info) {
  fields("Debug", info.debug);
  fields("NFd", info.open_files);
  fields("NGoroutines", info.goroutines);
  fields("SystemTime", info.system_time);
  fields("LoggingDriver", info.logging_driver);
  fields("CgroupDriver", info.cgroup_driver);
  fields("CgroupVersion", info.cgroup_version);
  fields("NEventsListener", info.listeners);
  fields("KernelVersion", info.kernel_version);
  fields("OperatingSystem", info.operating_system);
  fields("OSVersion", info.os_version);
  fields("OSType", info.os_type);
  fields("Architecture", info.architecture);
  fields("IndexServerAddress", info.index_server);
  fields("NCPU", info.cpus);
  fields("MemTotal", info.memory);
  fields("DockerRootDir", info.root_dir);
  fields("HttpProxy", info.http_proxy);
  fields("HttpsProxy", info.https_proxy);
  fields("NoProxy", info.no_proxy);
}

template <class Visitor, class I>
void visit_settings(Visitor& fields, I& info) {
  fields("Name", info.name);
  fields("Labels", info.labels, Empty::braces);
  fields("ServerVersion", info.server_version);
  fields("Runtimes", info.runtimes, Empty::braces);
  fields("DefaultRuntime", info.default_runtime);
  fields("LiveRestoreEnabled", info.live_restore);
  fields("InitBinary", info.init_binary);
  fields("SecurityOptions", info.security_options, Empty::braces);
  fields("DefaultAddressPools", info.default_address_pools, Empty::brief);
  fields("Warnings", info.warnings);
}

template <class Visitor, SameAs<PluginOption> O>
void visit(Visitor& fields, O& option) {
  fields("Name", option.name);
  fields("Type", option.type);
  fields("Scope", option.scope);
  fields("Default", option.default_value);
  fields("Help", option.help);
}

template <class Visitor, SameAs<Plugin> P>
void visit(Visitor& fields, P& plugin) {
  fields("Kind", plugin.kind);
  fields("Name", plugin.name);
  fields("Version", plugin.version);
  fields("Interface", plugin.interface);
  fields("File", plugin.file);
  fields("Capabilities", plugin.capabilities, Empty::braces);
  fields("Options", plugin.options, Empty::braces);
  fields("Settings", plugin.settings, Empty::braces);
  fields("Enabled", plugin.enabled);
  fields("Isolated", plugin.isolated);
  fields("Pids", plugin.pids, Empty::brief);
  fields("Error", plugin.error, Empty::brief);
}

namespace {

template <class T>
void read(const Json& object, const char* name, T& out) {
  FieldReader reader{object, ""};
  reader(name, out);
}

}  // namespace

void to_json(OrderedJson& json, const Version& version) {
  FieldWriter writer{json};
  visit(writer, version);
  json["Platform"] = OrderedJson{{"Name", version.platform}};
}

void from_json(const Json& json, Version& version) {
  FieldReader reader{json, ""};
  visit(reader, version);
  if (const auto platform = json.find("Platform"); platform != json.end()) read(*platform, "Name", version.platform);
}

void to_json(OrderedJson& json, const Info& info) {
  FieldWriter writer{json};
  visit_counts(writer, info);
  json["Plugins"] = OrderedJson{{"Volume", info.volume_plugins},
                                {"Network", info.network_plugins},
                                {"Authorization", nullptr},
                                {"Log", info.log_plugins}};
  OrderedJson rest;
  FieldWriter others{rest};
  visit_limits(others, info);
  visit_host(others, info);
  visit_settings(others, info);
  json.update(rest);
  json["RegistryConfig"] = OrderedJson{{"AllowNondistributableArtifactsCIDRs", nullptr},
                                       {"AllowNondistributableArtifactsHostnames", nullptr},
                                       {"InsecureRegistryCIDRs", info.insecure_cidrs},
                                       {"IndexConfigs", FieldWriter::encode(info.indexes, Empty::braces)},
                                       {"Mirrors", FieldWriter::encode(info.mirrors)}};
  json["BridgeNfIptables"] = false;
  json["BridgeNfIp6tables"] = false;
  json["GenericResources"] = nullptr;
  json["ExperimentalBuild"] = false;
  json["Isolation"] = "";
  json["Swarm"] = OrderedJson{
      {"NodeID", ""}, {"NodeAddr", ""},           {"LocalNodeState", "inactive"}, {"ControlAvailable", false},
      {"Error", ""},  {"RemoteManagers", nullptr}};
  for (const char* commit : {"ContainerdCommit", "RuncCommit", "InitCommit"}) {
    json[commit] = OrderedJson{{"ID", ""}, {"Expected", ""}};
  }
  json["CDISpecDirs"] = info.cdi_spec_dirs;
  if (!info.devices.empty()) json["DiscoveredDevices"] = FieldWriter::encode(info.devices);
  if (!info.firewall.empty()) json["FirewallBackend"] = OrderedJson{{"Driver", info.firewall}};
}

void from_json(const Json& json, Info& info) {
  FieldReader reader{json, ""};
  visit_counts(reader, info);
  visit_limits(reader, info);
  visit_host(reader, info);
  visit_settings(reader, info);
  read(json, "CDISpecDirs", info.cdi_spec_dirs);
  read(json, "DiscoveredDevices", info.devices);
  if (const auto firewall = json.find("FirewallBackend"); firewall != json.end())
    read(*firewall, "Driver", info.firewall);
  if (const auto plugins = json.find("Plugins"); plugins != json.end()) {
    read(*plugins, "Volume", info.volume_plugins);
    read(*plugins, "Network", info.network_plugins);
    read(*plugins, "Log", info.log_plugins);
  }
  if (const auto registry = json.find("RegistryConfig"); registry != json.end()) {
    read(*registry, "InsecureRegistryCIDRs", info.insecure_cidrs);
    read(*registry, "IndexConfigs", info.indexes);
    read(*registry, "Mirrors", info.mirrors);
  }
}

void to_json(OrderedJson& json, const EventMessage& event) {
  json = OrderedJson::object();
  if (event.type == "container" || event.type == "image") {
    json["status"] = event.action;
    json["id"] = event.actor;
    const auto image = event.attributes.find("image");
    if (event.type == "container" && image != event.attributes.end()) json["from"] = image->second;
  }
  json["Type"] = event.type;
  json["Action"] = event.action;
  json["Actor"] =
      OrderedJson{{"ID", event.actor}, {"Attributes", FieldWriter::encode(event.attributes, Empty::braces)}};
  json["scope"] = event.scope;
  json["time"] = event.time_nano / 1'000'000'000;
  json["timeNano"] = event.time_nano;
}

void from_json(const Json& json, EventMessage& event) {
  read(json, "Type", event.type);
  read(json, "Action", event.action);
  read(json, "scope", event.scope);
  read(json, "timeNano", event.time_nano);
  if (const auto actor = json.find("Actor"); actor != json.end()) {
    read(*actor, "ID", event.actor);
    read(*actor, "Attributes", event.attributes);
  }
}

void to_json(OrderedJson& json, const Plugin& plugin) {
  FieldWriter writer{json};
  visit(writer, plugin);
}

void from_json(const Json& json, Plugin& plugin) {
  FieldReader reader{json, ""};
  visit(reader, plugin);
}

}  // namespace gantry::wire
