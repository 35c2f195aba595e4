#include "images/reference.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string reference_refusal(const std::string& text) {
  try {
    parse_reference(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Reference, IsNormalizedAsDockerDoes) {
  EXPECT_EQ(parse_reference("debian").name(), "docker.io/library/debian");
  EXPECT_EQ(parse_reference("me/tool:1").str(), "docker.io/me/tool:1");
  EXPECT_EQ(parse_reference("index.docker.io/library/debian").name(), "docker.io/library/debian");
  EXPECT_EQ(parse_reference("localhost/x").host, "localhost");
  EXPECT_EQ(parse_reference("localhost:5000/a/b:c").str(), "localhost:5000/a/b:c");
  EXPECT_EQ(parse_reference("[::1]:5000/x").host, "[::1]:5000");
  EXPECT_EQ(parse_reference("reg.io/x@" + kDigest).digest, kDigest);
  EXPECT_EQ(parse_reference("x:1@" + kDigest).tag, "1");
}

TEST(Reference, IsShownAsTheUserWroteIt) {
  for (const std::string text : {"debian", "debian:12", "me/tool:1", "localhost:5000/x:y", "reg.io/a/b"}) {
    EXPECT_EQ(parse_reference(text).familiar(), text);
  }
  EXPECT_EQ(parse_reference("docker.io/library/debian:12").familiar(), "debian:12");
  EXPECT_EQ(parse_reference("debian").with_default_tag().familiar(), "debian:latest");
  EXPECT_EQ(parse_reference("debian@" + kDigest).with_default_tag().familiar(), "debian@" + kDigest);
}

TEST(Reference, RefusesWhatDockerRefuses) {
  EXPECT_EQ(reference_refusal("BB"), "invalid reference format: repository name (library/BB) must be lowercase");
  for (const std::string& text : std::vector<std::string>{"", "a//b", "a:", "a@sha256:12", "-a", "a_", "a..b", "a:b c",
                                                          "a/../b", "x:" + std::string(129, 't'), "http://x/y",
                                                          "a@" + kDigest + "@" + kDigest, "reg.io:port/x", "\xff"}) {
    EXPECT_TRUE(reference_refusal(text).starts_with("invalid reference format"))
        << text << ": " << reference_refusal(text);
  }
  EXPECT_NE(reference_refusal(std::string(64, 'a')).find("cannot specify 64-byte hexadecimal strings"),
            std::string::npos);
  EXPECT_NE(reference_refusal(std::string(256, 'a')), "");
}

}  // namespace
}  // namespace gantry::images
