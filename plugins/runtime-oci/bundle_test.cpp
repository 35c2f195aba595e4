#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <nlohmann/json.hpp>

#include "bundle.hpp"
#include "bundle_linux.hpp"
#include "container_shim/cgroup_layout.hpp"
#include "container_shim/protocol.hpp"
#include "container_shim/spec_translation.hpp"
#include "process_document.hpp"
#include "runtime_log.hpp"
#include "runtime_program.hpp"
#include "seccomp_section.hpp"
#include "submounts.hpp"

namespace gantry::oci {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

runtime::v1::Spec simple_spec() {
  runtime::v1::Spec spec;
  spec.id = std::string(64, 'a');
  spec.root = {{"bind", "/image", "", "", {"rbind"}}};
  spec.process.args = {"sh", "-c", "echo \"\\\""};
  spec.process.env = {"A=\"b\"\n"};
  spec.process.capabilities = {"CAP_CHOWN"};
  spec.namespaces = {{"mount", ""}, {"pid", ""}, {"uts", ""}, {"network", "/proc/1/ns/net"}};
  return spec;
}

Bundle bundle_of(const runtime::v1::Spec& spec, const std::string& init = {}) {
  const container_shim::CgroupLayout layout;
  const std::vector<runtime::v1::Rlimit> no_limits;
  const auto plan = container_shim::translate_spec(spec, {layout, "/run/c", "gantry", no_limits});
  return make_bundle(
      spec, plan,
      {"/run/c", "gantry", init, [](const std::string& directory) {
         return directory == "/tree" ? std::vector<std::string>{"one", "one/two"} : std::vector<std::string>{};
       }});
}

/// As the shim does.
json completed(const container_shim::PlanDocument& document, bool root = true) {
  return json::parse(document.head + (document.wants_home ? "\"HOME=/h\"" : "") + document.middle +
                     (root ? document.root_rights : document.user_rights) +
                     R"(,"user":{"uid":1,"gid":2,"additionalGids":[]})" + document.tail);
}

TEST(Bundle, HoldsProcessRootAndNamespaces) {
  auto spec = simple_spec();
  spec.hostname = "h";
  spec.domainname = "d";
  spec.readonly_root = true;
  const json config = completed(bundle_of(spec).config);
  EXPECT_EQ(config["process"]["args"], json(spec.process.args));
  EXPECT_EQ(config["process"]["env"], (json{"A=\"b\"\n", "HOME=/h"}));
  EXPECT_EQ(config["process"]["user"]["uid"], 1);
  EXPECT_EQ(config["root"], (json{{"path", "/run/c/rootfs"}, {"readonly", true}}));
  EXPECT_EQ(config["hostname"], "h");
  EXPECT_EQ(config["linux"]["sysctl"]["kernel.domainname"], "d");
  EXPECT_EQ(config["linux"]["cgroupsPath"], "/gantry/" + spec.id);
  EXPECT_EQ(config["linux"]["namespaces"][3], (json{{"type", "network"}, {"path", "/proc/1/ns/net"}}));
}

TEST(Bundle, GivesUsersNoMoreThanTheBoundingSet) {
  const Bundle bundle = bundle_of(simple_spec());
  EXPECT_TRUE(completed(bundle.config, true)["process"]["capabilities"].contains("effective"));
  EXPECT_FALSE(completed(bundle.config, false)["process"]["capabilities"].contains("effective"));
}

TEST(Bundle, AHomeThatIsGivenStays) {
  auto spec = simple_spec();
  spec.process.env = {"HOME=/mine"};
  EXPECT_EQ(completed(bundle_of(spec).config)["process"]["env"], (json{"HOME=/mine"}));
  spec.process.env = {};
  EXPECT_EQ(completed(bundle_of(spec).config)["process"]["env"], (json{"HOME=/h"}));
}

TEST(Bundle, MountsItselfWhatRuntimesCannot) {
  auto spec = simple_spec();
  spec.mounts = {{"bind", "/a", "/m", "", {"rbind", "ro", "rw", "nosuid"}},
                 {"bind", "/b", "/part", "", {"rbind", "x-subpath=s", "ro"}},
                 {"overlay", "overlay", "/o", "/base", {"lowerdir=a:b", "ro"}},
                 {"bind", "/c", "/flat", "", {"bind"}}};
  const Bundle bundle = bundle_of(spec, "/libexec/init");
  const json mounts = completed(bundle.config)["mounts"];
  EXPECT_EQ(mounts[0]["options"], (json{"rbind", "rw", "nosuid"}));
  EXPECT_EQ(
      mounts[1],
      (json{{"destination", "/part"}, {"type", "bind"}, {"source", "/run/c/mounts/0"}, {"options", {"rbind", "ro"}}}));
  EXPECT_EQ(mounts[2]["options"], (json{"ro", "bind"}));
  EXPECT_EQ(mounts[4]["destination"], "/sbin/docker-init");
  ASSERT_EQ(bundle.prepared.size(), 3U);
  EXPECT_EQ(bundle.prepared[0].subpath, "s");
  EXPECT_EQ(bundle.prepared[1].base, "/base");
  EXPECT_EQ(bundle.prepared[2].target, "/flat");
  EXPECT_EQ(mounts[3]["source"], "/run/c/mounts/2");
}

TEST(Bundle, MakesFilesReadOnlyWithoutRecursion) {
  auto spec = simple_spec();
  spec.mounts = {{"bind", "/proc/self/exe", "/f", "", {"rbind", "rro"}}, {"bind", "/", "/d", "", {"rbind", "rro"}}};
  const json mounts = completed(bundle_of(spec).config)["mounts"];
  EXPECT_EQ(mounts[0]["options"], (json{"rbind", "ro"}));
  EXPECT_EQ(mounts[1]["options"], (json{"rbind", "rro"}));
}

TEST(Bundle, KeepsWhatTheHostDoesNotAllow) {
  const std::string place = ::testing::TempDir();
  constexpr unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "only root makes a mount namespace";
  ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(::mount("tmpfs", place.c_str(), "tmpfs", flags, "size=4k"), 0);
  auto spec = simple_spec();
  spec.mounts = {{"bind", place, "/p", "", {"rbind", "ro", "exec"}}, {"bind", place, "/q", "", {"rbind"}}};
  const json mounts = completed(bundle_of(spec).config)["mounts"];
  EXPECT_EQ(mounts[0]["options"], (json{"rbind", "ro", "nosuid", "nodev", "noexec"}));
  EXPECT_EQ(mounts[1]["options"], (json{"rbind"})) << "nothing is taken away where nothing is set";
  ::umount2(place.c_str(), MNT_DETACH);
}

TEST(Bundle, LeavesInterfacesSysctlsToTheShim) {
  auto spec = simple_spec();
  spec.sysctls = {
      {"net.ipv4.conf.eth0.forwarding", "0"}, {"net.ipv4.conf.all.forwarding", "1"}, {"kernel.shmmax", "2"}};
  const Bundle bundle = bundle_of(spec);
  EXPECT_EQ(completed(bundle.config)["linux"]["sysctl"],
            (json{{"net.ipv4.conf.all.forwarding", "1"}, {"kernel.shmmax", "2"}}));
  ASSERT_EQ(bundle.late_sysctls.size(), 1U);
  EXPECT_EQ(bundle.late_sysctls[0].file, "net/ipv4/conf/eth0/forwarding");
}

TEST(Resources, AreTheSpecifications) {
  runtime::v1::Resources resources;
  EXPECT_EQ(resources_section(resources), json::object());
  resources.memory = 1 << 20;
  resources.memory_swap = -1;
  resources.cpu_shares = 512;
  resources.cpuset_cpus = "0";
  resources.pids_limit = 9;
  EXPECT_EQ(resources_section(resources), (json{{"memory", {{"limit", 1 << 20}, {"swap", -1}}},
                                                {"cpu", {{"shares", 512}, {"cpus", "0"}}},
                                                {"pids", {{"limit", 9}}}}));
}

TEST(Seccomp, IsWhatOfTheProfileHoldsHere) {
  EXPECT_TRUE(seccomp_section("unconfined", 0).is_null());
  const json section = seccomp_section("", 0);
  EXPECT_EQ(section["defaultAction"], "SCMP_ACT_ERRNO");
  EXPECT_EQ(section["defaultErrnoRet"], 1);
  const auto allows = [](const json& profile, const std::string& call) {
    for (const json& rule : profile["syscalls"]) {
      for (const json& name : rule["names"]) {
        if (name == call && rule["action"] == "SCMP_ACT_ALLOW" && !rule.contains("args")) return true;
      }
    }
    return false;
  };
  EXPECT_TRUE(allows(section, "read"));
  EXPECT_FALSE(allows(section, "mount"));
  EXPECT_TRUE(allows(seccomp_section("", std::uint64_t{1} << 21), "mount"));  // CAP_SYS_ADMIN
  const json own = seccomp_section(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chmod"],
    "action":"SCMP_ACT_ERRNO","errnoRet":7,"args":[{"index":1,"value":2,"op":"SCMP_CMP_GT"}]}]})",
                                   0);
  EXPECT_EQ(own["syscalls"][0]["errnoRet"], 7);
  EXPECT_EQ(own["syscalls"][0]["args"][0]["op"], "SCMP_CMP_GT");
}

TEST(RuntimeLog, TellsTheLastError) {
  EXPECT_EQ(last_error(""), "");
  EXPECT_EQ(last_error("no json\n[1]\n{\"level\":3}\n"), "");
  EXPECT_EQ(last_error(R"({"msg":"one","level":"error"}
{"msg":"two","level":"error"}
{"msg":"careful","level":"warning"})"),
            "two");
}

TEST(RuntimeProgram, IsLookedForAndMissed) {
  EXPECT_EQ(find_runtime("/bin/sh"), "/bin/sh");
  EXPECT_THAT(find_runtime("sh"), HasSubstr("/sh"));
  EXPECT_EQ(find_runtime("/no/such"), "");
  EXPECT_EQ(find_runtime("no-such-runtime"), "");
  EXPECT_THAT(missing_runtime("x"), HasSubstr("\"x\" is not there"));
}

runtime::v1::Spec remapped_spec() {
  auto spec = simple_spec();
  spec.namespaces.push_back({"user", ""});
  spec.uid_map = {{0, 100000, 1000}, {1000, 200000, 5}};
  spec.gid_map = {{0, 300000, 65536}};
  return spec;
}

const json* mount_at(const json& mounts, const std::string& target) {
  for (const json& mount : mounts) {
    if (mount["destination"] == target) return &mount;
  }
  return nullptr;
}

TEST(RemappedBundle, HasTheMapsOfItsUserNamespace) {
  auto spec = remapped_spec();
  const json linux = completed(bundle_of(spec).config)["linux"];
  EXPECT_EQ(linux["namespaces"][4], (json{{"type", "user"}}));
  EXPECT_EQ(linux["uidMappings"], (json{{{"containerID", 0}, {"hostID", 100000}, {"size", 1000}},
                                        {{"containerID", 1000}, {"hostID", 200000}, {"size", 5}}}));
  EXPECT_EQ(linux["gidMappings"], (json{{{"containerID", 0}, {"hostID", 300000}, {"size", 65536}}}));
  spec.namespaces.back().path = "/proc/1/ns/user";
  const json joined = completed(bundle_of(spec).config)["linux"];
  EXPECT_EQ(joined["namespaces"][4], (json{{"type", "user"}, {"path", "/proc/1/ns/user"}}));
  EXPECT_EQ(joined["uidMappings"].size(), 2U) << "runc wants them here, too";
  EXPECT_FALSE(completed(bundle_of(simple_spec()).config)["linux"].contains("uidMappings"));
}

TEST(RemappedBundle, IsNeverTheHostsRoots) {
  auto spec = remapped_spec();
  spec.uid_map = {{0, 0, 10}};
  EXPECT_THROW(bundle_of(spec), Error);
}

TEST(RemappedBundle, TakesWhatIsTheHostsFromTheShim) {
  auto spec = remapped_spec();
  spec.mounts = {{"proc", "proc", "/proc", "", {"nosuid"}},
                 {"tmpfs", "tmpfs", "/dev", "", {"nosuid", "mode=755"}},
                 {"tmpfs", "tmpfs", "/t", "", {"uid=7"}},
                 {"bind", "/a", "/a", "", {"bind", "rprivate", "ro", std::string{kIdMapOption}}},
                 {"bind", "/s", "/s", "", {"bind", "rslave", "nosuid", "noatime"}}};
  spec.devices = {{"/opt/zero", 'c', 1, 5, 0666, 0, 0}, {"/dev/mine", 'c', 1, 5, 0666, 0, 0}};
  const Bundle bundle = bundle_of(spec, "/libexec/init");
  const json config = completed(bundle.config);
  const json& mounts = config["mounts"];
  EXPECT_EQ((*mount_at(mounts, "/proc"))["type"], "proc");
  EXPECT_EQ((*mount_at(mounts, "/t"))["options"], (json{"uid=7"})) << "the container's root's own";
  EXPECT_EQ(
      *mount_at(mounts, "/dev"),
      (json{
          {"destination", "/dev"}, {"type", "bind"}, {"source", "/run/c/mounts/0"}, {"options", {"nosuid", "bind"}}}));
  EXPECT_EQ((*mount_at(mounts, "/a"))["options"], (json{"bind", "rprivate", "ro"}));
  EXPECT_EQ((*mount_at(mounts, "/sbin/docker-init"))["source"], "/run/c/mounts/3");
  EXPECT_EQ((*mount_at(mounts, "/opt/zero"))["source"], "/run/c/mounts/device0");
  EXPECT_EQ(mount_at(mounts, "/dev/mine"), nullptr) << "it comes with /dev";
  EXPECT_EQ(config["linux"]["devices"], json::array());
  ASSERT_EQ(bundle.prepared.size(), 4U);
  EXPECT_TRUE(is_own_dev(bundle.prepared[0]));
  EXPECT_TRUE(bundle.prepared[1].idmap);
  EXPECT_EQ(bundle.prepared[1].attributes, 0U) << "the runtime makes it read-only, when all targets are there";
  EXPECT_EQ(bundle.prepared[1].propagation, 0U);
  EXPECT_EQ(bundle.prepared[2].attributes, std::uint64_t{MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME});
  EXPECT_EQ(bundle.prepared[2].cleared, std::uint64_t{MOUNT_ATTR__ATIME});
  EXPECT_EQ(bundle.prepared[2].propagation, std::uint64_t{MS_SLAVE});
}

TEST(RemappedBundle, TakesATreeMountByMount) {
  auto spec = remapped_spec();
  spec.mounts = {{"bind", "/tree", "/m", "", {"rbind", "rprivate", "ro"}}};
  const Bundle bundle = bundle_of(spec);
  const json config = completed(bundle.config);
  const json& mounts = config["mounts"];
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mounts[0]["options"], (json{"bind", "rprivate", "ro"}));
  EXPECT_EQ(mounts[2], (json{{"destination", "/m/one/two"},
                             {"type", "bind"},
                             {"source", "/run/c/mounts/2"},
                             {"options", {"bind", "rprivate"}}}))
      << "read-only is the top only";
  ASSERT_EQ(bundle.prepared.size(), 3U);
  EXPECT_EQ(bundle.prepared[0].submount, "");
  EXPECT_EQ(bundle.prepared[2].source, "/tree") << "a container may exchange /tree/one for a link";
  EXPECT_EQ(bundle.prepared[2].subpath, "one/two");
  EXPECT_FALSE(bundle.prepared[2].recursive);
  spec.mounts = {{"bind", "/tree", "/m", "", {"rbind", "rprivate", "rro"}}};
  EXPECT_EQ(completed(bundle_of(spec).config)["mounts"][2]["options"], (json{"bind", "rprivate", "rro"}));
}

TEST(RemappedBundle, IsWholeWithoutASubmount) {
  auto spec = remapped_spec();
  spec.mounts = {{"bind", "/tree", "/m", "", {"rbind"}}, {"proc", "proc", "/proc", "", {}}};
  Bundle bundle = bundle_of(spec);
  const std::string left_out = bundle.prepared[1].submount;
  const auto at = bundle.config.tail.find(left_out);
  ASSERT_NE(at, std::string::npos);
  bundle.config.tail.erase(at, left_out.size());
  const json config = completed(bundle.config);
  EXPECT_EQ(config["mounts"].size(), 3U);
  EXPECT_EQ(mount_at(config["mounts"], "/m/one"), nullptr);
}

TEST(RemappedBundle, LeavesTheHostsRootsSysctlsToTheShim) {
  auto spec = remapped_spec();
  spec.domainname = "d";
  spec.sysctls = {{"net.ipv4.ip_forward", "1"}, {"kernel.msgmax", "2"}};
  const Bundle bundle = bundle_of(spec);
  EXPECT_EQ(completed(bundle.config)["linux"]["sysctl"], (json{{"net.ipv4.ip_forward", "1"}}));
  ASSERT_EQ(bundle.late_sysctls.size(), 2U);
  EXPECT_EQ(bundle.late_sysctls[0].file, "kernel/domainname");
  EXPECT_EQ(bundle.late_sysctls[1].file, "kernel/msgmax");
}

TEST(Submounts, AreThoseBelowThatCanBeBound) {
  constexpr std::string_view mountinfo =
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 8:1 /x /a rw shared:1 - ext4 /dev/sda1 rw\n"
      "3 2 0:5 / /a/with\\040blank rw shared:2 master:1 - tmpfs t rw\n"
      "4 2 0:6 / /a/un rw unbindable - tmpfs t rw\n"
      "5 1 0:7 / /abc rw - tmpfs t rw\n";
  const auto paths = [&](const std::string& directory) {
    std::vector<std::string> found;
    for (const Submount& mount : mounts_below(mountinfo, directory)) found.push_back(mount.path);
    return found;
  };
  EXPECT_THAT(paths("/a"), ElementsAre("/a/with blank"));
  EXPECT_THAT(paths("/"), ElementsAre("/a", "/a/with blank", "/abc"));
  EXPECT_THAT(paths("/none"), ElementsAre());
  EXPECT_THAT(visible_submounts("/"), ::testing::Contains("proc"));
  EXPECT_THAT(visible_submounts("/no/such"), ElementsAre());
}

TEST(RuntimeErrors, OfOneThatHangsNameIt) {
  const Error late{Errc::io, std::string{container_shim::kOciRuntimeLate} + "/usr/bin/crun create still ran after 9 s"};
  const Error told = runtime_error(late, "create", "/nonexistent");
  EXPECT_EQ(told.code(), Errc::unavailable);
  EXPECT_STREQ(told.what(),
               "OCI runtime create failed: the OCI runtime does not come to an end: /usr/bin/crun create still ran "
               "after 9 s");
}

}  // namespace
}  // namespace gantry::oci
