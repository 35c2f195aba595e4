#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "parse/environment.hpp"
#include "parse/filter.hpp"
#include "parse/mount.hpp"
#include "parse/network.hpp"
#include "parse/platform.hpp"
#include "parse/port.hpp"
#include "parse/quantity.hpp"
#include "parse/reference.hpp"
#include "parse/resource.hpp"
#include "parse/text.hpp"

namespace gantry::cli {
namespace {

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const InvalidValue& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Platform, IsReadAsContainerdReadsIt) {
  for (const auto& [given, text] : {std::pair{"linux/amd64", "linux/amd64"},
                                    {"Linux/X86-64", "linux/amd64"},
                                    {"linux/arm64/v8", "linux/arm64/v8"},
                                    {"aarch64", "linux/arm64"},
                                    {"armhf", "linux/arm"},
                                    {"linux/arm/7", "linux/arm/v7"},
                                    {"linux/armel", "linux/arm/v6"},
                                    {"windows(10)/amd64", "windows/amd64"}}) {
    EXPECT_EQ(parse_platform(given).text(), text);
  }
  EXPECT_EQ(parse_platform("linux/arm/v6").json(), R"({"architecture":"arm","os":"linux","variant":"v6"})");
  EXPECT_EQ(parse_platform("windows(10)/amd64").json(), R"({"architecture":"amd64","os":"windows","os.version":"10"})");
  for (const auto& [given, wrong] :
       {std::pair{"bogus", R"("bogus": unknown operating system or architecture: invalid argument)"},
        {"a/b/c/d", R"("a/b/c/d": cannot parse platform specifier: invalid argument)"},
        {"*", R"("*": wildcards not yet supported: invalid argument)"},
        {"linux/", R"("" is an invalid component of "linux/": platform specifier component must match )"
                   R"("^[A-Za-z0-9_.-]+$": invalid argument)"},
        {"a b", R"("a b" is an invalid OS component of "a b": OSAndVersion specifier component must match )"
                R"("^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$": invalid argument)"}}) {
    EXPECT_EQ(refusal([&] { parse_platform(given); }), wrong);
  }
}

TEST(Text, OfARecordIsReadAsGoDoes) {
  using Fields = std::vector<std::string>;
  EXPECT_EQ(csv_fields(R"(a,"b,""c",)"), (Fields{"a", "b,\"c", ""}));
  EXPECT_EQ(csv_fields(""), Fields{""});
  EXPECT_EQ(refusal([] { csv_fields(R"(type=bind,"source=/a)"); }),
            "parse error on line 1, column 21: extraneous or missing \" in quoted-field");
  EXPECT_EQ(refusal([] { csv_fields(R"(a,b"c)"); }), "parse error on line 1, column 4: bare \" in non-quoted-field");
}

TEST(Ulimit, IsDecimalAndItsLastValueCounts) {
  EXPECT_EQ(refusal([] { parse_ulimit("nofile=0x10"); }), "strconv.ParseInt: parsing \"0x10\": invalid syntax");
  EXPECT_EQ(refusal([] { parse_ulimit("nofile=-1:5"); }),
            "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 5");
  Json limits = Json::array();
  for (const char* text : {"nofile=1", "core=1", "nofile=2"}) add_ulimit(limits, parse_ulimit(text));
  EXPECT_EQ(limits.dump(), R"([{"Name":"core","Hard":1,"Soft":1},{"Name":"nofile","Hard":2,"Soft":2}])");
}

TEST(Cpus, MayBeARatio) {
  EXPECT_EQ(parse_nano_cpus("1/4"), 250'000'000);
  EXPECT_EQ(refusal([] { parse_nano_cpus("1/3"); }), "value is too precise");
  EXPECT_EQ(refusal([] { parse_nano_cpus("1/0"); }), "failed to parse 1/0 as a rational number");
}

TEST(Quantity, ReadsSizes) {
  EXPECT_EQ(parse_bytes("64m"), 64 << 20);
  EXPECT_EQ(parse_bytes("1.5g"), 1'610'612'736);
  EXPECT_EQ(parse_bytes("10 MB"), 10 << 20);
  EXPECT_EQ(parse_bytes("7KiB"), 7168);
  EXPECT_EQ(parse_bytes("512"), 512);
  EXPECT_EQ(refusal([] { parse_bytes("abc"); }), "invalid size: 'abc'");
  EXPECT_EQ(refusal([] { parse_bytes("-1"); }), "invalid size: '-1'");
  EXPECT_EQ(parse_bytes("1e3"), 1000);
  EXPECT_EQ(refusal([] { parse_bytes("0x10"); }), "strconv.ParseFloat: parsing \"0x10\": invalid syntax");
  EXPECT_EQ(refusal([] { parse_bytes("1.2.3k"); }), "strconv.ParseFloat: parsing \"1.2.3\": invalid syntax");
  EXPECT_EQ(refusal([] { parse_bytes("1x"); }), "invalid suffix: 'x'");
}

TEST(Quantity, ReadsProcessorsAndDurations) {
  EXPECT_EQ(parse_nano_cpus("0.5"), 500'000'000);
  EXPECT_EQ(refusal([] { parse_nano_cpus("x"); }), "failed to parse x as a rational number");
  EXPECT_EQ(parse_duration("1h2m3.5s"), 3'723'500'000'000);
  EXPECT_EQ(parse_duration("100ms"), 100'000'000);
  EXPECT_EQ(parse_duration("5"), std::nullopt);
}

TEST(Quantity, ReadsTimes) {
  constexpr std::int64_t kNow = 1'000'000'000'000;
  EXPECT_EQ(parse_timestamp("10s", kNow), "990.000000000");
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:01.5Z", kNow), "1.500000000");
  EXPECT_EQ(parse_timestamp("123", kNow), "123");
  EXPECT_NE(refusal([] { parse_timestamp("soon", 0); }), "accepted");
}

TEST(Ports, ReadsEachForm) {
  const auto bindings = [](const char* spec) { return parse_ports({spec}, {}).bindings->dump(); };
  EXPECT_EQ(bindings("80"), R"({"80/tcp":[{"HostIp":"","HostPort":""}]})");
  EXPECT_EQ(bindings("8080:80/udp"), R"({"80/udp":[{"HostIp":"","HostPort":"8080"}]})");
  EXPECT_EQ(bindings("127.0.0.1:8080:80"), R"({"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]})");
  EXPECT_EQ(bindings("[::1]:8080:80"), R"({"80/tcp":[{"HostIp":"::1","HostPort":"8080"}]})");
  EXPECT_EQ(bindings("8000-8001:80-81"),
            R"({"80/tcp":[{"HostIp":"","HostPort":"8000"}],"81/tcp":[{"HostIp":"","HostPort":"8001"}]})");
  EXPECT_EQ(bindings("8000-8010:80"), R"({"80/tcp":[{"HostIp":"","HostPort":"8000-8010"}]})");
  EXPECT_EQ(bindings("published=8080,target=80"), R"({"80/tcp":[{"HostIp":"","HostPort":"8080"}]})");
  EXPECT_EQ(parse_ports({}, {"90-91/udp"}).exposed->dump(), R"({"90/udp":{},"91/udp":{}})");
}

TEST(Ports, RefusesAsDockerDoes) {
  const auto message = [](const char* spec) { return refusal([&] { parse_ports({spec}, {}); }); };
  EXPECT_EQ(message("abc"), "invalid containerPort: abc");
  EXPECT_EQ(message("x:80"), "invalid hostPort: x");
  EXPECT_EQ(message("1.2.3:1:80"), "invalid IP address: 1.2.3");
  EXPECT_EQ(message("80/foo"), "invalid proto: foo");
  EXPECT_EQ(message("80-90:80-85"), "invalid ranges specified for container and host Ports: 80-85 and 80-90");
  EXPECT_EQ(message("8080:"), "no port specified: 8080:<empty>");
  EXPECT_EQ(refusal([] { parse_ports({}, {"1:2"}); }), "invalid port format for --expose: 1:2");
}

TEST(Mount, ReadsEachType) {
  EXPECT_EQ(parse_mount("type=bind,source=/a,target=/b,readonly,bind-propagation=rslave").dump(),
            R"({"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true,"BindOptions":{"Propagation":"rslave"}})");
  EXPECT_EQ(parse_mount("src=v,dst=/d,volume-nocopy,volume-driver=local,volume-opt=o=x").dump(),
            R"({"Type":"volume","Source":"v","Target":"/d","VolumeOptions":{"NoCopy":true,)"
            R"("DriverConfig":{"Name":"local","Options":{"o":"x"}}}})");
  EXPECT_EQ(parse_mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777").dump(),
            R"({"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":1048576,"Mode":1023}})");
}

TEST(Mount, RefusesAsDockerDoes) {
  EXPECT_EQ(refusal([] { parse_mount("type=bind"); }), "target is required");
  EXPECT_EQ(refusal([] { parse_mount("target=/a,foo"); }), "invalid field 'foo' must be a key=value pair");
  EXPECT_EQ(refusal([] { parse_mount("target=/a,foo=1"); }), "unexpected key 'foo' in 'foo=1'");
  EXPECT_EQ(refusal([] { parse_mount("type=bind,target=/a,volume-nocopy"); }),
            "cannot mix 'volume-*' options with mount type 'bind'");
}

TEST(Volume, TellsBindsFromAnonymousVolumes) {
  EXPECT_EQ(parse_volume("/data").anonymous, "/data");
  EXPECT_EQ(parse_volume("name:/data:ro").bind, "name:/data:ro");
  EXPECT_EQ(parse_volume("./x:/y").bind.front(), '/');
  EXPECT_EQ(parse_volume("a:").anonymous, "a:");
  EXPECT_EQ(refusal([] { parse_volume(""); }), "invalid empty volume spec");
  EXPECT_EQ(refusal([] { parse_volume(":/b"); }), "invalid spec: :/b: empty section between colons");
  EXPECT_EQ(refusal([] { parse_volume("/a:/b:/c:ro"); }), "invalid spec: /a:/b:/c:ro: too many colons");
}

TEST(Environment, ReadsFiles) {
  std::string path = "/tmp/gantry-env-XXXXXX";
  ::close(::mkstemp(path.data()));
  std::ofstream(path) << "# comment\nA=1\n\n  B=x=y\nGANTRY_TEST_SET\nGANTRY_TEST_UNSET\n";
  ::setenv("GANTRY_TEST_SET", "here", 1);
  EXPECT_EQ(read_key_values({path}, {"C=3"}, "env", true),
            (std::vector<std::string>{"A=1", "B=x=y", "GANTRY_TEST_SET=here", "C=3"}));
  EXPECT_EQ(parse_env("GANTRY_TEST_SET"), "GANTRY_TEST_SET=here");
  EXPECT_EQ(refusal([] { parse_env("=x"); }), "invalid environment variable: =x");
  ::unlink(path.c_str());
}

TEST(Resource, ReadsEachKind) {
  EXPECT_EQ(parse_ulimit("nofile=10:20").dump(), R"({"Name":"nofile","Hard":20,"Soft":10})");
  EXPECT_EQ(refusal([] { parse_ulimit("nofile=20:10"); }),
            "ulimit soft limit must be less than or equal to hard limit: 20 > 10");
  EXPECT_EQ(refusal([] { parse_ulimit("foo=1"); }), "invalid ulimit type: foo");
  EXPECT_EQ(parse_device("/dev/null:/dev/zero:r").dump(),
            R"([{"PathOnHost":"/dev/null","PathInContainer":"/dev/zero","CgroupPermissions":"r"}])");
  EXPECT_EQ(refusal([] { parse_device("relative"); }), "relative is not an absolute path");
  EXPECT_EQ(parse_throttle_device("/dev/sda:1mb", true).dump(), R"({"Path":"/dev/sda","Rate":1048576})");
  EXPECT_EQ(refusal([] { parse_device_rule("x 1:2 r"); }), "invalid device cgroup format 'x 1:2 r'");
  EXPECT_EQ(parse_device_rule("c *:5 rwm"), "c *:5 rwm");
  EXPECT_EQ(parse_restart_policy("on-failure:3").dump(), R"({"Name":"on-failure","MaximumRetryCount":3})");
  EXPECT_EQ(refusal([] { parse_restart_policy("on-failure:x"); }),
            "invalid restart policy format: maximum retry count must be an integer");
  EXPECT_EQ(refusal([] { parse_sysctl("kernel.panic=1"); }), "sysctl 'kernel.panic=1' is not allowed");
}

TEST(Network, ReadsBothForms) {
  EXPECT_EQ(parse_network("mine").name, "mine");
  const NetworkSpec spec = parse_network("name=mine,alias=a,alias=b,ip=10.0.0.2,driver-opt=k=v");
  EXPECT_EQ(spec.name, "mine");
  EXPECT_EQ(spec.endpoint->dump(),
            R"({"Aliases":["a","b"],"IPAMConfig":{"IPv4Address":"10.0.0.2"},"DriverOpts":{"k":"v"}})");
  EXPECT_EQ(parse_extra_host("h=[::1]"), "h:::1");
  EXPECT_EQ(parse_extra_host("h:host-gateway"), "h:host-gateway");
  EXPECT_EQ(refusal([] { parse_extra_host("h"); }), "bad format for add-host: \"h\"");
  EXPECT_TRUE(is_mac_address("92:d0:c6:0a:29:33"));
}

TEST(Reference, TakesNamesApart) {
  EXPECT_EQ(parse_reference("busybox").with_default_tag(), "busybox:latest");
  EXPECT_EQ(parse_reference("docker.io/library/busybox:1").with_default_tag(), "busybox:1");
  EXPECT_EQ(parse_reference("localhost:5000/a/b").domain(), "localhost:5000");
  EXPECT_EQ(parse_reference("a/b").domain(), "docker.io");
  EXPECT_EQ(refusal([] { parse_reference("Foo"); }),
            "invalid reference format: repository name (library/Foo) must be lowercase");
  EXPECT_EQ(refusal([] { parse_reference("a//b"); }), "invalid reference format");
  EXPECT_EQ(refusal([] { parse_reference(""); }), "invalid reference format");
}

TEST(Filter, BecomesTheApisParameter) {
  EXPECT_EQ(filters_parameter({"name=a", "Name=b", "label=x=y"}),
            R"({"name":{"a":true,"b":true},"label":{"x=y":true}})");
  EXPECT_EQ(refusal([] { check_filter("foo"); }), "bad format of filter (expected name=value)");
}

}  // namespace
}  // namespace gantry::cli
