// The shim's parsers and writers.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "shim/bind.hpp"
#include "shim/bind_source.hpp"
#include "shim/directory_fixture.hpp"
#include "shim/filesystem_identity.hpp"
#include "shim/log_line.hpp"
#include "shim/passwd.hpp"
#include "shim/program.hpp"
#include "shim/root_path.hpp"

namespace gantry::container_shim {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

constexpr const char* kPasswd =
    "# comment\nroot:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:33:33::/var/www:/bin/sh\n1000:x:50:60::/odd:/bin/sh\n"
    "big:x:4294967299:1::/:/bin/sh\nnegative:x:-1:1::/:/bin/sh\n";
constexpr const char* kGroup = "root:x:0:\nwww:x:33:web\nstaff:x:50:web,other\nodd:x:x:web\n";

Identity resolve(const std::string& user, const std::vector<std::string>& groups = {}) {
  Identity identity;
  EXPECT_EQ(resolve_user(user, groups, kPasswd, kGroup, identity), "") << user;
  return identity;
}

std::string refusal(const std::string& user) {
  Identity identity;
  return resolve_user(user, {}, kPasswd, kGroup, identity);
}

TEST(Passwd, ResolvesNamesAndNumbers) {
  EXPECT_EQ(resolve("").home, "/root");
  EXPECT_EQ(resolve("web").uid, 33U);
  EXPECT_THAT(resolve("web").groups, ElementsAre(33, 33, 50));
  EXPECT_EQ(resolve("33").home, "/var/www");
  EXPECT_EQ(resolve("1000").uid, 50U) << "a name that looks like a number";
  EXPECT_EQ(resolve("4711").uid, 4711U);
  EXPECT_EQ(resolve("4711").home, "/");
  EXPECT_THAT(resolve("web:staff").groups, ElementsAre(50));
  EXPECT_THAT(resolve("5:6", {"staff", "77"}).groups, ElementsAre(6, 50, 77));
}

TEST(Passwd, RefusesInDockersWords) {
  EXPECT_EQ(refusal("nobody"), "unable to find user nobody: no matching entries in passwd file");
  EXPECT_EQ(refusal("web:none"), "unable to find group none: no matching entries in group file");
  EXPECT_EQ(refusal("4294967295"), "uids and gids must be in range 0-2147483647");
  EXPECT_EQ(refusal("big"), "uids and gids must be in range 0-2147483647");
  EXPECT_EQ(refusal("negative"), "unable to find user negative: no matching entries in passwd file");
}

std::string line(std::string_view text) {
  std::string out;
  append_log_line(out, text, "stdout", "T");
  const std::string head = "{\"log\":\"", tail = "\",\"stream\":\"stdout\",\"time\":\"T\"}\n";
  EXPECT_TRUE(out.starts_with(head) && out.ends_with(tail)) << out;
  return out.substr(head.size(), out.size() - head.size() - tail.size());
}

TEST(Passwd, IsReadFromRegularFilesAlone) {
  std::string root = ::testing::TempDir() + "passwd-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  const UniqueFd place(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::ofstream{root + "/file"} << "root:x:0:0";
  ASSERT_EQ(::symlink("/file", (root + "/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((root + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_account_file_in(place.get(), "/link"), "root:x:0:0");
  EXPECT_EQ(read_account_file_in(place.get(), "/pipe"), "");
  EXPECT_EQ(read_account_file_in(place.get(), "/"), "");
  EXPECT_EQ(read_account_file_in(place.get(), "/nothing"), "");
  EXPECT_EQ(read_account_file((root + "/pipe").c_str()), "");
  std::filesystem::remove_all(root);
}

TEST(LogLine, EscapesAsGoDoes) {
  EXPECT_EQ(line("a\"b\\c\n"), "a\\\"b\\\\c\\n");
  EXPECT_EQ(line("\r\t\x01\x1b[0m"), "\\r\\t\\u0001\\u001b[0m");
  EXPECT_EQ(line("<&>"), "\\u003c\\u0026\\u003e");
  EXPECT_EQ(line("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
  EXPECT_EQ(line("\xe2\x80\xa8"), "\\u2028");
}

TEST(LogLine, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(line("a\xff"), "a\\ufffd");
  EXPECT_EQ(line("\xc0\x80"), "\\ufffd\\ufffd") << "overlong";
  EXPECT_EQ(line("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd") << "surrogate";
  EXPECT_EQ(line("\xe2\x82"), "\\ufffd\\ufffd") << "cut off";
  EXPECT_EQ(line("\xf5\x80\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd") << "too large";
}

TEST(LogLine, CutsTheTimesZeros) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(1500000000), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(format_time(1767322984000000001), "2026-01-02T03:03:04.000000001Z");
}

class RootPath : public Directory {};
class ProgramSearch : public Directory {};

TEST_F(RootPath, StaysInside) {
  const UniqueFd root(::open(path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  fs::create_directories(path() / "real");
  fs::create_symlink("/real", path() / "absolute");
  fs::create_symlink("../../../../real/new", path() / "dangling");
  fs::create_symlink("loop", path() / "loop");
  EXPECT_TRUE(open_target(root.get(), "/absolute/a/b", true));
  EXPECT_TRUE(fs::is_directory(path() / "real/a/b"));
  EXPECT_TRUE(open_target(root.get(), "/dangling", true));
  EXPECT_TRUE(fs::is_directory(path() / "real/new"));
  EXPECT_TRUE(open_target(root.get(), "/c/file", false));
  EXPECT_TRUE(fs::is_regular_file(path() / "c/file"));
  EXPECT_FALSE(open_target(root.get(), "/loop/x", true));
  EXPECT_FALSE(open_target(root.get(), "/c/file/below", true));
}

TEST_F(RootPath, LeadsToASubmountByNoLink) {
  fs::create_directories(path() / "source/real/sub");
  fs::create_directories(path() / "host/sub");
  fs::create_symlink("real", path() / "source/link");
  fs::create_symlink(path() / "host", path() / "source/out");
  PlanMount mount;
  mount.source = path() / "source";
  const UniqueFd base = open_base(mount);
  const auto opens = [&](const char* below) {
    mount.subpath = below;
    return static_cast<bool>(open_below(base.get(), mount));
  };
  EXPECT_TRUE(opens("link/sub")) << "a part of a volume";
  EXPECT_FALSE(opens("out/sub"));
  mount.submount = ",{}";
  EXPECT_TRUE(opens("real/sub"));
  EXPECT_FALSE(opens("link/sub"));
  EXPECT_FALSE(opens("out/sub"));
}

TEST_F(RootPath, LeadsToNoSubmountThatHasGone) {
  PlanMount mount;
  mount.source = path();
  mount.subpath = "gone/inner";
  mount.submount = ",{}";
  EXPECT_FALSE(clone_source(mount, ReportLine(-1)));
  std::ofstream(path() / "gone") << "a file";
  EXPECT_FALSE(clone_source(mount, ReportLine(-1)));
}

/// As if its container had made a link of a directory that was checked.
TEST_F(RootPath, LeadsToACheckedSourceByNoLink) {
  fs::create_directories(path() / "real/source");
  fs::create_symlink("real", path() / "link");
  PlanMount mount;
  mount.no_links = true;
  mount.source = path() / "link/source";
  EXPECT_FALSE(clone_tree(mount));
  EXPECT_EQ(errno, ELOOP);
  EXPECT_FALSE(open_base(mount));
}

TEST(DeathSignal, OutlivesAnotherIdentity) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has another one";
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int during = 0;
    int after = 0;
    {
      const FilesystemIdentity identity(1, 1);
      ::prctl(PR_GET_PDEATHSIG, &during);
    }
    ::prctl(PR_GET_PDEATHSIG, &after);
    ::_exit(during == SIGKILL && after == SIGKILL ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(ProgramSearch, FollowsThePath) {
  std::ofstream(path() / "tool") << "x";
  std::ofstream(path() / "data") << "x";
  fs::permissions(path() / "tool", fs::perms(0755));
  fs::create_directories(path() / "directory");
  const std::vector<std::string> env = {"PATHS=/x", "PATH=/nonesuch:" + path().string()};
  EXPECT_EQ(find_program("tool", env).path, path() / "tool");
  EXPECT_EQ(find_program("directory", env).error, "exec: \"directory\": executable file not found in $PATH");
  EXPECT_EQ(find_program("", env).error, "exec: \"\": executable file not found in $PATH");
  EXPECT_EQ(find_program("/nonesuch", env).error, "exec: \"/nonesuch\": stat /nonesuch: no such file or directory");
  EXPECT_EQ(find_program(path() / "directory", env).code, Errc::denied);
}

}  // namespace gantry::container_shim
