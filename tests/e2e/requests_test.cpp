// Requests that no client of good will sends: they are refused, and the daemon goes on as before.

#include <fstream>
#include <sstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Requests : public Engine {
 protected:
  /// A line of the daemon's /proc/.../status, in KB.
  static long memory(const std::string& line) {
    std::ifstream status{"/proc/" + std::to_string(daemon->pid()) + "/status"};
    std::string word;
    long value = 0;
    while (status >> word) {
      if (word == line + ":") status >> value;
    }
    return value;
  }
  static void forget_peak() { std::ofstream{"/proc/" + std::to_string(daemon->pid()) + "/clear_refs"} << 5; }
};

// Read to the end or not at all, but never kept.
TEST_F(Requests, AGigabyteOfBodyIsRefusedAndNotKept) {
  cli("create --name target busybox true");
  const auto send = [&](const std::string& type, const std::string& path, const std::string& more = "") {
    const std::string curl = "curl -s -w ' %{http_code}' -X POST --unix-socket " + daemon->socket().string() +
                             " -H 'Content-Type: " + type + "' " + more + " -T - 'http://d" + path + "'";
    return shell("head -c 1073741824 /dev/zero | " + curl, {}, {}, std::chrono::seconds{120}).out;
  };
  forget_peak();
  const long before = memory("VmRSS");
  // Whoever is answered before the end may see its connection closed while it writes: 000.
  const auto refused = ::testing::ContainsRegex(" (400|000)$");
  EXPECT_THAT(send("application/json", "/containers/create"), refused);
  EXPECT_THAT(send("application/json", "/containers/create", "-H 'Transfer-Encoding:' -H 'Content-Length: 1073741824'"),
              refused);
  EXPECT_THAT(send("application/json", "/containers/target/exec"), refused);
  EXPECT_THAT(send("application/x-tar", "/images/load"), ::testing::AnyOf(HasSubstr("error"), refused));
  EXPECT_THAT(send("application/x-tar", "/build"), ::testing::AnyOf(HasSubstr("message"), refused));
  EXPECT_LT(memory("VmHWM") - before, 64 * 1024) << before;
  EXPECT_EQ(cli("run --rm busybox echo fine").out, "fine\n");
}

// What their entries took up goes back to the kernel when they have been refused.
TEST_F(Requests, ArchivesOfManyEntriesLeaveNothingBehind) {
  const std::string archive = daemon->root() / "many.tar";
  ASSERT_EQ(shell("python3 -c 'import sys, tarfile\n"
                  "with tarfile.open(sys.argv[1], \"w\") as out:\n"
                  "  for i in range(70000): out.addfile(tarfile.TarInfo(\"blobs/sha256/%064x\" % i))' " +
                  archive)
                .code,
            0);
  const auto load = [&] {
    return shell("curl -s -X POST --unix-socket " + daemon->socket().string() +
                     " -H 'Content-Type: application/x-tar' -T " + archive + " http://d/images/load",
                 {}, {}, std::chrono::seconds{120})
        .out;
  };
  const long before = memory("VmRSS");
  for (int i = 0; i < 2; ++i) EXPECT_THAT(load(), HasSubstr("it has too many files"));
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what was freed";
#endif
  EXPECT_LT(memory("VmRSS") - before, 15 * 1024) << before;
}

TEST_F(Requests, ADeepBodyIsRefused) {
  for (const char* nested : {"[", "{\"a\":"}) {
    std::string body = "{\"Image\":\"busybox\",\"Labels\":";
    for (int depth = 0; depth < 300'000; ++depth) body += nested;
    daemon->api("POST", "/containers/create", body);
    EXPECT_EQ(daemon->status(), 400);
  }
  EXPECT_EQ(cli("run --rm busybox echo fine").out, "fine\n");
}

/// What a member may be: t text, b boolean, i whole number, T list of texts, C text or list of texts, M texts by name,
/// N objects by name, L list of objects, O object, I list of whole numbers.
struct Members {
  const char* place;  ///< By name, "0" for the first of a list.
  const char* types;  ///< "Name:type Name:type ..."
};

constexpr Members kMembers[] = {
    {"",
     "Hostname:t Domainname:t User:t AttachStdin:b AttachStdout:b AttachStderr:b ExposedPorts:N Tty:b OpenStdin:b "
     "StdinOnce:b Env:T Cmd:C Healthcheck:O ArgsEscaped:b Image:t Volumes:N WorkingDir:t Entrypoint:C "
     "NetworkDisabled:b "
     "MacAddress:t OnBuild:T Labels:M StopSignal:t StopTimeout:i Shell:C HostConfig:O NetworkingConfig:O"},
    {"Healthcheck", "Test:T Interval:i Timeout:i StartPeriod:i StartInterval:i Retries:i"},
    {"HostConfig",
     "Binds:T ContainerIDFile:t LogConfig:O NetworkMode:t PortBindings:N RestartPolicy:O AutoRemove:b VolumeDriver:t "
     "VolumesFrom:T ConsoleSize:I Annotations:M CapAdd:C CapDrop:C CgroupnsMode:t Dns:T DnsOptions:T DnsSearch:T "
     "ExtraHosts:T GroupAdd:T IpcMode:t Cgroup:t Links:T OomScoreAdj:i PidMode:t Privileged:b PublishAllPorts:b "
     "ReadonlyRootfs:b SecurityOpt:T StorageOpt:M Tmpfs:M UTSMode:t UsernsMode:t ShmSize:i Sysctls:M Runtime:t "
     "Isolation:t CpuShares:i Memory:i NanoCpus:i CgroupParent:t BlkioWeight:i BlkioWeightDevice:L "
     "BlkioDeviceReadBps:L "
     "BlkioDeviceWriteBps:L BlkioDeviceReadIOps:L BlkioDeviceWriteIOps:L CpuPeriod:i CpuQuota:i CpuRealtimePeriod:i "
     "CpuRealtimeRuntime:i CpusetCpus:t CpusetMems:t Devices:L DeviceCgroupRules:T DeviceRequests:L "
     "KernelMemoryTCP:i MemoryReservation:i MemorySwap:i MemorySwappiness:i OomKillDisable:b PidsLimit:i Ulimits:L "
     "CpuCount:i CpuPercent:i IOMaximumIOps:i IOMaximumBandwidth:i Mounts:L MaskedPaths:T ReadonlyPaths:T Init:b"},
    {"HostConfig/LogConfig", "Type:t Config:M"},
    {"HostConfig/RestartPolicy", "Name:t MaximumRetryCount:i"},
    {"HostConfig/PortBindings", "80/tcp:L"},
    {"HostConfig/PortBindings/80~1tcp/0", "HostIp:t HostPort:t"},
    {"HostConfig/BlkioWeightDevice/0", "Path:t Weight:i"},
    {"HostConfig/BlkioDeviceReadBps/0", "Path:t Rate:i"},
    {"HostConfig/Devices/0", "PathOnHost:t PathInContainer:t CgroupPermissions:t"},
    {"HostConfig/DeviceRequests/0", "Driver:t Count:i DeviceIDs:T Capabilities:L Options:M"},
    {"HostConfig/Ulimits/0", "Name:t Hard:i Soft:i"},
    {"HostConfig/Mounts/0",
     "Type:t Source:t Target:t ReadOnly:b Consistency:t BindOptions:O VolumeOptions:O TmpfsOptions:O"},
    {"HostConfig/Mounts/0/BindOptions",
     "Propagation:t NonRecursive:b CreateMountpoint:b ReadOnlyNonRecursive:b ReadOnlyForceRecursive:b"},
    {"HostConfig/Mounts/0/VolumeOptions", "NoCopy:b Labels:M Subpath:t DriverConfig:O"},
    {"HostConfig/Mounts/0/VolumeOptions/DriverConfig", "Name:t Options:M"},
    {"HostConfig/Mounts/0/TmpfsOptions", "SizeBytes:i Mode:i"},
    {"NetworkingConfig", "EndpointsConfig:N"},
    {"NetworkingConfig/EndpointsConfig", "bridge:O"},
    {"NetworkingConfig/EndpointsConfig/bridge",
     "IPAMConfig:O Links:T Aliases:T MacAddress:t DriverOpts:M NetworkID:t EndpointID:t Gateway:t IPAddress:t "
     "IPPrefixLen:i IPv6Gateway:t GlobalIPv6Address:t GlobalIPv6PrefixLen:i"},
    {"NetworkingConfig/EndpointsConfig/bridge/IPAMConfig", "IPv4Address:t IPv6Address:t LinkLocalIPs:T"}};

/// Values of all kinds, and by which types each is taken.
struct Sample {
  const char* value;
  const char* taken_by;
};
constexpr Sample kSamples[] = {
    {R"("x")", "tC"}, {"true", "b"},          {"7", "i"},          {"1.5", ""},
    {"1e300", ""},    {"[]", "TCLI"},         {"{}", "MNO"},       {R"(["x"])", "TC"},
    {"[7]", "I"},     {R"({"x":"y"})", "MO"}, {R"({"x":7})", "O"}, {"99999999999999999999", ""}};

// The member where it belongs, in a request for a container.
std::string request(const std::string& place, const std::string& name, const std::string& value) {
  std::string body = "{" + json(name).dump() + ":" + value + "}";
  std::vector<std::string> parts;
  std::istringstream words(place);
  for (std::string part; std::getline(words, part, '/');) parts.push_back(part);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (const auto slash = part->find("~1"); slash != std::string::npos) part->replace(slash, 2, "/");
    body = *part == "0" ? "[" + body + "]" : "{" + json(*part).dump() + ":" + body + "}";
  }
  return place.empty() && name == "Image" ? body : "{\"Image\":\"busybox\"," + body.substr(1);
}

TEST_F(Requests, AnUpdatesValuesAreCheckedBeforeItsContainerIsLookedUp) {
  const auto refusal = [](const std::string& body) {
    return daemon->api("POST", "/containers/nonesuch/update", body).value("message", "");
  };
  EXPECT_EQ(refusal(R"({"Memory": 1})"), "Minimum memory limit allowed is 6MB");
  EXPECT_EQ(daemon->status(), 400);
  EXPECT_THAT(refusal(R"({"Memory": 1, "RestartPolicy": {"Name": "bogus"}})"), HasSubstr("unknown policy 'bogus'"));
  EXPECT_EQ(refusal(R"({"MemorySwap": 5})"), "No such container: nonesuch");
  EXPECT_EQ(daemon->status(), 404);
}

TEST_F(Requests, PointsInTimeAreSecondsOverTheApi) {
  cli("create --name timed busybox");
  for (const std::string path : {"/events?until=9&since=", "/containers/timed/logs?stdout=1&since="}) {
    daemon->api("GET", path + "1.5");
    EXPECT_EQ(daemon->status(), 200) << path;
    for (const char* time : {"10m", "2013-01-01", "2013-01-01T00:00:00Z"}) {
      daemon->api("GET", path + time);
      EXPECT_EQ(daemon->status(), 400) << path << time << " is what a client makes seconds of";
    }
  }
  EXPECT_EQ(cli("logs --since 10m timed").code, 0);
  cli("rm timed");
}

TEST_F(Requests, AMemberOfAWrongTypeIsRefusedWhereverItIs) {
  // One curl asks for all: a process for each of the two thousand would take minutes.
  std::ostringstream config;
  std::vector<std::string> asked;
  for (const Members& members : kMembers) {
    std::istringstream words(members.types);
    for (std::string word; words >> word;) {
      const auto colon = word.rfind(':');
      for (const Sample& sample : kSamples) {
        if (std::string_view(sample.taken_by).find(word[colon + 1]) != std::string_view::npos) continue;
        const std::string body = request(members.place, word.substr(0, colon), sample.value);
        if (!asked.empty()) config << "next\n";
        config << "silent\nunix-socket = " << daemon->socket() << "\nurl = http://d/containers/create\n"
               << "header = \"Content-Type: application/json\"\noutput = /dev/null\nwrite-out = \"%{http_code}\\n\"\n"
               << "data = " << json(body).dump() << "\n";
        asked.push_back(body);
      }
    }
  }
  const Result answers = shell("curl -K -", {}, config.str());
  const auto statuses = answers.lines();
  ASSERT_EQ(statuses.size(), asked.size()) << answers.err;
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(statuses[i], "400") << asked[i];
  EXPECT_GT(asked.size(), 1000U);
  EXPECT_EQ(cli("ps -aq").out, "");
  EXPECT_EQ(cli("run --rm busybox echo fine").out, "fine\n");
}

}  // namespace
}  // namespace gantry::e2e
