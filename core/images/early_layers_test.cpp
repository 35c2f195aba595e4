#include "images/early_layers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "images/service_fixture.hpp"

namespace gantry::images {
namespace {

using conformance::TarMaker;

std::string config_of(const std::vector<std::string>& diff_ids) {
  return nlohmann::json{{"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}}.dump();
}

class EarlyLayersTest : public ImageService {
 protected:
  EarlyLayersTest() { start("overlay"); }

  awaitable<std::size_t> layers_now() {
    const plugins::CallSettings settings;
    const auto work = [](auto& driver, const Call& call) {
      storage::v1::Holdings out;
      driver.list(out, call);
      return out.layers.size();
    };
    co_return co_await daemon_->drivers.call(daemon_->drivers.storage(), Pool::quick, settings, work);
  }

  /// Sends `begin`, then waits for the first layer, then sends `rest`.
  awaitable<std::size_t> send(const std::string& begin, const std::string& rest, std::size_t& at,
                              std::span<std::byte> buffer) {
    if (at < begin.size()) co_return co_await read_text(begin, at, buffer);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (early_ == 0 && std::chrono::steady_clock::now() < end) early_ = co_await layers_now();
    std::size_t in_rest = at - begin.size();
    const std::size_t got = co_await read_text(rest, in_rest, buffer);
    at += got;
    co_return got;
  }

  std::size_t early_{};
};

TEST_F(EarlyLayersTest, UnpacksALayerBeforeTheArchiveEnds) {
  const std::string layer = layer_tar("a", noise(1000));
  TarMaker first;
  first.file("config.json", config_of({sha256_digest(layer)})).file("layer.tar", layer);
  std::string begin = first.take();
  begin.resize(begin.size() - 1024);  // the archive's end
  const nlohmann::json item{{"Config", "config.json"}, {"RepoTags", {"box:1"}}, {"Layers", {"layer.tar"}}};
  const std::string rest = TarMaker{}.file("manifest.json", nlohmann::json::array({item}).dump()).take();
  std::size_t at = 0;
  const UploadSource source = [&](std::span<std::byte> buffer) { return send(begin, rest, at, buffer); };
  const Report to = report();
  EXPECT_EQ(daemon_->run([&]() -> awaitable<void> { co_await service().load(source, true, to, nullptr); }), "");
  EXPECT_EQ(early_, 1U);
  EXPECT_THAT(names(), ::testing::ElementsAre("box:1"));
}

// Each of these configs is of 75 kB and would hold 59 MB if each of its layers kept all those below.
TEST_F(EarlyLayersTest, HoldsLittleOfManyLayers) {
  BlobStore blobs{root_ / "apart"};
  state::Store state{root_ / "apart" / "state.db"};
  Catalog catalog{state};
  LayerStore layers{daemon_->drivers, daemon_->workers, blobs, catalog};
  Slots uploads{1};
  Context context{daemon_->bus, daemon_->drivers, daemon_->workers, blobs, catalog, layers, uploads, {}};
  const auto early = std::make_shared<EarlyLayers>(context, daemon_->io.get_executor());
  std::vector<ArchiveFiles::File> configs;
  for (int config = 0; config < 8; ++config) {
    std::vector<std::string> diff_ids;
    for (int at = 0; at < 1024; ++at) diff_ids.push_back(sha256_digest(std::to_string(config * 1024 + at)));
    const std::string text = config_of(diff_ids);
    configs.push_back({blobs.put(text), text.size(), 0});
  }
  const std::size_t before = ::mallinfo2().uordblks;
  for (const auto& config : configs) early->take(config);
  EXPECT_LT(::mallinfo2().uordblks, before + (std::size_t{2} << 20));
  EXPECT_EQ(daemon_->run([&]() -> awaitable<void> { co_await early->leave(); }), "");
}

}  // namespace
}  // namespace gantry::images
