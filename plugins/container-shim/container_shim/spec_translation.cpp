#include "container_shim/spec_translation.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>

#include "container_shim/capabilities.hpp"
#include "container_shim/container_files.hpp"
#include "container_shim/device_filter.hpp"
#include "container_shim/mount_options.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

using runtime::v1::IdMap;
using runtime::v1::Namespace;
using runtime::v1::Process;
using runtime::v1::Rlimit;
using runtime::v1::Spec;

struct Name {
  std::string_view name;
  std::uint64_t value;
};

constexpr Name kNamespaces[] = {{"pid", CLONE_NEWPID},      {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS},
                                {"ipc", CLONE_NEWIPC},      {"uts", CLONE_NEWUTS},     {"user", CLONE_NEWUSER},
                                {"cgroup", CLONE_NEWCGROUP}};

constexpr Name kLimits[] = {
    {"AS", RLIMIT_AS},           {"CORE", RLIMIT_CORE},         {"CPU", RLIMIT_CPU},
    {"DATA", RLIMIT_DATA},       {"FSIZE", RLIMIT_FSIZE},       {"LOCKS", RLIMIT_LOCKS},
    {"MEMLOCK", RLIMIT_MEMLOCK}, {"MSGQUEUE", RLIMIT_MSGQUEUE}, {"NICE", RLIMIT_NICE},
    {"NOFILE", RLIMIT_NOFILE},   {"NPROC", RLIMIT_NPROC},       {"RSS", RLIMIT_RSS},
    {"RTPRIO", RLIMIT_RTPRIO},   {"RTTIME", RLIMIT_RTTIME},     {"SIGPENDING", RLIMIT_SIGPENDING},
    {"STACK", RLIMIT_STACK}};

template <std::size_t N>
const Name* find(const Name (&names)[N], std::string_view name) {
  const auto found = std::find_if(std::begin(names), std::end(names), [&](const Name& n) { return n.name == name; });
  return found == std::end(names) ? nullptr : found;
}

[[noreturn]] void refuse_spec(const std::string& why) { throw Error{Errc::invalid, why}; }

PlanRlimit translate_limit(const Rlimit& limit) {
  const Name* known =
      limit.type.starts_with("RLIMIT_") ? find(kLimits, std::string_view(limit.type).substr(7)) : nullptr;
  if (known == nullptr) refuse_spec("invalid ulimit type: " + limit.type);
  if (limit.soft > limit.hard) refuse_spec("ulimit soft limit must be less than or equal to hard limit: " + limit.type);
  return {static_cast<std::int32_t>(known->value), limit.soft, limit.hard};
}

void translate_namespaces(const std::vector<Namespace>& namespaces, Plan& plan) {
  for (const Namespace& space : namespaces) {
    const Name* known = find(kNamespaces, space.kind);
    if (known == nullptr) refuse_spec("unknown namespace \"" + space.kind + "\"");
    if (space.path.empty()) {
      plan.new_namespaces |= known->value;
    } else if (known->value == CLONE_NEWNS) {
      refuse_spec("a container has a mount namespace of its own: it cannot join " + space.path);
    } else {
      plan.joined_namespaces.push_back({known->value, space.path});
    }
  }
  if ((plan.new_namespaces & CLONE_NEWNS) == 0) refuse_spec("a container needs a mount namespace of its own");
}

/// What the container's `id` is outside; nothing if it has none.
std::optional<std::uint32_t> outside_id(const std::vector<IdMap>& map, std::uint32_t id) {
  for (const IdMap& range : map) {
    if (id >= range.inside && id - range.inside < range.count) return range.outside + (id - range.inside);
  }
  return std::nullopt;
}

std::uint32_t root_outside(const std::vector<IdMap>& map, const char* what) {
  // The container's root is never the host's, nor is anybody else in it.
  const auto has_root = [](const IdMap& range) { return range.outside == 0 && range.count != 0; };
  const auto root = outside_id(map, 0);
  if (!root) refuse_spec(std::string("the ") + what + " map of the user namespace has no 0");
  if (std::any_of(map.begin(), map.end(), has_root)) {
    refuse_spec(std::string("the ") + what + " map of the user namespace has the host's root in it");
  }
  return *root;
}

std::string id_map_text(const std::vector<IdMap>& map) {
  std::string text;
  for (const IdMap& range : map) {
    text +=
        std::to_string(range.inside) + " " + std::to_string(range.outside) + " " + std::to_string(range.count) + "\n";
  }
  return text;
}

/// The kernel would take what stands before it for the whole: "/proc\0" passes for something else than /proc.
void check_no_nul(const std::string& text, const char* what) {
  if (text.find('\0') != std::string::npos) refuse_spec(std::string("invalid ") + what + ": it has a NUL byte");
}

void check_absolute(const std::string& path, const char* what) {
  check_no_nul(path, what);
  if (!path.starts_with('/'))
    refuse_spec(std::string("invalid ") + what + " \"" + path + "\": must be an absolute path");
}

/// What is made there gets an owner: "/dev/.." would give one to what is above.
void check_names_a_place(const std::string& device) {
  const std::filesystem::path path(device);
  if (path.has_filename() && path.lexically_normal() == path) return;
  refuse_spec("invalid device path \"" + device + "\": it must name a place, without \".\" or \"..\"");
}

/// Whether the container may divide its cgroup, which it sees as the root of all.
bool divides_cgroup(const Plan& plan) {
  return (plan.new_namespaces & CLONE_NEWCGROUP) != 0 &&
         std::any_of(plan.mounts.begin(), plan.mounts.end(), [](const PlanMount& mount) {
           return mount.type == "cgroup" && mount.target == "/sys/fs/cgroup" && (mount.flags & MS_RDONLY) == 0;
         });
}

/// The mounts show the host's ids where there is no other user namespace.
void translate_user_namespace(const Spec& spec, Plan& plan) {
  if (!is_remapped(plan)) {
    for (PlanMount& mount : plan.root) mount.idmap = false;
    for (PlanMount& mount : plan.mounts) mount.idmap = false;
    return;
  }
  plan.uid_map = id_map_text(spec.uid_map);
  plan.gid_map = id_map_text(spec.gid_map);
  plan.root_uid = root_outside(spec.uid_map, "uid");
  plan.root_gid = root_outside(spec.gid_map, "gid");
  for (PlanDevice& device : plan.devices) {
    device.uid = outside_id(spec.uid_map, device.uid).value_or(plan.root_uid);
    device.gid = outside_id(spec.gid_map, device.gid).value_or(plan.root_gid);
  }
  if (!divides_cgroup(plan)) return;
  for (PlanCgroup& cgroup : plan.cgroups) cgroup.owner = cgroup.unified ? plan.root_uid : 0;
}

void translate_devices(const Spec& spec, Plan& plan) {
  for (const auto& device : with_default_devices(spec.devices)) {
    check_absolute(device.path, "device");
    check_names_a_place(device.path);
    plan.devices.push_back({device.path, (device.mode & 07777U) | (device.type == 'b' ? S_IFBLK : S_IFCHR),
                            static_cast<std::uint32_t>(device.major), static_cast<std::uint32_t>(device.minor),
                            device.uid, device.gid});
  }
}

void translate_sysctls(const Options& sysctls, Plan& plan) {
  for (const auto& [name, value] : sysctls) {
    std::string file = name;
    std::replace(file.begin(), file.end(), '.', '/');
    check_no_nul(name, "sysctl");
    const bool hostile = file.find("//") != std::string::npos || file.starts_with('/') || file.empty();
    if (hostile) refuse_spec("invalid sysctl \"" + name + "\"");
    plan.sysctls.push_back({file, value, false});
  }
}

void translate_mounts(const Spec& spec, Plan& plan) {
  if (spec.root.empty()) refuse_spec("a container needs a root filesystem");
  for (const Mount& mount : spec.mounts) {
    check_no_nul(mount.source, "mount source");
    for (const std::string& option : mount.options) check_no_nul(option, "mount option");
  }
  for (const Mount& mount : spec.root) plan.root.push_back(translate_mount(mount));
  for (const Mount& mount : spec.mounts) {
    check_absolute(mount.target, "mount target");
    plan.mounts.push_back(translate_mount(mount));
  }
}

}  // namespace

std::string rlimit_name(int resource) {
  for (const Name& limit : kLimits) {
    if (limit.value == static_cast<std::uint64_t>(resource)) return std::string(limit.name);
  }
  return {};
}

Rlimit parse_ulimit(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) refuse_spec("invalid ulimit argument: " + text);
  const std::size_t colon = text.find(':', equals);
  const auto parse = [&](const std::string& part) -> std::uint64_t {
    if (part == "-1" || part == "unlimited") return RLIM_INFINITY;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || error != std::errc() || end != part.data() + part.size())
      refuse_spec("invalid ulimit argument: " + text);
    return value;
  };
  Rlimit limit{"RLIMIT_", 0, 0};
  for (const char c : text.substr(0, equals)) limit.type += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  limit.soft = parse(text.substr(equals + 1, colon == std::string::npos ? colon : colon - equals - 1));
  limit.hard = colon == std::string::npos ? limit.soft : parse(text.substr(colon + 1));
  translate_limit(limit);
  return limit;
}

PlanProcess translate_process(const Process& process, const std::vector<Rlimit>& default_rlimits) {
  if (process.args.empty()) refuse_spec("no command specified");
  PlanProcess out;
  out.args = process.args;
  out.env = process.env;
  out.cwd = process.cwd.empty() ? "/" : process.cwd;
  for (const std::string& word : process.args) check_no_nul(word, "argument");
  for (const std::string& variable : process.env) check_no_nul(variable, "environment variable");
  check_no_nul(process.cwd, "working directory");
  if (!out.cwd.starts_with('/')) refuse_spec("Cwd must be an absolute path");
  out.user = process.user;
  out.groups = process.additional_groups;
  out.terminal = process.terminal;
  out.rows = process.rows;
  out.columns = process.columns;
  out.capabilities = capability_set(process.capabilities);
  out.ambient = capability_set(process.ambient_capabilities);
  out.no_new_privileges = process.no_new_privileges;
  for (const Rlimit& limit : default_rlimits) {
    const auto same = [&](const Rlimit& own) { return own.type == limit.type; };
    if (std::none_of(process.rlimits.begin(), process.rlimits.end(), same))
      out.rlimits.push_back(translate_limit(limit));
  }
  for (const Rlimit& limit : process.rlimits) out.rlimits.push_back(translate_limit(limit));
  out.oom_score_adj = process.oom_score_adj;
  out.apparmor_profile = process.apparmor_profile;
  out.selinux_label = process.selinux_label;
  return out;
}

namespace {

LogFormat log_format(const std::string& writer) {
  if (writer == "none") return LogFormat::none;
  if (writer == "json-file") return LogFormat::json_file;
  if (writer == "local") return LogFormat::local;
  if (writer == "process") return LogFormat::process;
  throw Error{Errc::unsupported, "there is no log writer \"" + writer + "\""};
}

PlanLog translate_log(const Spec& spec) {
  PlanLog out;
  if (spec.log.writer.empty()) {
    out.format = spec.stdio.log_path.empty() ? LogFormat::none : LogFormat::json_file;
    out.path = spec.stdio.log_path;
    out.max_size = spec.stdio.log_max_size;
    out.max_files = spec.stdio.log_max_files;
    out.attributes = spec.log_attributes;
    return out;
  }
  out.format = log_format(spec.log.writer);
  out.path = spec.log.path;
  out.max_size = spec.log.max_size;
  out.max_files = spec.log.max_files;
  out.attributes = spec.log.attributes;
  if (spec.log.compress) out.compressor = spec.log.compressor;
  out.command = spec.log.command;
  out.head = spec.log.head;
  out.non_blocking = spec.log.non_blocking;
  out.max_buffer_size = spec.log.max_buffer_size;
  if (out.format == LogFormat::process && out.command.empty()) {
    throw Error{Errc::invalid, "a log written by a process needs its command"};
  }
  return out;
}

}  // namespace

Plan translate_spec(const Spec& spec, const TranslationContext& context) {
  Plan plan;
  plan.id = spec.id;
  plan.directory = context.directory;
  translate_mounts(spec, plan);
  plan.readonly_root = spec.readonly_root;
  plan.process = translate_process(spec.process, context.default_rlimits);
  plan.stdio.open_stdin = spec.stdio.open_stdin;
  plan.stdio.stdin_once = spec.stdio.stdin_once;
  plan.log = translate_log(spec);
  plan.hostname = spec.hostname;
  plan.domainname = spec.domainname;
  translate_namespaces(spec.namespaces, plan);
  plan.cgroups = plan_cgroups(context.layout, context.cgroup_parent, spec.id, spec.resources,
                              with_default_rules(spec.device_rules));
  translate_devices(spec, plan);
  translate_user_namespace(spec, plan);
  for (const std::string& path : spec.masked_paths) check_no_nul(path, "masked path");
  for (const std::string& path : spec.readonly_paths) check_no_nul(path, "read-only path");
  plan.masked_paths = spec.masked_paths;
  plan.readonly_paths = spec.readonly_paths;
  translate_sysctls(spec.sysctls, plan);
  if (!spec.init_path.empty()) plan.init = spec.init_path == "builtin" ? InitKind::builtin : InitKind::program;
  return plan;
}

}  // namespace gantry::container_shim
