#include <gmock/gmock.h>

#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdio>

#include "storage_fixture.hpp"

namespace gantry::conformance {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// Archives that mean ill: each is refused with the entry's name, or kept inside of the layer; nothing is left behind.
class StorageHostileArchive : public Storage {
 protected:
  void SetUp() override {
    Storage::SetUp();
    if (IsSkipped()) return;
    write(subject().scratch() / "victim", "untouched");
  }
  void TearDown() override {
    if (!IsSkipped()) {
      EXPECT_EQ(read(scratch() / "victim"), "untouched");
    }
    Storage::TearDown();
  }

  void expect_refused(TarMaker& tar, const std::string& entry) {
    StringSource source{tar.take()};
    storage::v1::AppliedLayer out;
    try {
      driver().apply(chain(1), {}, source, out, call());
      ADD_FAILURE() << entry << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(entry));
    }
    expect_no_layers();
  }

  /// The driver's directory is a small filesystem of its own until the test's end.
  /// False: the driver works on other filesystems only.
  bool reopen_on_tmpfs(const std::string& options) {
    EXPECT_EQ(::mount("tmpfs", subject().data_dir().c_str(), "tmpfs", 0, (options + ",mode=700").c_str()), 0);
    try {
      reopen();
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::unsupported) << error.what();
      reopen_on_disk();
      return false;
    }
  }
  void reopen_on_disk() {
    EXPECT_EQ(::umount2(subject().data_dir().c_str(), MNT_DETACH), 0);
    reopen();
  }

  [[nodiscard]] std::string victim() const { return (scratch() / "victim").string(); }
};

TEST_F(StorageHostileArchive, DotDot) {
  TarMaker tar;
  tar.file("ok", "1").file("../../../../../../../../tmp/../" + victim().substr(1), "evil");
  expect_refused(tar, "outside of the layer");
}

TEST_F(StorageHostileArchive, DotDotInTheMiddle) {
  TarMaker tar;
  tar.directory("a").file("a/../../etc/passwd", "evil");
  expect_refused(tar, "a/../../etc/passwd");
}

TEST_F(StorageHostileArchive, AbsoluteNamesStayInside) {
  TarMaker tar;
  tar.file(victim(), "inside");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / victim().substr(1)), "inside");
}

TEST_F(StorageHostileArchive, LinkedParentsStayInside) {
  const std::string outside = scratch().string();
  TarMaker tar;
  tar.directory(outside.substr(1)).link("way", outside).file("way/victim", "inside").link("up", "../../../../..");
  tar.file("up/from-up", "inside");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / (outside.substr(1) + "/victim")), "inside");
  EXPECT_EQ(read(top / "from-up"), "inside");
}

TEST_F(StorageHostileArchive, FilesReplaceLinksAndDoNotFollowThem) {
  TarMaker tar;
  tar.link("f", victim()).file("f", "inside");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / "f"), "inside");
}

TEST_F(StorageHostileArchive, DirectoriesReplaceLinks) {
  TarMaker tar;
  tar.link("d", scratch().string()).directory("d").file("d/victim", "inside");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / "d/victim"), "inside");
}

TEST_F(StorageHostileArchive, SwappedParent) {
  TarMaker tar;
  tar.directory("d").file("d/a", "1").link("d", scratch().string()).file("d/victim", "evil");
  expect_refused(tar, "d/victim");
}

TEST_F(StorageHostileArchive, HardLinkToOutside) {
  TarMaker tar;
  tar.hard_link("evil", "../../../.." + victim());
  expect_refused(tar, "evil");
}

TEST_F(StorageHostileArchive, HardLinkToAbsoluteIsInside) {
  TarMaker tar;
  tar.hard_link("evil", victim());
  expect_refused(tar, "evil");
}

TEST_F(StorageHostileArchive, HardLinkThroughALink) {
  TarMaker tar;
  tar.link("way", scratch().string()).hard_link("evil", "way/victim").file("evil", "evil");
  expect_refused(tar, "evil");
}

TEST_F(StorageHostileArchive, HardLinkToADirectory) {
  TarMaker tar;
  tar.directory("d").hard_link("evil", "d");
  expect_refused(tar, "evil");
}

TEST_F(StorageHostileArchive, WhiteoutOfTheParent) {
  for (const std::string name : {".wh...", ".wh..", ".wh."}) {
    TarMaker tar;
    tar.directory("d").file("d/" + name, "");
    expect_refused(tar, name);
  }
}

TEST_F(StorageHostileArchive, WhiteoutsThroughAChainOfLinks) {
  const std::string outside = scratch().string();
  const std::string inside = outside.substr(1);
  TarMaker base;
  base.directory(inside).file(inside + "/victim", "inside").file(inside + "/other", "inside");
  base.link("a", "b").link("b", "c").link("c", outside);
  apply(1, {}, base);
  // The layer's own links, and those of the one below.
  TarMaker own;
  own.directory(inside).link("a", "b").link("b", "c").link("c", outside).whiteout("a/", "victim");
  apply(2, {1}, own);
  TarMaker below;
  below.whiteout("a/", "victim").file("b/.wh..wh..opq");
  apply(3, {1}, below);
  EXPECT_EQ(read(victim()), "untouched");
  const MountedTop top{prepare("top", {1, 2}), place()};
  EXPECT_FALSE(is_there(top / (inside + "/victim")));
  EXPECT_EQ(read(top / (inside + "/other")), "inside");
}

TEST_F(StorageHostileArchive, FileAsParent) {
  TarMaker tar;
  tar.file("f", "1").file("f/inside", "2");
  expect_refused(tar, "f/inside");
}

TEST_F(StorageHostileArchive, NamesThatAreTooLong) {
  TarMaker part;
  part.file(std::string(256, 'x'), "1");
  expect_refused(part, "xxxx");
  std::string deep;
  for (int n = 0; n < 5000; ++n) deep += "d/";
  TarMaker whole;
  whole.file(deep + "f", "1");
  expect_refused(whole, "d/d/d");
}

TEST_F(StorageHostileArchive, LinksInACircle) {
  TarMaker tar;
  tar.link("a", "b").link("b", "a").file("a/f", "1");
  expect_refused(tar, "a/f");
}

TEST_F(StorageHostileArchive, DuplicatesTakeTheLast) {
  TarMaker tar;
  tar.file("f", "first")
      .file("f", "second")
      .directory("d")
      .file("d/x", "1")
      .file("d", "now a file")
      .directory("d")
      .file("d/y", "2");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / "f"), "second");
  EXPECT_FALSE(is_there(top / "d/x"));
  EXPECT_EQ(read(top / "d/y"), "2");
}

TEST_F(StorageHostileArchive, NoArchive) {
  StringSource text{std::string(10'000, 'x')};
  storage::v1::AppliedLayer out;
  EXPECT_ERRC(driver().apply(chain(1), {}, text, out, call()), Errc::invalid);
  expect_no_layers();
}

TEST_F(StorageHostileArchive, CutOff) {
  TarMaker tar;
  tar.file("a", std::string(100'000, 'a')).file("b", std::string(100'000, 'b'));
  StringSource half{tar.take().substr(0, 150'000)};
  storage::v1::AppliedLayer out;
  EXPECT_ERRC(driver().apply(chain(1), {}, half, out, call()), Errc::invalid);
  expect_no_layers();
}

TEST_F(StorageHostileArchive, HugeExtendedHeader) {
  // A pax header of 64 MB, as raw blocks: its text must not be collected in memory.
  std::string block(512, '\0');
  block.replace(0, 3, "pax");
  block.replace(100, 8, std::string{"0000644\0", 8});
  block.replace(108, 8, std::string{"0000000\0", 8});
  block.replace(116, 8, std::string{"0000000\0", 8});
  block.replace(124, 12, std::string{"00400000000\0", 12});
  block.replace(136, 12, std::string{"00000000000\0", 12});
  block.replace(148, 8, "        ");
  block[156] = 'x';
  block.replace(257, 8, std::string{"ustar\00000", 8});
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%06o", sum);
  block.replace(148, 7, std::string{text.data(), 7});
  StringSource source{block + std::string(64 << 20, 'x')};
  storage::v1::AppliedLayer out;
  EXPECT_ERRC(driver().apply(chain(1), {}, source, out, call()), Errc::invalid);
  expect_no_layers();
}

TEST_F(StorageHostileArchive, FailingSource) {
  class Failing final : public ByteSource {
   public:
    std::size_t read(std::span<std::byte> /*buffer*/) override { throw Error{Errc::invalid, "wrong digest"}; }
  } source;
  storage::v1::AppliedLayer out;
  try {
    driver().apply(chain(1), {}, source, out, call());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "wrong digest");
  }
  expect_no_layers();
}

TEST_F(StorageHostileArchive, CancelledHalfWay) {
  class Cancelling final : public ByteSource {
   public:
    Cancelling(TestCall& call, std::string bytes) : call_(call), inner_(std::move(bytes), 4096) {}
    std::size_t read(std::span<std::byte> buffer) override {
      if (++reads_ == 100) call_.cancel();
      return inner_.read(buffer);
    }

   private:
    TestCall& call_;
    StringSource inner_;
    int reads_ = 0;
  };
  TarMaker tar;
  for (int n = 0; n < 20; ++n) tar.file(std::to_string(n), std::string(100'000, 'x'));
  Cancelling source{call(), tar.take()};
  storage::v1::AppliedLayer out;
  EXPECT_ERRC(driver().apply(chain(1), {}, source, out, call()), Errc::cancelled);
  expect_no_layers();
}

TEST_F(StorageHostileArchive, FullDisk) {
  // The driver's directory on a small filesystem of its own.
  if (!reopen_on_tmpfs("size=8m")) GTEST_SKIP() << "it does not work on tmpfs";
  TarMaker tar;
  tar.file("small", "1").file("large", std::string(16 << 20, 'x'));
  StringSource source{tar.take()};
  storage::v1::AppliedLayer out;
  EXPECT_ERRC(driver().apply(chain(1), {}, source, out, call()), Errc::exhausted);
  expect_no_layers();
  TarMaker fits;
  fits.file("f", std::string(1 << 20, 'x'));
  EXPECT_EQ(apply(2, {}, fits).size, 1U << 20);
  reopen_on_disk();
}

TEST_F(StorageHostileArchive, TooManyFiles) {
  if (!reopen_on_tmpfs("size=8m,nr_inodes=500")) GTEST_SKIP() << "it does not work on tmpfs";
  TarMaker tar;
  for (int n = 0; n < 1000; ++n) tar.file("d/" + std::to_string(n), "");
  StringSource source{tar.take()};
  storage::v1::AppliedLayer out;
  EXPECT_ERRC(driver().apply(chain(1), {}, source, out, call()), Errc::exhausted);
  expect_no_layers();
  reopen_on_disk();
}

TEST_F(StorageHostileArchive, KilledHalfWay) {
  TarMaker tar;
  tar.file("a", std::string(1 << 20, 'a')).file("b", std::string(1 << 20, 'b'));
  const std::string bytes = tar.take();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    class Deadly final : public ByteSource {
     public:
      explicit Deadly(const std::string& bytes) : inner_(bytes) {}
      std::size_t read(std::span<std::byte> buffer) override {
        if (++reads_ == 100) ::raise(SIGKILL);
        return inner_.read(buffer);
      }

     private:
      StringSource inner_;
      int reads_ = 0;
    } source{bytes};
    storage::v1::AppliedLayer out;
    driver().apply(chain(1), {}, source, out, call());
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  reopen();
  expect_no_layers();
  apply_bytes(1, {}, bytes);
}

}  // namespace gantry::conformance
