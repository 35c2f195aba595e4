#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/digest.hpp"
#include "images/archive_maker.hpp"
#include "images/background_task.hpp"

namespace gantry::images {
namespace {

namespace fs = std::filesystem;
using conformance::TarMaker;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// With `tool`, which reads its input and writes its output.
std::string compressed(const std::string& text, const std::string& tool, const fs::path& folder) {
  std::ofstream{folder / "plain", std::ios::binary} << text;
  const std::string place = folder.string();
  EXPECT_EQ(std::system((tool + " < " + place + "/plain > " + place + "/packed").c_str()), 0);
  std::ostringstream out;
  out << std::ifstream{folder / "packed", std::ios::binary}.rdbuf();
  return out.str();
}

class ArchiveLoad : public ImageService, public ::testing::WithParamInterface<std::tuple<const char*, bool>> {
 protected:
  ArchiveLoad() { start(std::get<0>(GetParam())); }

  [[nodiscard]] bool is_file() const { return std::get<1>(GetParam()); }

  std::shared_ptr<const UniqueFd> file_of(const std::string& archive) {
    const fs::path path = root_ / ("archive-" + std::to_string(++archives_));
    std::ofstream{path, std::ios::binary} << archive;
    return std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  }

  /// As a stream or as a file; the error's text, or "".
  std::string take(const std::string& archive) {
    if (!is_file()) return load(archive);
    return take(file_of(archive));
  }
  std::string take(const std::shared_ptr<const UniqueFd>& file) {
    const Report to = report();
    return daemon_->run([&]() -> awaitable<void> { co_await service().load_file(file, true, to, nullptr); });
  }

  void expect_nothing() {
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_EQ(blobs(), 0U);
    EXPECT_EQ(layers(), 0U);
  }

  int archives_{};
};

TEST_P(ArchiveLoad, TakesEntriesInAnyOrder) {
  const Packed image{{kLarge, kSmall, kLarge + 1}};
  for (const std::string order : {"lcm", "mcl", "clm", "mlc"}) {
    ASSERT_EQ(take(archive_of(image, order)), "") << order;
    EXPECT_THAT(lines_, ElementsAre("Loaded image: box:1\n"));
    EXPECT_EQ(service().inspect("box:1")["Id"], image.id());
    EXPECT_EQ(service().inspect("box:1")["Size"], 2 * kLarge + kSmall + 1);
    EXPECT_EQ(blobs(), 3U);
    EXPECT_EQ(layers(), 3U);
    // What was stored comes out again.
    ASSERT_EQ(save({"box:1"}), "");
    ASSERT_EQ(remove("box:1"), "");
    expect_nothing();
    ASSERT_EQ(take(saved_), "");
    EXPECT_EQ(service().inspect("box:1")["Id"], image.id());
    ASSERT_EQ(remove("box:1"), "");
    expect_nothing();
  }
}

TEST_P(ArchiveLoad, TakesEachCompressionOfArchivesAndLayers) {
  const Packed image{{kLarge, kSmall}};
  const std::string plain = archive_of(image, "lcm");
  for (const std::string tool : {"gzip -1", "zstd -1", "xz -0", "bzip2 -1"}) {
    ASSERT_EQ(take(compressed(plain, tool, root_)), "") << tool;
    EXPECT_EQ(service().inspect("box:1")["Id"], image.id());
    ASSERT_EQ(remove("box:1"), "");
  }
  Packed with_packed_layers = image;
  with_packed_layers.layers[0] = compressed(image.layers[0], "gzip -1", root_);
  with_packed_layers.layers[1] = compressed(image.layers[1], "zstd -1", root_);
  ASSERT_EQ(take(archive_of(with_packed_layers, "lcm")), "");
  EXPECT_EQ(service().inspect("box:1")["Id"], image.id());
  EXPECT_EQ(layers(), 2U);
  ASSERT_EQ(remove("box:1"), "");
  expect_nothing();
}

/// The most memory that the process has had at once since `forget`, in KiB.
class PeakMemory {
 public:
  static void forget() { std::ofstream{"/proc/self/clear_refs"} << 5; }
  static std::size_t get() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;) {
      std::size_t size = 0;
      if (word == "VmHWM:" && status >> size) return size;
    }
    return 0;
  }
};

TEST_P(ArchiveLoad, InflatesABombInLittleMemoryAndLeavesNothingOfIt) {
  constexpr std::size_t kBomb = std::size_t{96} << 20;
  static const std::string packed = compressed(layer_tar("f", std::string(kBomb, '\0')), "gzip -9", root_);
  fs::remove(root_ / "plain");
  ASSERT_LT(packed.size(), kBomb / 500);
  Packed image{{kSmall}};
  image.layers[0] = packed;
  const std::string archive = archive_of(image, "lcm");
  PeakMemory::forget();
  const std::size_t before = PeakMemory::get();
  // The config names another layer: all of it is inflated before that is known.
  EXPECT_THAT(take(archive), HasSubstr("but the image's config names"));
  EXPECT_LT(PeakMemory::get(), before + 48 * 1024);
  expect_nothing();
}

TEST_P(ArchiveLoad, FollowsLayersThatAreLinks) {
  const Packed image{{kLarge, kLarge}};
  TarMaker tar;
  tar.file("0/layer.tar", image.layers[0]).directory("1").link("1/layer.tar", "../0/layer.tar");
  nlohmann::json config = nlohmann::json::parse(image.config);
  config["rootfs"]["diff_ids"][1] = config["rootfs"]["diff_ids"][0];
  tar.file("config.json", config.dump()).file("manifest.json", image.manifest());
  ASSERT_EQ(take(tar.take()), "");
  EXPECT_EQ(service().inspect("box:1")["Size"], 2 * kLarge);
  EXPECT_EQ(blobs(), 1U);
  EXPECT_EQ(layers(), 2U);
}

TEST_P(ArchiveLoad, LeavesNothingOfAWrongLayer) {
  const Packed image{{kLarge, kLarge + 1, kSmall}};
  for (std::size_t at = 0; at < image.layers.size(); ++at) {
    Packed wrong = image;
    wrong.layers[at][700] ^= 1;
    EXPECT_THAT(take(archive_of(wrong, "lcm")), AnyOf(HasSubstr("verification failed"), HasSubstr("its content is")));
    expect_nothing();
  }
  // Nor of one that the config does not know.
  Packed more = image;
  more.layers.push_back(layer_tar("more", noise(kLarge)));
  EXPECT_THAT(take(archive_of(more, "lcm")), HasSubstr("invalid manifest"));
  expect_nothing();
}

TEST_P(ArchiveLoad, LeavesNothingOfATruncatedArchive) {
  const Packed image{{kLarge, kLarge + 1}};
  const std::string whole = archive_of(image, "cml");
  for (const std::size_t left : {whole.size() / 4, whole.size() / 2, whole.size() - 4096}) {
    EXPECT_THAT(take(whole.substr(0, left)), HasSubstr("invalid image archive"));
    expect_nothing();
  }
  const std::string packed = compressed(whole, "gzip -1", root_);
  EXPECT_NE(take(packed.substr(0, packed.size() / 2)), "");
  expect_nothing();
}

TEST_P(ArchiveLoad, DoesNotTakeAHalfImageThatIsThereForAWholeOne) {
  const Packed image{{kLarge, kLarge + 1}};
  Packed wrong = image;
  wrong.layers[1][700] ^= 1;
  EXPECT_NE(take(archive_of(wrong, "lcm")), "");
  ASSERT_EQ(take(archive_of(image, "lcm")), "");
  EXPECT_EQ(service().inspect("box:1")["Size"], 2 * kLarge + 1);
}

TEST_P(ArchiveLoad, TwoOfOneImageShareTheirLayers) {
  const std::string archive = archive_of(Packed{{kLarge, kLarge + 1, kSmall}}, "lcm");
  const Report ignore = [](const wire::ProgressMessage&) {};
  const auto one = [&]() -> awaitable<void> {
    const UploadSource source = upload(archive);
    if (is_file()) {
      const auto file = file_of(archive);
      co_await service().load_file(file, true, ignore, nullptr);
    } else {
      co_await service().load(source, true, ignore, nullptr);
    }
  };
  const auto both = [&]() -> awaitable<void> {
    const BackgroundTask other{co_await asio::this_coro::executor, one()};
    co_await one();
    co_await other.join();
  };
  EXPECT_EQ(daemon_->run(both), "");
  EXPECT_THAT(names(), ElementsAre("box:1"));
  EXPECT_EQ(service().inspect("box:1")["Size"], 2 * kLarge + 1 + kSmall);
  EXPECT_EQ(blobs(), 3U);
  EXPECT_EQ(layers(), 3U);
  ASSERT_EQ(save({"box:1"}), "");
  ASSERT_EQ(remove("box:1"), "");
  expect_nothing();
}

INSTANTIATE_TEST_SUITE_P(All, ArchiveLoad, ::testing::Combine(::testing::Values("vfs", "overlay"), ::testing::Bool()),
                         [](const auto& test) {
                           return std::string{std::get<0>(test.param)} + (std::get<1>(test.param) ? "File" : "Stream");
                         });

TEST_F(ImageService, CountsEntriesAndNotNames) {
  TarMaker tar;
  for (int entry = 0; entry <= 65536; ++entry) tar.link("same", "config.json");
  EXPECT_EQ(load(tar.take()), "invalid image archive: it has too many files");
}

std::string archive_naming(std::size_t times, const std::string& config) {
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t at = 0; at < times; ++at) list.push_back({{"Config", "config.json"}});
  return TarMaker{}.file("config.json", config).file("manifest.json", list.dump()).take();
}

// The archive is small, what it would fill is not.
TEST_F(ImageService, TakesNoMoreImagesThanMemoryHolds) {
  nlohmann::json config{{"rootfs", {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}}}};
  EXPECT_EQ(load(archive_naming(2, config.dump())), "");
  EXPECT_EQ(load(archive_naming(1025, config.dump())), "invalid image archive: it names too many images");
  config["comment"] = std::string(4'000'000, 'x');
  EXPECT_EQ(load(archive_naming(17, config.dump())), "invalid image archive: its images are too large");
}

}  // namespace
}  // namespace gantry::images
