#include "mirrors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> places(const Mirrors& mirrors, const std::string& host, const std::string& path) {
  std::vector<std::string> out;
  for (const auto& place : mirrors.of({host, path})) out.push_back(place.base.str() + place.repository.path);
  return out;
}

TEST(Mirrors, OfTheLongestPrefixComeInTheirOrder) {
  const Mirrors mirrors{
      {"quay.io=http://b/quay", "ghcr.io=http://c", "quay.io=https://a:5000", "quay.io/team=http://t/x/"}};
  EXPECT_THAT(places(mirrors, "quay.io", "other/app"),
              ElementsAre("http://b/v2/quay/other/app", "https://a:5000/v2/other/app"));
  EXPECT_THAT(places(mirrors, "quay.io", "team/app"), ElementsAre("http://t/v2/x/app"));
  EXPECT_THAT(places(mirrors, "quay.io", "teams/app").front(), "http://b/v2/quay/teams/app");
  EXPECT_THAT(places(mirrors, "ghcr.io", "x"), ElementsAre("http://c/v2/x"));
  EXPECT_THAT(places(mirrors, "docker.io", "library/x"), IsEmpty());
  EXPECT_EQ(mirrors.of({"quay.io", "x"}).front().repository.host, "b");
}

TEST(Mirrors, WithoutAPrefixAreDockerHubs) {
  const Mirrors mirrors{{"http://m", "https://n/path/", "docker.io=http://o/hub"}};
  EXPECT_THAT(places(mirrors, "docker.io", "library/x"),
              ElementsAre("http://m/v2/library/x", "https://n/path/v2/library/x", "http://o/v2/hub/library/x"));
  EXPECT_THAT(places(mirrors, "quay.io", "x"), IsEmpty());
}

TEST(Mirrors, AreRefusedIfTheyNameNothing) {
  for (const char* item : {"", "quay.io=", "=http://m", "quay.io/=http://m", "a b=http://m", "quay.io=ftp://m", "m"}) {
    EXPECT_THROW(Mirrors{{item}}, gantry::Error) << item;
  }
}

}  // namespace
}  // namespace hub
