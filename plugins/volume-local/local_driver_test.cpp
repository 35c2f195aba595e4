#include "local_driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "host_mount.hpp"

namespace gantry::local {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class TestHost final : public Host {
 public:
  explicit TestHost(fs::path root) : root_(std::move(root)) {
    fs::create_directories(root_ / "data");
    fs::create_directories(root_ / "exec");
  }
  std::string data_dir() const override { return root_ / "data"; }
  std::string exec_dir() const override { return root_ / "exec"; }
  std::string libexec_dir() const override { return root_; }
  const Options& options() const override { return options_; }
  void log(LogLevel, std::string_view) const noexcept override {}
  void* query(std::string_view) noexcept override { return nullptr; }

 private:
  fs::path root_;
  Options options_;
};

class TestCall final : public Call {
 public:
  bool cancelled() const noexcept override { return false; }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}
};

class Local : public ::testing::Test {
 protected:
  Local() : root_(make_root()), host_(root_) { driver_.open(host_); }
  ~Local() override {
    unmount_from(data("v"));
    fs::remove_all(root_);
  }

  static fs::path make_root() {
    std::string path = fs::temp_directory_path() / "local-XXXXXX";
    return ::mkdtemp(path.data());
  }
  std::string data(const std::string& name) const { return root_ / "data" / name / "_data"; }
  std::string failure_of(const Options& options) {
    try {
      volume::v1::Volume out;
      driver_.create("v", options, out, call_);
      Mount mount;
      driver_.mount("v", "one", mount, call_);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
  void create(const Options& options) {
    volume::v1::Volume out;
    driver_.create("v", options, out, call_);
  }
  Mount mount(const std::string& user) {
    Mount out;
    driver_.mount("v", user, out, call_);
    return out;
  }

  fs::path root_;
  TestHost host_;
  LocalDriver driver_;
  TestCall call_;
};

TEST_F(Local, RefusesOptionsInDockersWords) {
  EXPECT_EQ(failure_of({{"foo", "b"}}), "invalid option: \"foo\"");
  EXPECT_EQ(failure_of({{"type", "tmpfs"}}), "missing required option: \"device\"");
  EXPECT_EQ(failure_of({{"o", "bind"}}), "missing required option: \"device\"");
  EXPECT_EQ(failure_of({{"size", "ab"}}), "invalid size: 'ab'");
  EXPECT_EQ(failure_of({{"size", "10m"}}), "quota size requested but no quota support");
}

TEST_F(Local, MountsForTheFirstUserUntilTheLast) {
  create({{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=1m,noexec"}});
  EXPECT_FALSE(is_mounted(data("v")));
  EXPECT_EQ(mount("one").source, data("v"));
  mount("two");
  mount("two");
  EXPECT_TRUE(is_mounted(data("v")));
  driver_.unmount("v", "one", call_);
  LocalDriver restarted;  // who uses it is on disk
  restarted.open(host_);
  EXPECT_TRUE(is_mounted(data("v")));
  restarted.unmount("v", "two", call_);
  EXPECT_FALSE(is_mounted(data("v")));
}

TEST_F(Local, BindsADirectoryAndRemovesOnlyTheVolume) {
  fs::create_directories(root_ / "theirs");
  std::ofstream{root_ / "theirs/file"} << "x";
  create({{"type", "none"}, {"device", (root_ / "theirs").string()}, {"o", "bind"}});
  mount("one");
  EXPECT_TRUE(fs::exists(data("v") + "/file"));
  driver_.remove("v", call_);
  EXPECT_TRUE(fs::exists(root_ / "theirs/file"));
}

TEST_F(Local, TellsAFailedMountAsDockerDoes) {
  EXPECT_EQ(
      failure_of({{"type", "none"}, {"device", "/nonexist"}, {"o", "bind"}}),
      "failed to mount local volume: mount /nonexist:" + data("v") + ", flags: 0x1000: no such file or directory");
  EXPECT_FALSE(fs::exists(root_ / "exec/v.users"));
}

TEST_F(Local, TellsAServerThatIsNotKnown) {
  EXPECT_THAT(failure_of({{"type", "nfs"}, {"device", ":/x"}, {"o", "addr=no.such.host.invalid"}}),
              HasSubstr("error resolving passed in network volume address"));
}

TEST_F(Local, ResolvesTheHostOfAShare) {
  // Whatever this kernel says to a share: the error tells what it was asked for.
  const auto failure = [&](const std::string& device, const std::string& o) {
    std::string told = failure_of({{"type", "cifs"}, {"device", device}, {"o", o}});
    driver_.remove("v", call_);
    return told;
  };
  EXPECT_THAT(failure("//localhost/share", "ro"), HasSubstr("mount //127.0.0.1/share:"));
  EXPECT_THAT(failure("//me@localhost/a b", "ro"), HasSubstr("mount //me@127.0.0.1/a b:"));
  EXPECT_THAT(failure("//192.0.2.1/share", "ro"), HasSubstr("mount //192.0.2.1/share:"));
  EXPECT_THAT(failure("//localhost/share", "addr=127.0.0.2"), HasSubstr("mount //localhost/share:"));
  EXPECT_THAT(failure("//no.such.host.invalid/share", "ro"),
              HasSubstr("error resolving passed in network volume address: lookup no.such.host.invalid"));
  EXPECT_EQ(failure("//nas:2345/share", "ro"), "port not allowed in CIFS device URL, include 'port' in 'o='");
  EXPECT_EQ(failure("//nas:smb/share", "ro"),
            "error parsing mount device url: parse \"//nas:smb/share\": invalid port \":smb\" after host");
  EXPECT_EQ(failure(":::", "ro"), "error parsing mount device url: parse \":::\": missing protocol scheme");
}

TEST_F(Local, TellsNoPassword) {
  const std::string told = failure_of(
      {{"type", "cifs"}, {"device", "//127.0.0.1/x"}, {"o", "username=me,password=secret,pass=secret,vers=3"}});
  EXPECT_THAT(told, HasSubstr("username=me,password=********,pass=********,vers=3"));
  EXPECT_THAT(told, Not(HasSubstr("secret")));
  EXPECT_EQ(fs::status(root_ / "data/v/options").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Local, MountsAnOverlay) {
  // Not every filesystem can be an overlay's upper directory.
  const fs::path base = root_ / "base";
  fs::create_directories(base);
  mount_on(base, {{"type", "tmpfs"}, {"device", "tmpfs"}});
  for (const char* name : {"lower", "upper", "work"}) fs::create_directories(base / name);
  std::ofstream{base / "lower/theirs"} << "below";
  create({{"type", "overlay"},
          {"device", "overlay"},
          {"o", "lowerdir=" + (base / "lower").string() + ",upperdir=" + (base / "upper").string() +
                    ",workdir=" + (base / "work").string()}});
  mount("one");
  EXPECT_TRUE(fs::exists(data("v") + "/theirs"));
  std::ofstream{data("v") + "/ours"} << "above";
  fs::remove(data("v") + "/theirs");
  EXPECT_TRUE(fs::exists(base / "upper/ours"));
  EXPECT_TRUE(fs::exists(base / "lower/theirs"));
  driver_.unmount("v", "one", call_);
  EXPECT_FALSE(fs::exists(data("v") + "/ours"));
  mount("two");
  EXPECT_TRUE(fs::exists(data("v") + "/ours"));
  EXPECT_FALSE(fs::exists(data("v") + "/theirs"));
  driver_.remove("v", call_);
  EXPECT_TRUE(fs::exists(base / "upper/ours")) << "only the volume goes";
  unmount_from(base);
}

}  // namespace
}  // namespace gantry::local
