#include "images/archive_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "drivers/tar_maker.hpp"
#include "gantry/error.hpp"

namespace gantry::images {
namespace {

namespace fs = std::filesystem;
using conformance::StringSource;
using conformance::TarMaker;

class ArchiveFilesTest : public ::testing::Test {
 protected:
  ArchiveFilesTest() : root_(make_root()), blobs_(root_) {}
  ~ArchiveFilesTest() override { fs::remove_all(root_); }

  static fs::path make_root() {
    std::string path = fs::temp_directory_path() / "archive-XXXXXX";
    return ::mkdtemp(path.data());
  }

  template <class Work>
  static Errc failure(Work work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return Errc{};
  }

  fs::path root_;
  BlobStore blobs_;
  std::shared_ptr<plugins::CancelSource> cancel_ = std::make_shared<plugins::CancelSource>();
};

TEST_F(ArchiveFilesTest, StopsToReadAStreamWhenItIsCancelled) {
  int stored = 0;
  const auto count = [&](const ArchiveFiles::File&) {
    ++stored;
    cancel_->cancel();
  };
  ArchiveFiles archive{blobs_, count, cancel_};
  StringSource source{TarMaker{}.file("a", "1").file("b", std::string(1'000'000, 'x')).take()};
  EXPECT_EQ(failure([&] { archive.read(source); }), Errc::cancelled);
  EXPECT_EQ(stored, 1);
  EXPECT_TRUE(fs::is_empty(blobs_.ingest_directory()));
}

TEST_F(ArchiveFilesTest, StopsToCopyOutOfAFileWhenItIsCancelled) {
  std::ofstream{root_ / "archive"} << TarMaker{}.file("a", std::string(3'000'000, 'x')).take();
  const auto file = std::make_shared<const UniqueFd>(::open((root_ / "archive").c_str(), O_RDONLY | O_CLOEXEC));
  ArchiveFiles archive{blobs_, {}, cancel_};
  archive.read(file);
  cancel_->cancel();
  EXPECT_EQ(failure([&] { archive.digest(archive.need("a")); }), Errc::cancelled);
  EXPECT_EQ(failure([&] { archive.read(file); }), Errc::cancelled);
  EXPECT_TRUE(blobs_.list().empty());
}

// Nothing is read of a hole.
TEST_F(ArchiveFilesTest, StopsToCopyAHoleWhenItIsCancelled) {
  ArchiveFiles archive{blobs_, [&](const ArchiveFiles::File&) { cancel_->cancel(); }, cancel_};
  StringSource source{TarMaker{}.file("a", "1").sparse("b", 3'000'000, "x").take(), 65536};
  EXPECT_EQ(failure([&] { archive.read(source); }), Errc::cancelled);
  EXPECT_EQ(blobs_.list().size(), 1U);
}

}  // namespace
}  // namespace gantry::images
