#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/resource.h>

#include <csignal>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "images/archive_maker.hpp"

// Archives that are files of somebody else's.
namespace gantry::images {
namespace {

class LentArchive : public ImageService {
 protected:
  LentArchive() { start("overlay"); }

  std::string load_from(const std::shared_ptr<const UniqueFd>& file, const Cancel& cancel = nullptr) {
    return load_from(file, report(), cancel);
  }
  std::string load_from(const std::shared_ptr<const UniqueFd>& file, const Report& to, const Cancel& cancel) {
    return daemon_->run([&]() -> awaitable<void> { co_await service().load_file(file, false, to, cancel); });
  }
  std::string load_from(const std::string& bytes) { return load_from(with_hole(root_ / "archive", bytes, 0)); }
};

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

TEST_F(LentArchive, RefusesWhatIsTooLargeBeforeItIsCopied) {
  const std::string digest = sha256_digest("a manifest");
  const nlohmann::json entry{{"mediaType", "application/vnd.oci.image.manifest.v1+json"}, {"digest", digest}};
  nlohmann::json index{{"schemaVersion", 2}, {"manifests", {entry}}};
  index["manifests"][0]["size"] = 10;
  const std::string layout = without_end(conformance::TarMaker{}.file("index.json", index.dump()).take());
  const auto manifest = with_hole(root_ / "docker", header_of("manifest.json", kHole), kHole + 1024);
  const auto blob =
      with_hole(root_ / "layout", layout + header_of("blobs/sha256/" + digest.substr(7), kHole), kHole + 1024);
  const FilesOfLessThan limit{16'000'000};
  EXPECT_EQ(load_from(manifest), "invalid image archive: a manifest or config is larger than 4194304 bytes");
  EXPECT_EQ(load_from(blob), "invalid image archive: wrong digest or size of " + digest);
}

TEST_F(LentArchive, ReadsOnlyTheLayersOfAFileThatAreWanted) {
  const Packed image{{kLarge, kLarge + 1}};
  const std::string archive = archive_of(image, "lcm");
  ASSERT_EQ(load_from(archive), "");
  // The layers are there: nobody looks at what an archive has in their place.
  Packed other = image;
  other.layers[0][700] ^= 1;
  EXPECT_EQ(load_from(archive_of(other, "lcm")), "");
  EXPECT_EQ(blobs(), 2U);
}

// A layout beside it may hold a stale one.
TEST_F(LentArchive, TakesLayersFromWhereManifestJsonSays) {
  const Packed image{{kLarge}};
  const std::string& layer = image.layers[0];
  std::string stale = layer;
  stale[700] ^= 1;
  const auto descriptor = [](const std::string& type, const std::string& content) {
    return nlohmann::json{{"mediaType", type}, {"digest", sha256_digest(content)}, {"size", content.size()}};
  };
  const auto path = [](const std::string& content) { return "blobs/sha256/" + sha256_digest(content).substr(7); };
  nlohmann::json manifest{{"schemaVersion", 2}, {"layers", nlohmann::json::array()}};
  manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json";
  manifest["config"] = descriptor("application/vnd.oci.image.config.v1+json", image.config);
  manifest["layers"].push_back(descriptor("application/vnd.oci.image.layer.v1.tar", layer));
  const std::string text = manifest.dump();
  nlohmann::json index{{"schemaVersion", 2}, {"manifests", nlohmann::json::array()}};
  index["manifests"].push_back(descriptor("application/vnd.oci.image.manifest.v1+json", text));
  conformance::TarMaker layout;
  layout.file("index.json", index.dump()).file(path(text), text).file(path(image.config), image.config);
  layout.file(path(layer), stale);
  EXPECT_EQ(load_from(without_end(archive_of(image, "lcm")) + layout.take()), "");
  EXPECT_THAT(names(), ::testing::ElementsAre("box:1"));
}

/// Calls `then` when somebody first writes into a file of the folder.
class OnWriting {
 public:
  OnWriting(const std::filesystem::path& folder, std::function<void()> then)
      : changes_(::inotify_init1(IN_CLOEXEC)), then_(std::move(then)) {
    EXPECT_GE(::inotify_add_watch(changes_.get(), folder.c_str(), IN_MODIFY), 0);
    waiting_ = std::thread{[this] {
      pollfd change{changes_.get(), POLLIN, 0};
      EXPECT_EQ(::poll(&change, 1, 30'000), 1);
      then_();
    }};
  }
  ~OnWriting() { waiting_.join(); }
  OnWriting(const OnWriting&) = delete;
  OnWriting& operator=(const OnWriting&) = delete;

 private:
  UniqueFd changes_;
  std::function<void()> then_;
  std::thread waiting_;
};

// The layer is a hole that would be copied and unpacked for a long time.
TEST_F(LentArchive, LeavesNothingOfALoadThatIsCancelledWhileItUnpacks) {
  Packed image{{}};
  nlohmann::json config = nlohmann::json::parse(image.config);
  config["rootfs"]["diff_ids"] = {sha256_digest("a layer")};
  image.config = config.dump();
  image.layers.push_back("");
  std::string begin = without_end(archive_of(image, "cm"));
  begin += header_of(Packed::path(0), kHole + 512 + 1024) + header_of("file", kHole);
  const auto cancel = std::make_shared<plugins::CancelSource>();
  std::optional<OnWriting> writing;
  const Report to = [&](const wire::ProgressMessage& line) {
    if (line.status != "Loading layer" || writing) return;
    writing.emplace(root_ / "blobs" / "ingest", [&] { cancel->cancel(); });
  };
  EXPECT_EQ(load_from(with_hole(root_ / "archive", begin, kHole + 2 * 1024), to, cancel), "context canceled");
  EXPECT_TRUE(writing);
  writing.reset();
  EXPECT_EQ(blobs(), 0U);
  EXPECT_EQ(layers(), 0U);
}

}  // namespace
}  // namespace gantry::images
