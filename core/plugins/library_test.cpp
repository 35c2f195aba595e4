#include "plugins/library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gantry/error.hpp"

namespace gantry::plugins {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Ownership : public ::testing::Test {
 protected:
  Ownership() {
    std::string pattern = (fs::temp_directory_path() / "gantry-library-XXXXXX").string();
    place_ = fs::canonical(::mkdtemp(pattern.data()));
    fs::create_directories(place_ / "above/plugins");
    for (const char* const directory : {"above", "above/plugins"}) fs::permissions(place_ / directory, fs::perms{0755});
    std::ofstream{file()} << "a driver";
    fs::permissions(file(), fs::perms{0644});
  }
  ~Ownership() override { fs::remove_all(place_); }

  [[nodiscard]] fs::path file() const { return place_ / "above/plugins/driver.so"; }
  static std::string refusal(const fs::path& file) {
    try {
      check_ownership(file);
      return "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::denied);
      return error.what();
    }
  }

  fs::path place_;
};

TEST_F(Ownership, AnswersTheRealPath) {
  fs::create_symlink(file(), place_ / "link.so");
  EXPECT_EQ(check_ownership(place_ / "link.so"), file());
}

TEST_F(Ownership, NobodyElseMayReplaceAFolderAbove) {
  fs::create_symlink(place_ / "above/plugins", place_ / "way");
  fs::permissions(place_ / "above", fs::perms{0757});
  const std::string reason = (place_ / "above").string() + " can be written by others";
  EXPECT_THAT(refusal(file()), HasSubstr(reason));
  EXPECT_THAT(refusal(place_ / "way/driver.so"), HasSubstr(reason));
  fs::permissions(place_ / "above", fs::perms{01777});
  EXPECT_EQ(refusal(file()), "accepted") << "others have their own entries only";
  fs::permissions(place_ / "above/plugins", fs::perms{01777});
  EXPECT_THAT(refusal(file()), HasSubstr("plugins can be written by others")) << "whoever adds a driver has it loaded";
}

TEST_F(Ownership, FoldersAboveAreNobodyElses) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a folder away";
  ASSERT_EQ(::chown((place_ / "above").c_str(), 12345, 0), 0);
  EXPECT_THAT(refusal(file()), HasSubstr((place_ / "above").string() + " belongs to user 12345"));
}

}  // namespace
}  // namespace gantry::plugins
