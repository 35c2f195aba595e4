#include "base/folder_changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/id.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

class FolderChangesTest : public ::testing::Test {
 protected:
  FolderChangesTest() {
    fs::create_directory(folder_);
    fs::create_directory(other_);
  }
  ~FolderChangesTest() override { fs::remove_all(folder_), fs::remove_all(other_); }

  static void write(const fs::path& folder) { std::ofstream(folder / "file", std::ios::app) << "x"; }
  std::unique_ptr<FolderChanges::Watch> count(const fs::path& folder, int& changes) {
    return changes_->watch({folder}, [&changes] { ++changes; });
  }
  /// Lets everything happen that can happen now.
  void settle() {
    context_.restart();
    while (context_.poll() != 0) {
    }
  }

  const fs::path folder_ = fs::temp_directory_path() / ("gantry-" + random_id());
  const fs::path other_ = fs::temp_directory_path() / ("gantry-" + random_id());
  boost::asio::io_context context_;
  std::shared_ptr<FolderChanges> changes_ = std::make_shared<FolderChanges>(context_.get_executor());
};

TEST_F(FolderChangesTest, AllWhoWatchAFolderAreTold) {
  int first = 0;
  int second = 0;
  int others = 0;
  const auto a = count(folder_, first);
  auto b = count(folder_, second);
  const auto c = count(other_, others);
  write(folder_);
  settle();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(others, 0);
  b.reset();
  write(folder_);
  settle();
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 1);
}

TEST_F(FolderChangesTest, NothingIsHeldWhenNobodyWatches) {
  const auto instances = [] {
    return std::ranges::count_if(fs::directory_iterator{"/proc/self/fd"}, [](const fs::directory_entry& entry) {
      std::error_code gone;
      return fs::read_symlink(entry, gone) == "anon_inode:inotify";
    });
  };
  int changes = 0;
  for (int round = 0; round < 2; ++round) {
    auto watch = count(folder_, changes);
    settle();
    EXPECT_EQ(instances(), 1);
    watch.reset();
    // Who comes before that is noticed is told as well.
    watch = count(folder_, changes);
    settle();
    write(folder_);
    settle();
    EXPECT_EQ(changes, round + 1);
    watch.reset();
    settle();
    EXPECT_EQ(instances(), 0);
  }
}

TEST_F(FolderChangesTest, AFolderThatGoesEndsNoWatch) {
  int changes = 0;
  auto watch = count(folder_, changes);
  settle();
  fs::remove_all(folder_);
  settle();
  EXPECT_EQ(changes, 1);
  EXPECT_THROW(count(folder_, changes), Error);
  watch.reset();
  settle();
}

TEST_F(FolderChangesTest, HundredsOfWatchesTakeOneInstance) {
  int changes = 0;
  std::vector<std::unique_ptr<FolderChanges::Watch>> watches;
  for (int number = 0; number < 500; ++number) watches.push_back(count(folder_, changes));
  EXPECT_THAT(watches, ::testing::Each(::testing::NotNull()));
  write(folder_);
  settle();
  EXPECT_EQ(changes, 500);
}

}  // namespace
}  // namespace gantry
