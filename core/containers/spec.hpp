#pragma once

#include <map>
#include <string>
#include <vector>

#include "containers/cdi.hpp"
#include "containers/container.hpp"
#include "containers/exec.hpp"
#include "containers/service.hpp"
#include "gantry/runtime.hpp"

/// From a record to what the runtime driver runs. Pure: it reads nothing but its arguments (and the host's /dev for
/// --device and --privileged, and of which user namespace and whose those are that are joined).
namespace gantry::containers {

/// What is not on record.
struct SpecInputs {
  std::vector<Mount> root;               ///< From the storage driver.
  std::map<std::string, Mount> volumes;  ///< By destination, as the volume drivers gave them.
  std::string hosts;                     ///< Files to be bound; empty: none.
  std::string hostname_file;
  std::string resolv_conf;
  std::string hostname;                       ///< Of the UTS namespace.
  std::map<std::string, std::string> joined;  ///< Namespace kind ("network", "pid", "ipc") to its path.
  std::string joined_user;                    ///< The user namespace that goes with `joined`, if there is one.
  std::string joined_shm;                     ///< The mount namespace of the container whose IPC namespace is joined.
  std::map<std::string, std::vector<Mount>> images;  ///< By destination, as the storage driver gave them.
  CdiEdits cdi;                                      ///< What devices by name bring.
  std::vector<std::string> lent_env;                 ///< Over all others.
  std::vector<std::string> link_env;                 ///< What tells of linked containers.
  log::v1::Plan log;                                 ///< The log driver's.
};

/// Errors: invalid, in dockerd's words.
runtime::v1::Spec build_spec(const Container& container, const SpecInputs& inputs, const Settings& settings);

/// Throws what `build_spec` would throw for the form of the record. Errors: invalid.
void check_spec(const Container& container, const Settings& settings);

/// The parts, one file each.
/// `links`: of linked containers; what the user set goes over it.
std::vector<std::string> build_env(const Container& container, const std::string& hostname,
                                   const std::vector<std::string>& links = {});
/// `volume`: what the volume driver gave for it. Errors: internal without one that is needed.
Mount build_mount(const MountPoint& place, const Mount* volume);
/// Whether one of them needs a runtime driver with the capability "bind-lookup".
bool needs_bind_lookup(const std::vector<Mount>& mounts);
std::vector<Mount> build_mounts(const Container& container, const SpecInputs& inputs);
std::vector<std::string> build_capabilities(const wire::HostConfig& host);
/// Empty on a host without AppArmor, where what is asked for means nothing, as in dockerd.
std::string apparmor_profile(const wire::HostConfig& host, const Settings& settings);
void build_security(const wire::HostConfig& host, const Settings& settings, runtime::v1::Spec& spec);
/// `more`: beside those of the host config.
void build_devices(const wire::HostConfig& host, const std::vector<wire::DeviceMapping>& more, runtime::v1::Spec& spec);
runtime::v1::Resources build_resources(const wire::Resources& limits);
std::vector<runtime::v1::Rlimit> build_rlimits(const wire::Resources& limits, const Settings& settings);
/// `joined`: as of SpecInputs; another container's namespace may be the host's. Errors: invalid for what is not the
/// container's own.
Options build_sysctls(const wire::ContainerConfig& config, const wire::HostConfig& host,
                      const std::map<std::string, std::string>& joined);
std::vector<runtime::v1::Namespace> build_namespaces(const wire::HostConfig& host, const SpecInputs& inputs);

/// "10m" in bytes. Errors: invalid, naming the option.
std::uint64_t parse_bytes(const std::string& text, const char* option);

/// The process of an exec.
runtime::v1::Process build_exec_process(const Container& container, const ExecRequest& request,
                                        const Settings& settings);

}  // namespace gantry::containers
