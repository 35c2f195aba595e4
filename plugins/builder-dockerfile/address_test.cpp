#include "address.hpp"

#include <gtest/gtest.h>

namespace gantry::dockerfile {
namespace {

TEST(Address, TellsRepositoriesFromFiles) {
  EXPECT_FALSE(parse_git_address("https://host/a.tar.gz"));
  EXPECT_FALSE(parse_git_address("https://host/a.git/file"));
  EXPECT_TRUE(parse_git_address("https://host/a.git"));
  EXPECT_TRUE(parse_git_address("git://host/a"));
  EXPECT_TRUE(parse_git_address("git@host:a/b"));
  EXPECT_EQ(parse_git_address("github.com/a/b")->url, "https://github.com/a/b");
  EXPECT_FALSE(is_address("a.git"));
  EXPECT_FALSE(is_address("file:///etc/passwd"));
}

TEST(Address, TakesWhatStandsBehindTheHash) {
  const auto whole = parse_git_address("https://host/a.git#v1:sub/dir");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->url, "https://host/a.git");
  EXPECT_EQ(whole->reference, "v1");
  EXPECT_EQ(whole->directory, "sub/dir");
  EXPECT_EQ(parse_git_address("https://host/a.git#:sub")->reference, "");
}

TEST(Address, ShowsNoPassword) {
  EXPECT_EQ(without_password("https://u:p@host/a@b"), "https://xxxxx:xxxxx@host/a@b");
  EXPECT_EQ(without_password("https://host/a@b"), "https://host/a@b");
  EXPECT_EQ(without_password("ssh://u:p@host/a"), "ssh://xxxxx:xxxxx@host/a");
  EXPECT_EQ(without_password("ssh://git@host/a"), "ssh://git@host/a");
  EXPECT_EQ(without_password("git@host:a"), "git@host:a");
}

TEST(Address, NamesFiles) {
  EXPECT_EQ(file_name_of("http://host/d/a%20b.txt?x=/y#z"), "a b.txt");
  EXPECT_EQ(file_name_of("http://host/d/"), "");
  EXPECT_EQ(file_name_of("http://host"), "");
  EXPECT_EQ(file_name_of("http://host/d/%2e%2e"), "");
  EXPECT_EQ(file_name_of("http://host/a%2f..%2f..%2fb"), "b");
  EXPECT_EQ(file_name_of("http://host/a%00b"), "");
}

TEST(Address, TakesANameFromTheServerButNoPath) {
  EXPECT_EQ(file_name_in("attachment; filename=\"x y.bin\""), "x y.bin");
  EXPECT_EQ(file_name_in("attachment; filename=x.bin; other=1"), "x.bin");
  EXPECT_EQ(file_name_in("attachment; filename=\"../../etc/passwd\""), "passwd");
  EXPECT_EQ(file_name_in("attachment; filename=\"..\""), "");
  EXPECT_EQ(file_name_in("inline"), "");
}

}  // namespace
}  // namespace gantry::dockerfile
