#include "build/annotation_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "command/failure.hpp"

namespace gantry::cli {
namespace {

Json one(const std::string& flag) {
  const Json all = parse_annotations({flag});
  return all.size() == 1 ? all.front() : Json{};
}

TEST(AnnotationFlags, AreForTheManifestIfNothingElseIsSaid) {
  EXPECT_EQ(one("a.b=c=d"), (Json{{"type", "manifest"}, {"name", "a.b"}, {"value", "c=d"}}));
  EXPECT_EQ(one("index:a=http://b"), (Json{{"type", "index"}, {"name", "a"}, {"value", "http://b"}}));
  EXPECT_EQ(one("manifest-descriptor[linux/arm64]:a="),
            (Json{{"type", "manifest-descriptor"}, {"name", "a"}, {"value", ""}, {"platform", "linux/arm64"}}));
  const Json both = parse_annotations({"index,manifest:a=b"});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].at("type"), "index");
  EXPECT_EQ(both[1].at("type"), "manifest");
}

TEST(AnnotationFlags, AreRefusedAsBuildxDoes) {
  const auto refusal = [](const std::string& flag) -> std::string {
    try {
      static_cast<void>(parse_annotations({flag}));
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  };
  EXPECT_EQ(refusal("a"), "invalid annotation \"a\", expected key=value");
  EXPECT_EQ(refusal("bogus:a=b"), "unknown annotation type \"bogus\"");
  EXPECT_NE(refusal("manifest[linux:a=b"), "");
  EXPECT_NE(refusal("index:=b"), "");
}

TEST(AnnotationFlags, MayBeAttributesOfAnOutput) {
  const Json all = output_annotations({{"annotation.a.b", "1"},
                                       {"annotation-index.c", "2"},
                                       {"annotation-manifest[linux/arm/v7].d", "3"},
                                       {"dest", "x"}});
  EXPECT_EQ(all, (Json{{{"type", "index"}, {"name", "c"}, {"value", "2"}},
                       {{"type", "manifest"}, {"name", "d"}, {"value", "3"}, {"platform", "linux/arm/v7"}},
                       {{"type", "manifest"}, {"name", "a.b"}, {"value", "1"}}}));
  EXPECT_FALSE(is_annotation("annotations"));
  EXPECT_THROW(static_cast<void>(output_annotations({{"annotation-bogus.a", "b"}})), Failure);
}

}  // namespace
}  // namespace gantry::cli
