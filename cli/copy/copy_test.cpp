#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "command/failure.hpp"
#include "copy/copy_plan.hpp"
#include "copy/host_path.hpp"
#include "copy/tree_source.hpp"
#include "copy/tree_target.hpp"
#include "tar/header.hpp"
#include "tar/reader.hpp"

namespace gantry::cli {
namespace {

namespace fs = std::filesystem;

TEST(HostPath, IsCleanedAsGoDoes) {
  EXPECT_EQ(clean_path(""), ".");
  EXPECT_EQ(clean_path("/"), "/");
  EXPECT_EQ(clean_path("a//b/../c/./"), "a/c");
  EXPECT_EQ(clean_path("/../a"), "/a");
  EXPECT_EQ(clean_path("../a/../.."), "../..");
}

TEST(HostPath, EndingsAssertADirectory) {
  EXPECT_TRUE(asserts_directory("a/"));
  EXPECT_TRUE(asserts_directory("a/."));
  EXPECT_TRUE(asserts_directory(""));
  EXPECT_FALSE(asserts_directory("a/.b"));
  EXPECT_EQ(split_entry("/a/b/").directory, "/a");
  EXPECT_EQ(split_entry("/a/b/").base, "b");
  EXPECT_EQ(split_entry("/a/b/.").directory, "/a/b");
  EXPECT_EQ(split_entry("/a/b/.").base, ".");
  EXPECT_EQ(keep_ending("/a/b", "b/."), "/a/b/.");
  EXPECT_EQ(keep_ending("/a/b", "b/"), "/a/b/");
}

TEST(HostPath, AResolvedLinkKeepsItsName) {
  EXPECT_EQ(rename_resolved("/x/link", "/y/file").name, "link");
  EXPECT_EQ(rename_resolved("/x/link", "/y/link").name, "");
  EXPECT_EQ(rename_resolved("/x/link/.", "/y/dir").path, "/y/dir/.");
  EXPECT_EQ(link_destination("/x/link", "../y"), "/y");
  EXPECT_EQ(link_destination("/x/link", "/z"), "/z");
}

TEST(CopyPlan, FollowsTheTableOfDockersManual) {
  const auto plan = [](const CopySource& source, const CopyDestination& destination) {
    const CopyPlan made = plan_copy(source, destination);
    return made.directory + " " + made.root;
  };
  EXPECT_EQ(plan({"/s/f", false, ""}, {"/d", true, true}), "/d f");
  EXPECT_EQ(plan({"/s/f", false, "as"}, {"/d", true, true}), "/d as");
  EXPECT_EQ(plan({"/s/f", false, ""}, {"/d/g", true, false}), "/d g");
  EXPECT_EQ(plan({"/s/f", false, ""}, {"/d/g", false, false}), "/d g");
  EXPECT_EQ(plan({"/s/d", true, ""}, {"/d/new", false, false}), "/d new");
  EXPECT_EQ(plan({"/s/d/.", true, ""}, {"/d", true, true}), "/d .");
  EXPECT_THROW(plan_copy({"/s/f", false, ""}, {"/d/new/", false, false}), Failure);
  EXPECT_THROW(plan_copy({"/s/d", true, ""}, {"/d/g", true, false}), Failure);
}

TEST(CopyPlan, RenamesTheRootOnly) {
  EXPECT_EQ(rename_root("e/", "e", "x"), "x/");
  EXPECT_EQ(rename_root("e/e/f", "e", "x"), "x/e/f");
  EXPECT_EQ(rename_root("else", "e", "x"), "else");
  EXPECT_EQ(rename_root("./a", ".", "x"), "x/a");
  EXPECT_EQ(rename_root("/bin", "/", "x"), "x/bin");
}

class CopiedTree : public ::testing::Test {
 protected:
  CopiedTree() {
    char name[] = "/tmp/gantry-copy-XXXXXX";
    root_ = ::mkdtemp(name);
    fs::create_directories(from());
    fs::create_directories(to());
  }
  ~CopiedTree() override { fs::remove_all(root_); }

  [[nodiscard]] fs::path from() const { return root_ / "from"; }
  [[nodiscard]] fs::path to() const { return root_ / "to"; }

  static std::string archive(const fs::path& path, const std::string& root) {
    TreeSource source(path, root);
    std::string out;
    for (auto piece = source.next(); !piece.empty(); piece = source.next()) out += piece;
    return out;
  }
  void extract(const std::string& bytes) const {
    std::size_t at = 0;
    TarReader reader([&](std::span<char> buffer) {
      // Short reads, as a connection gives them.
      const std::size_t size = std::min<std::size_t>({buffer.size(), bytes.size() - at, 100});
      std::memcpy(buffer.data(), bytes.data() + at, size);
      at += size;
      return size;
    });
    TreeTarget target(to());
    TarMember member;
    while (reader.next(member)) target.take(member, reader);
  }
  /// One entry by itself.
  static std::string entry(const std::string& name, mode_t mode, const std::string& target = {}) {
    struct stat status {};
    status.st_mode = mode;
    return tar_header(name, status, target);
  }
  static std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path root_;
};

TEST_F(CopiedTree, IsTheSame) {
  fs::create_directories(from() / "sub");
  const std::string name(150, 'n');
  std::ofstream(from() / "sub" / name) << std::string(70000, 'x');
  fs::create_symlink("sub", from() / "link");
  fs::create_hard_link(from() / "sub" / name, from() / "zz");
  ::mkfifo((from() / "pipe").c_str(), 0600);
  fs::permissions(from() / "sub", fs::perms::owner_read | fs::perms::owner_exec);
  fs::last_write_time(from() / "sub", fs::file_time_type::clock::now() - std::chrono::hours{5});
  extract(archive(from(), "as"));
  EXPECT_EQ(content(to() / "as" / "sub" / name), std::string(70000, 'x'));
  EXPECT_EQ(fs::read_symlink(to() / "as" / "link"), "sub");
  EXPECT_TRUE(fs::equivalent(to() / "as" / "zz", to() / "as" / "sub" / name));
  EXPECT_TRUE(fs::is_fifo(to() / "as" / "pipe"));
  EXPECT_EQ(fs::status(to() / "as" / "sub").permissions(), fs::perms::owner_read | fs::perms::owner_exec);
  struct stat before {};
  struct stat after {};
  ::stat((from() / "sub").c_str(), &before);
  ::stat((to() / "as" / "sub").c_str(), &after);
  EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
  fs::permissions(from() / "sub", fs::perms::owner_all);
  fs::permissions(to() / "as" / "sub", fs::perms::owner_all);
}

TEST_F(CopiedTree, LeadsNowhereElse) {
  fs::create_directories(root_ / "outside");
  EXPECT_THROW(extract(entry("../outside/x", S_IFREG | 0644) + tar_end()), Failure);
  EXPECT_THROW(extract(entry("out", S_IFLNK | 0777, root_ / "outside") + entry("out/x", S_IFREG | 0644) + tar_end()),
               Failure);
  EXPECT_TRUE(fs::is_empty(root_ / "outside"));
}

TEST_F(CopiedTree, KeepsDirectoriesAndFilesApart) {
  fs::create_directories(to() / "d");
  std::ofstream(to() / "f") << "old";
  const auto refusal = [&](const std::string& bytes) -> std::string {
    try {
      extract(bytes + tar_end());
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(entry("d", S_IFREG | 0644)), "cannot overwrite directory \"" + (to() / "d").string() +
                                                     "\" with non-directory \"" + to().string() + "\"");
  EXPECT_EQ(refusal(entry("f", S_IFDIR | 0755)), "cannot overwrite non-directory \"" + (to() / "f").string() +
                                                     "\" with directory \"" + to().string() + "\"");
  EXPECT_EQ(refusal(entry("f", S_IFREG | 0600)), "");
  EXPECT_EQ(content(to() / "f"), "");
}

TEST_F(CopiedTree, MayHaveMoreDirectoriesThanAProcessMayHaveFiles) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit few{64, limit.rlim_max};
  std::string bytes;
  for (int at = 0; at < 200; ++at) bytes += entry("d" + std::to_string(at), S_IFDIR | 0500);
  ::setrlimit(RLIMIT_NOFILE, &few);
  EXPECT_NO_THROW(extract(bytes + tar_end()));
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(fs::status(to() / "d199").permissions(), fs::perms::owner_read | fs::perms::owner_exec);
}

TEST_F(CopiedTree, ReadsCapabilitiesAsTheyAreWritten) {
  struct stat status {};
  status.st_mode = S_IFREG | 0755;
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::string bytes = tar_header_of_owner("ping", status, "", false, capability) + tar_end();
  std::size_t at = 0;
  TarReader reader([&](std::span<char> buffer) {
    const std::size_t size = std::min(buffer.size(), bytes.size() - at);
    std::memcpy(buffer.data(), bytes.data() + at, size);
    at += size;
    return size;
  });
  TarMember member;
  ASSERT_TRUE(reader.next(member));
  EXPECT_EQ(member.name, "ping");
  EXPECT_EQ(member.capability, capability);
}

TEST_F(CopiedTree, OfADamagedArchiveIsRefused) {
  EXPECT_THROW(extract(std::string(512, 'x')), Failure);
  EXPECT_THROW(extract(entry("f", S_IFREG | 0644).substr(0, 300)), Failure);
}

}  // namespace
}  // namespace gantry::cli
