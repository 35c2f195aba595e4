// What peculiar publishers have: foreign layers, manifests of the first schema, layers by zstd, and bombs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/digest.hpp"
#include "images/archive_maker.hpp"
#include "images/manifest.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kForeign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

class UnusualLayers : public ImageService {
 protected:
  json put(std::string_view type, const std::string& content) {
    const std::string digest = sha256_digest(content);
    const std::filesystem::path blobs = root_ / "layout/blobs/sha256";
    std::filesystem::create_directories(blobs);
    std::ofstream{blobs / digest.substr(7), std::ios::binary} << content;
    return {{"mediaType", type}, {"digest", digest}, {"size", content.size()}};
  }

  void publish_manifest(json entry) {
    entry["annotations"] = {{"org.opencontainers.image.ref.name", "1"}};
    std::ofstream{root_ / "layout/oci-layout"} << R"({"imageLayoutVersion":"1.0.0"})";
    std::ofstream{root_ / "layout/index.json"}
        << json{{"schemaVersion", 2}, {"mediaType", media_type::kOciIndex}, {"manifests", {entry}}}.dump();
  }

  /// An image whose only layer is foreign. Answers the layer's digest.
  std::string publish_image() {
    const Packed image{{kSmall}};
    json layer = put(kForeign, image.layers.front());
    layer["urls"] = {"https://elsewhere.example/layer"};
    const json manifest{{"schemaVersion", 2},
                        {"mediaType", media_type::kOciManifest},
                        {"config", put(media_type::kOciConfig, image.config)},
                        {"layers", {layer}}};
    publish_manifest(put(media_type::kOciManifest, manifest.dump()));
    return layer["digest"];
  }

  /// An image of one layer whose content is `plain` and whose blob `packed`.
  void publish_layer(std::string_view type, const std::string& plain, const std::string& packed) {
    const json config{{"architecture", "amd64"},
                      {"os", "linux"},
                      {"config", json::object()},
                      {"rootfs", {{"type", "layers"}, {"diff_ids", {sha256_digest(plain)}}}}};
    const json manifest{{"schemaVersion", 2},
                        {"mediaType", media_type::kOciManifest},
                        {"config", put(media_type::kOciConfig, config.dump())},
                        {"layers", {put(type, packed)}}};
    publish_manifest(put(media_type::kOciManifest, manifest.dump()));
  }

  /// With `tool`, which reads its input and writes its output.
  std::string packed_by(const std::string& tool, const std::string& plain) const {
    const std::string place = root_.string();
    std::ofstream{place + "/plain", std::ios::binary} << plain;
    EXPECT_EQ(std::system((tool + " <" + place + "/plain >" + place + "/packed").c_str()), 0);
    std::ostringstream out;
    out << std::ifstream{place + "/packed", std::ios::binary}.rdbuf();
    return out.str();
  }

  std::string pull_layout() { return pull("oci:" + (root_ / "layout").string() + ":1"); }
};

TEST_F(UnusualLayers, ForeignIsTakenFromTheRegistryThatHasIt) {
  publish_image();
  EXPECT_EQ(pull_layout(), "");
  EXPECT_EQ(layers(), 1U);
}

TEST_F(UnusualLayers, ForeignIsNamedWhereTheRegistryLacksIt) {
  const std::string digest = publish_image();
  std::filesystem::remove(root_ / "layout/blobs/sha256" / digest.substr(7));
  EXPECT_EQ(pull_layout(), "layer " + digest + " is a foreign one (" + kForeign +
                               ") that its registry does not have: it is at https://elsewhere.example/layer, from "
                               "where no layers are fetched");
  EXPECT_EQ(layers(), 0U);
  EXPECT_EQ(blobs(), 0U);
}

TEST_F(UnusualLayers, OfSchema1AreRefusedAsDockerdDoes) {
  publish_manifest(put("application/vnd.docker.distribution.manifest.v1+prettyjws", R"({"schemaVersion":1})"));
  EXPECT_THAT(pull_layout(), StartsWith("[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version "
                                        "2, schema 1 support is disabled by default"));
}

TEST_F(UnusualLayers, ByZstdAreUnpackedAndKept) {
  const std::string plain = layer_tar("a", noise(100'000));
  const std::string packed = packed_by("zstd -q", plain);
  publish_layer(media_type::kOciLayerZstd, plain, packed);
  ASSERT_EQ(pull_layout(), "");
  EXPECT_EQ(service().inspect(names().front())["Size"], 100'000);
  EXPECT_TRUE(std::filesystem::exists(root_ / "blobs/sha256" / sha256_digest(packed).substr(7)));
}

// What inflates to a thousand times its size passes by and is not kept: neither as it is nor in memory.
TEST_F(UnusualLayers, ThatAreBombsCostTheirSizeOnly) {
  constexpr std::size_t kZeros = std::size_t{8} << 20;
  const std::string plain = layer_tar("a", "hello") + std::string(kZeros, '\0');
  const std::string packed = packed_by("gzip -n1", plain);
  ASSERT_LT(packed.size(), kZeros / 100);
  publish_layer(media_type::kOciLayerGzip, plain, packed);
  ASSERT_EQ(pull_layout(), "");
  EXPECT_EQ(service().inspect(names().front())["Size"], 5);
  EXPECT_EQ(blobs(), 1U);
  ASSERT_EQ(remove(names().front()), "");
  // One that is not what its image says leaves nothing.
  publish_layer(media_type::kOciLayerGzip, plain + "x", packed);
  EXPECT_THAT(pull_layout(), HasSubstr("but the image's config names"));
  EXPECT_EQ(blobs(), 0U);
  EXPECT_EQ(layers(), 0U);
}

}  // namespace
}  // namespace gantry::images
