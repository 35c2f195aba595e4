#include "containers/spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "containers/defaults.hpp"
#include "containers/failure.hpp"
#include "containers/filter_match.hpp"
#include "containers/logging.hpp"
#include "containers/mount_points.hpp"
#include "containers/names.hpp"
#include "containers/ports.hpp"
#include "containers/validate.hpp"

namespace gantry::containers {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Container plain() {
  Container container;
  container.id = std::string(64, 'a');
  container.name = "web";
  container.config.cmd = std::vector<std::string>{"true"};
  fill_defaults(container.id, container.config, container.host_config, {}, "native");
  return container;
}

runtime::v1::Spec spec_of(const Container& container) {
  SpecInputs inputs;
  inputs.hostname = container.config.hostname;
  return build_spec(container, inputs, {});
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string create_refusal(const std::function<void(wire::ContainerConfig&, wire::HostConfig&)>& change) {
  wire::ContainerConfig config;
  wire::HostConfig host;
  change(config, host);
  std::vector<std::string> warnings;
  return refusal([&] { validate(config, host, warnings); });
}

const Mount* mount_at(const runtime::v1::Spec& spec, const std::string& target) {
  const auto found =
      std::find_if(spec.mounts.begin(), spec.mounts.end(), [&](const Mount& m) { return m.target == target; });
  return found == spec.mounts.end() ? nullptr : &*found;
}

TEST(State, TableForbidsWhatMakesNoSense) {
  Container container;
  EXPECT_THROW(container.move_to(State::running), Error);
  container.move_to(State::starting);
  container.move_to(State::running);
  EXPECT_THROW(container.move_to(State::starting), Error);
  container.move_to(State::paused);
  container.move_to(State::exited);
  container.move_to(State::removing);
  EXPECT_THROW(container.move_to(State::running), Error);
}

TEST(Record, RoundTrips) {
  Container container = plain();
  container.mounts.push_back(parse_bind("/a:/b:ro", ""));
  container.state = State::running;
  container.pid = 7;
  container.endpoints["bridge"].aliases = std::vector<std::string>{"x"};
  container.exit_code = 3;
  Container read;
  from_record(to_record(container), read);
  EXPECT_EQ(to_record(read), to_record(container));
  EXPECT_EQ(read.state, State::running);
}

TEST(Sysctls, AreNotTheHostsByAnotherContainer) {
  wire::HostConfig host;
  host.network_mode = "container:other";
  host.ipc_mode = "container:other";
  const auto refusal_of = [&](const char* name, const std::map<std::string, std::string>& joined) {
    host.sysctls = {{name, "1"}};
    return refusal([&] { (void)build_sysctls({}, host, joined); });
  };
  const std::map<std::string, std::string> hosts{{"network", "/proc/self/ns/net"}, {"ipc", "/proc/self/ns/ipc"}};
  EXPECT_THAT(refusal_of("net.ipv4.ip_forward", hosts), HasSubstr("not allowed in host network namespace"));
  EXPECT_THAT(refusal_of("kernel.shmmax", hosts), HasSubstr("not allowed in the hosts ipc namespace"));
  const std::map<std::string, std::string> others{{"network", "/proc/0/ns/net"}, {"ipc", "/proc/0/ns/ipc"}};
  EXPECT_EQ(refusal_of("net.ipv4.ip_forward", others), "");
  EXPECT_EQ(refusal_of("kernel.shmmax", others), "");
}

TEST(Merge, EntrypointOfTheUserTakesTheImagesCommandAway) {
  images::ImageConfig image;
  image.entrypoint = {"/entry"};
  image.cmd = {"one"};
  wire::ContainerConfig config;
  merge_image(config, image);
  Container container;
  container.config = config;
  EXPECT_THAT(container.command(), ElementsAre("/entry", "one"));
  container.config = {};
  container.config.cmd = std::vector<std::string>{"two"};
  merge_image(container.config, image);
  EXPECT_THAT(container.command(), ElementsAre("/entry", "two"));
  container.config = {};
  container.config.entrypoint = std::vector<std::string>{"/mine"};
  merge_image(container.config, image);
  EXPECT_THAT(container.command(), ElementsAre("/mine"));
  container.config = {};
  container.config.entrypoint = std::vector<std::string>{""};
  container.config.cmd = std::vector<std::string>{"two"};
  merge_image(container.config, image);
  EXPECT_THAT(container.command(), ElementsAre("two"));
}

TEST(Merge, OwnVariablesWin) {
  images::ImageConfig image;
  image.env = {"A=image", "B=image"};
  wire::ContainerConfig config;
  config.env = {"A=mine"};
  merge_image(config, image);
  EXPECT_THAT(config.env, ElementsAre("A=mine", "B=image"));
}

TEST(Spec, EnvironmentIsDockers) {
  Container container = plain();
  container.config.tty = true;
  container.config.env = {"PATH=/bin", "X=1", "HOSTNAME"};
  EXPECT_THAT(build_env(container, "host"), ElementsAre("PATH=/bin", "TERM=xterm", "X=1"));
}

TEST(Spec, CapabilitiesFollowAddAndDrop) {
  wire::HostConfig host;
  EXPECT_EQ(build_capabilities(host).size(), 14U);
  host.cap_drop = {"ALL"};
  host.cap_add = {"net_admin"};
  EXPECT_THAT(build_capabilities(host), ElementsAre("CAP_NET_ADMIN"));
  host.cap_drop = {"CHOWN"};
  host.cap_add = {};
  EXPECT_THAT(build_capabilities(host), Not(Contains("CAP_CHOWN")));
  host.cap_add = {"ALL"};
  EXPECT_THAT(build_capabilities(host), Contains("CAP_SYS_ADMIN"));
  host.cap_add = {"NONSENSE"};
  EXPECT_EQ(refusal([&] { build_capabilities(host); }), "invalid CapAdd: unknown capability: \"CAP_NONSENSE\"");
}

TEST(Spec, DefaultMountsAreDockers) {
  const auto spec = spec_of(plain());
  EXPECT_THAT(mount_at(spec, "/sys")->options, Contains("ro"));
  EXPECT_THAT(mount_at(spec, "/dev/shm")->options, Contains("size=67108864"));
  EXPECT_EQ(mount_at(spec, "/sys/fs/cgroup")->type, "cgroup");
  EXPECT_EQ(spec.namespaces.front().kind, "mount");
}

TEST(Spec, UsersMountsReplaceOurs) {
  Container container = plain();
  container.mounts.push_back(parse_bind("/x:/dev/shm", ""));
  const auto spec = spec_of(container);
  EXPECT_EQ(mount_at(spec, "/dev/shm")->source, "/x");
  EXPECT_EQ(
      std::count_if(spec.mounts.begin(), spec.mounts.end(), [](const Mount& m) { return m.target == "/dev/shm"; }), 1);
}

TEST(Spec, PrivilegedTakesTheFencesAway) {
  Container container;
  container.id = std::string(64, 'b');
  container.host_config.privileged = true;
  container.config.cmd = std::vector<std::string>{"true"};
  fill_defaults(container.id, container.config, container.host_config, {}, "native");
  const auto spec = spec_of(container);
  EXPECT_EQ(spec.seccomp, "unconfined");
  EXPECT_TRUE(spec.masked_paths.empty());
  EXPECT_EQ(spec.device_rules.size(), 1U);
  EXPECT_THAT(mount_at(spec, "/sys")->options, Contains("rw"));
}

TEST(Spec, ConfinesByAppArmorWhereTheKernelHasIt) {
  Container container = plain();
  Settings settings;
  EXPECT_EQ(apparmor_profile(container.host_config, settings), "");
  settings.apparmor = true;
  EXPECT_EQ(apparmor_profile(container.host_config, settings), "docker-default");
  container.host_config.privileged = true;
  EXPECT_EQ(apparmor_profile(container.host_config, settings), "unconfined");
  container.host_config.security_opt = {"apparmor=mine"};
  EXPECT_EQ(apparmor_profile(container.host_config, settings), "mine");
  settings.apparmor = false;
  EXPECT_EQ(apparmor_profile(container.host_config, settings), "");
}

TEST(Spec, NamespacesFollowTheModes) {
  Container container = plain();
  container.host_config.network_mode = "host";
  container.host_config.pid_mode = "host";
  container.host_config.cgroupns_mode = "private";
  std::vector<std::string> kinds;
  for (const auto& entry : spec_of(container).namespaces) kinds.push_back(entry.kind);
  EXPECT_THAT(kinds, ElementsAre("mount", "ipc", "uts", "cgroup"));
}

TEST(Spec, LimitsAreTranslated) {
  wire::Resources limits;
  limits.nano_cpus = 500'000'000;
  limits.memory = 64 << 20;
  const auto out = build_resources(limits);
  EXPECT_EQ(out.cpu_quota, 50'000);
  EXPECT_EQ(out.cpu_period, 100'000U);
  EXPECT_EQ(out.memory, 64 << 20);
  EXPECT_FALSE(out.memory_swap);
}

TEST(Logging, TheDaemonsDefaultsFillWhatIsMissing) {
  Settings settings;
  settings.default_log_driver = "local";
  settings.default_log_options = {{"max-size", "1m"}, {"max-file", "2"}, {"cache-max-file", "3"}};
  const auto filled = [&settings](wire::LogConfig log) {
    Container container;
    container.host_config.log_config = std::move(log);
    fill_defaults("", container.config, container.host_config, settings, "native");
    return container.host_config.log_config;
  };
  EXPECT_EQ(filled({"", {}}).type, "local");
  EXPECT_EQ(filled({"", {{"max-file", "9"}}}).config,
            (Options{{"max-size", "1m"}, {"max-file", "9"}, {"cache-max-file", "3"}}));
  EXPECT_EQ(filled({"syslog", {}}).config, (Options{{"cache-max-file", "3"}}));
}

TEST(Logging, TheDaemonsOptionsAreTakenApartFromTheDrivers) {
  const auto refused = [](const std::map<std::string, std::string>& options) {
    return refusal([&] { (void)split_log_options({"json-file", options}); });
  };
  const LogOptions given =
      split_log_options({"json-file", {{"mode", "non-blocking"}, {"max-buffer-size", "4m"}, {"max-size", "1k"}}});
  EXPECT_TRUE(given.non_blocking);
  EXPECT_EQ(given.max_buffer_size, 4U << 20);
  EXPECT_EQ(split_log_options({"local", {{"mode", "non-blocking"}, {"max-buffer-size", "0"}}}).max_buffer_size, 0U);
  EXPECT_EQ(given.driver, (Options{{"max-size", "1k"}}));
  EXPECT_FALSE(split_log_options({"json-file", {{"mode", "blocking"}}}).non_blocking);
  EXPECT_EQ(split_log_options({"syslog", {{"cache-max-size", "1k"}}}).cache, (Options{{"max-size", "1k"}}));
  EXPECT_EQ(split_log_options({"syslog", {{"cache-disabled", "true"}}}).cache, std::nullopt);
  EXPECT_EQ(split_log_options({"syslog", {{"cache-x", "1"}}}).driver, (Options{{"cache-x", "1"}}));
  EXPECT_EQ(refused({{"cache-disabled", "x"}}), "invalid value for option cache-disabled: x");
  EXPECT_EQ(refused({{"mode", "foo"}}), "logger: logging mode not supported: foo");
  EXPECT_EQ(refused({{"max-buffer-size", "1k"}}),
            "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  EXPECT_EQ(refused({{"mode", "non-blocking"}, {"max-buffer-size", "x"}}),
            "error parsing option max-buffer-size: invalid size: 'x'");
}

TEST(MountPoints, BindsVolumesAndModes) {
  const auto bind = parse_bind("/host/../x:/inside/:ro,rslave", "");
  EXPECT_EQ(bind.source, "/x");
  EXPECT_EQ(bind.destination, "/inside");
  EXPECT_FALSE(bind.writable);
  EXPECT_EQ(bind.propagation, "rslave");
  const auto volume = parse_bind("data:/data", "");
  EXPECT_EQ(volume.type, "volume");
  EXPECT_EQ(volume.name, "data");
  EXPECT_TRUE(parse_bind("/data", "").anonymous);
  EXPECT_EQ(refusal([] { parse_bind("a:b", ""); }),
            "invalid volume specification: 'a:b': invalid mount config for type \"volume\": invalid mount path: 'b' "
            "mount path "
            "must be absolute");
  EXPECT_THAT(refusal([] { parse_bind("/a:/b:foo", ""); }), HasSubstr("invalid mode: foo"));
  EXPECT_THAT(refusal([] { parse_bind("a/b:/c", ""); }),
              HasSubstr("includes invalid characters for a local volume name"));
}

TEST(MountPoints, ReadOnlyOptionsThatExcludeEachOther) {
  const auto conflict = [](const char* type, bool read_only, bool top_only, bool whole) {
    wire::MountRequest request;
    request.type = type;
    request.read_only = read_only;
    request.bind = wire::BindOptions{};
    request.bind->read_only_non_recursive = top_only;
    request.bind->read_only_force_recursive = whole;
    return readonly_conflict(request);
  };
  const std::string begin = "mount options conflict: ";
  EXPECT_EQ(conflict("bind", false, true, true), begin + "!ReadOnly && BindOptions.ReadOnlyNonRecursive");
  EXPECT_EQ(conflict("bind", false, false, true), begin + "!ReadOnly && BindOptions.ReadOnlyForceRecursive");
  EXPECT_EQ(conflict("bind", true, true, true), begin + "ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive");
  EXPECT_EQ(conflict("bind", true, false, true), "");
  EXPECT_EQ(conflict("bind", true, true, false), "");
  EXPECT_EQ(conflict("bind", false, false, false), "");
  EXPECT_EQ(conflict("volume", false, true, true), "") << "refused for its BindOptions";
}

TEST(MountPoints, TheUsersOwnWin) {
  wire::ContainerConfig config;
  config.volumes = {"/data", "/other"};
  wire::HostConfig host;
  host.binds = {"/x:/data"};
  const auto none = [](const std::string&) { return Container{}; };
  wire::HostConfig hostile;
  hostile.tmpfs[std::string("/proc\0/safe", 11)] = "";
  EXPECT_THAT(refusal([&] { static_cast<void>(mount_points(config, hostile, none)); }), HasSubstr("NUL byte"));
  const auto places = mount_points(config, host, none);
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0].type, "bind");
  EXPECT_TRUE(places[1].anonymous);
  host.binds = {"/x:/data", "/y:/data"};
  EXPECT_EQ(refusal([&] { mount_points(config, host, none); }), "Duplicate mount point: /data");
  config.volumes = {"a:/b"};
  EXPECT_EQ(refusal([&] { mount_points(config, {}, none); }),
            "create a: volume name is too short, names should be at least two alphanumeric characters");
}

TEST(Ports, BindingsRangesAndPublishAll) {
  wire::ContainerConfig config;
  wire::HostConfig host;
  config.exposed_ports = {"80/tcp", "53/udp"};
  host.port_bindings["80/tcp"] = {{"127.0.0.1", "8080-8090"}};
  host.publish_all_ports = true;
  const auto ports = published_ports(config, host);
  ASSERT_EQ(ports.size(), 2U);
  EXPECT_EQ(ports[0].host_port_end, 8090);
  EXPECT_EQ(ports[1].host_port, 0);
  host.port_bindings["80/tcp"] = {{"", "x"}};
  EXPECT_EQ(refusal([&] { published_ports(config, host); }), "invalid port specification: \"x\"");
}

TEST(Validate, SpeaksAsDockerd) {
  EXPECT_EQ(create_refusal([](auto& config, auto&) { config.working_dir = "x"; }),
            "the working directory 'x' is invalid, it needs to be an absolute path");
  EXPECT_EQ(create_refusal([](auto&, auto& host) { host.resources.memory = 1; }),
            "Minimum memory limit allowed is 6MB");
  EXPECT_EQ(create_refusal([](auto&, auto& host) {
              host.auto_remove = true;
              host.restart_policy.name = "always";
            }),
            "can't create 'AutoRemove' container with restart policy");
  EXPECT_EQ(create_refusal([](auto&, auto& host) { host.pid_mode = "foo"; }), "invalid PID mode: foo");
  EXPECT_EQ(create_refusal([](auto&, auto&) {}), "");
}

TEST(Validate, Signals) {
  EXPECT_EQ(parse_signal("SIGTERM"), 15);
  EXPECT_EQ(parse_signal("kill"), 9);
  EXPECT_EQ(parse_signal("2"), 2);
  EXPECT_EQ(parse_signal("RTMIN+3"), SIGRTMIN + 3);
  EXPECT_THROW(parse_signal("NOPE"), Error);
  EXPECT_THROW(parse_signal("99"), Error);
}

TEST(Failure, WordsTellTheExitCode) {
  const auto told = [](const char* what) {
    return describe_start_failure(std::make_exception_ptr(Error{Errc::not_found, what}));
  };
  const auto missing = told("exec: \"x\": executable file not found in $PATH");
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_STREQ(
      missing.error.what(),
      "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
      "unable to start container process: exec: \"x\": executable file not found in $PATH: unknown");
  EXPECT_EQ(told("exec: \"/etc/passwd\": permission denied").exit_code, 126);
  EXPECT_EQ(told("no such network").exit_code, 128);
  const auto oci = told("OCI runtime create failed: open `/x`: No such file or directory");
  EXPECT_EQ(oci.exit_code, 127);
  EXPECT_STREQ(oci.error.what(),
               "failed to create task for container: failed to create shim task: OCI runtime create failed: open `/x`: "
               "No such file or directory: unknown");
  EXPECT_EQ(told("OCI runtime create failed: open `/x`: Permission denied").exit_code, 126);
  EXPECT_EQ(told("OCI runtime create failed: the path `/x` exists but it is not executable: Operation not permitted")
                .exit_code,
            126);
  EXPECT_EQ(told("OCI runtime create failed: the path `/x` is not a regular file: Operation not permitted").exit_code,
            126);
}

TEST(Names, AreDockers) {
  EXPECT_TRUE(is_valid_name(random_name()));
  EXPECT_TRUE(is_valid_name("a.b-c_d"));
  EXPECT_FALSE(is_valid_name("a"));
  EXPECT_FALSE(is_valid_name("-ab"));
  EXPECT_FALSE(is_valid_name("a b"));
}

TEST(Times, AnyFormDockerTakes) {
  EXPECT_EQ(parse_time("1.5"), 1'500'000'000);
  EXPECT_EQ(parse_time("1.1234567891234"), 1'123'456'789);
  EXPECT_EQ(parse_time("1970-01-01T00:00:02Z"), 2'000'000'000);
  EXPECT_LT(parse_time("1h30m"), now() - 5'000'000'000'000);
  EXPECT_GT(parse_time("-1h30m"), now() + 5'000'000'000'000);
  EXPECT_THROW(parse_time("--1h"), Error);
  EXPECT_THROW(parse_time("soon"), Error);
}

}  // namespace
}  // namespace gantry::containers
