// `cp` of both clients: names, links, owners, streams, and what is refused. What the API does with containers at rest
// and their volumes is in files_test.cpp.

#include <sys/stat.h>
#include <sys/xattr.h>

#include <cstring>
#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Copies : public BothClients {
 protected:
  void SetUp() override {
    BothClients::SetUp();
    if (IsSkipped()) return;
    fs::remove_all(here());
    fs::create_directories(here() / "dir" / "sub");
    std::ofstream(here() / "f") << "hello\n";
    std::ofstream(here() / "dir" / "a") << "a\n";
    std::ofstream(here() / "dir" / "sub" / "b") << "b\n";
    fs::create_symlink("f", here() / "lf");
    fs::create_symlink("dir", here() / "ld");
    fs::create_symlink("nowhere", here() / "broken");
    ASSERT_EQ(::chown((here() / "f").c_str(), 1234, 5678), 0);
    run("run -d --name c1 -u nobody busybox sleep 1000");
    run("exec -u 0 c1 sh -c 'mkdir -p /d/e /tgt; echo in >/d/e/f; ln -s /d/e/f /lf; ln -s e /d/le; ln -s /tgt /ltgt; "
        "chown 7:8 /d/e/f; ln /d/e/f /d/e/hard'");
  }

  static fs::path here() { return daemon->root() / "copies"; }
  /// `cp`, in the folder of this test's files.
  static Result cp(const std::string& arguments, const std::string& input = {}) {
    const std::string client = std::string{GetParam()} == "docker" ? "docker" : program("gantry").string();
    const std::string host = std::string{GetParam()} == "docker" ? "DOCKER_HOST" : "GANTRY_HOST";
    return shell("cd " + here().string() + "; " + host + "=" + daemon->host() + " " + client + " cp " + arguments,
                 daemon->environment(), input);
  }
  static std::string inside(const std::string& command) { return run("exec c1 sh -c '" + command + "'").out; }
  static std::string without_log_lines(std::string text) {
    while (text.starts_with("time=")) text.erase(0, text.find('\n') + 1);
    return text;
  }
  static std::string refused(const std::string& arguments) {
    const Result result = cp(arguments);
    EXPECT_EQ(result.code, 1) << arguments;
    // docker's writer of archives complains of the reader that has gone, at times.
    return without_log_lines(result.err);
  }
};
INSTANTIATE_TEST_SUITE_P(By, Copies, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Copies, GoIntoContainers) {
  for (const char* arguments :
       {"f c1:/tgt", "f c1:/tgt/g", "-a f c1:/tgt/i", "dir c1:/tgt", "dir c1:/tgt/new", "dir/. c1:/tgt/dot",
        "dir/ c1:/tgt/slash", "f c1:/tgt/dir", "lf c1:/tgt/lnk", "-L lf c1:/tgt/", "ld/ c1:/tgt/ld", "broken c1:/tgt",
        "./f c1:/ltgt/j", "f c1:tgt/k", ". c1:/tgt/all"}) {
    const Result result = cp(arguments);
    EXPECT_EQ(result.code, 0) << arguments << ": " << result.err;
    EXPECT_EQ(result.out + result.err, "") << arguments;
  }
  EXPECT_EQ(
      inside("cd /tgt; find . -path ./all -prune -o -print | sort"),
      ".\n./broken\n./dir\n./dir/a\n./dir/f\n./dir/sub\n./dir/sub/b\n./dot\n./dot/a\n./dot/sub\n./dot/sub/b\n./f\n"
      "./g\n./i\n./j\n./k\n./ld\n./ld/a\n./ld/sub\n./ld/sub/b\n./lf\n./lnk\n./new\n./new/a\n./new/sub\n"
      "./new/sub/b\n./slash\n./slash/a\n./slash/sub\n./slash/sub/b\n");
  EXPECT_EQ(inside("stat -c %u:%g /tgt/f /tgt/i"), "1234:5678\n65534:65534\n");
  EXPECT_EQ(inside("readlink /tgt/lnk; cat /tgt/lf; ls /tgt/all"), "f\nhello\nbroken\ndir\nf\nld\nlf\n");
}

TEST_P(Copies, MakeTheDirectoryThatAContainerAtRestBinds) {
  const fs::path bound = here() / "made" / "deep";
  run("create --name rests -v " + bound.string() + ":/x busybox true");
  EXPECT_FALSE(fs::exists(bound));
  const Result copied = cp("f rests:/");
  EXPECT_EQ(copied.code, 0) << copied.err;
  EXPECT_TRUE(fs::is_directory(bound));
  EXPECT_EQ(cp("rests:/f out").code, 0);
  fs::remove_all(here() / "made");
  EXPECT_EQ(cp("f rests:/x/").code, 0);
  EXPECT_TRUE(fs::exists(bound / "f"));
  // What --mount names must be there.
  fs::create_directory(here() / "given");
  run("create --name strict --mount type=bind,source=" + (here() / "given").string() + ",target=/x busybox true");
  EXPECT_EQ(cp("f strict:/").code, 0);
  fs::remove(here() / "given");
  EXPECT_EQ(cp("f strict:/").code, 1);
  EXPECT_FALSE(fs::exists(here() / "given"));
}

TEST_P(Copies, ComeOutOfContainers) {
  if (is_docker_before(25)) GTEST_SKIP() << "its `cp` says less, and it otherwise";
  fs::create_directories(here() / "out");
  for (const char* arguments :
       {"c1:/d out", "c1:/d out/new", "c1:/d/. out/dot", "c1:/d/e/f out", "c1:/d/e/f out/g", "c1:/lf out",
        "-L c1:/lf out/lg", "c1:/d/le out", "c1:/d/le/ out/le2", "-q c1:d/e/f out/q", "c1:/d/e/f out/d"}) {
    const Result result = cp(arguments);
    EXPECT_EQ(result.code, 0) << arguments << ": " << result.err;
    EXPECT_EQ(result.out + result.err, "") << arguments;
  }
  EXPECT_EQ(shell("cd " + here().string() + "/out; find . -printf '%p %y %m %U %l\\n' | sort").out,
            ". d 755 0 \n./d d 755 0 \n./d/e d 755 0 \n./d/e/f f 644 0 \n./d/e/hard f 644 0 \n./d/f f 644 0 \n"
            "./d/le l 777 0 e\n./dot d 755 0 \n./dot/e d 755 0 \n./dot/e/f f 644 0 \n./dot/e/hard f 644 0 \n"
            "./dot/le l 777 0 e\n./f f 644 0 \n./g f 644 0 \n./le l 777 0 e\n./le2 d 755 0 \n./le2/f f 644 0 \n"
            "./le2/hard f 644 0 \n./lf l 777 0 /d/e/f\n./lg f 644 0 \n./new d 755 0 \n./new/e d 755 0 \n"
            "./new/e/f f 644 0 \n./new/e/hard f 644 0 \n./new/le l 777 0 e\n./q f 644 0 \n");
  EXPECT_EQ(shell("cat " + here().string() + "/out/lg").out, "in\n");
}

TEST_P(Copies, LeaveOutWhatTheKernelShows) {
  run("create --name rests busybox true");
  for (const std::string name : {"c1", "rests"}) {
    for (const char* file : {"/proc/version", "/proc/self/.", "/dev/null", "/sys/kernel"}) {
      // Docker's client before 23 has words of its own.
      EXPECT_THAT(refused(name + ":" + file + " kernels"),
                  ::testing::AnyOf(HasSubstr("Could not find the file"), HasSubstr("No such container:path")))
          << name << file;
      EXPECT_FALSE(fs::exists(fs::symlink_status(here() / "kernels"))) << name << file;
    }
  }
  EXPECT_EQ(inside("ln -s /proc/version /tmp/x 2>&1; echo shared >/dev/shm/s"), "");
  EXPECT_EQ(cp("c1:/dev/shm/s out").code, 0);
}

TEST_P(Copies, KeepCapabilitiesOfFiles) {
  // CAP_NET_RAW, effective (capabilities(7), VFS_CAP_REVISION_2).
  const std::string capability("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const auto name = "security.capability";
  ASSERT_EQ(::setxattr((here() / "f").c_str(), name, capability.data(), capability.size(), 0), 0);
  EXPECT_EQ(cp("f c1:/tgt/able").code, 0);
  EXPECT_EQ(cp("c1:/tgt/able back").code, 0);
  std::string got(64, '\0');
  const ssize_t size = ::getxattr((here() / "back").c_str(), name, got.data(), got.size());
  ASSERT_EQ(size, 20) << std::strerror(errno);
  EXPECT_EQ(got.substr(0, 20), capability);
}

TEST_P(Copies, StreamArchives) {
  const Result stream = cp("c1:/d/e - | tar tf -");
  EXPECT_EQ(stream.out, "e/\ne/f\ne/hard\n");
  EXPECT_EQ(cp("c1:/d/e - >e.tar").code, 0);
  EXPECT_EQ(cp("- c1:/tgt <e.tar").code, 0);
  EXPECT_EQ(inside("cat /tgt/e/f; stat -c %u:%g /tgt/e/f"), "in\n7:8\n");
  EXPECT_THAT(refused("- c1:/etc/passwd <e.tar"), HasSubstr("destination \"c1:/etc/passwd\" must be a directory"));
  EXPECT_THAT(refused("- c1:/nosuch <e.tar"), HasSubstr("destination \"c1:/nosuch\" must be a directory"));
}

TEST_P(Copies, AreRefusedInDockersWords) {
  if (is_docker_before(25)) GTEST_SKIP() << "its `cp` says less, and it otherwise";
  const std::string at = here().string();
  EXPECT_EQ(refused("f c1:/nodir/"), "no such directory\n");
  EXPECT_EQ(refused("f c1:/nodir/x"), "Error response from daemon: Could not find the file /nodir in container c1\n");
  EXPECT_EQ(refused("nosuch c1:/"), "lstat " + at + "/nosuch: no such file or directory\n");
  EXPECT_EQ(refused("-L broken c1:/tgt"), "lstat " + at + "/nowhere: no such file or directory\n");
  EXPECT_EQ(refused("f/ c1:/tgt"), "not a directory\n");
  EXPECT_EQ(refused("c1:/nosuch ."), "Error response from daemon: Could not find the file /nosuch in container c1\n");
  EXPECT_EQ(refused("other:/x ."), "Error response from daemon: No such container: other\n");
  EXPECT_EQ(refused("f g"), "must specify at least one container source\n");
  EXPECT_EQ(refused("c1:/a c2:/b"), "copying between containers is not supported\n");
  EXPECT_EQ(refused("dir c1:/etc/passwd"), "cannot copy directory\n");
  EXPECT_EQ(refused("c1:/d f"), "cannot copy directory\n");
  EXPECT_EQ(refused("c1:/d/e/f nodir/"), "no such directory\n");
  EXPECT_EQ(refused("c1:/d/e/f nodir/x"), "invalid output path: directory \"" + at + "/nodir\" does not exist\n");
  EXPECT_EQ(refused("c1:/d/e/f /dev/null"),
            "invalid output path: \"/dev/null\" must be a directory or a regular file: got a device\n");
  EXPECT_EQ(refused("'' c1:/"), "source can not be empty\n");
  EXPECT_THAT(refused("f"), ContainsRegex("requires (exactly )?2 arguments"));
}

TEST_P(Copies, TellOfThemselvesOnATerminal) {
  if (is_docker_before(25)) GTEST_SKIP() << "its `cp` says less, and it otherwise";
  const auto shown = background("cp " + (here() / "f").string() + " c1:/tgt/shown", true);
  EXPECT_EQ(shown->wait(), 0);
  EXPECT_THAT(shown->output(), HasSubstr("Successfully copied 2.05kB to c1:/tgt/shown"));
}

}  // namespace
}  // namespace gantry::e2e
