#include "build/layer_form.hpp"

#include <gtest/gtest.h>

#include "command/failure.hpp"

namespace gantry::cli {
namespace {

using Attributes = std::map<std::string, std::string>;

std::string refusal_of(LayerForm& form, const std::string& flag, const Attributes& attributes) {
  try {
    form.take(flag, attributes);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "taken";
}

std::string asked(const Attributes& attributes) {
  LayerForm form;
  form.take("--output", attributes);
  Query query;
  form.add_to(query);
  return query.text();
}

TEST(LayerForm, IsWhatAnOutputSays) {
  EXPECT_EQ(asked({{"type", "oci"}}), "");
  EXPECT_EQ(asked({{"compression", "zstd"}, {"compression-level", "19"}}), "?compression=zstd&compression-level=19");
  EXPECT_EQ(asked({{"compression-level", "0"}}), "?compression=gzip&compression-level=0");
  EXPECT_EQ(asked({{"compression", "uncompressed"}, {"force-compression", "true"}}),
            "?compression=uncompressed&force-compression=1");
  EXPECT_EQ(asked({{"force-compression", "false"}}), "");
}

TEST(LayerForm, IsOneForAllOutputs) {
  LayerForm form;
  EXPECT_EQ(refusal_of(form, "--output", {{"compression", "zstd"}}), "taken");
  EXPECT_EQ(refusal_of(form, "--cache-to", {{"compression", "zstd"}}), "taken");
  EXPECT_EQ(refusal_of(form, "--cache-to", {{"type", "local"}}), "taken");
  EXPECT_EQ(refusal_of(form, "--cache-to", {{"compression", "gzip"}}),
            "--cache-to: the image's layers have one form, and --cache-to asks for another: compression, "
            "compression-level and force-compression must be the same everywhere");
}

TEST(LayerForm, RefusesWhatItDoesNotKnow) {
  LayerForm form;
  EXPECT_EQ(refusal_of(form, "-o", {{"compression", "lz4"}}),
            "-o: unknown compression \"lz4\": use gzip, zstd or uncompressed");
  EXPECT_EQ(refusal_of(form, "-o", {{"compression", "estargz"}}),
            "-o: compression=estargz is not supported: use gzip or zstd");
  EXPECT_EQ(refusal_of(form, "-o", {{"compression-level", "10"}}),
            "-o: invalid compression-level \"10\" of gzip: use 0 to 9");
  EXPECT_EQ(refusal_of(form, "-o", {{"compression", "zstd"}, {"compression-level", "23"}}),
            "-o: invalid compression-level \"23\" of zstd: use 1 to 22");
  EXPECT_EQ(refusal_of(form, "-o", {{"compression", "uncompressed"}, {"compression-level", "3"}}),
            "-o: compression-level has no meaning without a compression");
  EXPECT_EQ(refusal_of(form, "-o", {{"force-compression", "maybe"}}),
            "-o: force-compression=maybe is no truth value: use true or false");
}

}  // namespace
}  // namespace gantry::cli
