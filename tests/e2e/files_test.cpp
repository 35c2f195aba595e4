// `docker cp`: files into and out of containers that run and that don't, with their volumes and binds; a container
// whose links lead elsewhere.

#include <filesystem>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;

class Files : public Engine {
 protected:
  void SetUp() override {
    if (!have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
    Engine::SetUp();
    folder_ = daemon->root() / "files";
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    std::filesystem::remove_all(folder_);
    Engine::TearDown();
  }

  static Result cp(const std::string& arguments, const std::string& input = {}) {
    return daemon->docker("cp " + arguments, input);
  }
  [[nodiscard]] std::string host(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream file{folder_ / name};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream{folder_ / name} << text; }

 private:
  std::filesystem::path folder_;
};

TEST_F(Files, GoInAndOutWhetherItRunsOrNot) {
  write("in", "from the host\n");
  cli("create --name still busybox true");
  cli("run -d --name busy busybox sleep 1000");
  for (const char* name : {"still", "busy"}) {
    const std::string container = name;
    EXPECT_EQ(cp(host("in") + " " + container + ":/tmp/in").code, 0);
    EXPECT_EQ(cp(container + ":/tmp/in " + host("out-") + container).code, 0);
    EXPECT_EQ(content("out-" + container), "from the host\n");
    EXPECT_EQ(cp(container + ":/etc " + host("etc-") + container).code, 0);
    EXPECT_THAT(content("etc-" + container + "/passwd"), HasSubstr("root:"));
    const Result missing = cp(container + ":/nope " + host("x"));
    EXPECT_EQ(missing.code, 1);
    EXPECT_THAT(missing.err, HasSubstr("/nope"));
  }
  EXPECT_EQ(cli("exec busy cat /tmp/in").out, "from the host\n");
}

TEST_F(Files, MayComeInAnArchiveThatEndsWithItsContent) {
  cli("create --name taker busybox true");
  std::string tar = tar_of({{.path = "in", .content = "text"}});
  constexpr std::size_t kPaddingAndEnd = 512 - 4 + 1024;
  tar.resize(tar.size() - kPaddingAndEnd);
  EXPECT_EQ(cp("- taker:/tmp", tar).code, 0);
  EXPECT_EQ(cp("taker:/tmp/in " + host("out")).code, 0);
  EXPECT_EQ(content("out"), "text");
  EXPECT_EQ(cli("import - short", tar).code, 0);
  tar.pop_back();
  EXPECT_THAT(cp("- taker:/tmp", tar).err, HasSubstr("unexpected EOF"));
  EXPECT_NE(cli("import - shorter", tar).code, 0);
  cli("rmi short");
}

TEST_F(Files, GoThroughVolumesAndBinds) {
  write("in", "data");
  cli("volume create files-volume");
  cli("create --name places -v files-volume:/v -v " + host("") + ":/b -v " + host("") + ":/r:ro busybox true");
  EXPECT_EQ(cp(host("in") + " places:/v/in").code, 0);
  EXPECT_EQ(cli("run --rm -v files-volume:/v busybox cat /v/in").out, "data");
  EXPECT_EQ(cp("places:/b/in " + host("again")).code, 0);
  EXPECT_EQ(content("again"), "data");
  EXPECT_THAT(cp(host("in") + " places:/r/other").err, HasSubstr("mounted volume is marked read-only"));
  cli("create --name closed --read-only busybox true");
  EXPECT_THAT(cp(host("in") + " closed:/etc/other").err, HasSubstr("container rootfs is marked read-only"));
  cli("rm places closed");
  cli("volume rm files-volume");
}

TEST_F(Files, KeepOwnersModesAndLinks) {
  cli("run -d --name made busybox sh -c 'mkdir /d; echo a >/d/a; ln /d/a /d/b; ln -s a /d/l; chown 12:34 /d/a; chmod "
      "4750 /d/a; mkfifo /d/p; ln -s /d /ld; sleep 1000'");
  ASSERT_EQ(cli("exec made sh -c 'until [ -e /ld ]; do :; done'").code, 0);
  const Result tar = cp("made:/d - >" + host("d.tar"));
  ASSERT_EQ(tar.code, 0) << tar.err;
  cli("run -d --name other busybox sleep 1000");
  EXPECT_EQ(cp("- other:/tmp <" + host("d.tar")).code, 0);
  EXPECT_EQ(cli("exec other stat -c '%u:%g %a %h %F' /tmp/d/a").line(), "12:34 4750 2 regular file");
  EXPECT_EQ(cli("exec other readlink /tmp/d/l").line(), "a");
  EXPECT_EQ(cli("exec other stat -c %F /tmp/d/p").line(), "fifo");
  // A link itself, and what it leads to.
  EXPECT_EQ(cp("made:/ld " + host("link")).code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(host("link")));
  EXPECT_EQ(cp("-L made:/ld " + host("followed")).code, 0);
  EXPECT_EQ(content("followed/a"), "a\n");
}

TEST_F(Files, NothingLeadsOutOfTheContainer) {
  write("secret", "host's\n");
  write("in", "in\n");
  cli("run -d --name trap busybox sh -c 'ln -s " + host("secret") + " /leak; ln -s ../../../../../../" + host("") +
      " /up; ln -s /proc/1/root /magic; touch /ready; sleep 1000'");
  ASSERT_EQ(cli("exec trap sh -c 'until [ -e /ready ]; do :; done'").code, 0);
  EXPECT_EQ(cp("-L trap:/leak " + host("got")).code, 1);
  EXPECT_EQ(cp(host("in") + " trap:/up/secret").code, 1);
  EXPECT_NE(cp("trap:/magic/etc/passwd " + host("got")).code, 0);
  EXPECT_EQ(content("secret"), "host's\n");
  const std::string tar = tar_of({{"link", "/", 'l'}, {"link/tmp/inside", "x"}, {"../out", "x"}});
  EXPECT_THAT(cp("- trap:/tmp", tar).err, HasSubstr("\"../out\" is outside of \"/tmp\""));
  EXPECT_EQ(cli("exec trap cat /tmp/inside").out, "x");
  EXPECT_FALSE(std::filesystem::exists("/tmp/inside"));
}

TEST_F(Files, RefuseToPutADirectoryInAFilesPlace) {
  cli("run -d --name kinds busybox sh -c 'mkdir /d; touch /f; sleep 1000'");
  ASSERT_EQ(cli("exec kinds sh -c 'until [ -e /f ]; do :; done'").code, 0);
  std::filesystem::create_directories(host("f"));
  write("d", "file");
  EXPECT_THAT(cp(host("f") + " kinds:/").err, HasSubstr("cannot overwrite non-directory \"/f\" with directory \"/\""));
  daemon->api("GET", "/containers/kinds/archive?path=/nope");
  EXPECT_EQ(daemon->status(), 404);
  daemon->api("GET", "/containers/kinds/archive");
  EXPECT_EQ(daemon->status(), 400);
}

}  // namespace
}  // namespace gantry::e2e
