// What a layer's content becomes.

#include <sys/xattr.h>

#include <array>

#include "storage_fixture.hpp"

namespace gantry::conformance {

namespace fs = std::filesystem;

TEST_F(Storage, ShowsALayersContent) {
  TarMaker tar;
  tar.directory("etc/").file("etc/motd", "hello", {0640, 7, 8, 1'234'567'890, 123456789, {}});
  const auto applied = apply(1, {}, tar);
  EXPECT_EQ(applied.size, 5U);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / "etc/motd"), "hello");
  const struct stat status = stat_of(top / "etc/motd");
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  EXPECT_EQ(status.st_uid, 7U);
  EXPECT_EQ(status.st_gid, 8U);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'234'567'890);
  EXPECT_EQ(status.st_mtim.tv_nsec, 123456789);
  EXPECT_EQ(stat_of(top / "etc").st_mtim.tv_sec, 1'000'000'000) << "a directory's time is set after what is in it";
}

TEST_F(Storage, RootIsOpenToAll) {
  TarMaker tar;
  tar.directory("./", {0700, 33, 33, 1'000'000'000, 0, {}}).file("f", "x");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  const struct stat status = stat_of(top / ".");
  EXPECT_EQ(status.st_mode & 07777U, 0755U);
  EXPECT_EQ(status.st_uid, 0U);
  EXPECT_EQ(status.st_gid, 0U);
}

TEST_F(Storage, KeepsModesLinksAndNodes) {
  TarMaker tar;
  tar.file("su", "x", {04755, 5, 0, 1, 0, {}})
      .directory("sticky", {01777, 0, 0, 1, 0, {}})
      .directory("gid", {02775, 0, 9, 1, 0, {}});
  tar.file("gid/inside", "", {0644, 0, 0, 1, 0, {}}).link("link", "/etc/absolute").hard_link("again", "su");
  tar.node("null", AE_IFCHR, 1, 3).node("pipe", AE_IFIFO, 0, 0).node("disk", AE_IFBLK, 8, 1);
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(stat_of(top / "su").st_mode & 07777U, 04755U);
  EXPECT_EQ(stat_of(top / "sticky").st_mode & 07777U, 01777U);
  EXPECT_EQ(stat_of(top / "gid").st_mode & 07777U, 02775U);
  EXPECT_EQ(stat_of(top / "gid/inside").st_gid, 0U) << "not the directory's group";
  EXPECT_EQ(fs::read_symlink(top / "link"), "/etc/absolute");
  EXPECT_EQ(stat_of(top / "again").st_ino, stat_of(top / "su").st_ino);
  EXPECT_TRUE(S_ISCHR(stat_of(top / "null").st_mode));
  EXPECT_EQ(stat_of(top / "null").st_rdev, 0x103U);
  EXPECT_TRUE(S_ISFIFO(stat_of(top / "pipe").st_mode));
  EXPECT_TRUE(S_ISBLK(stat_of(top / "disk").st_mode));
}

TEST_F(Storage, GivesNoSetGroupBitThatTheLayerDoesNotHave) {
  TarMaker tar;
  tar.directory("data", {02775, 0, 0, 1, 0, {}}).directory("data/sub", {0700, 0, 0, 1, 0, {}});
  tar.directory("data/sub/open", {0755, 0, 9, 1, 0, {}}).directory("data/own", {02700, 0, 9, 1, 0, {}});
  tar.file("data/implied/file", "", {0644, 0, 0, 1, 0, {}});
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(stat_of(top / "data").st_mode & 07777U, 02775U);
  EXPECT_EQ(stat_of(top / "data/sub").st_mode & 07777U, 0700U);
  EXPECT_EQ(stat_of(top / "data/sub/open").st_mode & 07777U, 0755U);
  EXPECT_EQ(stat_of(top / "data/own").st_mode & 07777U, 02700U);
  EXPECT_EQ(stat_of(top / "data/implied").st_mode & 07777U, 0755U);
}

TEST_F(Storage, KeepsExtendedAttributes) {
  const std::string capability{"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20};
  TarMaker tar;
  tar.file("ping", "x", {0755, 0, 0, 1, 0, {{"security.capability", capability}, {"trusted.overlay.opaque", "y"}}});
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  std::array<char, 64> value{};
  EXPECT_EQ(::getxattr((top / "ping").c_str(), "security.capability", value.data(), value.size()), 20);
  EXPECT_EQ(std::string(value.data(), 20), capability);
  EXPECT_LT(::getxattr((top / "ping").c_str(), "trusted.overlay.opaque", value.data(), value.size()), 0);
}

TEST_F(Storage, TakesLongAndForeignNames) {
  const std::string deep = std::string(120, 'a') + "/" + std::string(120, 'b') + "/" + std::string(255, 'c');
  TarMaker tar;
  tar.file(deep, "deep").file("\xc3\xa4\xc3\xb6", "utf-8").file("latin-\xe4", "bytes");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / deep), "deep");
  EXPECT_EQ(read(top / "\xc3\xa4\xc3\xb6"), "utf-8");
  EXPECT_EQ(read(top / "latin-\xe4"), "bytes");
}

TEST_F(Storage, KeepsHoles) {
  constexpr std::int64_t kSize = 16 << 20;
  TarMaker tar;
  tar.sparse("image", kSize, "tail");
  EXPECT_EQ(apply(1, {}, tar).size, static_cast<std::uint64_t>(kSize));
  const MountedTop top{prepare("top", {1}), place()};
  const struct stat status = stat_of(top / "image");
  EXPECT_EQ(status.st_size, kSize);
  EXPECT_LT(status.st_blocks * 512, kSize / 2);
  EXPECT_EQ(read(top / "image").substr(kSize - 4), "tail");
}

TEST_F(Storage, WhiteoutsHideWhatIsBelow) {
  TarMaker base;
  base.directory("d").file("d/old", "1").file("d/kept", "2").directory("gone").file("gone/file", "3").file("f", "4");
  apply(1, {}, base);
  TarMaker above;
  above.whiteout("d/", "old").whiteout("", "gone").whiteout("", "never-there");
  apply(2, {1}, above);
  const MountedTop top{prepare("top", {1, 2}), place()};
  EXPECT_FALSE(is_there(top / "d/old"));
  EXPECT_EQ(read(top / "d/kept"), "2");
  EXPECT_FALSE(is_there(top / "gone"));
  EXPECT_FALSE(is_there(top / "never-there"));
  EXPECT_EQ(read(top / "f"), "4");
}

TEST_F(Storage, OpaqueDirectoriesStartEmpty) {
  TarMaker base;
  base.directory("d").file("d/old", "1").directory("e").file("e/old", "1");
  apply(1, {}, base);
  TarMaker above;  // the marker may come after the directory's new content
  above.directory("d").file("d/new", "2").file("d/.wh..wh..opq").file("e/.wh..wh..opq").file("e/new", "2");
  apply(2, {1}, above);
  const MountedTop top{prepare("top", {1, 2}), place()};
  EXPECT_FALSE(is_there(top / "d/old"));
  EXPECT_EQ(read(top / "d/new"), "2");
  EXPECT_FALSE(is_there(top / "e/old"));
  EXPECT_EQ(read(top / "e/new"), "2");
}

TEST_F(Storage, KindsReplaceEachOther) {
  TarMaker base;
  base.directory("a").file("a/inside", "1").file("b", "file").link("c", "a");
  apply(1, {}, base);
  TarMaker above;
  above.file("a", "now a file").directory("b").file("b/inside", "2").directory("c").file("c/inside", "3");
  apply(2, {1}, above);
  const MountedTop top{prepare("top", {1, 2}), place()};
  EXPECT_EQ(read(top / "a"), "now a file");
  EXPECT_EQ(read(top / "b/inside"), "2");
  EXPECT_EQ(read(top / "c/inside"), "3");
}

TEST_F(Storage, WhiteoutAndNewDirectoryInOneLayer) {
  TarMaker base;
  base.directory("d").file("d/old", "1");
  apply(1, {}, base);
  TarMaker above;
  above.whiteout("", "d").directory("d").file("d/new", "2");
  apply(2, {1}, above);
  const MountedTop top{prepare("top", {1, 2}), place()};
  EXPECT_FALSE(is_there(top / "d/old"));
  EXPECT_EQ(read(top / "d/new"), "2");
}

}  // namespace gantry::conformance
