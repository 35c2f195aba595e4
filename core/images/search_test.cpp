#include "images/search.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

std::string refusal(const Filters& filters) {
  try {
    const SearchFilter filter{filters};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    return error.what();
  }
  return "";
}

registry::v1::SearchResult result(int stars, bool official) {
  registry::v1::SearchResult out;
  out.stars = stars;
  out.official = official;
  return out;
}

TEST(SearchFilter, TakesWhatHasTheStarsAndIsOfficial) {
  const SearchFilter none{{}};
  EXPECT_TRUE(none.takes(result(0, false)));
  const SearchFilter filter{{{"stars", {"3", "10"}}, {"is-official", {"true"}}}};
  EXPECT_TRUE(filter.takes(result(10, true)));
  EXPECT_FALSE(filter.takes(result(9, true)));
  EXPECT_FALSE(filter.takes(result(10, false)));
  const SearchFilter others{{{"is-official", {"0"}}}};
  EXPECT_FALSE(others.takes(result(10, true)));
  EXPECT_TRUE(others.takes(result(0, false)));
}

TEST(SearchFilter, FindsNothingThatIsBuiltByItself) {
  EXPECT_TRUE((SearchFilter{{{"is-automated", {"true"}}}}).takes_nothing());
  EXPECT_FALSE((SearchFilter{{{"is-automated", {"false"}}}}).takes_nothing());
}

TEST(SearchFilter, RefusesInDockerdsWords) {
  EXPECT_EQ(refusal({{"nope", {"a"}}}), "invalid filter 'nope'");
  EXPECT_EQ(refusal({{"stars", {"1", "a"}}}), "invalid filter 'stars=a': strconv.Atoi: parsing \"a\": invalid syntax");
  EXPECT_EQ(refusal({{"stars", {"99999999999999999999"}}}),
            "invalid filter 'stars=99999999999999999999': strconv.Atoi: parsing \"99999999999999999999\": value out of "
            "range");
  EXPECT_EQ(refusal({{"stars", {"+-1"}}}), "invalid filter 'stars=+-1': strconv.Atoi: parsing \"+-1\": invalid syntax");
  EXPECT_EQ(refusal({{"stars", {"+1"}}}), "");
  EXPECT_EQ(refusal({{"is-official", {"maybe"}}}), "invalid filter 'is-official=[maybe]'");
  EXPECT_EQ(refusal({{"is-automated", {"z"}}}), "invalid filter 'is-automated=[z]'");
}

}  // namespace
}  // namespace gantry::images
