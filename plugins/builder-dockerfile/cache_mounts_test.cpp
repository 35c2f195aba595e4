#include "cache_mounts.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>

#include "drivers/silent_call.hpp"
#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

namespace fs = std::filesystem;

/// Tells when somebody has looked whether it is cancelled: who does so here waits.
class WatchedCall final : public Call {
 public:
  [[nodiscard]] bool cancelled() const noexcept override {
    const std::lock_guard lock{mutex_};
    asked_ = true;
    changed_.notify_all();
    return false;
  }
  [[nodiscard]] int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}
  void await_question() const {
    std::unique_lock lock{mutex_};
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds{20}, [this] { return asked_; })) << "nobody waits";
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable bool asked_ = false;
};

class CacheMountsTest : public ::testing::Test {
 protected:
  CacheMountsTest() {
    std::string place = (fs::temp_directory_path() / "cache-mounts-XXXXXX").string();
    root_ = ::mkdtemp(place.data());
    mounts_ = std::make_unique<CacheMounts>(root_ / "mounts");
    fs::create_directory(root_ / "mounts");
  }
  ~CacheMountsTest() override { fs::remove_all(root_); }

  CacheMounts::Use take(const std::string& sharing, const std::string& id = "id") {
    return mounts_->take(id, sharing, call_);
  }

  fs::path root_;
  std::unique_ptr<CacheMounts> mounts_;
  conformance::SilentCall call_;
};

TEST_F(CacheMountsTest, SharedOnesAreOne) {
  const auto first = take("shared");
  EXPECT_TRUE(first.is_new());
  std::ofstream{fs::path{first.path()} / "f"} << "x";
  const auto second = take("");
  EXPECT_EQ(second.path(), first.path());
  EXPECT_FALSE(second.is_new());
  EXPECT_NE(take("shared", "other").path(), first.path());
}

TEST_F(CacheMountsTest, PrivateOnesAreEachTheirUsersAndKept) {
  std::string kept;
  {
    const auto first = take("private");
    const auto second = take("private");
    const auto third = take("private");
    EXPECT_NE(second.path(), first.path());
    EXPECT_NE(third.path(), second.path());
    kept = first.path();
    std::ofstream{fs::path{kept} / "f"} << "x";
  }
  const auto again = take("private");
  EXPECT_EQ(again.path(), kept);
  EXPECT_FALSE(again.is_new());
}

TEST_F(CacheMountsTest, LockedOnesAreOneUsersAfterTheOther) {
  auto first = std::make_unique<CacheMounts::Use>(take("locked"));
  const WatchedCall waiting;
  auto later = std::async(std::launch::async, [&] { return mounts_->take("id", "locked", waiting).path(); });
  waiting.await_question();
  EXPECT_EQ(later.wait_for(std::chrono::seconds{0}), std::future_status::timeout);
  const std::string path = first->path();
  first.reset();
  EXPECT_EQ(later.get(), path);
}

TEST_F(CacheMountsTest, LockedOnesAndSharedOnesWaitForEachOther) {
  auto first = std::make_unique<CacheMounts::Use>(take("shared"));
  const WatchedCall locking;
  auto locked = std::async(std::launch::async, [&] { return mounts_->take("id", "locked", locking); });
  locking.await_question();
  first.reset();
  auto second = std::make_unique<CacheMounts::Use>(locked.get());
  const WatchedCall sharing;
  auto shared = std::async(std::launch::async, [&] { return mounts_->take("id", "shared", sharing).path(); });
  sharing.await_question();
  EXPECT_EQ(shared.wait_for(std::chrono::seconds{0}), std::future_status::timeout);
  second.reset();
  EXPECT_NE(shared.get(), "");
}

TEST_F(CacheMountsTest, NobodyWaitsOnceTheBuildIsCancelled) {
  const auto first = take("locked");
  EXPECT_THROW(mounts_->take("id", "locked", conformance::SilentCall{true}), Error);
}

TEST_F(CacheMountsTest, WhatIsInUseIsNotRemovedAndWhatIsRemovedLeadsNowhere) {
  std::ofstream{root_ / "victim"} << "untouched";
  fs::create_directory(root_ / "outside");
  std::ofstream{root_ / "outside/f"} << "untouched";
  {
    const auto used = take("shared");
    fs::create_directory_symlink(root_ / "outside", fs::path{used.path()} / "way");
    fs::create_symlink(root_ / "victim", fs::path{used.path()} / "f");
    EXPECT_EQ(mounts_->prune(call_), 0U);
    EXPECT_TRUE(fs::is_symlink(fs::path{used.path()} / "f"));
    EXPECT_THROW(mounts_->remove(fs::path{used.path()}.filename(), call_), Error);
  }
  EXPECT_EQ(mounts_->remove("../outside", call_), 0U);
  mounts_->prune(call_);
  EXPECT_TRUE(fs::is_empty(root_ / "mounts"));
  EXPECT_TRUE(fs::exists(root_ / "victim"));
  EXPECT_TRUE(fs::exists(root_ / "outside/f"));
}

}  // namespace
}  // namespace gantry::dockerfile
