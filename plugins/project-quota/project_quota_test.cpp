#include "project_quota/project_quota.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "gantry/error.hpp"

namespace gantry::project_quota {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kFirst = 0x67000000;

/// An ext4 of its own on a loop device.
class ProjectQuotaTest : public ::testing::Test {
 protected:
  ProjectQuotaTest() {
    std::string pattern = fs::temp_directory_path() / "quota-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directory(place());
  }
  ~ProjectQuotaTest() override {
    sh("umount " + place().string() + " 2>/dev/null");
    fs::remove_all(root_);
  }

  /// False: the kernel can't.
  bool mount(const std::string& features, const std::string& options) {
    const std::string image = root_ / "image";
    return sh("truncate -s 64M " + image + " && mkfs.ext4 -q " + features + " " + image + " && mount -o loop" +
              options + " " + image + " " + place().string()) == 0;
  }
  fs::path place() const { return root_ / "mnt"; }
  fs::path directory(const std::string& name) const {
    fs::create_directory(place() / name);
    return place() / name;
  }
  static int sh(const std::string& command) { return std::system(command.c_str()); }
  static bool write(const fs::path& file, std::size_t bytes) {
    std::ofstream out{file};
    out << std::string(bytes, 'x') << std::flush;
    return out.good();
  }

  fs::path root_;
};

TEST_F(ProjectQuotaTest, LimitsADirectoryAndAllBelow) {
  if (!mount("-O quota,project -E quotatype=prjquota", ",prjquota")) GTEST_SKIP() << "no ext4 with project quotas here";
  ProjectQuota quota{place(), kFirst};
  ASSERT_TRUE(quota.enforced());
  const fs::path one = directory("one");
  const fs::path two = directory("two");
  quota.limit(one, 1U << 20);
  quota.limit(two, 4U << 20);
  EXPECT_EQ(ProjectQuota::project_of(one), kFirst);
  EXPECT_EQ(ProjectQuota::project_of(two), kFirst + 1);
  fs::create_directories(one / "a/b");
  EXPECT_EQ(ProjectQuota::project_of(one / "a/b"), kFirst) << "inherited";
  EXPECT_FALSE(write(one / "a/b/file", 2U << 20));
  EXPECT_TRUE(write(two / "file", 2U << 20));
  EXPECT_TRUE(write(place() / "file", 8U << 20));
  quota.limit(one, 8U << 20);
  EXPECT_TRUE(write(one / "a/b/file", 2U << 20)) << "another limit for the same directory";
}

TEST_F(ProjectQuotaTest, NumbersAreUsedAgainWhenTheyAreFree) {
  if (!mount("-O quota,project -E quotatype=prjquota", ",prjquota")) GTEST_SKIP() << "no ext4 with project quotas here";
  const fs::path one = directory("one");
  const fs::path two = directory("two");
  ProjectQuota{place(), kFirst}.limit(one, 1U << 20);
  ProjectQuota again{place(), kFirst};
  again.limit(two, 1U << 20);
  EXPECT_NE(ProjectQuota::project_of(two), ProjectQuota::project_of(one)) << "what another daemon gave";
  const std::uint32_t project = ProjectQuota::project_of(one);
  fs::remove_all(one);
  again.forget(project);
  const fs::path three = directory("three");
  ProjectQuota{place(), kFirst}.limit(three, 1U << 20);
  EXPECT_EQ(ProjectQuota::project_of(three), project);
}

TEST_F(ProjectQuotaTest, SaysSoWithoutQuotas) {
  if (!mount("", "")) GTEST_SKIP() << "no loop devices here";
  ProjectQuota quota{place(), kFirst};
  EXPECT_FALSE(quota.enforced());
  try {
    quota.limit(directory("one"), 1U << 20);
    FAIL() << "a limit that nobody obeys";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unsupported);
  }
}

TEST(Size, IsReadAsDockerReadsIt) {
  EXPECT_EQ(parse_size("10"), 10U);
  EXPECT_EQ(parse_size("10k"), 10240U);
  EXPECT_EQ(parse_size("2MiB"), 2U << 20);
  EXPECT_EQ(parse_size("1Gb"), 1U << 30);
  EXPECT_EQ(parse_size("1b"), 1U);
  for (const char* text : {"", "x", "1x", "-1", "1kk", "99999999999999999999", "18446744073709551615t"}) {
    EXPECT_EQ(parse_size(text), 0U) << text;
  }
}

}  // namespace
}  // namespace gantry::project_quota
