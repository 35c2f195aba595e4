#include "bundle_linux.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "container_shim/cgroup_layout.hpp"
#include "container_shim/device_filter.hpp"
#include "gantry/error.hpp"
#include "seccomp_section.hpp"

namespace gantry::oci {

namespace {

using Json = nlohmann::json;
using container_shim::Plan;
using runtime::v1::DeviceRate;
using runtime::v1::DeviceRule;
using runtime::v1::IdMap;
using runtime::v1::Resources;
using runtime::v1::Spec;

template <class T>
void put_if_set(Json& out, const char* name, const std::optional<T>& value) {
  if (value) out[name] = *value;
}

void put_rates(Json& out, const char* name, const char* figure, const std::vector<DeviceRate>& rates) {
  for (const DeviceRate& rate : rates) {
    const std::string numbers = container_shim::device_number(rate.path);  // "8:0"
    const std::size_t colon = numbers.find(':');
    out[name].push_back({{"major", std::atoll(numbers.c_str())},
                         {"minor", std::atoll(numbers.c_str() + colon + 1)},
                         {figure, rate.rate}});
  }
}

Json memory_section(const Resources& r) {
  Json out = Json::object();
  put_if_set(out, "limit", r.memory);
  put_if_set(out, "swap", r.memory_swap);
  put_if_set(out, "reservation", r.memory_reservation);
  put_if_set(out, "swappiness", r.memory_swappiness);
  if (r.oom_kill_disable) out["disableOOMKiller"] = true;
  return out;
}

Json cpu_section(const Resources& r) {
  Json out = Json::object();
  put_if_set(out, "shares", r.cpu_shares);
  put_if_set(out, "quota", r.cpu_quota);
  put_if_set(out, "period", r.cpu_period);
  put_if_set(out, "realtimeRuntime", r.cpu_rt_runtime);
  put_if_set(out, "realtimePeriod", r.cpu_rt_period);
  if (!r.cpuset_cpus.empty()) out["cpus"] = r.cpuset_cpus;
  if (!r.cpuset_mems.empty()) out["mems"] = r.cpuset_mems;
  return out;
}

Json block_section(const Resources& r) {
  Json out = Json::object();
  put_if_set(out, "weight", r.blkio_weight);
  put_rates(out, "weightDevice", "weight", r.blkio_weight_device);
  put_rates(out, "throttleReadBpsDevice", "rate", r.blkio_read_bps);
  put_rates(out, "throttleWriteBpsDevice", "rate", r.blkio_write_bps);
  put_rates(out, "throttleReadIOPSDevice", "rate", r.blkio_read_iops);
  put_rates(out, "throttleWriteIOPSDevice", "rate", r.blkio_write_iops);
  return out;
}

Json device_rules(const std::vector<DeviceRule>& rules) {
  Json out = Json::array({{{"allow", false}, {"access", "rwm"}}});
  for (const DeviceRule& rule : container_shim::with_default_rules(rules)) {
    Json entry{{"allow", rule.allow}, {"type", std::string(1, rule.type)}};
    entry["access"] = rule.access.empty() ? "rwm" : rule.access;
    if (rule.major >= 0) entry["major"] = rule.major;
    if (rule.minor >= 0) entry["minor"] = rule.minor;
    out.push_back(std::move(entry));
  }
  return out;
}

Json devices(const Spec& spec) {
  Json out = Json::array();
  for (const auto& device : spec.devices) {
    out.push_back({{"path", device.path},
                   {"type", std::string(1, device.type)},
                   {"major", device.major},
                   {"minor", device.minor},
                   {"fileMode", device.mode & 07777U},
                   {"uid", device.uid},
                   {"gid", device.gid}});
  }
  return out;
}

Json namespaces(const Spec& spec) {
  Json out = Json::array();
  for (const auto& space : spec.namespaces) {
    if (space.kind == "time") throw Error{Errc::unsupported, "an OCI runtime makes no time namespaces here"};
    Json entry{{"type", space.kind}};
    if (!space.path.empty()) entry["path"] = space.path;
    out.push_back(std::move(entry));
  }
  return out;
}

/// Also of a user namespace that is joined: runc asks for the maps of every one.
Json id_mappings(const std::vector<IdMap>& map) {
  Json out = Json::array();
  for (const IdMap& range : map) {
    out.push_back({{"containerID", range.inside}, {"hostID", range.outside}, {"size", range.count}});
  }
  return out;
}

/// What a mount hands on to the host, or gets from it, the root's own mount must not stop. As dockerd chooses.
std::string root_propagation(const Spec& spec) {
  std::string found;  // the runtime's default: all private
  for (const Mount& mount : spec.mounts) {
    for (const std::string& option : mount.options) {
      if (option == "shared" || option == "rshared") return "shared";
      if (option == "slave" || option == "rslave") found = "slave";
    }
  }
  return found;
}

}  // namespace

bool is_late_sysctl(const std::string& sysctl, bool remapped) {
  if (remapped && !sysctl.starts_with("net.")) return true;
  std::istringstream parts(sysctl);
  std::vector<std::string> words;
  for (std::string part; std::getline(parts, part, '.');) words.push_back(part);
  if (words.size() < 5 || words[0] != "net" || (words[2] != "conf" && words[2] != "neigh")) return false;
  return words[3] != "all" && words[3] != "default" && words[3] != "lo";
}

Json resources_section(const Resources& resources) {
  Json out = Json::object();
  const auto put = [&](const char* name, Json section) {
    if (!section.empty()) out[name] = std::move(section);
  };
  put("memory", memory_section(resources));
  put("cpu", cpu_section(resources));
  put("blockIO", block_section(resources));
  if (resources.pids_limit) out["pids"]["limit"] = *resources.pids_limit;
  return out;
}

Json linux_section(const Spec& spec, const Plan& plan, const std::string& cgroup_parent) {
  Json out{{"namespaces", namespaces(spec)},
           {"cgroupsPath", "/" + cgroup_parent + "/" + spec.id},
           {"resources", resources_section(spec.resources)},
           {"devices", is_remapped(plan) ? Json::array() : devices(spec)},
           {"maskedPaths", spec.masked_paths},
           {"readonlyPaths", spec.readonly_paths}};
  if (std::string propagation = root_propagation(spec); !propagation.empty()) out["rootfsPropagation"] = propagation;
  out["resources"]["devices"] = device_rules(spec.device_rules);
  for (const auto& [name, value] : spec.sysctls) {
    if (!is_late_sysctl(name, is_remapped(plan))) out["sysctl"][name] = value;
  }
  if (is_remapped(plan)) {
    out["uidMappings"] = id_mappings(spec.uid_map);
    out["gidMappings"] = id_mappings(spec.gid_map);
  }
  Json seccomp = seccomp_section(spec.seccomp, plan.process.capabilities);
  if (!seccomp.is_null()) out["seccomp"] = std::move(seccomp);
  return out;
}

}  // namespace gantry::oci
