// Trees in which a container works meanwhile.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "layer_archive/directory.hpp"
#include "layer_archive/layer_writer.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::layer_archive {
namespace {

namespace fs = std::filesystem;

class PlainCall final : public Call {
 public:
  [[nodiscard]] bool cancelled() const noexcept override { return false; }
  [[nodiscard]] int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}
};

class Nowhere final : public ByteSink {
 public:
  void write(std::span<const std::byte>) override {}
};

class LiveTree : public ::testing::Test {
 protected:
  LiveTree() {
    std::string pattern = (fs::temp_directory_path() / "gantry-live-XXXXXX").string();
    place_ = ::mkdtemp(pattern.data());
    fs::create_directories(place_ / "tree");
    std::ofstream{place_ / "tree/file"} << "content";
    // A FIFO stands for a device: who opens one waits for ever.
    ::mkfifo((place_ / "pipe").c_str(), 0600);
    ::alarm(120);
  }
  ~LiveTree() override {
    ::alarm(0);
    remove_tree(AT_FDCWD, place_);
  }
  void exchange() const {
    ::renameat2(AT_FDCWD, (place_ / "pipe").c_str(), AT_FDCWD, (place_ / "tree/file").c_str(), RENAME_EXCHANGE);
  }

  fs::path place_;
  PlainCall call_;
};

TEST_F(LiveTree, WhatTookAFilesPlaceIsNotOpenedForALayer) {
  const Directory tree = Directory::open(AT_FDCWD, place_ / "tree");
  struct stat status {};
  ASSERT_TRUE(find(tree.fd(), "file", status));
  exchange();
  Nowhere nowhere;
  LayerWriter writer{nowhere, call_};
  EXPECT_THROW(writer.entry(tree.fd(), "file", "file", status), Error);
}

TEST_F(LiveTree, WhatTookAFilesPlaceIsNotOpenedForACopy) {
  std::atomic<bool> ends = false;
  std::thread container{[&] {
    while (!ends) exchange();
  }};
  const Directory tree = Directory::open(AT_FDCWD, place_ / "tree");
  // Until the exchange comes between the look and the opening, not beside them.
  for (bool refused = false; !refused;) {
    fs::create_directory(place_ / "copy");
    try {
      copy_tree(tree.fd(), Directory::open(AT_FDCWD, place_ / "copy").fd(), call_);
    } catch (const Error&) {
      refused = true;
    }
    remove_tree(AT_FDCWD, place_ / "copy");
  }
  ends = true;
  container.join();
}

TEST_F(LiveTree, IsMeasuredWhileDirectoriesMove) {
  fs::create_directories(place_ / "tree/a/b/c/d");
  fs::create_directories(place_ / "outside");
  std::ofstream{place_ / "tree/z"} << "content";
  std::atomic<bool> ends = false;
  // Out of the tree and back: ".." leads where it must not be followed.
  std::thread container{[&] {
    while (!ends) {
      fs::rename(place_ / "tree/a/b", place_ / "outside/b");
      fs::rename(place_ / "outside/b", place_ / "tree/a/b");
    }
  }};
  for (int round = 0; round < 500; ++round) EXPECT_EQ(measure(AT_FDCWD, place_ / "tree", call_).bytes, 14U);
  ends = true;
  container.join();
  EXPECT_EQ(measure(AT_FDCWD, place_ / "tree", call_).inodes, 6U);
}

}  // namespace
}  // namespace gantry::layer_archive
