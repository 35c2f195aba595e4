#include "build/attest_flags.hpp"

#include <gmock/gmock.h>

#include "command/failure.hpp"
#include "command/flags.hpp"

namespace gantry::cli {
namespace {

using ::testing::ElementsAre;

TEST(AttestFlags, AreThoseOfBuildx) {
  EXPECT_EQ(parse_attest({}, "", "").provenance, "");
  EXPECT_EQ(parse_attest({}, "true", "").provenance, "min");
  EXPECT_EQ(parse_attest({}, "false", "").provenance, "");
  EXPECT_EQ(parse_attest({}, "mode=max", "").provenance, "max");
  EXPECT_EQ(parse_attest({"type=provenance, Mode=full"}, "", "").provenance, "max");
  EXPECT_EQ(parse_attest({"type=provenance,mode=max,disabled=true"}, "", "").provenance, "");
  EXPECT_TRUE(parse_attest({"type=provenance,reproducible=true"}, "", "").reproducible);
  EXPECT_TRUE(parse_attest({"type=sbom"}, "", "").sbom);
  EXPECT_FALSE(parse_attest({}, "", "false").sbom);
}

TEST(AttestFlags, RefuseWhatTheyDoNotKnow) {
  EXPECT_THROW(parse_attest({"mode=max"}, "", ""), Failure);
  EXPECT_THROW(parse_attest({"type=other"}, "", ""), Failure);
  EXPECT_THROW(parse_attest({}, "mode=all", ""), Failure);
  EXPECT_THROW(parse_attest({}, "mdoe=max", ""), Failure);
  EXPECT_THROW(parse_attest({"type=provenance,generator=image"}, "", ""), Failure);
  EXPECT_THROW(parse_attest({"type=sbom,mode=max"}, "", ""), Failure);
  EXPECT_THROW(parse_attest({}, "all", ""), Failure);
  EXPECT_THROW(parse_attest({"type=sbom"}, "", "true"), Failure);
  EXPECT_THROW(parse_attest({"type=sbom,generator=image"}, "", ""), Failure);
}

TEST(AttestFlags, NeedNoValue) {
  std::string value;
  Flags flags;
  flags.optional("provenance", "string", "", is_attest_value, [&](const std::string& text) { value = text; });
  EXPECT_THAT(flags.parse({"--provenance", "."}, true), ElementsAre("."));
  EXPECT_EQ(value, "true");
  EXPECT_THAT(flags.parse({"--provenance", "mode=max", "."}, true), ElementsAre("."));
  EXPECT_EQ(value, "mode=max");
  EXPECT_THAT(flags.parse({".", "--provenance=false"}, true), ElementsAre("."));
  EXPECT_EQ(value, "false");
}

}  // namespace
}  // namespace gantry::cli
