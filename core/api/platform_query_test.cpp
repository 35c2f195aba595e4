#include "api/platform_query.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::api {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kArm = R"({"os":"linux","architecture":"arm","variant":"v7"})";
constexpr const char* kAmd = R"({"os":"linux","architecture":"amd64"})";

Request asking(const std::vector<std::string>& platforms, Version version = kNewestVersion) {
  Request request;
  request.version = version;
  for (const std::string& text : platforms) request.query.emplace_back("platform", text);
  return request;
}

std::string refusal(const std::vector<std::string>& platforms, Version version = kNewestVersion) {
  try {
    (void)archive_platform(asking(platforms, version));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    return error.what();
  }
  return "";
}

TEST(PlatformQuery, ReadsAnObjectOfOcis) {
  EXPECT_EQ(platform(asking({kArm})), (images::Platform{"linux", "arm", "v7"}));
  EXPECT_EQ(platform(asking({})), std::nullopt);
  EXPECT_EQ(platform(asking({""})), std::nullopt);
  const std::vector<images::Platform> both{{"linux", "arm", "v7"}, {"linux", "amd64", ""}};
  EXPECT_EQ(platforms(asking({kArm, kAmd}), "platform"), both);
}

TEST(PlatformQuery, RefusesWhatIsNone) {
  EXPECT_THAT(refusal({"linux/amd64"}), StartsWith("failed to parse platform"));
  EXPECT_THAT(refusal({"[]"}), StartsWith("failed to parse platform"));
  EXPECT_THAT(refusal({R"({"os":1,"architecture":"arm"})"}), HasSubstr("\"os\" is not a string"));
  EXPECT_EQ(refusal({"{}"}), "both OS and Architecture must be provided");
  EXPECT_EQ(refusal({R"({"os":"linux"})"}), "both OS and Architecture must be provided");
  EXPECT_EQ(refusal({R"({"variant":"v7"})"}), "optional platform fields provided, but OS and Architecture are missing");
  EXPECT_THAT(refusal({std::string(5000, '[')}), StartsWith("failed to parse platform"));
}

TEST(PlatformQuery, OfAnArchiveIsOneAndNotOlderThanTheApi) {
  EXPECT_EQ(archive_platform(asking({"nonsense"}, {1, 47})), std::nullopt);
  EXPECT_EQ(archive_platform(asking({kAmd}, {1, 48})), (images::Platform{"linux", "amd64", ""}));
  EXPECT_THAT(refusal({kAmd, kArm}, {1, 51}), HasSubstr("use API version 1.52 or later"));
  EXPECT_THAT(refusal({kAmd, kArm}, {1, 52}), HasSubstr("multiple platforms not supported for this image store"));
}

}  // namespace
}  // namespace gantry::api
