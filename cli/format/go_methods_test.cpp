// Methods that templates call on what Go's types are. What is expected is what docker 28.2 prints.

#include "format/go_methods.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "format/go_time.hpp"
#include "format/template.hpp"

namespace gantry::cli {
namespace {

const Json kContainer = Json::parse(R"({
  "HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
    "Ulimits": [{"Name": "nofile", "Hard": 2048, "Soft": 1024}],
    "BlkioWeightDevice": [{"Path": "/dev/x", "Weight": 300}], "BlkioDeviceReadBps": [{"Path": "/dev/x", "Rate": 5}]},
  "Config": {"ExposedPorts": {"80/tcp": {}, "7": {}, "a/b": {}, "1-3/sctp": {}},
    "Healthcheck": {"Interval": 90000000000, "Timeout": 1500000000, "StartPeriod": 1234567}},
  "ImageManifestDescriptor": {"digest": "sha256:abcd"},
  "State": {"Health": {"Log": [
    {"Start": "2024-03-05T07:08:09.123456789Z", "End": "2024-03-05T07:08:10.5Z"},
    {"Start": "2024-07-15T19:08:09.1+02:00", "End": "2024-07-15T19:08:09-07:30"}]}}})");

std::string run_container(const std::string& text, const Json& container = kContainer) {
  return Template(text).execute({go_type("container.InspectResponse"), container});
}

/// What a template makes of a host config that has the mode.
std::string of_mode(const std::string& member, const std::string& mode, const std::string& text) {
  const Json container = {{"HostConfig", {{member, mode}}}};
  return run_container("{{with .HostConfig}}" + text + "{{end}}", container);
}

TEST(GoMethods, OfModes) {
  const std::string network =
      "{{.NetworkMode.IsHost}} {{.NetworkMode.IsUserDefined}} {{.NetworkMode.IsContainer}} "
      "{{.NetworkMode.NetworkName}} {{.NetworkMode.ConnectedContainer}} {{.NetworkMode.UserDefined}}";
  EXPECT_EQ(of_mode("NetworkMode", "bridge", network), "false false false bridge  ");
  EXPECT_EQ(of_mode("NetworkMode", "host", network), "true false false host  ");
  EXPECT_EQ(of_mode("NetworkMode", "container:abc", network), "false false true container abc ");
  EXPECT_EQ(of_mode("NetworkMode", "mine", network), "false true false mine  mine");
  EXPECT_EQ(of_mode("NetworkMode", "", network), "false true false   ");
  const std::string pid = "{{.PidMode.IsPrivate}} {{.PidMode.Valid}} {{.PidMode.Container}}";
  EXPECT_EQ(of_mode("PidMode", "", pid), "true true ");
  EXPECT_EQ(of_mode("PidMode", "container:", pid), "false false ");
  EXPECT_EQ(of_mode("PidMode", "container:x", pid), "false true x");
  EXPECT_EQ(of_mode("IpcMode", "host", "{{.IpcMode.IsHost}} {{.IpcMode.IsPrivate}} {{.IpcMode.Valid}}"),
            "true false true");
  EXPECT_EQ(of_mode("UTSMode", "host", "{{.UTSMode.IsPrivate}} {{.UsernsMode.IsPrivate}}"), "false true");
  EXPECT_EQ(of_mode("CgroupnsMode", "host", "{{.CgroupnsMode.IsHost}} {{.CgroupnsMode.IsEmpty}}"), "true false");
  EXPECT_EQ(of_mode("Isolation", "HyperV", "{{.Isolation.IsHyperV}} {{.Isolation.IsDefault}}"), "true false");
}

TEST(GoMethods, OfStructs) {
  EXPECT_EQ(run_container("{{with .HostConfig.RestartPolicy}}{{.IsNone}} {{.IsOnFailure}} {{.IsSame .}}{{end}}"),
            "false true true");
  EXPECT_EQ(run_container("{{range .HostConfig.Ulimits}}{{.}} {{.String}}{{end}} {{.HostConfig.Ulimits}}"),
            "nofile=1024:2048 nofile=1024:2048 [nofile=1024:2048]");
  EXPECT_EQ(run_container("{{json .HostConfig.Ulimits}}"), R"([{"Name":"nofile","Hard":2048,"Soft":1024}])");
  EXPECT_EQ(
      run_container("{{printf \"%v %s %+v %T\" (index .HostConfig.Ulimits 0) (index .HostConfig.Ulimits 0) (index "
                    ".HostConfig.Ulimits 0) (index .HostConfig.Ulimits 0)}}"),
      "nofile=1024:2048 nofile=1024:2048 nofile=1024:2048 *units.Ulimit");
  EXPECT_EQ(run_container("{{.HostConfig.BlkioWeightDevice}} {{.HostConfig.BlkioDeviceReadBps}}"),
            "[/dev/x:300] [/dev/x:5]");
  EXPECT_EQ(run_container("{{with .ImageManifestDescriptor.Digest}}{{.}} {{.Algorithm}} {{.Encoded}}{{end}}"),
            "sha256:abcd sha256 abcd");
}

TEST(GoMethods, OfPorts) {
  EXPECT_EQ(run_container("{{range $p, $c := .Config.ExposedPorts}}{{$p.Port}}|{{$p.Proto}}|{{$p.Int}};{{end}}"),
            "1-3|sctp|0;7|tcp|7;80|tcp|80;a|b|0;");
}

TEST(GoMethods, OfDurations) {
  EXPECT_EQ(
      run_container("{{with .Config.Healthcheck}}{{.Interval}} {{.Interval.Seconds}} {{.Timeout.Milliseconds}} "
                    "{{.StartPeriod.Minutes}} {{.StartPeriod.Round 1000}} {{.StartPeriod.Truncate .Timeout}}{{end}}"),
      "1m30s 90 1500 2.0576116666666668e-05 1.235ms 0s");
}

TEST(GoMethods, OfTimes) {
  const auto first = [](const std::string& text) {
    return run_container("{{with index .State.Health.Log 0}}" + text + "{{end}}");
  };
  EXPECT_EQ(first("{{.Start}} {{.Start.Year}} {{.Start.Month}} {{.Start.YearDay}} {{.Start.Weekday}}"),
            "2024-03-05 07:08:09.123456789 +0000 UTC 2024 March 65 Tuesday");
  EXPECT_EQ(first("{{.Start.Unix}} {{.Start.UnixMilli}} {{.Start.UnixNano}}"),
            "1709622489 1709622489123 1709622489123456789");
  EXPECT_EQ(first("{{.End.Sub .Start}} {{.Start.Before .End}} {{.Start.Compare .End}} {{.Start.Add 1500000000}}"),
            "1.376543211s true -1 2024-03-05 07:08:10.623456789 +0000 UTC");
  EXPECT_EQ(first("{{printf \"%d %T %s\" .Start.Month .Start.Month .Start.Month}} {{eq .Start.Month 3}}"),
            "3 time.Month March true");
  EXPECT_EQ(first("{{json .Start}} {{json .Start.Month}}"), R"("2024-03-05T07:08:09.123456789Z" 3)");
}

TEST(GoMethods, ThatThereAreNot) {
  const auto error = [](const std::string& text) {
    try {
      return run_container(text);
    } catch (const TemplateError& failure) {
      return std::string(failure.what());
    }
  };
  EXPECT_EQ(error("{{.HostConfig.NetworkMode.Foo}}"),
            "template: :1:13: executing \"\" at <.HostConfig.NetworkMode.Foo>: can't evaluate field Foo in type "
            "container.NetworkMode");
  EXPECT_EQ(error("{{.HostConfig.NetworkMode.IsHost 1}}"),
            "template: :1:13: executing \"\" at <.HostConfig.NetworkMode.IsHost>: wrong number of args for IsHost: "
            "want 0 got 1");
  EXPECT_EQ(error("{{(index .State.Health.Log 0).Start.Format 1}}"),
            "template: :1:43: executing \"\" at <1>: expected string; found 1");
}

TEST(GoTime, IsFormattedByExample) {
  const GoTime time = read_go_time("2024-03-05T07:08:09.123456789Z");
  for (const auto& [layout, text] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Mon Jan _2 15:04:05 MST 2006", "Tue Mar  5 07:08:09 UTC 2024"},
           {"Monday, 02-Jan-06 3:04PM -0700", "Tuesday, 05-Mar-24 7:08AM +0000"},
           {"January 2, 2006 03:4:5 pm", "March 5, 2024 07:8:9 am"},
           {"__2 002 1/2/06 _2006", " 65 065 3/5/24 _2024"},
           {"Z0700 Z07:00 Z07 -07 -07:00 Z07:00:00 -070000", "Z Z Z +00 +00:00 Z +000000"},
           {".000 05.99 05.990 000 15:04:05,999", ".123 09.12 09.990 000 07:08:09,123"},
           {"Janus Month Jan.", "Janus Month Mar."}}) {
    EXPECT_EQ(format_go_time(time, layout), text) << layout;
  }
  EXPECT_EQ(format_go_time(read_go_time("2024-07-15T19:08:09-07:30"), "15:04 MST Z0700 -07"), "19:08 -0730 -0730 -07");
}

TEST(GoTime, HasTheZoneOfHereWhereItsOffsetIsThat) {
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  EXPECT_EQ(run_container("{{with index .State.Health.Log 1}}{{.Start}} {{.End}} {{.End.Local}}{{end}}"),
            "2024-07-15 19:08:09.1 +0200 CEST 2024-07-15 19:08:09 -0730 -0730 2024-07-16 04:38:09 +0200 CEST");
  EXPECT_EQ(
      run_container("{{with index .State.Health.Log 1}}{{.Start.UTC}} {{.Start.Local.Add 15552000000000000}}{{end}}"),
      "2024-07-15 17:08:09.1 +0000 UTC 2025-01-11 18:08:09.1 +0100 CET");
  ::unsetenv("TZ");
  ::tzset();
}

TEST(GoTime, ReadsWhatIsOneAndNothingElse) {
  for (const char* none : {"", "2024", "2024-13-05T07:08:09Z", "2024-03-05T07:08:09", "2024-03-05 07:08:09Z",
                           "2024-03-05T07:08:09Zx", "2024-03-05T-7:08:09Z"}) {
    EXPECT_EQ(json_time(read_go_time(none)), "0001-01-01T00:00:00Z") << none;
  }
  EXPECT_EQ(json_time(read_go_time("2024-03-05T07:08:09.120+01:00")).substr(0, 22), "2024-03-05T07:08:09.12");
  EXPECT_EQ(GoTime{}.since(read_go_time("2024-03-05T07:08:09Z")), std::numeric_limits<std::int64_t>::min());
}

}  // namespace
}  // namespace gantry::cli
