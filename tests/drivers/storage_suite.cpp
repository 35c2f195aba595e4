#include <gmock/gmock.h>
#include <sys/xattr.h>

#include <array>
#include <map>
#include <thread>

#include "gantry/top_places.hpp"
#include "storage_fixture.hpp"

namespace gantry::conformance {

using ::testing::ElementsAre;
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

TEST_F(Storage, ManyLayers) {
  constexpr int kLayers = 150;
  std::vector<int> layers;
  for (int n = 0; n < kLayers; ++n) {
    TarMaker tar;
    tar.file("layer-" + std::to_string(n), std::to_string(n)).file("latest", std::to_string(n));
    apply(n, layers, tar);
    layers.push_back(n);
  }
  const MountedTop top{prepare("top", layers), place()};
  EXPECT_EQ(read(top / "latest"), std::to_string(kLayers - 1));
  for (int n = 0; n < kLayers; ++n) EXPECT_EQ(read(top / ("layer-" + std::to_string(n))), std::to_string(n));
}

TEST_F(Storage, LayersAreAppliedAtTheSameTime) {
  if (!can("parallel-apply")) GTEST_SKIP() << "not a capability of this driver";
  constexpr int kLayers = 8;
  std::vector<std::thread> threads;
  for (int n = kLayers - 1; n >= 0; --n) {
    threads.emplace_back([this, n] {
      std::vector<int> parents;
      for (int below = 0; below < n; ++below) parents.push_back(below);
      TarMaker tar;
      for (int file = 0; file < 200; ++file)
        tar.file("d/" + std::to_string(n) + "-" + std::to_string(file), std::string(5000, 'x'));
      tar.file("last", std::to_string(n));
      apply(n, parents, tar);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const MountedTop top{prepare("top", {0, 1, 2, 3, 4, 5, 6, 7}), place()};
  EXPECT_EQ(read(top / "last"), "7");
  EXPECT_EQ(std::distance(fs::directory_iterator{top / "d"}, fs::directory_iterator{}), kLayers * 200);
}

TEST_F(Storage, ApplyAgainReadsNothing) {
  TarMaker tar;
  tar.file("f", "12345");
  apply(1, {}, tar);
  StringSource untouched{"not read"};
  storage::v1::AppliedLayer out;
  driver().apply(chain(1), {}, untouched, out, call());
  EXPECT_EQ(out.size, 5U);
  EXPECT_FALSE(untouched.at_end());
}

TEST_F(Storage, ReadsBehindTheArchive) {
  TarMaker tar;
  tar.file("f", "1");
  apply_bytes(1, {}, tar.take() + std::string(100'000, '\0'));
}

TEST_F(Storage, ALayerMayEndWithinItsLastFilesPadding) {
  TarMaker tar;
  std::string bytes = tar.file("f", "hello").take();
  constexpr std::size_t kPaddingAndEnd = 512 - 5 + 1024;
  bytes.resize(bytes.size() - kPaddingAndEnd);
  storage::v1::AppliedLayer out;
  StringSource cut{bytes.substr(0, bytes.size() - 1)};
  EXPECT_THROW(driver().apply(chain(1), {}, cut, out, call()), Error);
  StringSource whole{bytes};
  driver().apply(chain(1), {}, whole, out, call());
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_EQ(read(top / "f"), "hello");
}

TEST_F(Storage, AnEmptyStreamIsAnEmptyLayer) {
  EXPECT_EQ(apply_bytes(1, {}, {}).size, 0U);
  EXPECT_EQ(apply_bytes(2, {1}, std::string(1024, '\0')).size, 0U);
  const MountedTop top{prepare("top", {1, 2}), place()};
  EXPECT_TRUE(fs::is_empty(top.path()));
}

TEST_F(Storage, TopsWithoutLayersAreEmpty) {
  const MountedTop top{prepare("top", {}), place()};
  EXPECT_TRUE(fs::is_empty(top.path()));
  write(top / "f", "x");
  EXPECT_EQ(read(top / "f"), "x");
}

TEST_F(Storage, PrepareMayBeRepeated) {
  TarMaker tar;
  tar.file("f", "1");
  apply(1, {}, tar);
  TarMaker other;
  other.file("g", "1");
  apply(2, {}, other);
  const auto first = prepare("top", {1});
  const auto second = prepare("top", {1});
  std::vector<Mount> third;
  driver().mounts("top", third, call());
  for (const auto& again : {second, third}) {
    ASSERT_EQ(again.size(), first.size());
    EXPECT_EQ(again.front().options, first.front().options);
    EXPECT_EQ(again.front().source, first.front().source);
  }
  EXPECT_ERRC(prepare("top", {2}), Errc::conflict);
}

TEST_F(Storage, SaysWhatIsMissing) {
  std::vector<Mount> mounts;
  storage::v1::Usage usage;
  EXPECT_ERRC(prepare("top", {9}), Errc::not_found);
  EXPECT_ERRC(driver().mounts("none", mounts, call()), Errc::not_found);
  EXPECT_ERRC(driver().usage("none", usage, call()), Errc::not_found);
  EXPECT_ERRC(changes("none"), Errc::not_found);
  EXPECT_ERRC(diff("none"), Errc::not_found);
  EXPECT_NO_THROW(driver().remove("none", call()));
  EXPECT_NO_THROW(driver().remove_layer(chain(9), call()));
}

TEST_F(Storage, TellsWhereATopIs) {
  using storage::v1::TopPlaces;
  if (!can("top-places")) GTEST_SKIP() << "not a capability of this driver";
  auto* const able = static_cast<TopPlaces*>(driver().query(TopPlaces::kAbility));
  ASSERT_NE(able, nullptr);
  TarMaker tar;
  tar.file("f", "1");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  write(top / "g", "2");
  std::map<std::string, std::string> places;
  able->places("top", places, call());
  EXPECT_EQ(read(fs::path{places.at("LowerDir")} / "f"), "1");
  EXPECT_EQ(read(fs::path{places.at("UpperDir")} / "g"), "2");
  EXPECT_TRUE(fs::is_directory(places.at("WorkDir")));
  EXPECT_ERRC(able->places("none", places, call()), Errc::not_found);
}

TEST_F(Storage, RefusesWrongNames) {
  storage::v1::AppliedLayer out;
  StringSource source{""};
  for (const std::string id : {"sha256:../../x", "x", ""})
    EXPECT_ERRC(driver().apply(id, {}, source, out, call()), Errc::invalid);
  for (const std::string key : {"../x", "a/b", "..", ".", ""}) EXPECT_ERRC(prepare(key, {}), Errc::invalid);
}

TEST_F(Storage, UsageCountsLinksOnce) {
  const auto mounts = prepare("top", {});
  const MountedTop top{mounts, place()};
  write(top / "a", std::string(1000, 'x'));
  fs::create_hard_link(top / "a", top / "b");
  write(top / "c", std::string(500, 'x'));
  storage::v1::Usage usage;
  driver().usage("top", usage, call());
  EXPECT_EQ(usage.size, 1500U);
  EXPECT_EQ(usage.inodes, 2U);
}

TEST_F(Storage, TellsChangesAsDockerDoes) {
  TarMaker tar;
  tar.directory("etc").file("etc/a", "1").file("etc/b", "2").directory("etc/sub").file("etc/sub/x", "1");
  tar.directory("var").file("var/gone", "1").directory("old").file("old/x", "1").directory("same").file("same/x", "1");
  apply(1, {}, tar);
  const MountedTop top{prepare("top", {1}), place()};
  EXPECT_THAT(changes("top"), ElementsAre());
  write(top / "etc/a", "changed");
  fs::remove(top / "var/gone");
  fs::remove_all(top / "old");
  fs::create_directory(top / "old");
  write(top / "old/y", "new");
  fs::create_directories(top / "new/deep");
  write(top / "new/deep/file", "x");
  fs::last_write_time(top / "same", fs::file_time_type::clock::now());  // a directory's time is no change
  EXPECT_THAT(changes("top"), ElementsAre("C /etc", "C /etc/a", "A /new", "A /new/deep", "A /new/deep/file", "C /old",
                                          "D /old/x", "A /old/y", "C /var", "D /var/gone"));
}

TEST_F(Storage, DiffAppliedAgainGivesTheSameTree) {
  TarMaker tar;
  tar.directory("./", {0755, 0, 0, 5, 0, {}})
      .directory("d")
      .file("d/a", "1")
      .file("d/b", "2")
      .directory("e")
      .file("e/x", "1");
  tar.directory("r").file("r/old", "1").file("su", "x", {04755, 1, 1, 1, 0, {}});
  apply(1, {}, tar);
  std::string bytes;
  std::map<std::string, std::string> before;
  {
    const MountedTop top{prepare("top", {1}), place()};
    fs::remove(top / "d/a");
    write(top / "d/new", "new");
    fs::create_hard_link(top / "d/new", top / "d/newer");
    fs::remove_all(top / "e");
    fs::remove_all(top / "r");
    fs::create_directory(top / "r");
    write(top / "r/fresh", "fresh");
    fs::create_symlink("/nowhere", top / "link");
    ASSERT_EQ(::mknod((top / "pipe").c_str(), S_IFIFO | 0600, 0), 0);
    ASSERT_EQ(::chown((top / "d/b").c_str(), 33, 44), 0);
    before = picture(top.path());
    bytes = diff("top");
    EXPECT_EQ(diff("top"), bytes) << "same tree, same bytes";
  }
  apply_bytes(2, {1}, bytes);
  const MountedTop again{prepare("again", {1, 2}), scratch() / "again"};
  EXPECT_EQ(picture(again.path()), before);
}

TEST_F(Storage, DirectoriesInDirectoriesTakeNoStack) {
  constexpr int kDepth = 12000;
  {
    const MountedTop top{prepare("top", {}), place()};
    nest_directories(top.path(), kDepth);
  }
  storage::v1::Usage usage;
  try {
    driver().usage("top", usage, call());
    EXPECT_EQ(usage.inodes, static_cast<std::uint64_t>(kDepth));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::io) << error.what();
  }
  EXPECT_ERRC(changes("top"), Errc::io);
  EXPECT_ERRC(diff("top"), Errc::io);
  EXPECT_NO_THROW(driver().remove("top", call()));
}

TEST_F(Storage, RemovesWhole) {
  TarMaker tar;
  tar.directory("d").file("d/f", "1");
  apply(1, {}, tar);
  {
    const MountedTop top{prepare("top", {1}), place()};
    fs::path deep = top.path();
    for (int n = 0; n < 100; ++n) deep /= "deep";
    fs::create_directories(deep);
    write(deep / "f", "x");
  }
  driver().remove("top", call());
  driver().remove("top", call());
  driver().remove_layer(chain(1), call());
  storage::v1::Holdings holdings;
  driver().list(holdings, call());
  EXPECT_THAT(holdings.keys, ElementsAre());
  expect_no_layers();
}

TEST_F(Storage, SurvivesTheDaemon) {
  TarMaker tar;
  tar.file("f", "1");
  apply(1, {}, tar);
  prepare("top", {1});
  reopen();
  storage::v1::Holdings holdings;
  driver().list(holdings, call());
  EXPECT_THAT(holdings.layers, ElementsAre(chain(1)));
  EXPECT_THAT(holdings.keys, ElementsAre("top"));
  std::vector<Mount> mounts;
  driver().mounts("top", mounts, call());
  const MountedTop top{mounts, place()};
  EXPECT_EQ(read(top / "f"), "1");
}

}  // namespace gantry::conformance
