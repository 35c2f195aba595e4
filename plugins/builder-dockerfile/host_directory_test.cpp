#include "host_directory.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gantry/error.hpp"
#include "tree.hpp"

namespace gantry::dockerfile {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const IgnorePatterns kNothing{std::vector<std::string>{}};

class QuietCall final : public Call {
 public:
  [[nodiscard]] bool cancelled() const noexcept override { return false; }
  [[nodiscard]] int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}
};

class HostDirectoryTest : public ::testing::Test {
 protected:
  HostDirectoryTest() {
    std::string pattern = (fs::temp_directory_path() / "gantry-host-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / "context/dir");
    fs::create_directories(root_ / "copy");
    write("a", "one");
    write("dir/b", "two");
    fs::create_symlink("dir/b", root_ / "context/inside");
    fs::create_symlink("../../outside", root_ / "context/out");
    std::ofstream(root_ / "outside") << "secret";
  }
  ~HostDirectoryTest() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& content) const {
    std::ofstream(root_ / "context" / path) << content;
  }
  /// Its times as of an hour ago: settled.
  [[nodiscard]] std::unique_ptr<HostDirectory> open(const std::string& ignored = {}) {
    directory_ = UniqueFd{::open((root_ / "context").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const builder::v1::Reader reader{::getuid(), ::getgid(), {}};
    auto out =
        std::make_unique<HostDirectory>(directory_.get(), ::getuid() == 0 ? builder::v1::Reader{} : reader, call_);
    out->list(IgnorePatterns::parse(ignored));
    return out;
  }
  [[nodiscard]] UniqueFd copy_place() const {
    return UniqueFd{::open((root_ / "copy").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  }
  [[nodiscard]] std::string read_copy(const std::string& path) const {
    std::ifstream file(root_ / "copy" / path);
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  fs::path root_;
  UniqueFd directory_;
  SumMemory memory_;
  QuietCall call_;
};

TEST_F(HostDirectoryTest, ListsWhatIsNotIgnoredAndTheDirectoriesAroundWhatIsTakenBack) {
  EXPECT_THAT(open()->paths(), ElementsAre("a", "dir", "dir/b", "inside", "out"));
  EXPECT_THAT(open("dir\nout")->paths(), ElementsAre("a", "inside"));
  EXPECT_THAT(open("*\n!dir/b")->paths(), ElementsAre("dir", "dir/b"));
}

TEST_F(HostDirectoryTest, HashesAsTheCopyIsHashed) {
  const auto opened = open();
  HostDirectory& host = *opened;
  HostHash hash{host, memory_, call_};
  const std::string whole = hash.of("", kNothing);
  const std::string one = hash.of("a", kNothing);
  const std::string link = hash.of("inside", kNothing);
  const UniqueFd copy = copy_place();
  EXPECT_TRUE(host.copy_to(copy.get(), call_));
  if (::getuid() != 0) GTEST_SKIP() << "the copies are not root's";
  const Tree tree{copy.get()};
  TreeHash of_copy{tree, call_};
  EXPECT_EQ(of_copy.of("", kNothing), whole);
  EXPECT_EQ(of_copy.of("a", kNothing), one);
  EXPECT_EQ(of_copy.of("inside", kNothing), link);
  EXPECT_EQ(of_copy.of("dir", kNothing), hash.of("dir", kNothing));
}

TEST_F(HostDirectoryTest, LeadsNowhereOut) {
  const auto opened = open();
  HostDirectory& host = *opened;
  HostHash hash{host, memory_, call_};
  EXPECT_THROW(hash.of("out", kNothing), Error);
  EXPECT_THROW(hash.of("../outside", kNothing), Error);
  EXPECT_FALSE(host.read("out", 100));
  const UniqueFd copy = copy_place();
  host.copy_to(copy.get(), call_);
  EXPECT_EQ(fs::read_symlink(root_ / "copy/out"), "../../outside") << "a link stays one";
}

TEST_F(HostDirectoryTest, TellsThatAFileHasChangedBetweenALookAndTheCopy) {
  const auto opened = open();
  HostDirectory& host = *opened;
  HostHash hash{host, memory_, call_};
  const std::string before = hash.of("a", kNothing);
  write("a", "another");
  const UniqueFd copy = copy_place();
  EXPECT_FALSE(host.copy_to(copy.get(), call_));
  EXPECT_EQ(read_copy("a"), "another");
}

TEST_F(HostDirectoryTest, KeepsHardLinksAndHoles) {
  fs::create_hard_link(root_ / "context/a", root_ / "context/dir/same");
  write("sparse", "start");
  constexpr std::uintmax_t kSize = std::uintmax_t{1} << 33;
  fs::resize_file(root_ / "context/sparse", kSize);
  std::fstream{root_ / "context/sparse", std::ios::in | std::ios::out}.seekp(kSize - 3) << "end";
  const auto opened = open();
  const UniqueFd copy = copy_place();
  EXPECT_TRUE(opened->copy_to(copy.get(), call_));
  EXPECT_EQ(fs::hard_link_count(root_ / "copy/a"), 2U);
  EXPECT_TRUE(fs::equivalent(root_ / "copy/a", root_ / "copy/dir/same"));
  struct stat status {};
  ASSERT_EQ(::stat((root_ / "copy/sparse").c_str(), &status), 0);
  EXPECT_EQ(static_cast<std::uintmax_t>(status.st_size), kSize);
  EXPECT_LT(status.st_blocks, 1'000) << "holes are not written";
  std::ifstream file(root_ / "copy/sparse");
  std::string end(3, ' ');
  file.seekg(kSize - 3).read(end.data(), 3);
  EXPECT_EQ(end, "end");
}

TEST_F(HostDirectoryTest, SaysWhichFileIsGone) {
  const auto opened = open();
  HostDirectory& host = *opened;
  HostHash hash{host, memory_, call_};
  fs::remove(root_ / "context/dir/b");
  try {
    hash.of("dir", kNothing);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the build context has changed while it was read: \"dir/b\""));
  }
}

TEST_F(HostDirectoryTest, FollowsNoLinkThatHasTakenAFilesPlace) {
  const auto opened = open();
  HostDirectory& host = *opened;
  HostHash hash{host, memory_, call_};
  fs::remove(root_ / "context/a");
  fs::create_symlink(root_ / "outside", root_ / "context/a");
  EXPECT_THROW(hash.of("a", kNothing), Error);
  const UniqueFd copy = copy_place();
  EXPECT_THROW(host.copy_to(copy.get(), call_), Error);
}

TEST_F(HostDirectoryTest, ReadsOnlyWhatTheReaderMay) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root";
  fs::permissions(root_, fs::perms::all);
  fs::permissions(root_ / "context/a", fs::perms::owner_read);
  directory_ = UniqueFd{::open((root_ / "context").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  HostDirectory host{directory_.get(), {65534, 65534, {}}, call_};
  host.list(kNothing);
  HostHash hash{host, memory_, call_};
  EXPECT_NE(hash.of("dir/b", kNothing), "");
  // That another user has built with it is no help.
  const struct stat status = host.find("a")->status;
  memory_.keep("a", status, {status.st_ctim.tv_sec + 10, 0}, "its sum");
  ASSERT_TRUE(memory_.find("a", status));
  try {
    hash.of("a", kNothing);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::denied);
  }
  std::ifstream again(root_ / "context/a");
  EXPECT_TRUE(again.good()) << "this thread is itself again";
}

TEST(SumMemory, RemembersWhatHasSettledAndForgetsWithEachChange) {
  SumMemory memory;
  struct stat status {};
  status.st_ino = 7;
  status.st_size = 3;
  status.st_ctim = {1000, 5};
  memory.keep("a", status, {1001, 0}, "sum");
  EXPECT_FALSE(memory.find("a", status)) << "changed only just before";
  memory.keep("a", status, {1010, 0}, "sum");
  EXPECT_EQ(memory.find("a", status), "sum");
  EXPECT_FALSE(memory.find("b", status)) << "the name is part of the sum";
  struct stat later = status;
  later.st_ctim.tv_nsec = 6;
  EXPECT_FALSE(memory.find("a", later));
}

}  // namespace
}  // namespace gantry::dockerfile
