#include "ssh_address.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_ssh_address(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    return error.what();
  }
  return {};
}

TEST(SshAddress, IsToldFromOthers) {
  EXPECT_TRUE(is_ssh_address("ssh://host/a"));
  EXPECT_TRUE(is_ssh_address("git@host:a/b.git"));
  EXPECT_TRUE(is_ssh_address("host:a"));
  EXPECT_FALSE(is_ssh_address("https://git@host:8080/a.git"));
  EXPECT_FALSE(is_ssh_address("git://host/a"));
  EXPECT_FALSE(is_ssh_address("file:///a"));
  EXPECT_FALSE(is_ssh_address("../other:a"));
  EXPECT_FALSE(is_ssh_address("/a"));
}

TEST(SshAddress, HasAUserAHostAndAPort) {
  EXPECT_EQ(parse_ssh_address("ssh://me@host.example:2222/a/b.git"), (SshAddress{"me", "host.example", 2222}));
  EXPECT_EQ(parse_ssh_address("ssh://host/~me/a"), (SshAddress{"git", "host", 22}));
  EXPECT_EQ(parse_ssh_address("ssh://git@[::1]:22/a"), (SshAddress{"git", "::1", 22}));
  EXPECT_EQ(parse_ssh_address("ssh://git@[fe80::1]/a"), (SshAddress{"git", "fe80::1", 22}));
  EXPECT_EQ(parse_ssh_address("git@github.com:org/repo.git"), (SshAddress{"git", "github.com", 22}));
  EXPECT_EQ(parse_ssh_address("git@host:/a/b"), (SshAddress{"git", "host", 22}));
  EXPECT_EQ(parse_ssh_address("git@host:d\xc3\xa9p\xc3\xb4t/a+b,c=d~e"), (SshAddress{"git", "host", 22}));
}

TEST(SshAddress, HasNoPassword) {
  EXPECT_NE(refusal("ssh://me:secret@host/a").find("a password is not taken"), std::string::npos);
  EXPECT_EQ(refusal("ssh://me:secret@host/a").find("secret"), std::string::npos);
}

TEST(SshAddress, IsNoCommandOfTheServers) {
  for (const char* path : {"a'; touch b; '", "a'", "a\"", "a\\", "a`b`", "$(a)", "a b", "a;b", "a&b", "a|b", "a\nb",
                           "a\x01", "a\x7f", "a!b", "a%27b", "a?b", "a*", "a@b"}) {
    EXPECT_NE(refusal(std::string{"git@host:"} + path), "") << path;
    EXPECT_NE(refusal(std::string{"ssh://git@host/"} + path), "") << path;
  }
  EXPECT_NE(refusal(std::string{"git@host:a\0b", 12}), "");
}

TEST(SshAddress, IsNoOption) {
  for (const char* text : {"git@host:--upload-pack=a", "git@host:-a", "ssh://host/-a", "ssh://host//-a",
                           "git@-oProxyCommand=a:b", "ssh://-oProxyCommand=a/b", "ssh://-a@host/b", "-a@host:b"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
}

TEST(SshAddress, IsReadInOneWayOnly) {
  for (const char* text : {"ssh://host",
                           "ssh:///a",
                           "ssh://host/",
                           "git@host:",
                           "git@host://a",
                           "ssh://host:/a",
                           "ssh://host:0/a",
                           "ssh://host:65536/a",
                           "ssh://host:22x/a",
                           "ssh://host:-1/a",
                           "ssh://a@b@host/c",
                           "ssh://@host/a",
                           "ssh://host%2f/a",
                           "ssh://[::1/a",
                           "ssh://[::1]x/a",
                           "ssh://[x]/a",
                           "git@[::1]:a",
                           "git@[host:22]:a",
                           "git@:a",
                           "@host:a",
                           "ssh://ho\nst/a",
                           "ssh://us\ner@host/a",
                           "git@ho st:a",
                           "ssh://host\\@other/a",
                           "ssh://host#a@other/b"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
  EXPECT_NE(refusal("git@host:" + std::string(5000, 'a')), "");
}

}  // namespace
}  // namespace gantry::dockerfile
