#include "containers/spec.hpp"

#include <algorithm>
#include <charconv>

#include "containers/defaults.hpp"
#include "containers/user_namespace.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

constexpr const char* kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// As dockerd: later ones replace earlier ones, a bare name takes the variable away.
void replace_or_append(std::vector<std::string>& env, const std::vector<std::string>& overrides) {
  for (const std::string& variable : overrides) {
    const std::string name = variable.substr(0, variable.find('='));
    const auto found = std::find_if(env.begin(), env.end(),
                                    [&](const std::string& other) { return other.substr(0, other.find('=')) == name; });
    if (variable.find('=') == std::string::npos) {
      if (found != env.end()) env.erase(found);
    } else if (found != env.end()) {
      *found = variable;
    } else {
      env.push_back(variable);
    }
  }
}

}  // namespace

std::uint64_t parse_bytes(const std::string& text, const char* option) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  for (char& c : unit) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (unit.size() > 1 && unit.back() == 'b') unit.pop_back();
  int shift = 0;
  if (unit == "k")
    shift = 10;
  else if (unit == "m")
    shift = 20;
  else if (unit == "g")
    shift = 30;
  else if (unit == "t")
    shift = 40;
  else if (!unit.empty() && unit != "b")
    shift = -1;
  if (error != std::errc{} || shift < 0 || number == 0) {
    throw Error{Errc::invalid, std::string("invalid value for ") + option + ": '" + text + "'"};
  }
  return number << shift;
}

std::vector<std::string> build_env(const Container& container, const std::string& hostname,
                                   const std::vector<std::string>& links) {
  std::vector<std::string> env{kDefaultPath, "HOSTNAME=" + hostname};
  if (container.config.tty) env.emplace_back("TERM=xterm");
  env.insert(env.end(), links.begin(), links.end());
  replace_or_append(env, container.config.env);
  return env;
}

std::vector<runtime::v1::Namespace> build_namespaces(const wire::HostConfig& host, const SpecInputs& inputs) {
  std::vector<runtime::v1::Namespace> namespaces{{"mount", ""}};
  const auto add = [&](const char* kind, const std::string& mode) {
    if (mode == "host") return;
    const auto joined = inputs.joined.find(kind);
    namespaces.push_back({kind, joined == inputs.joined.end() ? "" : joined->second});
  };
  add("network", host.network_mode);
  add("pid", host.pid_mode);
  add("ipc", host.ipc_mode);
  // A container that joins another's network shares its host name as well, as in dockerd.
  if (host.uts_mode != "host") namespaces.push_back({"uts", ""});
  if (host.cgroupns_mode == "private") namespaces.push_back({"cgroup", ""});
  return namespaces;
}

runtime::v1::Process build_exec_process(const Container& container, const ExecRequest& request,
                                        const Settings& settings) {
  runtime::v1::Process process;
  process.args = request.cmd;
  process.env = build_env(container, container.config.hostname);
  if (request.tty)
    replace_or_append(process.env, {"TERM=xterm"});
  else if (container.config.tty)
    replace_or_append(process.env, {"TERM"});
  replace_or_append(process.env, container.config.env);
  replace_or_append(process.env, request.env);
  process.cwd = request.working_dir.empty() ? container.config.working_dir : request.working_dir;
  if (process.cwd.empty()) process.cwd = "/";
  process.user = request.user.empty() ? container.config.user : request.user;
  process.additional_groups = container.host_config.group_add;
  process.terminal = request.tty;
  if (request.console_size.size() == 2) {
    process.rows = static_cast<std::uint16_t>(request.console_size[0]);
    process.columns = static_cast<std::uint16_t>(request.console_size[1]);
  }
  wire::HostConfig host = container.host_config;
  if (request.privileged) host.privileged = true;
  process.capabilities = build_capabilities(host);
  runtime::v1::Spec security;
  build_security(host, settings, security);
  process.no_new_privileges = security.process.no_new_privileges;
  // As in dockerd an exec with all privileges keeps the container's.
  process.apparmor_profile = apparmor_profile(container.host_config, settings);
  process.rlimits = build_rlimits(container.host_config.resources, settings);
  process.oom_score_adj = container.host_config.oom_score_adj;
  return process;
}

void check_spec(const Container& container, const Settings& settings) {
  (void)build_capabilities(container.host_config);
  (void)build_rlimits(container.host_config.resources, settings);
  runtime::v1::Spec scratch;
  build_security(container.host_config, settings, scratch);
}

runtime::v1::Spec build_spec(const Container& container, const SpecInputs& inputs, const Settings& settings) {
  const wire::ContainerConfig& config = container.config;
  const wire::HostConfig& host = container.host_config;
  runtime::v1::Spec spec;
  spec.id = container.id;
  spec.root = inputs.root;
  for (Mount& mount : spec.root) mount.options.emplace_back(kIdMapOption);
  spec.readonly_root = host.readonly_rootfs;
  spec.mounts = build_mounts(container, inputs);
  spec.process.args = container.command();
  spec.process.env = build_env(container, inputs.hostname, inputs.link_env);
  replace_or_append(spec.process.env, inputs.lent_env);
  spec.process.cwd = config.working_dir.empty() ? "/" : config.working_dir;
  spec.process.user = config.user;
  spec.process.additional_groups = host.group_add;
  spec.process.terminal = config.tty;
  if (config.tty && host.console_size.size() == 2) {
    spec.process.rows = static_cast<std::uint16_t>(host.console_size[0]);
    spec.process.columns = static_cast<std::uint16_t>(host.console_size[1]);
  }
  spec.process.capabilities = build_capabilities(host);
  spec.process.rlimits = build_rlimits(host.resources, settings);
  spec.process.oom_score_adj = host.oom_score_adj;
  spec.stdio.open_stdin = config.open_stdin;
  spec.stdio.stdin_once = config.stdin_once && !config.tty;
  spec.log = inputs.log;
  // For a runtime that carries out no plans.
  if (inputs.log.writer == "json-file") {
    spec.stdio.log_path = inputs.log.path;
    spec.stdio.log_max_size = inputs.log.max_size;
    spec.stdio.log_max_files = inputs.log.max_files;
    spec.log_attributes = inputs.log.attributes;
  }
  if (host.uts_mode != "host") {
    spec.hostname = inputs.hostname;
    spec.domainname = config.domainname;
  }
  spec.namespaces = build_namespaces(host, inputs);
  spec.cgroup_parent = host.resources.cgroup_parent;
  spec.resources = build_resources(host.resources);
  build_devices(host, inputs.cdi.devices, spec);
  replace_or_append(spec.process.env, inputs.cdi.env);
  spec.mounts.insert(spec.mounts.end(), inputs.cdi.mounts.begin(), inputs.cdi.mounts.end());
  build_security(host, settings, spec);
  spec.sysctls = build_sysctls(config, host, inputs.joined);
  if (host.init.value_or(false)) spec.init_path = "builtin";
  build_user_namespace(host, settings, inputs.joined_user, spec);
  return spec;
}

}  // namespace gantry::containers
