#include "commands/container_flags.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "client/user_defaults.hpp"
#include "command/context.hpp"
#include "parse/environment.hpp"
#include "parse/mount.hpp"
#include "parse/network.hpp"
#include "parse/quantity.hpp"
#include "parse/resource.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

ContainerFlags::ContainerFlags()
    : lists_(std::make_unique<Json>(Json::object())), mounts_(std::make_unique<Json>(Json::array())) {}
ContainerFlags::~ContainerFlags() = default;

bool ContainerFlags::attaches(const std::string& stream) const {
  if (attach_.empty()) return stream != "stdin" || interactive;
  if (stream == "stdin" && interactive) return true;
  return std::find(attach_.begin(), attach_.end(), stream) != attach_.end();
}

void ContainerFlags::complete(Context& context) {
  const Endpoint& daemon = context.client().endpoint();
  env_ = with_proxies(std::move(env_), context.config(), daemon.text);
  if (!api_socket_) return;
  const std::string standard = "/var/run/docker.sock";
  const bool is_here = !daemon.path.empty() && !daemon.ssh;
  mounts_->push_back({{"Type", "bind"}, {"Source", is_here ? daemon.path : standard}, {"Target", standard}});
}

void ContainerFlags::declare(Flags& flags) {
  declare_general(flags);
  declare_network(flags);
  declare_storage(flags);
  declare_health(flags);
  declare_resources(flags);
  declare_namespaces(flags);
}

void ContainerFlags::declare_general(Flags& flags) {
  flags
      .custom("attach,a", "list", "Attach to STDIN, STDOUT or STDERR",
              [this](const std::string& text) {
                const std::string stream = lower(text);
                if (stream != "stdin" && stream != "stdout" && stream != "stderr") {
                  throw InvalidValue("valid streams are STDIN, STDOUT and STDERR");
                }
                attach_.push_back(stream);
              })
      .custom("env,e", "list", "Set environment variables",
              [this](const std::string& text) { env_.push_back(parse_env(text)); })
      .list("env-file", env_files_, "Read in a file of environment variables")
      .text("entrypoint", entrypoint_, "Overwrite the default ENTRYPOINT of the image")
      .list("group-add", group_add_, "Add additional groups to join")
      .text("hostname,h", hostname_, "Container host name")
      .custom("help", "", "Print usage", [](const std::string&) {})
      .text("domainname", domainname_, "Container NIS domain name")
      .toggle("interactive,i", interactive, "Keep STDIN open even if not attached")
      .custom("label,l", "list", "Set meta data on a container",
              [this](const std::string& text) { labels_.push_back(checked_label(text)); })
      .list("label-file", label_files_, "Read in a line delimited file of labels")
      .custom("annotation", "map", "Add an annotation to the container (passed through to the OCI runtime)",
              [this](const std::string& text) { annotations_.push_back(text); })
      .default_text("map[]")
      .toggle("read-only", read_only_, "Mount the container's root filesystem as read only")
      .text("restart", restart_, "Restart policy to apply when a container exits")
      .text("stop-signal", stop_signal_, "Signal to stop the container")
      .integer("stop-timeout", stop_timeout_, "Timeout (in seconds) to stop a container")
      .custom("sysctl", "map", "Sysctl options",
              [this](const std::string& text) { sysctls_.push_back(parse_sysctl(text)); })
      .default_text("map[]")
      .toggle("tty,t", tty, "Allocate a pseudo-TTY")
      .text("user,u", user_, "Username or UID (format: <name|uid>[:<group|gid>])")
      .text("workdir,w", workdir_, "Working directory inside the container")
      .toggle("rm", auto_remove,
              "Automatically remove the container and its associated anonymous volumes when it exits")
      .text("name", name, "Assign a name to the container")
      .text("platform", platform, "Set platform if server is multi-platform capable")
      .text("cidfile", cidfile, "Write the container ID to the file")
      .toggle("quiet,q", quiet, "Suppress the pull output")
      .toggle("init", init_, "Run an init inside the container that forwards signals and reaps processes")
      .toggle("disable-content-trust", content_trust_, "Skip image verification")
      .toggle("use-api-socket", api_socket_, "Bind mount Docker API socket and required auth");
}

void ContainerFlags::declare_network(Flags& flags) {
  const auto add_network = [this](const std::string& text) {
    NetworkSpec spec = parse_network(text);
    networks_.emplace_back(spec.name, std::move(spec.endpoint));
  };
  flags
      .custom("add-host", "list", "Add a custom host-to-IP mapping (host:ip)",
              [this](const std::string& text) { extra_hosts_.push_back(parse_extra_host(text)); })
      .custom("dns", "list", "Set custom DNS servers",
              [this](const std::string& text) { dns_.push_back(parse_dns_address(text)); })
      .list("dns-opt", dns_options_, "Set DNS options")
      .hidden()
      .list("dns-option", dns_options_, "Set DNS options")
      .custom("dns-search", "list", "Set custom DNS search domains",
              [this](const std::string& text) { dns_search_.push_back(parse_dns_search(text)); })
      .list("expose", expose_, "Expose a port or a range of ports")
      .text("ip", ip_, "IPv4 address (e.g., 172.30.100.104)")
      .text("ip6", ip6_, "IPv6 address (e.g., 2001:db8::33)")
      .custom("link", "list", "Add link to another container",
              [this](const std::string& text) { links_.push_back(parse_link(text)); })
      .list("link-local-ip", link_local_, "Container IPv4/IPv6 link-local addresses")
      .text("mac-address", mac_address_, "Container MAC address (e.g., 92:d0:c6:0a:29:33)")
      .list("publish,p", publish_, "Publish a container's port(s) to the host")
      .toggle("publish-all,P", publish_all_, "Publish all exposed ports to random ports")
      .custom("net", "network", "Connect a container to a network", add_network)
      .hidden()
      .custom("network", "network", "Connect a container to a network", add_network)
      .list("net-alias", aliases_, "Add network-scoped alias for the container")
      .hidden()
      .list("network-alias", aliases_, "Add network-scoped alias for the container");
}

void ContainerFlags::declare_storage(Flags& flags) {
  flags.text("log-driver", log_driver_, "Logging driver for the container")
      .list("log-opt", log_opts_, "Log driver options")
      .text("volume-driver", volume_driver_, "Optional volume driver for the container")
      .list("storage-opt", storage_opts_, "Storage driver options for the container")
      .list("tmpfs", tmpfs_, "Mount a tmpfs directory")
      .list("volumes-from", volumes_from_, "Mount volumes from the specified container(s)")
      .list("volume,v", volumes_, "Bind mount a volume")
      .custom("mount", "mount", "Attach a filesystem mount to the container",
              [this](const std::string& text) { mounts_->push_back(parse_mount(text)); });
}

void ContainerFlags::declare_health(Flags& flags) {
  const auto time = [&](const char* flag, const char* key, const char* help) {
    flags.custom(flag, "duration", help,
                 [this, key](const std::string& text) { health_times_[key] = parse_duration_flag(text); });
    flags.default_text("0s");
  };
  flags.text("health-cmd", health_cmd_, "Command to run to check health")
      .text("health-on-failure", health_on_failure_,
            "Action to take once the container turns unhealthy (none|kill|restart|stop)")
      .integer("health-retries", health_retries_, "Consecutive failures needed to report unhealthy")
      .toggle("no-healthcheck", no_healthcheck_, "Disable any container-specified HEALTHCHECK");
  time("health-interval", "Interval", "Time between running the check (ms|s|m|h)");
  time("health-timeout", "Timeout", "Maximum time to allow one check to run (ms|s|m|h)");
  time("health-start-period", "StartPeriod",
       "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)");
  time("health-start-interval", "StartInterval", "Time between running the check during the start period (ms|s|m|h)");
}

void ContainerFlags::declare_resources(Flags& flags) {
  const auto number = [&](const char* flag, const char* key, const char* help, const char* type = "int") {
    flags.custom(flag, type, help, [this, key](const std::string& text) { numbers_[key] = parse_integer(text); });
  };
  const auto bytes = [&](const char* flag, const char* key, const char* help) {
    flags.custom(flag, "bytes", help, [this, key](const std::string& text) {
      numbers_[key] = text == "-1" && std::string_view(key) == "MemorySwap" ? -1 : parse_bytes(text);
    });
  };
  const auto list = [&](const char* flag, const char* key, const char* type, const char* help, auto parse) {
    flags.custom(flag, type, help,
                 [this, key, parse](const std::string& text) { (*lists_)[key].push_back(parse(text)); });
    flags.default_text("[]");
  };
  flags.custom("blkio-weight", "uint16", "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
               [this](const std::string& text) { numbers_["BlkioWeight"] = parse_unsigned(text, 16); });
  number("cpu-count", "CpuCount", "CPU count (Windows only)");
  flags.hidden();
  number("cpu-percent", "CpuPercent", "CPU percent (Windows only)");
  flags.hidden();
  number("cpu-period", "CpuPeriod", "Limit CPU CFS (Completely Fair Scheduler) period");
  number("cpu-quota", "CpuQuota", "Limit CPU CFS (Completely Fair Scheduler) quota");
  number("cpu-rt-period", "CpuRealtimePeriod", "Limit CPU real-time period in microseconds");
  number("cpu-rt-runtime", "CpuRealtimeRuntime", "Limit CPU real-time runtime in microseconds");
  number("cpu-shares,c", "CpuShares", "CPU shares (relative weight)");
  number("pids-limit", "PidsLimit", "Tune container pids limit (set -1 for unlimited)");
  number("io-maxiops", "IOMaximumIOps", "Maximum IOps limit for the system drive (Windows only)", "uint");
  flags.hidden();
  bytes("io-maxbandwidth", "IOMaximumBandwidth", "Maximum IO bandwidth limit for the system drive (Windows only)");
  flags.hidden();
  flags.custom("kernel-memory", "bytes", "Kernel memory limit", parse_bytes);  // as docker: read, and then forgotten
  bytes("memory,m", "Memory", "Memory limit");
  bytes("memory-reservation", "MemoryReservation", "Memory soft limit");
  bytes("memory-swap", "MemorySwap", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap");
  bytes("shm-size", "ShmSize", "Size of /dev/shm");
  flags.custom("cpus", "decimal", "Number of CPUs",
               [this](const std::string& text) { numbers_["NanoCpus"] = parse_nano_cpus(text); });
  list("blkio-weight-device", "BlkioWeightDevice", "list", "Block IO weight (relative device weight)",
       parse_weight_device);
  const auto rate = [](const std::string& text) { return parse_throttle_device(text, true); };
  const auto count = [](const std::string& text) { return parse_throttle_device(text, false); };
  list("device-read-bps", "BlkioDeviceReadBps", "list", "Limit read rate (bytes per second) from a device", rate);
  list("device-write-bps", "BlkioDeviceWriteBps", "list", "Limit write rate (bytes per second) to a device", rate);
  list("device-read-iops", "BlkioDeviceReadIOps", "list", "Limit read rate (IO per second) from a device", count);
  list("device-write-iops", "BlkioDeviceWriteIOps", "list", "Limit write rate (IO per second) to a device", count);
  flags
      .custom("ulimit", "ulimit", "Ulimit options",
              [this](const std::string& text) {
                Json& limits = (*lists_)["Ulimits"];
                if (limits.is_null()) limits = Json::array();
                add_ulimit(limits, parse_ulimit(text));
              })
      .default_text("[]")
      .text("cpuset-cpus", cpuset_cpus_, "CPUs in which to allow execution (0-3, 0,1)")
      .text("cpuset-mems", cpuset_mems_, "MEMs in which to allow execution (0-3, 0,1)")
      .integer("memory-swappiness", swappiness_, "Tune container memory swappiness (0 to 100)")
      .toggle("oom-kill-disable", oom_kill_disable_, "Disable OOM Killer")
      .integer("oom-score-adj", oom_score_adj_, "Tune host's OOM preferences (-1000 to 1000)")
      .list("device", devices_, "Add a host device to the container")
      .custom("device-cgroup-rule", "list", "Add a rule to the cgroup allowed devices list",
              [this](const std::string& text) { device_rules_.push_back(parse_device_rule(text)); })
      .custom("gpus", "gpu-request", "GPU devices to add to the container ('all' to pass all GPUs)",
              [this](const std::string& text) {
                for (Json& request : parse_gpus(text)) (*lists_)["DeviceRequests"].push_back(std::move(request));
              });
}

void ContainerFlags::declare_namespaces(Flags& flags) {
  flags.list("cap-add", cap_add_, "Add Linux capabilities")
      .list("cap-drop", cap_drop_, "Drop Linux capabilities")
      .toggle("privileged", privileged_, "Give extended privileges to this container")
      .list("security-opt", security_opts_, "Security Options")
      .text("userns", userns_, "User namespace to use")
      .text("cgroupns", cgroupns_,
            "Cgroup namespace to use (host|private)\n"
            "'host':    Run the container in the Docker host's cgroup namespace\n"
            "'private': Run the container in its own private cgroup namespace\n"
            "'':        Use the cgroup namespace as configured by the\n"
            "           default-cgroupns-mode option on the daemon (default)")
      .text("cgroup-parent", cgroup_parent_, "Optional parent cgroup for the container")
      .text("ipc", ipc_, "IPC mode to use")
      .text("isolation", isolation_, "Container isolation technology")
      .text("pid", pid_, "PID namespace to use")
      .text("uts", uts_, "UTS namespace to use")
      .text("runtime", runtime_, "Runtime to use for this container");
}

}  // namespace gantry::cli
