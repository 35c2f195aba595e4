#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
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

  void clear() override {
    if (made_.empty()) return;
    reopen();
    for (const std::string& name : made_) {
      for (const char* const user : {"one", "two"}) driver().unmount(name, user, call());
      driver().remove(name, call());
    }
  }

  /// Takes the name along for the end of the test.
  const std::string& noted(const std::string& name) { return *made_.insert(name).first; }
  std::string create(const std::string& name) {
    volume::v1::Volume made;
    driver().create(noted(name), object_options(), made, call());
    EXPECT_EQ(made.name, name) << "create says the volume's name";
    return made.mountpoint;
  }
  Mount mount(const std::string& name, const std::string& user) {
    Mount out;
    driver().mount(name, user, out, call());
    return out;
  }
  std::uint64_t size_of(const std::string& name) {
    volume::v1::Usage usage;
    driver().usage(name, usage, call());
    return usage.size;
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    driver().list(out, call());
    return out;
  }

 private:
  std::set<std::string> made_;
};

TEST_F(Volume, MayBeMountedByTwo) {
  create("data");
  const Mount first = mount("data", "one");
  const Mount second = mount("data", "two");
  EXPECT_EQ(first.type, second.type) << "both users get the same data";
  EXPECT_EQ(first.source, second.source) << "both users get the same data";
  EXPECT_EQ(mount("data", "one").source, first.source) << "repeating it answers the same";
  EXPECT_TRUE(first.target.empty()) << "where it is mounted in the container is the daemon's to say";
  for (const char* const user : {"one", "one", "two", "nobody"})
    EXPECT_NO_THROW(driver().unmount("data", user, call())) << "unmount succeeds also if there is nothing to do";
}

TEST_F(Volume, DataStays) {
  create("data");
  const Mount before = mount("data", "one");
  if (before.type != "bind") GTEST_SKIP() << "not a directory of this host";
  const std::uint64_t empty = size_of("data");
  std::ofstream{before.source + "/file"} << "12345";
  driver().unmount("data", "one", call());
  reopen();
  EXPECT_TRUE(fs::exists(mount("data", "two").source + "/file"))
      << "what one user wrote the next one finds, also after the daemon's restart";
  driver().unmount("data", "two", call());
  EXPECT_EQ(size_of("data"), empty + 5) << "usage counts the bytes of what was written";
}

TEST_F(Volume, CountsWhatIsItsOwnOnly) {
  const std::string outside = scratch().string() + "/outside";
  std::ofstream{outside} << std::string(1000, 'x');
  create("data");
  const Mount place = mount("data", "one");
  if (place.type != "bind" || ::access(place.source.c_str(), W_OK) != 0) GTEST_SKIP() << "no directory to write to";
  const std::uint64_t empty = size_of("data");
  std::ofstream{place.source + "/file"} << "12345";
  fs::create_symlink(outside, place.source + "/link");
  fs::create_symlink(scratch(), place.source + "/tree");
  fs::create_symlink("/nothing/there", place.source + "/broken");
  driver().unmount("data", "one", call());
  EXPECT_EQ(size_of("data"), empty + 5) << "links are the containers': what they lead to is not the volume's";
}

TEST_F(Volume, CreateMayBeRepeated) {
  const std::string first = create("data");
  EXPECT_EQ(create("data"), first) << "create of a volume that exists finds it";
  EXPECT_THAT(names(), ElementsAre("data")) << "list names each volume once, and nothing else";
}

TEST_F(Volume, CopiesAndRenamesIfItCan) {
  auto* copier = static_cast<volume::v1::Copier*>(driver().query(volume::v1::kCopier));
  if (copier == nullptr) GTEST_SKIP() << "it can't copy";
  volume::v1::Volume out;
  EXPECT_ERRC(copier->clone("data", "copy", out, call()), Errc::not_found);
  EXPECT_ERRC(copier->rename("data", "copy", out, call()), Errc::not_found);
  EXPECT_THAT(names(), ::testing::IsEmpty()) << "a copy that failed leaves nothing";
  create("data");
  const Mount place = mount("data", "one");
  if (place.type == "bind") std::ofstream{place.source + "/file"} << "12345";
  driver().unmount("data", "one", call());
  copier->clone("data", noted("copy"), out, call());
  EXPECT_EQ(out.name, "copy");
  EXPECT_ERRC(copier->clone("data", "copy", out, call()), Errc::conflict);
  EXPECT_ERRC(copier->rename("data", "copy", out, call()), Errc::conflict);
  copier->rename("data", noted("other"), out, call());
  EXPECT_NO_THROW(copier->rename("data", "other", out, call())) << "it may be repeated";
  reopen();
  EXPECT_THAT(names(), UnorderedElementsAre("copy", "other"));
  for (const char* const name : {"copy", "other"}) {
    const Mount there = mount(name, "one");
    EXPECT_TRUE(there.type != "bind" || fs::exists(there.source + "/file")) << "a copy has the original's data";
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

/// Half of what the daemon's threads have, so that half as many directories show who needs stack for each.
class SmallStack {
 public:
  SmallStack() {
    ::getrlimit(RLIMIT_STACK, &before_);
    rlimit small = before_;
    small.rlim_cur = std::min<rlim_t>(kSize, before_.rlim_cur);
    ::setrlimit(RLIMIT_STACK, &small);
  }
  ~SmallStack() { ::setrlimit(RLIMIT_STACK, &before_); }
  SmallStack(const SmallStack&) = delete;
  SmallStack& operator=(const SmallStack&) = delete;

 private:
  static constexpr rlim_t kSize = 4 << 20;
  rlimit before_{};
};

}  // namespace

// A driver may say that it can't, if it does not die of it.
TEST_F(Volume, DirectoriesInDirectoriesTakeNoStack) {
  create("data");
  const Mount place = mount("data", "one");
  if (place.type != "bind" || ::access(place.source.c_str(), W_OK) != 0) GTEST_SKIP() << "no directory to write to";
  const std::uint64_t empty = size_of("data");
  nest_directories(place.source, 6000);
  std::ofstream{place.source + "/file"} << "12345";
  bool knows = true;
  try {
    const SmallStack small;
    EXPECT_EQ(size_of("data"), empty + 5) << "usage counts all, or says by an error that it can't";
  } catch (const std::exception&) {
    knows = false;
  }
  driver().unmount("data", "one", call());
  if (auto* copier = static_cast<volume::v1::Copier*>(driver().query(volume::v1::kCopier)); copier != nullptr) {
    volume::v1::Volume out;
    EXPECT_ERRC(copier->clone("data", noted("copy"), out, call()), Errc::io);
  }
  if (!knows) remove_nested(place.source);
  {
    const SmallStack small;
    EXPECT_NO_THROW(driver().remove("data", call())) << "remove takes also what containers have nested";
  }
  EXPECT_THAT(names(), ElementsAre()) << "a volume that was removed is not listed";
}

TEST_F(Volume, SurvivesTheDaemon) {
  create("one");
  create("two");
  reopen();
  EXPECT_THAT(names(), UnorderedElementsAre("one", "two")) << "after the daemon's restart list names all volumes";
  volume::v1::Volume found;
  EXPECT_NO_THROW(driver().inspect("one", found, call())) << "after the daemon's restart inspect knows the volume";
}

TEST_F(Volume, RemoveTakesTheData) {
  const std::string place = create("data");
  if (!place.empty()) std::ofstream{place + "/file"} << "x";
  driver().remove("data", call());
  driver().remove("data", call());
  EXPECT_THAT(names(), ElementsAre()) << "a volume that was removed is not listed";
  EXPECT_TRUE(place.empty() || !fs::exists(place)) << "remove takes the mountpoint too: " << place;
  const std::string again = create("data");
  EXPECT_TRUE(again.empty() || !fs::exists(again + "/file")) << "a new volume has nothing of a removed one of its name";
}

TEST_F(Volume, SaysWhatIsMissing) {
  volume::v1::Volume found;
  EXPECT_ERRC(driver().inspect("nothing", found, call()), Errc::not_found);
  EXPECT_ERRC(mount("nothing", "one"), Errc::not_found);
  EXPECT_ERRC(size_of("nothing"), Errc::not_found);
  EXPECT_NO_THROW(driver().unmount("nothing", "one", call())) << "unmount succeeds also if there is no such volume";
}

}  // namespace gantry::conformance
