#include "source_excerpt.hpp"

#include <gtest/gtest.h>

namespace gantry::dockerfile {
namespace {

TEST(SourceExcerpt, ShowsALineAndThoseAroundIt) {
  EXPECT_EQ(source_excerpt("Dockerfile", "FROM busybox\nRUN false\nRUN true\n", 2, 2),
            "Dockerfile:2\n--------------------\n   1 |     FROM busybox\n   2 | >>> RUN false\n   3 |     RUN true\n"
            "   4 |     \n--------------------\n");
}

TEST(SourceExcerpt, MarksAllLinesOfAnInstruction) {
  EXPECT_EQ(
      source_excerpt("x", "a\nb \\\nc\nd", 2, 3),
      "x:2\n--------------------\n   1 |     a\n   2 | >>> b \\\n   3 | >>> c\n   4 |     d\n--------------------\n");
}

TEST(SourceExcerpt, ShowsTheStartOfWhatIsTooLong) {
  std::string text = "RUN \\\n";
  for (int line = 0; line < 10'000; ++line) text += "0123456789 \\\n";
  for (const std::string& whole : {text, "RUN " + std::string(100'000, 'x')}) {
    const std::string shown = source_excerpt("x", whole, 1, 10'000);
    EXPECT_LT(shown.size(), 20'000U);
    EXPECT_TRUE(shown.ends_with("[...]\n--------------------\n")) << shown.substr(shown.size() - 50);
  }
}

TEST(SourceExcerpt, IsEmptyForLinesThatAreNotThere) {
  EXPECT_EQ(source_excerpt("x", "a", 0, 0), "");
  EXPECT_EQ(source_excerpt("x", "a", 2, 2), "");
  EXPECT_EQ(line_named_in("dockerfile parse error on line 17: unknown"), 17U);
  EXPECT_EQ(line_named_in("No such image"), 0U);
}

}  // namespace
}  // namespace gantry::dockerfile
