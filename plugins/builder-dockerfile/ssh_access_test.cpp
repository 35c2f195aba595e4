#include "ssh_access.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

TEST(HostKeys, AreThoseThatWereShownFirst) {
  HostKeys keys;
  const SshAddress host{"git", "host", 22};
  EXPECT_EQ(keys.of(host), "any");
  keys.pin(host, "SHA256:one");
  EXPECT_EQ(keys.of(host), "SHA256:one");
  EXPECT_EQ(keys.of({"other", "host", 22}), "SHA256:one") << "whoever the user is";
  EXPECT_EQ(keys.of({"git", "host", 2222}), "any");
  EXPECT_EQ(keys.of({"git", "other", 22}), "any");
}

// Two stages that ask a host at once, both for the first time.
TEST(HostKeys, AreNotTwoOfOneHost) {
  HostKeys keys;
  const SshAddress host{"git", "host", 22};
  keys.pin(host, "SHA256:one");
  keys.pin(host, "SHA256:one");
  try {
    keys.pin(host, "SHA256:two");
    ADD_FAILURE() << "the second key was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::denied);
  }
  EXPECT_EQ(keys.of(host), "SHA256:one");
}

}  // namespace
}  // namespace gantry::dockerfile
