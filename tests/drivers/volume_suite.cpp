#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gantry/volume.hpp"
#include "gantry/volume_copier.hpp"
#include "subject.hpp"

namespace gantry::conformance {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
namespace fs = std::filesystem;

class Volume : public Suite<volume::v1::Driver> {
 protected:
  void SetUp() override {
    Suite::SetUp();
    if (IsSkipped() || !can("named-plugins")) return;
    try {
      create("probe");
      driver().remove("probe", call());
    } catch (const Error& error) {
      if (error.code() != Errc::unsupported) throw;
      GTEST_SKIP() << "it stands for others: --option plugin=NAME chooses one";
    }
  }

  std::string create(const std::string& name) {
    volume::v1::Volume made;
    driver().create(name, object_options(), made, call());
    EXPECT_EQ(made.name, name);
    return made.mountpoint;
  }
  Mount mount(const std::string& name, const std::string& user) {
    Mount out;
    driver().mount(name, user, out, call());
    return out;
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    driver().list(out, call());
    return out;
  }
};

TEST_F(Volume, MayBeMountedByTwo) {
  create("data");
  const Mount first = mount("data", "one");
  const Mount second = mount("data", "two");
  EXPECT_EQ(first.type, second.type);
  EXPECT_EQ(first.source, second.source);
  EXPECT_EQ(mount("data", "one").source, first.source) << "repeating it answers the same";
  EXPECT_TRUE(first.target.empty());
  for (const char* const user : {"one", "one", "two", "nobody"})
    EXPECT_NO_THROW(driver().unmount("data", user, call()));
}

TEST_F(Volume, DataStays) {
  create("data");
  const Mount before = mount("data", "one");
  if (before.type != "bind") GTEST_SKIP() << "not a directory of this host";
  std::ofstream{before.source + "/file"} << "12345";
  driver().unmount("data", "one", call());
  reopen();
  EXPECT_TRUE(fs::exists(mount("data", "two").source + "/file"));
  driver().unmount("data", "two", call());
  volume::v1::Usage usage;
  driver().usage("data", usage, call());
  EXPECT_EQ(usage.size, 5U);
}

TEST_F(Volume, CountsWhatIsItsOwnOnly) {
  const std::string outside = scratch().string() + "/outside";
  std::ofstream{outside} << std::string(1000, 'x');
  create("data");
  const Mount place = mount("data", "one");
  if (place.type != "bind" || ::access(place.source.c_str(), W_OK) != 0) GTEST_SKIP() << "no directory to write to";
  std::ofstream{place.source + "/file"} << "12345";
  fs::create_symlink(outside, place.source + "/link");
  fs::create_symlink(scratch(), place.source + "/tree");
  fs::create_symlink("/nothing/there", place.source + "/broken");
  driver().unmount("data", "one", call());
  volume::v1::Usage usage;
  driver().usage("data", usage, call());
  EXPECT_EQ(usage.size, 5U) << "links are the containers': what they lead to is not the volume's";
}

TEST_F(Volume, CreateMayBeRepeated) {
  const std::string first = create("data");
  EXPECT_EQ(create("data"), first);
  EXPECT_THAT(names(), ElementsAre("data"));
}

TEST_F(Volume, CopiesAndRenamesIfItCan) {
  auto* copier = static_cast<volume::v1::Copier*>(driver().query(volume::v1::kCopier));
  if (copier == nullptr) GTEST_SKIP() << "it can't copy";
  volume::v1::Volume out;
  EXPECT_ERRC(copier->clone("data", "copy", out, call()), Errc::not_found);
  EXPECT_ERRC(copier->rename("data", "copy", out, call()), Errc::not_found);
  EXPECT_THAT(names(), ::testing::IsEmpty());
  create("data");
  const Mount place = mount("data", "one");
  if (place.type == "bind") std::ofstream{place.source + "/file"} << "12345";
  driver().unmount("data", "one", call());
  copier->clone("data", "copy", out, call());
  EXPECT_EQ(out.name, "copy");
  EXPECT_ERRC(copier->clone("data", "copy", out, call()), Errc::conflict);
  EXPECT_ERRC(copier->rename("data", "copy", out, call()), Errc::conflict);
  copier->rename("data", "other", out, call());
  EXPECT_NO_THROW(copier->rename("data", "other", out, call())) << "it may be repeated";
  reopen();
  EXPECT_THAT(names(), UnorderedElementsAre("copy", "other"));
  for (const char* const name : {"copy", "other"}) {
    const Mount there = mount(name, "one");
    EXPECT_TRUE(there.type != "bind" || fs::exists(there.source + "/file"));
    driver().unmount(name, "one", call());
  }
}

namespace {

/// The others move up one by one, since no path is long enough to say the last.
void remove_nested(const fs::path& place) {
  while (fs::exists(place / "d/d")) {
    fs::rename(place / "d/d", place / "up");
    fs::remove(place / "d");
    fs::rename(place / "up", place / "d");
  }
  fs::remove(place / "d");
}

}  // namespace

// A driver may say that it can't, if it does not die of it.
TEST_F(Volume, DirectoriesInDirectoriesTakeNoStack) {
  create("data");
  const Mount place = mount("data", "one");
  if (place.type != "bind" || ::access(place.source.c_str(), W_OK) != 0) GTEST_SKIP() << "no directory to write to";
  nest_directories(place.source, 12000);
  std::ofstream{place.source + "/file"} << "12345";
  volume::v1::Usage usage;
  bool knows = true;
  try {
    driver().usage("data", usage, call());
    EXPECT_EQ(usage.size, 5U);
  } catch (const std::exception&) {
    knows = false;
  }
  driver().unmount("data", "one", call());
  if (auto* copier = static_cast<volume::v1::Copier*>(driver().query(volume::v1::kCopier)); copier != nullptr) {
    volume::v1::Volume out;
    EXPECT_ERRC(copier->clone("data", "copy", out, call()), Errc::io);
  }
  if (!knows) remove_nested(place.source);
  EXPECT_NO_THROW(driver().remove("data", call()));
  EXPECT_THAT(names(), ElementsAre());
}

TEST_F(Volume, SurvivesTheDaemon) {
  create("one");
  create("two");
  reopen();
  EXPECT_THAT(names(), UnorderedElementsAre("one", "two"));
  volume::v1::Volume found;
  EXPECT_NO_THROW(driver().inspect("one", found, call()));
}

TEST_F(Volume, RemoveTakesTheData) {
  const std::string place = create("data");
  if (!place.empty()) std::ofstream{place + "/file"} << "x";
  driver().remove("data", call());
  driver().remove("data", call());
  EXPECT_THAT(names(), ElementsAre());
  EXPECT_TRUE(place.empty() || !fs::exists(place));
  const std::string again = create("data");
  EXPECT_TRUE(again.empty() || fs::is_empty(again));
}

TEST_F(Volume, SaysWhatIsMissing) {
  volume::v1::Volume found;
  volume::v1::Usage usage;
  EXPECT_ERRC(driver().inspect("nothing", found, call()), Errc::not_found);
  EXPECT_ERRC(mount("nothing", "one"), Errc::not_found);
  EXPECT_ERRC(driver().usage("nothing", usage, call()), Errc::not_found);
  EXPECT_NO_THROW(driver().unmount("nothing", "one", call()));
}

}  // namespace gantry::conformance
