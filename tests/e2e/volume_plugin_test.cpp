// Volume plugins as they were written for Docker.

#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// A plugin that keeps folders, and refuses an option.
constexpr const char* kPlugin = R"(
import http.server, json, os, socketserver, sys
root, socket = sys.argv[1], sys.argv[2]
volumes = {}
class Plugin(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])) or b'{}')
        method, name = self.path[1:], asked.get('Name')
        with open(root + '/calls', 'a') as log: log.write(method + '\n')
        answer = {'Err': ''}
        if method == 'Plugin.Activate': answer = {'Implements': ['VolumeDriver']}
        elif method == 'VolumeDriver.Create':
            if asked['Opts'].get('color') == 'red': answer['Err'] = 'red is out of stock'
            else: os.makedirs(root + '/' + name, exist_ok=True); volumes[name] = asked['Opts']
        elif method == 'VolumeDriver.List': answer['Volumes'] = [{'Name': n} for n in os.listdir(root) if n != 'calls']
        elif not os.path.isdir(root + '/' + name): answer['Err'] = 'no such volume'
        elif method == 'VolumeDriver.Unmount' and volumes.get(name, {}).get('color') == 'sticky': answer['Err'] = 'device busy'
        elif method == 'VolumeDriver.Get':
            answer['Volume'] = {'Name': name, 'Mountpoint': root + '/' + name, 'Status': {'shelf': 7}}
        elif method in ('VolumeDriver.Mount', 'VolumeDriver.Path'): answer['Mountpoint'] = root + '/' + name
        elif method == 'VolumeDriver.Remove': os.system('rm -r ' + root + '/' + name)
        body = json.dumps(answer).encode()
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()
        self.wfile.write(body)
    def address_string(self): return 'client'
    def log_message(self, *args): pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): daemon_threads = True
Server(socket, Plugin).serve_forever()
)";

class VolumePlugin : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string{GetParam()} == "docker" && !have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
    if (shell("python3 -c 'import http.server'").code != 0) GTEST_SKIP() << "no python3 on this machine";
    daemon_ = std::make_unique<Daemon>();
    sockets_ = daemon_->root() / "plugins";
    shelf_ = daemon_->root() / "shelf";
    std::filesystem::create_directories(sockets_);
    std::filesystem::create_directories(shelf_);
    std::ofstream{daemon_->root() / "plugin.py"} << kPlugin;
    daemon_->write_config({{"driver-opts", {{"plugin", {{"plugin-sockets", sockets_.string()}}}}}});
    start_plugin();
    ASSERT_TRUE(daemon_->start()) << daemon_->log();
    load_busybox(*daemon_);
  }
  void TearDown() override {
    if (HasFailure() && daemon_) ADD_FAILURE() << daemon_->log();
  }
  void start_plugin() {
    const std::string socket = sockets_ / "shelf.sock";
    std::filesystem::remove(socket);
    plugin_ = std::make_unique<Background>(
        "exec python3 " + (daemon_->root() / "plugin.py").string() + " " + shelf_.string() + " " + socket,
        Environment{}, false);
    shell("timeout 20 sh -c 'until [ -S " + socket + " ]; do :; done'");
  }
  Result run(const std::string& arguments) {
    return std::string{GetParam()} == "docker" ? daemon_->docker(arguments) : daemon_->cli(arguments);
  }

  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<Background> plugin_;
  std::filesystem::path sockets_;
  std::filesystem::path shelf_;
};
INSTANTIATE_TEST_SUITE_P(By, VolumePlugin, ::testing::Values("gantry", "docker"), client_name);

TEST_P(VolumePlugin, KeepsVolumesOfAPlugin) {
  EXPECT_EQ(run("volume create -d shelf -o color=blue data").line(), "data");
  EXPECT_EQ(run("run --rm -v data:/v busybox sh -c 'echo kept >/v/file'").code, 0);
  EXPECT_EQ(shell("cat " + (shelf_ / "data/file").string()).line(), "kept");
  EXPECT_EQ(run("run --rm --volume-driver shelf -v named:/v busybox touch /v/x").code, 0);
  EXPECT_EQ(run("volume inspect -f '{{.Driver}} {{.Mountpoint}} {{.Status.shelf}} {{.Options.color}}' data").line(),
            "shelf " + (shelf_ / "data").string() + " 7 blue");
  const std::string calls = shell("cat " + (shelf_ / "calls").string()).out;
  EXPECT_THAT(calls, HasSubstr("VolumeDriver.Mount\n"));
  EXPECT_THAT(calls, HasSubstr("VolumeDriver.Unmount\n"));
  EXPECT_EQ(run("volume rm data named").code, 0);
  EXPECT_FALSE(std::filesystem::exists(shelf_ / "data"));
}

TEST_P(VolumePlugin, TellsWhatThePluginSays) {
  EXPECT_THAT(run("volume create -d shelf -o color=red data").err,
              HasSubstr("create data: VolumeDriver.Create: red is out of stock"));
  EXPECT_EQ(run("volume ls -q").out, "");
  EXPECT_THAT(run("volume create -d nosuch data").err, HasSubstr("plugin \"nosuch\" not found"));
  EXPECT_THAT(run("volume create -d ../x data").err, HasSubstr("not found"));
}

TEST_P(VolumePlugin, CannotKeepContainersFromEnding) {
  EXPECT_EQ(run("volume create -d shelf -o color=sticky data").line(), "data");
  EXPECT_EQ(run("run --name c1 -v data:/v busybox sh -c 'exit 3'").code, 3);
  EXPECT_EQ(run("inspect -f '{{.State.Status}} {{.State.ExitCode}}' c1").line(), "exited 3");
  EXPECT_EQ(run("rm c1").code, 0);
  EXPECT_EQ(run("run --rm -v data:/v busybox true").code, 0);
  EXPECT_EQ(run("ps -aq").out, "");
  EXPECT_THAT(shell("cat " + (shelf_ / "calls").string()).out, HasSubstr("VolumeDriver.Unmount\n"));
}

TEST_P(VolumePlugin, IsNoPath) {
  const std::filesystem::path drivers = daemon_->root() / "data/drivers";
  const auto folders = [&] { return shell("ls " + drivers.string()).out; };
  const std::string before = folders();
  ASSERT_NE(before, "");
  for (const char* name : {"nosuch", "x/../../../..", "..", ".", "a/b", "-x"}) {
    EXPECT_THAT(run(std::string("volume create -d ") + (*name == '-' ? "./" : "") + name + " data").err,
                HasSubstr("not found"))
        << name;
  }
  EXPECT_EQ(folders(), before);
}

TEST_P(VolumePlugin, MayComeAndGo) {
  EXPECT_EQ(run("volume create -d shelf data").line(), "data");
  EXPECT_EQ(run("run --rm -v data:/v busybox sh -c 'echo kept >/v/file'").code, 0);
  plugin_.reset();
  EXPECT_NE(run("run --rm -v data:/v busybox true").code, 0);
  EXPECT_EQ(run("run --rm busybox true").code, 0) << "others do not notice";
  daemon_->kill(SIGKILL);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(run("volume ls -q").line(), "data") << "the record stays";
  start_plugin();
  EXPECT_EQ(run("run --rm -v data:/v busybox cat /v/file").line(), "kept");
  EXPECT_EQ(run("volume rm data").code, 0);
}

/// Behind a driver whose opening of a plugin does not return until the test says so.
TEST(VolumePluginThatIsSlowToOpen, KeepsNobodyElseWaiting) {
  namespace fs = std::filesystem;
  Daemon daemon;
  const fs::path drivers = daemon.root() / "drivers";
  fs::copy(GANTRY_BUILD_DIR "/lib/gantry/plugins", drivers);
  fs::copy(GANTRY_BUILD_DIR "/tests/fakes/stand-in/fake-stand-in.so", drivers);
  daemon.write_config({{"plugin-dirs", {drivers.string()}}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  const fs::path data = daemon.data_root() / "drivers/volume-stand-in-slow";
  fs::create_directories(data);
  std::ofstream{data / "failpoints"} << "open=hang:*\n";
  const auto one = daemon.background("volume create -d slow one");
  Background calls{"exec tail -n +1 -F " + (data / "calls").string(), Environment{}, false};
  ASSERT_TRUE(calls.wait_for("open\n")) << calls.output();
  const auto two = daemon.background("volume create -d slow two");
  EXPECT_EQ(daemon.cli("volume create data").line(), "data") << daemon.log();
  EXPECT_EQ(daemon.cli("volume ls -q").line(), "data");
  EXPECT_THAT(daemon.cli("volume create -d nosuch three").err, HasSubstr("plugin \"nosuch\" not found"));
  EXPECT_THAT(daemon.cli("plugin ls").out, HasSubstr("stand-in"));
  std::ofstream{data / "release"};
  EXPECT_EQ(one->wait(), 0) << one->output();
  EXPECT_EQ(two->wait(), 0) << two->output();
  EXPECT_EQ(shell("grep -c open " + (data / "calls").string()).line(), "1") << "both wait for the same opening";
}

}  // namespace
}  // namespace gantry::e2e
