// Volumes and mounts.

#include <csignal>
#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Volumes : public BothClients {};
INSTANTIATE_TEST_SUITE_P(By, Volumes, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Volumes, KeepWhatIsWritten) {
  EXPECT_EQ(run("volume create data").line(), "data");
  EXPECT_EQ(run("run --rm -v data:/data busybox sh -c 'echo kept >/data/file'").code, 0);
  EXPECT_EQ(run("run --rm -v data:/elsewhere busybox cat /elsewhere/file").line(), "kept");
  EXPECT_NE(run("run --rm -v data:/data:ro busybox touch /data/x").code, 0);
  EXPECT_EQ(run("create --name user -v data:/data busybox").code, 0);
  const Result in_use = run("volume rm data");
  EXPECT_EQ(in_use.code, 1);
  EXPECT_THAT(in_use.err, HasSubstr("volume is in use"));
  run("rm user");
  EXPECT_EQ(run("volume rm data").line(), "data");
  EXPECT_THAT(run("volume inspect data").err, HasSubstr("o such volume"));
}

TEST_P(Volumes, TakeTheImagesContent) {
  EXPECT_EQ(run("run --rm -v fresh:/etc busybox cat /etc/passwd").code, 0);
  const Result content = run("run --rm -v fresh:/copy busybox ls -l /copy/passwd");
  EXPECT_THAT(content.out, HasSubstr("-rw-r--r--"));
  run("volume rm fresh");
}

TEST_P(Volumes, WithOptionsTakeTheImagesContentToo) {
  const std::filesystem::path folder = daemon->root() / "chosen";
  std::filesystem::create_directories(folder);
  const std::string flags = " -o type=none -o device=" + folder.string();
  ASSERT_EQ(run("volume create -o o=bind" + flags + " kept").line(), "kept");
  ASSERT_EQ(run("volume create -o o=bind,ro" + flags + " locked").line(), "locked");
  EXPECT_EQ(run("run --rm -v kept:/etc busybox true").code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder / "passwd"));
  std::filesystem::remove(folder / "passwd");
  EXPECT_EQ(run("run --rm -v kept:/etc busybox true").code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder / "passwd")) << "only what is empty is filled";
  for (const char* const use : {"-v kept:/etc:nocopy", "-v locked:/etc", "-v kept:/nothing/there"}) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    EXPECT_EQ(run(std::string{"create --name one "} + use + " busybox").code, 0) << use;
    EXPECT_FALSE(std::filesystem::exists(folder / "passwd")) << use;
    run("rm one");
  }
  std::filesystem::remove_all(folder);
  EXPECT_THAT(run("create --name one -v kept:/etc busybox").err,
              AllOf(HasSubstr("failed to populate volume: error while mounting volume '"),
                    HasSubstr("failed to mount local volume: mount " + folder.string()),
                    HasSubstr("no such file or directory")));
  EXPECT_EQ(run("ps -aq").out, "");
  EXPECT_EQ(run("volume rm kept locked").code, 0);
}

TEST_P(Volumes, AreFilledOnceByContainersThatAreMadeAtOnce) {
  const std::string client = std::string{GetParam()} == "docker" ? "$GANTRY_TEST_DOCKER" : program("gantry").string();
  const std::string each = client + " create --name many-$n -v shared:/bin busybox || echo failed";
  const Result made = shell("for n in 1 2 3 4 5 6 7 8; do (" + each + ") & done; wait", daemon->environment());
  EXPECT_THAT(made.out, ::testing::Not(HasSubstr("failed"))) << made.err;
  EXPECT_EQ(run("run --rm -v shared:/bin busybox ls -l /bin/busybox").code, 0);
  EXPECT_EQ(run("run --rm -v shared:/new busybox sh -c 'test \"$(ls /bin)\" = \"$(ls /new)\"'").code, 0);
  run("rm many-1 many-2 many-3 many-4 many-5 many-6 many-7 many-8");
  EXPECT_EQ(run("volume rm shared").code, 0);
}

TEST_P(Volumes, BindHostFolders) {
  const std::filesystem::path folder = daemon->root() / "bound";
  std::filesystem::create_directories(folder);
  std::ofstream{folder / "from-host"} << "hello";
  EXPECT_EQ(run("run --rm -v " + folder.string() + ":/b busybox sh -c 'cat /b/from-host; touch /b/from-container'").out,
            "hello");
  EXPECT_TRUE(std::filesystem::exists(folder / "from-container"));
  EXPECT_NE(run("run --rm --mount type=bind,src=" + folder.string() + ",dst=/b,readonly busybox touch /b/x").code, 0);
  const Result missing = run("run --rm --mount type=bind,src=/no/such/folder,dst=/b busybox true");
  EXPECT_EQ(missing.code, 125);
  EXPECT_THAT(missing.err, HasSubstr("bind source path does not exist: /no/such/folder"));
}

TEST_P(Volumes, MountTmpfs) {
  EXPECT_THAT(run("run --rm --tmpfs /scratch:size=1m busybox df -k /scratch").out, HasSubstr("1024"));
  EXPECT_THAT(run("run --rm --shm-size 2m busybox df -k /dev/shm").out, HasSubstr("2048"));
}

TEST_P(Volumes, AreSharedByVolumesFrom) {
  run("run --name owner -v /shared busybox sh -c 'echo mine >/shared/x'");
  EXPECT_EQ(run("run --rm --volumes-from owner busybox cat /shared/x").line(), "mine");
}

// What Compose makes for a service is not labelled as anonymous: a prune does not take it.
TEST_P(Volumes, OfMountsWithoutANameOutliveAPrune) {
  run("run --name user --mount type=volume,dst=/x -v /y busybox true");
  run("rm user");
  EXPECT_EQ(run("volume ls -q").lines().size(), 2U);
  // Not by a client from before the API knew of anonymous ones.
  cli("volume prune -f");
  EXPECT_EQ(run("volume ls -q").lines().size(), 1U);
  EXPECT_EQ(cli("volume prune -f -a").code, 0);
  EXPECT_EQ(run("volume ls -q").out, "");
}

TEST_P(Volumes, ReadOnlyBindsOfOlderClientsAreSoAtTheTopOnly) {
  const std::string place = (daemon->root() / "aged").string();
  ASSERT_EQ(shell("mkdir -p " + place + "/below && mount -t tmpfs none " + place + "/below").code, 0);
  const json bind = {{"Binds", {place + ":/m:ro"}}};
  const json mount = {{"Mounts", {{{"Type", "bind"}, {"Source", place}, {"Target", "/m"}, {"ReadOnly", true}}}}};
  const auto create = [](const std::string& version, const std::string& name, const json& host) {
    const json body = {{"Image", "busybox"},
                       {"Cmd", {"sh", "-c", "touch /m/x; touch /m/below/x && rm /m/below/x && echo below"}},
                       {"HostConfig", host}};
    daemon->api("POST", "/v" + version + "/containers/create?name=" + name, body.dump());
    EXPECT_EQ(daemon->status(), 201);
  };
  create("1.43", "bind1.43", bind);
  create("1.43", "mount1.43", mount);
  create("1.44", "bind1.44", bind);
  create("1.44", "mount1.44", mount);
  const auto check = [this](const std::string& name) {
    const bool old = name.ends_with("1.43");
    EXPECT_EQ(run("start -a " + name).out, old ? "below\n" : "") << name;
    EXPECT_EQ(daemon->inspect(name, "/Mounts/0/RW"), false);
  };
  const std::vector<std::string> names{"bind1.43", "mount1.43", "bind1.44", "mount1.44"};
  for (const std::string& name : names) check(name);
  EXPECT_FALSE(daemon->inspect("mount1.43", "/HostConfig/Mounts/0").contains("BindOptions")) << "as it was asked for";
  run("create --name heir --volumes-from bind1.43 busybox sh -c 'touch /m/below/x && rm /m/below/x && echo below'");
  EXPECT_EQ(run("start -a heir").out, "below\n");
  daemon->kill(SIGKILL);
  daemon->wait();
  ASSERT_TRUE(daemon->start());
  for (const std::string& name : names) check(name);
  for (const std::string& name : names) run("rm " + name);
  run("rm heir");
  shell("umount " + place + "/below");
}

TEST_P(Volumes, SaySoIfAnOptionIsWrong) {
  EXPECT_THAT(run("volume create -o nonsense=1 xyz").err, HasSubstr("nonsense"));
  EXPECT_THAT(run("volume create -d nodriver xyz").err, HasSubstr("nodriver"));
}

}  // namespace
}  // namespace gantry::e2e
