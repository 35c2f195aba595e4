#include "build/cache_flags.hpp"

#include <gtest/gtest.h>

#include "command/failure.hpp"

namespace gantry::cli {
namespace {

std::string refusal(const std::string& text, CacheFlag (*parse)(const std::string&) = parse_cache_target) {
  try {
    static_cast<void>(parse(text));
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "taken";
}

TEST(CacheFlags, SayWhatIsLeftWhere) {
  const CacheFlag max = parse_cache_target("type=registry,ref=host/app:cache,mode=max,ignore-error=true");
  EXPECT_EQ(max.place, "host/app:cache");
  EXPECT_TRUE(max.every_stage);
  EXPECT_TRUE(max.ignores_failure);
  const CacheFlag usual = parse_cache_target("type=local,dest=/cache");
  EXPECT_EQ(usual.place, "/cache");
  EXPECT_FALSE(usual.every_stage);
  EXPECT_FALSE(usual.ignores_failure);
  EXPECT_FALSE(parse_cache_target("type=local,dest=/cache,mode=min").every_stage);
  EXPECT_EQ(parse_cache_target("type=registry,ref=a,oci-mediatypes=true,image-manifest=true").place, "a");
  EXPECT_TRUE(CacheTargets({"type=inline", "type=local,dest=a,mode=max"}).wants_every_stage());
  EXPECT_FALSE(CacheTargets({"type=inline", "type=local,dest=a"}).wants_every_stage());
}

TEST(CacheFlags, TakeANameAloneForAnImages) {
  const CacheFlag name = parse_cache_source("user/app:1");
  EXPECT_EQ(name.type, "registry");
  EXPECT_EQ(name.place, "user/app:1");
  EXPECT_TRUE(name.is_bare);
  EXPECT_FALSE(parse_cache_source("type=registry,ref=user/app:1").is_bare);
}

TEST(CacheFlags, NameWhatTheyDoNotKnow) {
  EXPECT_EQ(refusal("type=local,dest=a,tag=b"),
            "--cache-to: type=local has no attribute \"tag\": use compression, compression-level, dest, "
            "force-compression, ignore-error, image-manifest, mode, oci-mediatypes, type");
  EXPECT_EQ(refusal("type=local,src=a,mode=max", parse_cache_source),
            "--cache-from: type=local has no attribute \"mode\": use src, type");
  EXPECT_NE(refusal("type=local,src=a").find("type=local has no attribute \"src\""), std::string::npos);
  EXPECT_EQ(refusal("type=registry,ref=a,mode=all"), "--cache-to: unknown mode \"all\": use min or max");
  EXPECT_EQ(refusal("type=registry"), "--cache-to: type=registry needs ref");
  EXPECT_EQ(refusal("type=local"), "--cache-to: type=local needs dest");
  EXPECT_EQ(refusal("type=gha", parse_cache_source),
            "--cache-from: type \"gha\" is not supported: use registry, local or inline");
  EXPECT_EQ(refusal("type=registry,ref=a,ignore-error=perhaps"),
            "--cache-to: ignore-error=perhaps is no truth value: use true or false");
  EXPECT_NE(refusal("type=inline,mode=max").find("type=inline has no mode=max"), std::string::npos);
}

}  // namespace
}  // namespace gantry::cli
