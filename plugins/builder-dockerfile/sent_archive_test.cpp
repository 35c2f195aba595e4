#include "sent_archive.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "archive.hpp"
#include "drivers/silent_call.hpp"
#include "drivers/tar_maker.hpp"
#include "gantry/error.hpp"
#include "work_directory.hpp"

namespace gantry::dockerfile {
namespace {

using conformance::SilentCall;
using conformance::TarMaker;

class SentArchiveTest : public ::testing::Test {
 protected:
  std::unique_ptr<SentArchive> look(const std::string& bytes) {
    file_ = UniqueFd{::memfd_create("context", MFD_CLOEXEC)};
    EXPECT_EQ(::write(file_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return SentArchive::look_through(file_.get(), {"Dockerfile"}, 64, call_);
  }
  [[nodiscard]] int file() const { return file_.get(); }
  [[nodiscard]] const Call& call() const { return call_; }

 private:
  SilentCall call_;
  UniqueFd file_;
};

TarMaker& fill(TarMaker& tar) {
  return tar.file("Dockerfile", "FROM scratch\n")
      .directory("a")
      .file("a/b", "two", {0600, 7, 8, 1, 0, {{"security.capability", "not unpacked"}}})
      .directory("a/deep/", {0700, 5, 5, 1, 0, {}})
      .file("a/deep/c", std::string(300'000, 'x'))
      .file("a-b", "before a/ for a plain sort")
      .link("a/here", "b")
      .link("a/up", "../a-b")
      .link("a/root", "/a/deep")
      .link("a/whole", "/")
      .link("a/nowhere", "none/at/all")
      .link("a/circle", "circle")
      .link("a/out", "../../../../etc/passwd")
      .sparse("a/holes", 200'000, "tail");
}

TEST_F(SentArchiveTest, SumsWhatWouldBeUnpacked) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to unpack others' files";
  TarMaker tar;
  const auto sent = look(fill(tar).take());
  ASSERT_NE(sent, nullptr);
  const WorkDirectory work{std::filesystem::temp_directory_path()};
  const UniqueFd root = open_directory(work.make("tree"));
  unpack_archive(file(), root.get(), call());
  const Tree tree{root.get()};
  EXPECT_EQ(sent->paths(), tree.all());
  TreeHash unpacked{tree, call()};
  ArchiveHash early{*sent};
  const IgnorePatterns none{std::vector<std::string>{}};
  const IgnorePatterns some{std::vector<std::string>{"*/c", "here", "!deep/c"}};
  for (const char* path : {"", ".", "Dockerfile", "a", "a/", "/a/deep", "a/deep/c", "a/../a-b", "../a-b", "a/here",
                           "a/up", "a/root", "a/root/c", "a/whole", "a/whole/a/b", "a/holes"}) {
    EXPECT_EQ(early.of(path, none), unpacked.of(path, none)) << path;
    EXPECT_EQ(early.of(path, some), unpacked.of(path, some)) << path;
  }
  for (const char* path : {"none", "a/nowhere", "a/circle", "a/out", "a/b/", "a/b/..", "a/here/x"}) {
    EXPECT_THROW(early.of(path, none), Error) << path;
    EXPECT_THROW(unpacked.of(path, none), Error) << path;
  }
}

TEST_F(SentArchiveTest, UnpackingSetsNoTimesThroughLinks) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to unpack others' files";
  const WorkDirectory work{std::filesystem::temp_directory_path()};
  const UniqueFd outside = open_directory(work.make("outside"));
  ASSERT_EQ(::mkdirat(outside.get(), "directory", 0700), 0);
  const std::string place = work.path() + "/outside";
  TarMaker tar;
  for (std::size_t at = 0; at != std::string::npos;) {
    at = place.find('/', at + 1);
    tar.directory(place.substr(1, at == std::string::npos ? at : at - 1));
  }
  tar.link("link", place).directory("link/directory");
  static_cast<void>(look(tar.take()));
  const UniqueFd root = open_directory(work.make("tree"));
  unpack_archive(file(), root.get(), call());
  struct stat status {};
  ASSERT_EQ(::fstatat(outside.get(), "directory", &status, 0), 0);
  EXPECT_NE(status.st_mtim.tv_sec, 1'000'000'000);
  ASSERT_EQ(::fstatat(root.get(), (place + "/directory").substr(1).c_str(), &status, 0), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'000'000'000);
}

TEST_F(SentArchiveTest, KeepsTheFilesThatAreAskedFor) {
  TarMaker tar;
  const auto sent = look(fill(tar).take());
  ASSERT_NE(sent, nullptr);
  EXPECT_EQ(sent->find("Dockerfile")->content, "FROM scratch\n");
  EXPECT_EQ(sent->find("a/b")->content, "");
  sent->leave_out("Dockerfile");
  EXPECT_EQ(sent->find("Dockerfile"), nullptr);
  TarMaker large;
  EXPECT_EQ(look(large.file("Dockerfile", std::string(65, 'x')).take()), nullptr) << "larger than the limit";
}

TEST_F(SentArchiveTest, LeavesToBeUnpackedWhatSaysMoreThanOneThing) {
  const auto simple = [this](TarMaker& tar) { return look(tar.take()) != nullptr; };
  TarMaker twice, linked, alone, device, below_link, below_file;
  EXPECT_FALSE(simple(twice.file("x", "1").file("./x", "2")));
  EXPECT_FALSE(simple(linked.file("x", "1").hard_link("y", "x")));
  EXPECT_FALSE(simple(alone.file("none/x", "1")));
  EXPECT_FALSE(simple(device.node("x", AE_IFCHR, 1, 3)));
  EXPECT_FALSE(simple(below_link.directory("d").link("l", "d").file("l/x", "1")));
  EXPECT_FALSE(simple(below_file.file("f", "1").file("f/x", "1")));
  TarMaker outside;
  EXPECT_THROW(simple(outside.file("../../x", "1")), Error);
}

TEST_F(SentArchiveTest, RefusesWhatIsNoArchiveOrCutOff) {
  EXPECT_THROW(look(std::string(5000, 'x')), Error);
  TarMaker tar;
  const std::string whole = fill(tar).take();
  for (const std::size_t size : {std::size_t{520}, whole.size() / 2}) {
    try {
      EXPECT_EQ(look(whole.substr(0, size)), nullptr) << size;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid) << error.what();
    }
  }
}

/// A file of `size` bytes, all of them a hole, as GNU's tar has it.
std::string hole_of(std::uint64_t size) {
  std::string header(512, '\0');
  header.replace(0, 4, "hole");
  header.replace(100, 7, "0000644").replace(108, 7, "0000000").replace(116, 7, "0000000");
  header.replace(124, 11, "00000000000").replace(136, 11, "00000000000");
  header[156] = 'S';
  header.replace(257, 7, "ustar  ");
  const auto number = [&](std::size_t at, std::uint64_t value) {
    header[at] = '\x80';
    for (std::size_t byte = 0; byte < 8; ++byte) header[at + 11 - byte] = static_cast<char>(value >> (8 * byte));
  };
  number(386, size);
  number(398, 0);
  number(483, size);
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(header.data() + 148, 8, "%06o", sum);
  return header + std::string(1024, '\0');
}

TEST_F(SentArchiveTest, ReadsNoHoleThatIsLargerThanAnybodyMeans) {
  EXPECT_NO_THROW(look(hole_of(1 << 20)));
  EXPECT_THROW(look(hole_of(std::uint64_t{1} << 40)), Error);
}

}  // namespace
}  // namespace gantry::dockerfile
