#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "containers/defaults.hpp"
#include "containers/spec.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

bool belongs_to_ipc(const std::string& name) {
  static const std::set<std::string> known{"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
                                           "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
  return known.contains(name) || name.starts_with("fs.mqueue.");
}

[[noreturn]] void refuse_sysctl(const std::string& name, const std::string& why) {
  throw Error{Errc::invalid, "sysctl \"" + name + "\" " + why};
}

// With dots where slashes separate; a dot in a name that is written with slashes is a slash then (sysctl(8)).
std::string with_dots(std::string name) {
  if (name.find_first_of("./") == std::string::npos || name[name.find_first_of("./")] == '.') return name;
  for (char& c : name) {
    if (c == '.' || c == '/') c = c == '.' ? '/' : '.';
  }
  return name;
}

using Joined = std::map<std::string, std::string>;

// That of a container which has the host's, too.
bool is_the_hosts(const std::string& kind, const std::string& mode, const Joined& joined) {
  if (mode == "host") return true;
  const auto path = joined.find(kind);
  if (path == joined.end()) return false;
  const std::string file = path->second.substr(path->second.rfind('/') + 1);
  std::error_code gone;
  return std::filesystem::equivalent(path->second, "/proc/self/ns/" + file, gone);
}

// As runc: only what the container has a namespace of its own for.
void check_sysctl(const std::string& name, const wire::HostConfig& host, const Joined& joined) {
  if (belongs_to_ipc(name)) {
    if (is_the_hosts("ipc", host.ipc_mode, joined)) refuse_sysctl(name, "is not allowed in the hosts ipc namespace");
    return;
  }
  if (name.starts_with("net.")) {
    if (is_the_hosts("network", host.network_mode, joined))
      refuse_sysctl(name, "not allowed in host network namespace");
    return;
  }
  if (host.uts_mode != "host" && name == "kernel.domainname") return;
  if (host.uts_mode != "host" && name == "kernel.hostname") {
    refuse_sysctl(name, "is not allowed as it conflicts with the OCI \"hostname\" field");
  }
  refuse_sysctl(name, "is not in a separate kernel namespace");
}

}  // namespace

Options build_sysctls(const wire::ContainerConfig& config, const wire::HostConfig& host, const Joined& joined) {
  Options sysctls;
  // Whoever has a network of his own may use all of it, whichever user he is.
  if (host.network_mode != "host" && !joins_container(host.network_mode)) {
    sysctls["net.ipv4.ip_unprivileged_port_start"] = "0";
    sysctls["net.ipv4.ping_group_range"] = "0 2147483647";
  }
  for (const auto& [given, value] : host.sysctls) {
    const std::string name = with_dots(given);
    check_sysctl(name, host, joined);
    sysctls[name] = value;
  }
  if (!config.domainname.empty() && host.uts_mode == "host") check_sysctl("kernel.domainname", host, joined);
  return sysctls;
}

}  // namespace gantry::containers
