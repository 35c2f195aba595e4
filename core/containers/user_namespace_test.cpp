#include "containers/user_namespace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.hpp"
#include "containers/defaults.hpp"
#include "containers/mount_points.hpp"
#include "containers/spec.hpp"
#include "containers/tree_ids.hpp"

namespace gantry::containers {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kMapped{kIdMapOption};

Settings remapping() {
  Settings settings;
  settings.uid_map = settings.gid_map = {{0, 100000, 1000}, {1000, 300000, 10}};
  return settings;
}

Container with_mounts() {
  Container container;
  container.id = std::string(64, 'a');
  container.config.cmd = std::vector<std::string>{"true"};
  fill_defaults(container.id, container.config, container.host_config, {}, "native");
  container.mounts = {parse_bind("/srv/x:/x", ""), parse_bind("/srv/y:/y:idmap,ro", ""), parse_bind("vol:/v", ""),
                      parse_bind("host:/h", "")};
  return container;
}

runtime::v1::Spec spec_with(const Container& container, const Settings& settings, const std::string& joined = "") {
  SpecInputs inputs;
  inputs.root = {{"overlay", "overlay", "", "/l", {"lowerdir=A"}}};
  inputs.hosts = "/hosts";
  inputs.joined_user = joined;
  inputs.volumes["/v"] = {"bind", "/vol", "", "", {"rbind"}};
  inputs.volumes["/h"] = {"bind", "/host", "", "", {"rbind", std::string(kHostIdsOption)}};
  return build_spec(container, inputs, settings);
}

std::vector<std::string> options_at(const runtime::v1::Spec& spec, const std::string& target) {
  for (const Mount& mount : spec.mounts) {
    if (mount.target == target) return mount.options;
  }
  return {};
}

std::string refusal_of(const std::function<void(wire::HostConfig&)>& change) {
  wire::HostConfig host;
  change(host);
  try {
    check_user_namespace(host, remapping());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    return error.what();
  }
  return "";
}

TEST(UserNamespace, WhatIsTheContainersIsMapped) {
  const auto spec = spec_with(with_mounts(), remapping());
  EXPECT_EQ(spec.uid_map.size(), 2U);
  EXPECT_EQ(spec.namespaces.back().kind, "user");
  EXPECT_EQ(spec.namespaces.back().path, "");
  EXPECT_THAT(spec.root.front().options, Contains(kMapped));
  for (const char* target : {"/etc/hosts", "/y", "/v"})
    EXPECT_THAT(options_at(spec, target), Contains(kMapped)) << target;
  for (const char* target : {"/x", "/h", "/proc", "/dev"}) {
    EXPECT_THAT(options_at(spec, target), Not(Contains(kMapped))) << target;
  }
  EXPECT_THAT(options_at(spec, "/y"), Contains(std::string(kNoLinksOption)));
  EXPECT_THAT(options_at(spec, "/v"), Not(Contains(std::string(kNoLinksOption))));
  for (const Mount& mount : spec.mounts) EXPECT_THAT(mount.options, Not(Contains(std::string(kHostIdsOption))));
  EXPECT_EQ(spec.sysctls.at("net.ipv4.ping_group_range"), "0 1009");
}

TEST(UserNamespace, IsJoinedWithTheOthersAndKeepsItsOwnMaps) {
  const auto spec = spec_with(with_mounts(), remapping(), "/proc/1/ns/user");
  EXPECT_EQ(spec.namespaces.back().path, "/proc/1/ns/user");
  const auto map = TreeIds::parse_map(read_file("/proc/1/uid_map"));
  ASSERT_EQ(spec.uid_map.size(), map.size());
  EXPECT_EQ(spec.uid_map.front().outside, map.front().outside) << "not what the daemon would give a new one";
  EXPECT_EQ(spec.gid_map.front().count, map.front().count);
  EXPECT_THROW(spec_with(with_mounts(), remapping(), "/proc/0/ns/user"), Error);
}

TEST(UserNamespace, WithoutOneASpecificationIsAsEver) {
  Container host = with_mounts();
  host.host_config.userns_mode = "host";
  for (const auto& spec : {spec_with(host, remapping()), spec_with(with_mounts(), {})}) {
    EXPECT_TRUE(spec.uid_map.empty());
    EXPECT_NE(spec.namespaces.back().kind, "user");
    EXPECT_THAT(spec.root.front().options, Not(Contains(kMapped)));
    for (const Mount& mount : spec.mounts) {
      EXPECT_THAT(mount.options, Not(Contains(kMapped))) << mount.target;
      EXPECT_THAT(mount.options, Not(Contains(std::string(kNoLinksOption)))) << mount.target;
    }
    EXPECT_EQ(spec.sysctls.at("net.ipv4.ping_group_range"), "0 2147483647");
  }
}

TEST(UserNamespace, WhatIsTheHostsIsRefused) {
  EXPECT_THAT(refusal_of([](auto& host) { host.privileged = true; }), HasSubstr("privileged mode is incompatible"));
  EXPECT_THAT(refusal_of([](auto& host) { host.pid_mode = "host"; }), HasSubstr("host PID namespace"));
  EXPECT_THAT(refusal_of([](auto& host) { host.network_mode = "host"; }), HasSubstr("host's network namespace"));
  EXPECT_THAT(refusal_of([](auto& host) { host.ipc_mode = "host"; }), HasSubstr("host IPC namespace"));
  EXPECT_EQ(refusal_of([](auto& host) { host.uts_mode = "host"; }), "");
  EXPECT_EQ(refusal_of([](auto& host) {
              host.userns_mode = host.pid_mode = host.network_mode = host.ipc_mode = "host";
              host.privileged = true;
            }),
            "");
}

TEST(UserNamespace, OfAContainerInTheHostsIsNotJoined) {
  const std::string own = "/proc/" + std::to_string(::getpid()) + "/ns/";
  EXPECT_EQ(joined_user_namespace({}), "");
  EXPECT_THROW((void)joined_user_namespace({{"network", own + "net"}}), Error);
  EXPECT_THROW((void)joined_user_namespace({{"network", "/proc/0/ns/net"}}), Error);
}

TEST(UserNamespace, MappedBindsAreBelowAClosedDirectory) {
  namespace fs = std::filesystem;
  if (::geteuid() != 0) GTEST_SKIP() << "the directories must be root's";
  std::string pattern = "/var/tmp/gantry-mapped-XXXXXX";
  const fs::path base = ::mkdtemp(pattern.data());
  fs::create_directories(base / "inner/source");
  fs::create_symlink(base / "inner", base / "way");
  EXPECT_EQ(check_mapped_bind(base / "inner/source"), base / "inner/source");
  EXPECT_EQ(check_mapped_bind(base / "way/source"), base / "inner/source");
  std::vector<Mount> mounts{{"bind", base / "way", "/w", "", {std::string(kNoLinksOption)}},
                            {"bind", base / "way", "/w", "", {kMapped}}};
  check_mapped_binds(mounts);
  EXPECT_EQ(mounts[0].source, base / "inner") << "what was checked";
  EXPECT_EQ(mounts[1].source, base / "way") << "the daemon's own";
  EXPECT_THROW(check_mapped_bind(base), Error) << "the container could open it";
  fs::permissions(base, fs::perms(0750));
  EXPECT_THROW(check_mapped_bind(base / "inner"), Error) << "an ACL may stand behind the group's bits";
  fs::permissions(base, fs::perms(0711));
  EXPECT_THROW(check_mapped_bind(base / "inner/source"), Error);
  fs::permissions(base, fs::perms(0700));
  ASSERT_EQ(::chown(base.c_str(), 1, 0), 0);
  EXPECT_THROW(check_mapped_bind(base / "inner"), Error) << "its owner may enter";
  ASSERT_EQ(::chown(base.c_str(), 0, 0), 0);
  fs::create_symlink("/usr/share", base / "link");
  EXPECT_THROW(check_mapped_bind(base / "link"), Error) << "where it leads counts";
  EXPECT_THROW(check_mapped_bind(base / "none"), Error);
  fs::remove_all(base);
}

TEST(TreeIds, OfAProcessInTheHostsUserNamespaceChangeNothing) {
  EXPECT_TRUE(TreeIds::of_maps("         0          0 4294967295\n", "0 0 4294967295\n").empty());
  const TreeIds none;
  EXPECT_EQ(none.to_host(0, 70000, 5), std::pair(uid_t{70000}, gid_t{5}));
}

TEST(TreeIds, AreTranslatedBothWays) {
  const auto ids = TreeIds::of_maps("0 100000 1000\n1000 300000 10\n", "0 200000 65536\n");
  struct stat status {};
  status.st_uid = 300005;
  status.st_gid = 200007;
  ids.to_container(0, status);
  EXPECT_EQ(status.st_uid, 1005U);
  EXPECT_EQ(status.st_gid, 7U);
  status.st_uid = 0;
  ids.to_container(0, status);
  EXPECT_EQ(status.st_uid, 65534U) << "the host's root is nobody's there";
  EXPECT_EQ(ids.to_host(0, 1005, 7), std::pair(uid_t{300005}, gid_t{200007}));
  EXPECT_EQ(ids.root(), std::pair(uid_t{100000}, gid_t{200000}));
  EXPECT_THROW((void)ids.to_host(0, 1010, 0), Error);
  EXPECT_THROW((void)ids.to_host(0, 0xffffffff, 0), Error);
  EXPECT_TRUE(ids.whole_tree());
}

}  // namespace
}  // namespace gantry::containers
