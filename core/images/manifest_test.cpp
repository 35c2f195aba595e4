#include "images/manifest.hpp"
#include "images/attestation.hpp"

#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/bounded_json.hpp"
#include "images/image_config.hpp"

namespace gantry::images {
namespace {

const std::string kA = sha256_digest("a");
const std::string kB = sha256_digest("b");

std::string descriptor(const std::string& digest, const std::string& more = {}) {
  return R"({"mediaType":"t","size":3,"digest":")" + digest + "\"" + more + "}";
}

std::string manifest(const std::string& layers) {
  return R"({"schemaVersion":2,"config":)" + descriptor(kA) + R"(,"layers":[)" + layers + "]}";
}

std::string refusal(const std::string& text, std::string_view type = media_type::kOciManifest) {
  try {
    parse_manifest(text, type);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Index index_of(std::vector<Platform> platforms) {
  Index index;
  for (const Platform& platform : platforms) {
    Index::Entry entry;
    entry.descriptor.digest = platform.str();
    entry.platform = platform;
    index.manifests.push_back(entry);
  }
  return index;
}

std::string chosen(const Index& index, const std::string& platform) {
  const auto* entry = choose(index, parse_platform(platform));
  return entry == nullptr ? "" : entry->descriptor.digest;
}

TEST(Manifest, NamesConfigAndLayers) {
  const auto parsed = parse_manifest(manifest(descriptor(kB)), media_type::kDockerManifest);
  const auto& image = std::get<Manifest>(parsed);
  EXPECT_EQ(image.config.digest, kA);
  ASSERT_EQ(image.layers.size(), 1U);
  EXPECT_EQ(image.layers[0].digest, kB);
  EXPECT_EQ(image.layers[0].size, 3U);
}

TEST(Manifest, IsRefusedWhenItIsHostile) {
  EXPECT_NE(refusal(manifest(descriptor("sha256:../../etc/passwd"))), "");
  EXPECT_NE(refusal(manifest(R"({"digest":")" + kA + R"(","size":-1})")), "");
  EXPECT_NE(refusal(manifest(R"({"digest":")" + kA + R"(","size":1e30})")), "");
  EXPECT_NE(refusal("["), "");
  EXPECT_NE(refusal("[]"), "");
  EXPECT_NE(refusal(std::string(kMaxManifest + 1, ' ')), "");
  EXPECT_NE(refusal(std::string(1000, '[')), "");
  EXPECT_NE(refusal(R"({"layers":[],"config":{},"manifests":[]})").find("at once"), std::string::npos);
  EXPECT_NE(refusal(R"({"schemaVersion":1})").find("schema 1"), std::string::npos);
  std::string many = descriptor(kA);
  for (std::size_t at = 0; at < kMaxLayers; ++at) many += "," + descriptor(kA);
  EXPECT_NE(refusal(manifest(many)).find("more than 1024 layers"), std::string::npos);
}

TEST(Manifest, IsOfSchema1ByItsTypeOrItsContent) {
  EXPECT_TRUE(is_schema_1("{}", "application/vnd.docker.distribution.manifest.v1+prettyjws"));
  EXPECT_TRUE(is_schema_1(R"({"schemaVersion":1})", "application/json"));
  EXPECT_FALSE(is_schema_1(R"({"schemaVersion":2})", media_type::kDockerManifest));
  EXPECT_FALSE(is_schema_1("no JSON", ""));
}

TEST(Manifest, KnowsForeignLayersByTheirTypes) {
  EXPECT_TRUE(is_foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
  EXPECT_TRUE(is_foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"));
  EXPECT_FALSE(is_foreign(media_type::kDockerLayerGzip));
  EXPECT_FALSE(is_foreign(media_type::kOciLayer));
}

TEST(Platform, ChoosesTheBestVariant) {
  const Index index =
      index_of({{"linux", "arm", "v5"}, {"linux", "arm", "v7"}, {"linux", "arm64", "v8"}, {"linux", "amd64", ""}});
  EXPECT_EQ(chosen(index, "linux/amd64"), "linux/amd64");
  EXPECT_EQ(chosen(index, "linux/arm64"), "linux/arm64/v8");
  EXPECT_EQ(chosen(index, "linux/arm/v6"), "linux/arm/v5");
  EXPECT_EQ(chosen(index, "linux/arm"), "linux/arm/v7");
  EXPECT_EQ(chosen(index, "linux/s390x"), "");
  EXPECT_EQ(chosen(index_of({{"unknown", "unknown", ""}}), "linux/amd64"), "");
  EXPECT_THROW(parse_platform("a/b/c/d"), Error);
  EXPECT_THROW(parse_platform(""), Error);
}

/// An index of manifests; each with the manifest that it speaks of, or "".
Index talking_index(const std::vector<std::pair<std::string, std::string>>& entries) {
  Index index;
  for (const auto& [digest, about] : entries) {
    Index::Entry entry;
    entry.descriptor.digest = digest;
    entry.platform = about.empty() ? host_platform() : Platform{"unknown", "unknown", ""};
    entry.about = about;
    index.manifests.push_back(std::move(entry));
  }
  return index;
}

TEST(Attestation, IsFoundInAnIndexOfOneImage) {
  const auto found = statements_about(talking_index({{kA, ""}, {kB, kA}}), kA);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().digest, kB);
}

TEST(Attestation, IsNoneOfOtherImagesAndNoneWithoutItsImage) {
  const std::string other = sha256_digest("other");
  EXPECT_FALSE(statements_about(talking_index({{kA, ""}}), kA));
  EXPECT_FALSE(statements_about(talking_index({{kB, kA}}), kA));
  EXPECT_FALSE(statements_about(talking_index({{kA, ""}, {kB, other}}), kA));
  EXPECT_FALSE(statements_about(talking_index({{kA, ""}, {other, ""}, {kB, kA}}), kA));
}

TEST(Attestation, IsNeverChosenAsTheImage) {
  Index index = talking_index({{kB, kA}});
  index.manifests.front().platform.reset();
  EXPECT_EQ(choose(index, host_platform()), nullptr);
}

TEST(Attestation, IsRefusedWhenItIsTooLarge) {
  const std::string statement = R"({"mediaType":"application/vnd.in-toto+json","digest":")" + kA + R"(","size":)" +
                                std::to_string(kMaxStatements + 1) + "}";
  Attestation attestation;
  EXPECT_THROW(add_manifest(attestation, {std::string{media_type::kOciManifest}, kB, manifest(statement)}), Error);
  EXPECT_THROW(add_manifest(attestation, {std::string{media_type::kOciIndex}, kB, R"({"manifests":[]})"}), Error);
}

TEST(Attestation, IsKeptIfItsManifestsAreFewAndSmall) {
  Descriptor small;
  small.size = 2000;
  Descriptor large;
  large.size = kMaxAttestationManifests;
  const registry::v1::Manifest index{std::string{media_type::kOciIndex}, kA, std::string(1000, ' ')};
  EXPECT_TRUE(is_modest(index, std::vector<Descriptor>(kMaxAttestations, small)));
  EXPECT_FALSE(is_modest(index, std::vector<Descriptor>(kMaxAttestations + 1, small)));
  EXPECT_FALSE(is_modest(index, {large}));
  large.size = ~std::uint64_t{};
  EXPECT_FALSE(is_modest(index, {large, large}));
}

TEST(PackageUrl, NamesAnImage) {
  const Platform platform{"linux", "arm64", "v8"};
  EXPECT_EQ(image_package_url(parse_reference("localhost:5000/a/b:1"), platform),
            "pkg:docker/localhost%3A5000/a/b@1?platform=linux%2Farm64%2Fv8");
}

TEST(ImageConfig, IsParsedWithinBounds) {
  Image image;
  parse_image_config(R"({"os":"linux","architecture":"amd64","created":"1970-01-01T00:00:01Z",
    "config":{"Env":["A=b"],"Cmd":["sh"],"ExposedPorts":{"80/tcp":{}},"Labels":{"k":"v"},"Healthcheck":{"Test":["NONE"]}},
    "rootfs":{"type":"layers","diff_ids":[")" +
                         kA + "\",\"" + kB + R"("]}})",
                     image);
  EXPECT_EQ(image.config.env, std::vector<std::string>{"A=b"});
  EXPECT_EQ(image.config.exposed_ports, std::vector<std::string>{"80/tcp"});
  EXPECT_EQ(image.created, 1'000'000'000);
  EXPECT_EQ(image.chain_ids, (std::vector<std::string>{kA, sha256_digest(kA + " " + kB)}));
  EXPECT_TRUE(image.config.healthcheck);
}

TEST(ImageConfig, IsRefusedWhenItIsHostile) {
  for (const char* text :
       {"", "[]", "{}", R"({"rootfs":{"diff_ids":["sha256:x"]}})", R"({"rootfs":[]})",
        R"({"rootfs":{"diff_ids":[]},"config":{"Env":"A"}})", R"({"rootfs":{"diff_ids":[]},"config":[]})",
        R"({"rootfs":{"diff_ids":[]},"config":{"Cmd":["a\u0000b"]}})",
        R"({"rootfs":{"diff_ids":[]},"config":{"Volumes":{"/proc\u0000":{}}}})",
        R"({"rootfs":{"diff_ids":[]},"history":{}})"}) {
    Image image;
    EXPECT_THROW(parse_image_config(text, image), Error) << text;
  }
}

}  // namespace
}  // namespace gantry::images
