#include "images/blob_repair.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "images/layer_store.hpp"
#include "images/service_fixture.hpp"

namespace gantry::images {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BlobRepair : public ImageService {
 protected:
  [[nodiscard]] fs::path blob(const std::string& digest) const { return root_ / "blobs" / "sha256" / digest.substr(7); }

  /// An image layout by somebody who says what he likes.
  std::string layout(const std::string& name, const std::string& config, json layer) {
    const fs::path folder = root_ / name;
    fs::create_directories(folder / "blobs" / "sha256");
    const json config_entry = put(folder, config, "application/vnd.oci.image.config.v1+json");
    const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
    const json manifest{{"schemaVersion", 2},
                        {"mediaType", manifest_type},
                        {"config", config_entry},
                        {"layers", json::array({std::move(layer)})}};
    const json entry = put(folder, manifest.dump(), manifest_type);
    std::ofstream{folder / "oci-layout"} << R"({"imageLayoutVersion":"1.0.0"})";
    std::ofstream{folder / "index.json"} << json{{"schemaVersion", 2}, {"manifests", json::array({entry})}}.dump();
    return "oci:" + folder.string();
  }
  static json put(const fs::path& folder, const std::string& content, const std::string& type) {
    const std::string digest = sha256_digest(content);
    std::ofstream{folder / "blobs" / "sha256" / digest.substr(7), std::ios::binary} << content;
    return descriptor(digest, content.size(), type);
  }
  static json descriptor(const std::string& digest, std::size_t size, const std::string& type = kTar) {
    return {{"mediaType", type}, {"digest", digest}, {"size", size}};
  }
  std::string push_to(const std::string& image, const std::string& destination) {
    PushRequest request;
    request.image = image;
    request.destination = destination;
    const Report to = report();
    return daemon_->run([&]() -> awaitable<void> { co_await service().push(request, to, nullptr); });
  }

  static constexpr const char* kTar = "application/vnd.oci.image.layer.v1.tar";
};

std::string hostile_config(const std::string& diff_id) {
  return json{{"architecture", "amd64"}, {"os", "linux"}, {"rootfs", {{"type", "layers"}, {"diff_ids", {diff_id}}}}}
      .dump();
}

// The length is a stranger's word, and the blob another image's.
TEST_F(BlobRepair, TakesNoBlobForDamagedThatAManifestGivesAnotherSize) {
  const std::string layer = layer_tar("a", "hello");
  const std::string digest = sha256_digest(layer);
  for (const std::string storage : {"vfs", "overlay"}) {
    start(storage);
    ASSERT_EQ(import("victim:1", layer), "");
    const std::string config = hostile_config(sha256_digest("another"));
    for (const std::size_t size : {layer.size() + 1, layer.size() - 1}) {
      const std::string here = layout("hostile", config, descriptor(digest, size));
      EXPECT_NE(pull(here), "");
      fs::remove_all(root_ / "hostile");
    }
    EXPECT_TRUE(fs::exists(blob(digest)));
    EXPECT_EQ(save({"victim:1"}), "");
    ASSERT_EQ(remove("victim:1"), "");
  }
}

TEST_F(BlobRepair, ReadsWhatHasAnotherLengthBeforeItIsRemoved) {
  const BlobStore store{root_ / "apart"};
  Descriptor named;
  named.digest = store.put("content");
  named.size = 8;
  const auto refusal = [&] {
    try {
      check_size(store, named, nullptr);
    } catch (const Error& error) {
      return std::string{error.what()};
    }
    return std::string{};
  };
  EXPECT_EQ(refusal(), "the stored blob " + named.digest + " has 7 bytes, and not the 8 that its image names");
  EXPECT_TRUE(store.has(named.digest, 7));
  fs::resize_file(store.path(named.digest), 6);
  EXPECT_THAT(refusal(), HasSubstr("is damaged and has been removed"));
  EXPECT_THAT(refusal(), HasSubstr("is not in the store"));
}

TEST_F(BlobRepair, RefusesADamagedBlobBeforeItsEndIsGivenAway) {
  const BlobStore store{root_ / "apart"};
  Descriptor named;
  named.digest = store.put("0123456789");
  named.size = 10;
  std::array<std::byte, 6> buffer{};
  WholeBlob right{store, named};
  EXPECT_EQ(right.read({}), 0U);
  EXPECT_TRUE(store.has(named.digest));
  for (const std::size_t at : {0U, 3U, 0U}) {
    right.seek(at);
    std::size_t all = 0;
    while (const std::size_t got = right.read(buffer)) all += got;
    EXPECT_EQ(all, 10 - at);
  }
  WholeBlob wrong{store, named};
  std::fstream{store.path(named.digest), std::ios::in | std::ios::out | std::ios::binary} << "x";
  EXPECT_EQ(wrong.read(buffer), 6U);
  EXPECT_THROW(wrong.read(buffer), Error);
  EXPECT_FALSE(store.has(named.digest));
}

// The last who wanted the layer goes while what failed is looked at: a pipe stands for a blob that is long to read.
TEST_F(BlobRepair, BringsNothingAnewForNobody) {
  const fs::path apart = root_ / "apart";
  const BlobStore store{apart};
  state::Store state{apart / "state.db"};
  const Catalog catalog{state};
  LayerStore layers{daemon_->drivers, daemon_->workers, store, catalog};
  const std::string tar = layer_tar("a", "hello");
  Layer layer;
  layer.blob = {kTar, sha256_digest(tar), tar.size(), {}};
  layer.diff_id = layer.chain_id = layer.blob.digest;
  const fs::path place = root_ / "place";
  std::ofstream{place, std::ios::binary} << std::string(tar.size(), 'x');
  Origin origin;
  origin.file = FileRange{std::make_shared<const UniqueFd>(::open(place.c_str(), O_RDONLY | O_CLOEXEC)), 0, tar.size()};
  const std::string pipe = store.path(layer.blob.digest);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto meet = [&]() -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<LayerTransfer::Interest> wanted;
    wanted.push_back(layers.transfer(executor, layer, origin));
    const auto transfer = wanted.front().transfer();
    UniqueFd end;
    const auto open = [&] { end.reset(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC)); };
    co_await daemon_->workers.run(Pool::slow, open);
    // From here on the layer could be had.
    std::ofstream{place, std::ios::binary} << tar;
    wanted.clear();
    end.reset();
    co_await transfer->join();
  };
  EXPECT_EQ(daemon_->run(meet), "context canceled");
  EXPECT_FALSE(layers.has(layer.chain_id));
}

// A registry that refuses is no reason to read all of a blob.
TEST_F(BlobRepair, LooksAtABlobOnlyOnItsWayToTheRegistry) {
  ASSERT_EQ(import("box:1", layer_tar("a", noise(2'000'000))), "");
  ASSERT_EQ(push_to("box:1", "oci:" + (root_ / "good").string() + ":1"), "");
  fs::path damaged;
  for (const auto& entry : fs::directory_iterator{root_ / "blobs" / "sha256"}) {
    if (fs::exists(root_ / "good" / "blobs" / "sha256" / entry.path().filename())) damaged = entry.path();
  }
  ASSERT_FALSE(damaged.empty());
  std::fstream{damaged, std::ios::in | std::ios::out | std::ios::binary}.seekp(1'000'000) << "damage";
  fs::create_directories(root_ / "bad");
  fs::create_directory_symlink(root_ / "good" / "none", root_ / "bad" / "blobs");
  EXPECT_THAT(push_to("box:1", "oci:" + (root_ / "bad").string() + ":1"),
              AllOf(Not(HasSubstr("damaged")), HasSubstr((root_ / "bad").string())));
  EXPECT_TRUE(fs::exists(damaged));
  EXPECT_THAT(push_to("box:1", "oci:" + (root_ / "new").string() + ":1"), HasSubstr("is damaged and has been removed"));
  EXPECT_FALSE(fs::exists(damaged));
}

// As it was loaded the layer is plain, and there it is compressed.
TEST_F(BlobRepair, TakesAnotherBlobOfTheSameContentForALostOne) {
  const std::string layer = layer_tar("a", "hello");
  const std::string digest = sha256_digest(layer);
  ASSERT_EQ(import("box:1", layer), "");
  ASSERT_EQ(save({"box:1"}), "");
  const std::string archive = saved_;
  const std::string here = "oci:" + (root_ / "place").string() + ":1";
  ASSERT_EQ(push_to("box:1", here), "");
  ASSERT_EQ(remove("box:1"), "");
  ASSERT_EQ(load(archive), "");
  ASSERT_EQ(import("twin:1", layer), "");
  fs::remove(blob(digest));
  EXPECT_THAT(save({"box:1"}), HasSubstr("is not in the store"));
  // That it is the same is looked at.
  const std::string other = layer_tar("a", "other");
  const std::string config = service().get("box:1")->config_json;
  const std::string hostile = layout("hostile", config, descriptor(sha256_digest(other), other.size()));
  put(root_ / "hostile", other, kTar);
  EXPECT_THAT(pull(hostile), HasSubstr("its content is " + sha256_digest(other)));
  EXPECT_THAT(save({"box:1"}), HasSubstr("is not in the store"));
  ASSERT_EQ(pull(here), "");
  EXPECT_EQ(save({"box:1"}), "");
  EXPECT_EQ(save({"twin:1"}), "");
  EXPECT_EQ(blobs(), 1U);
  // An archive brings it back, too.
  fs::remove(fs::directory_iterator { root_ / "blobs" / "sha256" } -> path());
  ASSERT_EQ(load(archive), "");
  EXPECT_TRUE(fs::exists(blob(digest)));
  EXPECT_EQ(save({"twin:1"}), "");
}

}  // namespace
}  // namespace gantry::images
