// The writable tops of containers.

#include <gmock/gmock.h>

#include <map>

#include "gantry/top_places.hpp"
#include "storage_fixture.hpp"

namespace gantry::conformance {

using ::testing::ElementsAre;
namespace fs = std::filesystem;

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
