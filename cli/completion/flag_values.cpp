#include "completion/flag_values.hpp"

#include <unistd.h>

#include <map>

#include "command/context.hpp"
#include "command/table.hpp"
#include "completion/objects.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

using Words = std::vector<std::string>;

bool any_state(const std::string&) { return true; }

const Words& capabilities() {
  static const Words known = [] {
    Words out{"ALL"};
    for (const char* name : {"AUDIT_CONTROL",   "AUDIT_READ",   "AUDIT_WRITE",
                             "BLOCK_SUSPEND",   "BPF",          "CHECKPOINT_RESTORE",
                             "CHOWN",           "DAC_OVERRIDE", "DAC_READ_SEARCH",
                             "FOWNER",          "FSETID",       "IPC_LOCK",
                             "IPC_OWNER",       "KILL",         "LEASE",
                             "LINUX_IMMUTABLE", "MAC_ADMIN",    "MAC_OVERRIDE",
                             "MKNOD",           "NET_ADMIN",    "NET_BIND_SERVICE",
                             "NET_BROADCAST",   "NET_RAW",      "PERFMON",
                             "SETFCAP",         "SETGID",       "SETPCAP",
                             "SETUID",          "SYS_ADMIN",    "SYS_BOOT",
                             "SYS_CHROOT",      "SYS_MODULE",   "SYS_NICE",
                             "SYS_PACCT",       "SYS_PTRACE",   "SYS_RAWIO",
                             "SYS_RESOURCE",    "SYS_TIME",     "SYS_TTY_CONFIG",
                             "SYSLOG",          "WAKE_ALARM"}) {
      out.push_back(std::string("CAP_") + name);
    }
    return out;
  }();
  return known;
}

const Words& signals() {
  static const Words known{"ABRT", "ALRM", "BUS",  "CHLD", "CONT", "FPE",  "HUP",    "ILL",   "INT",  "IO",
                           "KILL", "PIPE", "PROF", "PWR",  "QUIT", "SEGV", "STOP",   "SYS",   "TERM", "TRAP",
                           "TSTP", "TTIN", "TTOU", "URG",  "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ"};
  return known;
}

/// Those that are the same whatever the command and the daemon.
const Words* fixed_values(std::string_view flag) {
  static const std::map<std::string_view, Words> known{
      {"attach", {"stderr", "stdin", "stdout"}},
      {"call", {"build", "check"}},
      {"cap-add", capabilities()},
      {"cap-drop", capabilities()},
      {"cgroupns", {"host", "private"}},
      {"detach-keys", {"ctrl-"}},
      {"health-on-failure", {"kill", "none", "restart", "stop"}},
      {"log-level", {"debug", "error", "fatal", "info", "panic", "warn"}},
      {"log-opt",
       {"compress=", "env-regex=", "env=", "fluentd-address=", "gelf-address=", "labels-regex=", "labels=",
        "max-buffer-size=", "max-file=", "max-size=", "mode=", "syslog-address=", "syslog-facility=", "syslog-format=",
        "tag="}},
      {"platform",
       {"linux/386", "linux/amd64", "linux/arm", "linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm64",
        "linux/ppc64le", "linux/riscv64", "linux/s390x"}},
      {"progress", {"auto", "classic", "plain", "tty"}},
      {"pull", {"always", "missing", "never"}},
      {"restart", {"always", "no", "on-failure", "unless-stopped"}},
      {"security-opt", {"apparmor=", "label=", "no-new-privileges", "seccomp=", "systempaths=unconfined"}},
      {"signal", signals()},
      {"stop-signal", signals()},
      {"storage-opt", {"size="}},
      {"ulimit",
       {"core=", "cpu=", "data=", "fsize=", "locks=", "memlock=", "msgqueue=", "nice=", "nofile=", "nproc=", "rss=",
        "rtprio=", "rttime=", "sigpending=", "stack="}},
      {"userns", {"host", "private"}},
      {"uts", {"host", "private"}}};
  const auto found = known.find(flag);
  return found == known.end() ? nullptr : &found->second;
}

std::string called(const Command& command) { return std::string(command.group) + " " + command.name; }

const Words& filter_keys(const std::string& command) {
  static const std::map<std::string, Words> known{
      {" search", {"is-automated", "is-official", "stars"}},
      {"builder prune", {"until"}},
      {"container ls",
       {"ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name", "network",
        "publish", "since", "status", "volume"}},
      {"container prune", {"label", "label!", "until"}},
      {"image ls", {"before", "dangling", "label", "reference", "since", "until"}},
      {"image prune", {"label", "label!", "until"}},
      {"network ls", {"dangling", "driver", "id", "label", "name", "scope", "type"}},
      {"network prune", {"label", "label!", "until"}},
      {"plugin ls", {"capability", "enabled", "kind"}},
      {"system events", {"container", "daemon", "event", "image", "label", "network", "scope", "type", "volume"}},
      {"system prune", {"label", "label!", "until"}},
      {"volume ls", {"dangling", "driver", "label", "name"}},
      {"volume prune", {"all", "label", "label!"}}};
  static const Words none;
  const auto found = known.find(command);
  return found == known.end() ? none : found->second;
}

Words filter_values(Context& context, const std::string& command, const std::string& key) {
  if (key == "status") return {"created", "dead", "exited", "paused", "removing", "restarting", "running"};
  if (key == "health") return {"healthy", "none", "starting", "unhealthy"};
  if (key == "dangling" || key == "is-task" || key == "is-official" || key == "is-automated" || key == "all" ||
      key == "enabled") {
    return {"false", "true"};
  }
  if (key == "kind") return {"builder", "ipam", "log", "network", "registry", "runtime", "storage", "volume"};
  if (key == "scope") return {"global", "local", "swarm"};
  if (key == "type" && command == "network ls") return {"builtin", "custom"};
  if (key == "type") return {"builder", "container", "daemon", "image", "network", "plugin", "volume"};
  if (key == "event") {
    return {"attach", "commit",     "connect",     "copy",        "create",   "delete",     "destroy", "detach",
            "die",    "disconnect", "exec_create", "exec_detach", "exec_die", "exec_start", "export",  "health_status",
            "import", "kill",       "load",        "mount",       "oom",      "pause",      "prune",   "pull",
            "push",   "reload",     "remove",      "rename",      "resize",   "restart",    "save",    "start",
            "stop",   "tag",        "top",         "unmount",     "unpause",  "untag",      "update"};
  }
  if (key == "driver") return plugin_names(context, command == "volume ls" ? "Volume" : "Network");
  if (key == "ancestor" || key == "image" || key == "reference") return image_names(context);
  if (key == "network" || (key == "name" && command == "network ls")) return network_names(context);
  if (key == "volume" || (key == "name" && command == "volume ls")) return volume_names(context);
  const bool by_image = command == "image ls" && (key == "before" || key == "since");
  if (by_image) return image_names(context);
  if (key == "container" || key == "name" || key == "before" || key == "since") {
    return container_names(context, any_state);
  }
  return {};
}

Words with(const std::string& prefix, Words words, const char* suffix = "") {
  for (std::string& word : words) word = prefix + word + suffix;
  return words;
}

Words filters(Context& context, const std::string& command, const std::string& begun) {
  const auto pair = cut(begun, '=');
  if (!pair) return with("", filter_keys(command), "=");
  return with(pair->first + "=", filter_values(context, command, lower(pair->first)));
}

/// "host" and the like, and containers whose namespace may be joined.
Words namespaces(Context& context, const std::string& begun, Words fixed) {
  constexpr const char* kJoin = "container:";
  if (begun.starts_with(kJoin)) return with(kJoin, container_names(context, any_state));
  fixed.emplace_back(kJoin);
  return fixed;
}

Words environment_names() {
  Words names;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    names.push_back(std::string(*each).substr(0, std::string_view(*each).find('=')));
  }
  return names;
}

Words daemons_values(Context& context, const std::string& command, std::string_view flag, const std::string& begun) {
  if (flag == "network" || flag == "net") {
    if (command == "image build" || command == "builder build") return {"default", "host", "none"};
    return begun.starts_with("container:") ? namespaces(context, begun, {}) : network_names(context);
  }
  // A path of this host is no name.
  if (flag == "volume" && begun.find_first_of("/.~") != 0) return with("", volume_names(context), ":");
  if (flag == "volumes-from") return container_names(context, any_state);
  if (flag == "link") return with("", container_names(context, any_state), ":");
  if (flag == "log-driver") return plugin_names(context, "Log");
  if (flag == "volume-driver") return plugin_names(context, "Volume");
  if (flag == "driver" && command == "network create") return plugin_names(context, "Network");
  if (flag == "driver" && command == "volume create") return plugin_names(context, "Volume");
  if (flag == "runtime") return runtime_names(context);
  if (flag == "ipc") return namespaces(context, begun, {"host", "none", "private", "shareable"});
  if (flag == "pid") return namespaces(context, begun, {"host"});
  return {};
}

}  // namespace

Words flag_values(Context& context, const Command& command, std::string_view name, const std::string& begun) {
  const std::string its = called(command);
  if (name == "pull" && its.ends_with(" build")) return {};
  if (const Words* fixed = fixed_values(name)) return *fixed;
  if (name == "filter") return filters(context, its, begun);
  if (name == "env" || name == "build-arg") return environment_names();
  if (name == "type") return {"container", "image", "network", "plugin", "volume"};
  if (name == "format") {
    const bool is_object = its.ends_with("inspect") || its == " version" || its == "system info";
    return is_object || its == "system events" ? Words{"json"} : Words{"json", "table"};
  }
  return daemons_values(context, its, name, begun);
}

}  // namespace gantry::cli
