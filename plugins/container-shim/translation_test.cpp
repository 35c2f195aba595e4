// The driver's translations, without the kernel.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>

#include "container_shim/capabilities.hpp"
#include "container_shim/cgroup_v1.hpp"
#include "container_shim/cgroup_v2.hpp"
#include "container_shim/device_filter.hpp"
#include "container_shim/mount_options.hpp"
#include "container_shim/seccomp_profile.hpp"
#include "container_shim/spec_translation.hpp"
#include "container_shim/stats.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CapabilitySet, KnowsTheKernelsNames) {
  EXPECT_EQ(capability_set({"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"}),
            1U | std::uint64_t{1} << 21 | std::uint64_t{1} << 40);
  EXPECT_TRUE(has_capability(1, "CAP_CHOWN"));
  EXPECT_FALSE(has_capability(1, "CAP_NONESUCH"));
  EXPECT_THROW(capability_set({"CHOWN"}), Error);
}

TEST(MountOptions, SeparateFlagsFromData) {
  const PlanMount mount =
      translate_mount({"tmpfs", "tmpfs", "/tmp", "", {"nosuid", "noexec", "exec", "size=1m", "mode=755"}});
  EXPECT_EQ(mount.flags, std::uint64_t{MS_NOSUID});
  EXPECT_EQ(mount.data, "size=1m,mode=755");
  EXPECT_FALSE(mount.bind);
}

TEST(MountOptions, MakeABind) {
  const PlanMount mount = translate_mount({"bind", "/data", "/x", "", {"rbind", "rro", "nodev", "rslave"}});
  EXPECT_TRUE(mount.bind);
  EXPECT_TRUE(mount.recursive);
  EXPECT_TRUE(mount.attributes_recursive);
  EXPECT_EQ(mount.attributes, std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV});
  EXPECT_EQ(mount.propagation, std::uint64_t{MS_SLAVE | MS_REC});
  EXPECT_THROW(translate_mount({"bind", "relative", "/x", "", {"bind"}}), Error);
  EXPECT_THROW(translate_mount({"overlay", "overlay", "", "", {"lowerdir=" + std::string(5000, 'x')}}), Error);
}

TEST(MountOptions, NameOneWayToKeepAccessTimes) {
  const auto bind = [](std::vector<std::string> options) {
    options.emplace_back("bind");
    return translate_mount({"bind", "/s", "/t", "", std::move(options)});
  };
  EXPECT_EQ(bind({"ro"}).cleared, 0U);
  const PlanMount last = bind({"noatime", "strictatime"});
  EXPECT_EQ(last.attributes, std::uint64_t{MOUNT_ATTR_STRICTATIME});
  EXPECT_EQ(last.cleared, std::uint64_t{MOUNT_ATTR__ATIME});
  const PlanMount relative = bind({"noatime", "relatime"});
  EXPECT_EQ(relative.attributes, 0U);
  EXPECT_EQ(relative.cleared, std::uint64_t{MOUNT_ATTR__ATIME}) << "the attribute's number is 0";
}

TEST(Devices, AreAtPlacesThatTheirPathsName) {
  for (const char* path : {"/dev/..", "/dev/.", "/dev/x/", "/dev/../etc/x", "/"}) {
    runtime::v1::Spec spec;
    spec.root = {{"bind", "/image", "", "", {"rbind"}}};
    spec.namespaces = {{"mount", ""}};
    spec.devices = {{path, 'c', 1, 3, 0666, 0, 0}};
    const CgroupLayout layout;
    const std::vector<runtime::v1::Rlimit> no_limits;
    EXPECT_THROW(translate_spec(spec, {layout, "/run/c", "gantry", no_limits}), Error) << path;
  }
}

TEST(Ulimit, ReadsSoftAndHard) {
  const auto limit = parse_ulimit("nofile=1024:2048");
  EXPECT_EQ(limit.type, "RLIMIT_NOFILE");
  EXPECT_EQ(limit.soft, 1024U);
  EXPECT_EQ(limit.hard, 2048U);
  EXPECT_EQ(parse_ulimit("core=-1").hard, RLIM_INFINITY);
  for (const char* wrong : {"nofile", "nofile=", "nofile=x", "nonesuch=1", "nofile=2:1", "nofile=1:"}) {
    EXPECT_THROW(parse_ulimit(wrong), Error) << wrong;
  }
}

TEST(PlanEncoding, ComesBackWhole) {
  Plan plan;
  plan.id = "id";
  plan.process.args = {"a", "", std::string("\0b", 2)};
  plan.process.oom_score_adj = -5;
  plan.mounts.push_back(translate_mount({"bind", "/s", "/t", "", {"rbind"}}));
  plan.init = InitKind::builtin;
  const std::string bytes = encode(plan);
  Plan back;
  ASSERT_TRUE(decode(bytes, back));
  EXPECT_EQ(encode(back), bytes);
  EXPECT_EQ(back.process.args, plan.process.args);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Plan cut;
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size), cut)) << size;
  }
}

TEST(CgroupParent, StaysInside) {
  EXPECT_EQ(normalize_cgroup_parent("/a//b/"), "a/b");
  EXPECT_THROW(normalize_cgroup_parent("a/../../b"), Error);
  EXPECT_THROW(normalize_cgroup_parent("/"), Error);
}

constexpr const char* kMixed =
    "30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "31 30 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n"
    "32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
    "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "35 30 0:30 /docker/x /elsewhere/memory rw - cgroup cgroup rw,memory\n";

TEST(CgroupLayout, ReadsAMixedHost) {
  const CgroupLayout layout = parse_cgroup_layout(kMixed, "io pids");
  ASSERT_EQ(layout.hierarchies.size(), 4U);
  EXPECT_TRUE(layout.has_v1());
  EXPECT_THAT(layout.of("cpuacct")->controllers, ElementsAre("cpu", "cpuacct"));
  EXPECT_TRUE(layout.of("pids")->unified);
  EXPECT_EQ(layout.of("memory")->mount, "/sys/fs/cgroup/memory");
  EXPECT_EQ(layout.of("devices"), nullptr);
}

TEST(CgroupPlan, WritesEachLimitWhereItsControllerIs) {
  const CgroupLayout layout = parse_cgroup_layout(kMixed, "io pids");
  runtime::v1::Resources resources;
  resources.memory = 1000;
  resources.pids_limit = 5;
  resources.cpu_shares = 512;
  for (const PlanCgroup& cgroup : plan_cgroups(layout, "gantry", "id", resources, {})) {
    EXPECT_TRUE(cgroup.directory.ends_with("/gantry/id"));
    if (cgroup.name == "memory") {
      ASSERT_EQ(cgroup.writes.size(), 1U);
      EXPECT_EQ(cgroup.writes[0].file, "memory.limit_in_bytes");
    } else if (cgroup.unified) {
      ASSERT_EQ(cgroup.writes.size(), 1U);
      EXPECT_EQ(cgroup.writes[0].file, "pids.max");
      EXPECT_FALSE(cgroup.device_program.empty());
    } else if (cgroup.name == "systemd") {
      EXPECT_THAT(cgroup.writes, IsEmpty());
    }
  }
}

TEST(CgroupV2, TranslatesUnits) {
  EXPECT_EQ(v2::weight_of_shares(2), 1U);
  EXPECT_EQ(v2::weight_of_shares(1024), 39U);
  EXPECT_EQ(v2::weight_of_shares(262144), 10000U);
  runtime::v1::Resources resources;
  resources.memory = 100;
  resources.memory_swap = 300;
  resources.cpu_quota = 50000;
  resources.pids_limit = -1;
  const Hierarchy all{"/c", "c", {"memory", "cpu", "pids"}, true};
  std::string text;
  for (const PlanWrite& write : v2::limit_writes(all, resources)) text += write.file + "=" + write.value + ";";
  EXPECT_EQ(text, "memory.swap.max=200;memory.max=100;cpu.max=50000 100000;pids.max=max;");
  resources.memory_swap = 50;
  EXPECT_THROW(v2::limit_writes(all, resources), Error);
}

TEST(DeviceProgram, EndsWithDenial) {
  const std::string bytes = device_program({{true, 'c', 1, 3, "rw"}});
  ASSERT_EQ(bytes.size() % sizeof(bpf_insn), 0U);
  const auto* program = reinterpret_cast<const bpf_insn*>(bytes.data());
  const std::size_t count = bytes.size() / sizeof(bpf_insn);
  EXPECT_EQ(program[count - 2].imm, 0);
  for (std::size_t i = 0; i < count; ++i)
    EXPECT_LT(i + 1 + static_cast<std::size_t>(program[i].off > 0 ? program[i].off : 0), count + 1);
}

TEST(Interfaces, AreReadFromTheKernelsTable) {
  const auto interfaces = parse_interfaces(
      "Inter-|   Receive\n face |bytes\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
      "  eth0: 100 2 3 4 0 0 0 0 200 5 6 7 0 0 0 0\n");
  ASSERT_EQ(interfaces.size(), 1U);
  EXPECT_EQ(interfaces[0].name, "eth0");
  EXPECT_EQ(interfaces[0].rx_bytes, 100U);
  EXPECT_EQ(interfaces[0].tx_bytes, 200U);
  EXPECT_EQ(interfaces[0].tx_dropped, 7U);
}

TEST(SeccompProfile, ComparesKernels) {
  EXPECT_TRUE(kernel_at_least("6.1.0-18-amd64", "4.8"));
  EXPECT_TRUE(kernel_at_least("4.8.0", "4.8"));
  EXPECT_FALSE(kernel_at_least("4.4.0", "4.8"));
  EXPECT_FALSE(kernel_at_least("nonsense", "4.8"));
}

TEST(SeccompProfile, RefusesNonsense) {
  for (const char* text : {"", "[]", "{}", R"({"defaultAction":"NONE"})",
                           R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"X"}]})",
                           R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO",
                              "args":[{"index":9,"value":1,"op":"SCMP_CMP_EQ"}]}]})",
                           R"({"defaultAction":"SCMP_ACT_ALLOW","flags":["NONE"]})"}) {
    EXPECT_THROW(parse_seccomp_profile(text), Error) << text;
  }
}

TEST(SeccompProfile, TheDefaultCompilesForAnyCapabilities) {
  const std::string without = compile_seccomp(default_seccomp_profile(), 0);
  const std::string with = compile_seccomp(default_seccomp_profile(), all_capabilities());
  EXPECT_FALSE(without.empty());
  EXPECT_EQ(without.size() % sizeof(sock_filter), 0U);
  EXPECT_NE(without, with);
  EXPECT_LE(with.size() / sizeof(sock_filter), 4096U) << "the kernel takes no longer filter";
}

TEST(SeccompProfile, UnderstandsConditions) {
  const auto profile = parse_seccomp_profile(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,
      "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
      "syscalls":[{"names":["read","write"],"action":"SCMP_ACT_ALLOW"},
                  {"name":"ptrace","action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_PTRACE"],"minKernel":"4.8"},
                   "excludes":{"arches":["s390x"]}},
                  {"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[
                     {"index":0,"value":0,"op":"SCMP_CMP_EQ"},{"index":0,"value":8,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]})");
  ASSERT_EQ(profile.rules.size(), 3U);
  EXPECT_THAT(profile.rules[1].include_capabilities, ElementsAre("CAP_SYS_PTRACE"));
  EXPECT_EQ(profile.rules[2].arguments[1].value_two, 3U);
  EXPECT_NE(compile_seccomp(profile, 0), compile_seccomp(profile, all_capabilities()));
}

}  // namespace gantry::container_shim
