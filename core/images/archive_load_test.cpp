#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/digest.hpp"
#include "images/background_task.hpp"
#include "images/service_fixture.hpp"

namespace gantry::images {
namespace {

namespace fs = std::filesystem;
using conformance::TarMaker;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kSmall = 1000;
constexpr std::size_t kLarge = 3'000'000;  // Stays in an archive that is a file until it is wanted.

/// An image as archives hold it.
struct Packed {
  explicit Packed(const std::vector<std::size_t>& sizes) {
    nlohmann::json diff_ids = nlohmann::json::array();
    for (const std::size_t size : sizes) {
      layers.push_back(layer_tar(std::to_string(layers.size()), noise(size)));
      diff_ids.push_back(sha256_digest(layers.back()));
    }
    config = nlohmann::json{{"architecture", "amd64"},
                            {"os", "linux"},
                            {"config", {{"Cmd", {"true"}}}},
                            {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}}
                 .dump();
  }
  [[nodiscard]] std::string id() const { return sha256_digest(config); }
  [[nodiscard]] std::string manifest() const {
    nlohmann::json item{{"Config", "config.json"}, {"RepoTags", {"box:1"}}, {"Layers", nlohmann::json::array()}};
    for (std::size_t at = 0; at < layers.size(); ++at) item["Layers"].push_back(path(at));
    return nlohmann::json::array({item}).dump();
  }
  static std::string path(std::size_t at) { return std::to_string(at) + "/layer.tar"; }

  std::vector<std::string> layers;
  std::string config;
};

/// `order`: 'c' is the config, 'm' the manifest, 'l' the layers.
std::string archive_of(const Packed& image, const std::string& order) {
  TarMaker tar;
  for (const char part : order) {
    if (part == 'c') tar.file("config.json", image.config);
    if (part == 'm') tar.file("manifest.json", image.manifest());
    if (part != 'l') continue;
    for (std::size_t at = 0; at < image.layers.size(); ++at) tar.file(Packed::path(at), image.layers[at]);
  }
  return tar.take();
}

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

TEST_F(ImageService, ReadsOnlyTheLayersOfAFileThatAreWanted) {
  start("overlay");
  const Packed image{{kLarge, kLarge + 1}};
  const std::string archive = archive_of(image, "lcm");
  const Report to = report();
  const auto load_from = [&](const std::string& bytes) {
    const fs::path path = root_ / "archive";
    std::ofstream{path, std::ios::binary} << bytes;
    const auto file = std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    return daemon_->run([&]() -> awaitable<void> { co_await service().load_file(file, true, to, nullptr); });
  };
  ASSERT_EQ(load_from(archive), "");
  // The layers are there: nobody looks at what an archive has in their place.
  Packed other = image;
  other.layers[0][700] ^= 1;
  EXPECT_EQ(load_from(archive_of(other, "lcm")), "");
  EXPECT_EQ(blobs(), 2U);
}

/// An entry whose header says `size`, with nothing behind it.
std::string header_of(const std::string& name, std::uint64_t size) {
  std::string header = TarMaker{}.file(name).take().substr(0, 512);
  std::snprintf(header.data() + 124, 12, "%011llo", static_cast<unsigned long long>(size));
  std::fill_n(header.begin() + 148, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(header.data() + 148, 8, "%06o", sum);
  return header;
}

std::string without_end(std::string tar) { return tar.substr(0, tar.size() - 1024); }

/// A file of `begin` and a hole behind it.
std::shared_ptr<const UniqueFd> with_hole(const fs::path& path, const std::string& begin, std::uint64_t hole) {
  std::ofstream{path, std::ios::binary} << begin;
  fs::resize_file(path, begin.size() + hole);
  return std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
}

/// Nobody writes a larger file.
class FilesOfLessThan {
 public:
  explicit FilesOfLessThan(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit less{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &less);
  }
  ~FilesOfLessThan() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, signal_);
  }
  FilesOfLessThan(const FilesOfLessThan&) = delete;
  FilesOfLessThan& operator=(const FilesOfLessThan&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int){::signal(SIGXFSZ, SIG_IGN)};
};

constexpr std::uint64_t kHole = std::uint64_t{4} << 30;

TEST_F(ImageService, RefusesWhatIsTooLargeBeforeItIsCopied) {
  const std::string digest = sha256_digest("a manifest");
  const nlohmann::json entry{{"mediaType", "application/vnd.oci.image.manifest.v1+json"}, {"digest", digest}};
  nlohmann::json index{{"schemaVersion", 2}, {"manifests", {entry}}};
  index["manifests"][0]["size"] = 10;
  const std::string layout = without_end(TarMaker{}.file("index.json", index.dump()).take());
  const auto manifest = with_hole(root_ / "docker", header_of("manifest.json", kHole), kHole + 1024);
  const auto blob =
      with_hole(root_ / "layout", layout + header_of("blobs/sha256/" + digest.substr(7), kHole), kHole + 1024);
  const FilesOfLessThan limit{16'000'000};
  const Report ignore = [](const wire::ProgressMessage&) {};
  const auto refusal = [&](const std::shared_ptr<const UniqueFd>& file) {
    return daemon_->run([&]() -> awaitable<void> { co_await service().load_file(file, true, ignore, nullptr); });
  };
  EXPECT_EQ(refusal(manifest), "invalid image archive: a manifest or config is larger than 4194304 bytes");
  EXPECT_EQ(refusal(blob), "invalid image archive: wrong digest or size of " + digest);
}

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

TEST_F(ImageService, LeavesNothingOfACancelledLoad) {
  start("overlay");
  const std::string archive = archive_of(Packed{{40'000'000, 40'000'001}}, "lcm");
  const fs::path path = root_ / "archive";
  std::ofstream{path, std::ios::binary} << archive;
  const auto file = std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  const auto cancel = std::make_shared<plugins::CancelSource>();
  const Report to = [&](const wire::ProgressMessage& line) {
    if (line.status == "Loading layer") cancel->cancel();
  };
  EXPECT_EQ(daemon_->run([&]() -> awaitable<void> { co_await service().load_file(file, false, to, cancel); }),
            "context canceled");
  EXPECT_EQ(blobs(), 0U);
  EXPECT_EQ(layers(), 0U);
}

}  // namespace
}  // namespace gantry::images
