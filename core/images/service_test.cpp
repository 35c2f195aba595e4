#include "images/service.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/digest.hpp"
#include "e2e/registry.hpp"
#include "images/background_task.hpp"
#include "images/layer_store.hpp"
#include "images/service_fixture.hpp"

namespace gantry::images {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST_F(ImageService, ImportsInspectsTagsAndRemoves) {
  ASSERT_EQ(import("box:1", layer_tar("a", "hello")), "");
  EXPECT_THAT(lines_, ElementsAre(id_));
  EXPECT_THAT(names(), ElementsAre("box:1"));
  const auto inspected = service().inspect("box:1");
  EXPECT_EQ(inspected["Id"], id_);
  EXPECT_EQ(inspected["Config"]["Cmd"], nlohmann::json({"sh"}));
  EXPECT_EQ(inspected["Config"]["Labels"]["k"], "v");
  EXPECT_EQ(inspected["Size"], 5);
  EXPECT_EQ(service().get(id_.substr(7, 12))->config.env, std::vector<std::string>{"A=b"});
  EXPECT_THAT(service().history("box:1"), SizeIs(1));
  service().tag("box:1", "other/box", "2");
  EXPECT_EQ(remove("box:1"), "");
  EXPECT_THAT(removed_, ElementsAre("Untagged: box:1"));
  EXPECT_EQ(remove("other/box:2"), "");
  EXPECT_THAT(removed_, ElementsAre("Untagged: other/box:2", "Deleted: " + id_, StartsWith("Deleted: sha256:")));
  EXPECT_EQ(blobs(), 0U);
  EXPECT_EQ(layers(), 0U);
  EXPECT_EQ(remove("box:1"), "No such image: box:1");
  EXPECT_THAT(events(), ElementsAre("tag", "import", "tag", "untag", "untag", "delete"));
}

TEST_F(ImageService, GoesWithItsLastNameInOneCommit) {
  ASSERT_EQ(import("box", layer_tar("a", "hello")), "");
  std::vector<std::size_t> left;
  // Asked at each event, which comes after its commit: an image without a name would be left by a crash.
  const auto watching = daemon_->bus.subscribe([&](const auto& event) {
    if (event.action == "untag" || event.action == "delete") left.push_back(service().list({}).size());
    return false;
  });
  EXPECT_EQ(remove("box"), "");
  EXPECT_THAT(left, ElementsAre(0U, 0U));
}

TEST_F(ImageService, IsNotRemovedUnderAContainer) {
  ASSERT_EQ(import("box", layer_tar("a", "hello")), "");
  daemon_->used = id_;
  daemon_->users = {{std::string(64, 'c'), false}};
  EXPECT_EQ(remove("box"),
            "conflict: unable to remove repository reference \"box\" (must force) - container cccccccccccc is "
            "using its referenced image " +
                id_.substr(7, 12));
  EXPECT_EQ(remove(id_.substr(7)), "conflict: unable to delete " + id_.substr(7, 12) +
                                       " (must be forced) - image is being used by stopped container cccccccccccc");
  daemon_->users[0].running = true;
  EXPECT_EQ(remove(id_, true), "conflict: unable to delete " + id_.substr(7, 12) +
                                   " (cannot be forced) - image is being used by running container cccccccccccc");
  daemon_->users[0].running = false;
  EXPECT_EQ(remove(id_, true), "");
  // The container's layers stay until it goes.
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(layers(), 1U);
  EXPECT_EQ(service().get(id_)->id, id_);
  daemon_->users.clear();
  start();
  EXPECT_EQ(layers(), 0U);
}

TEST_F(ImageService, TravelsThroughARegistry) {
  const e2e::Registry registry{{}};
  ASSERT_EQ(import(registry.host() + "/a/box:1", layer_tar("a", std::string(3'000'000, 'x'))), "");
  const std::string name = registry.host() + "/a/box:1";
  EXPECT_EQ(push(name), "");
  EXPECT_THAT(lines_.front(), "The push refers to repository [" + registry.host() + "/a/box]");
  EXPECT_THAT(lines_, Contains(HasSubstr(": Pushed")));
  EXPECT_THAT(lines_, Contains(StartsWith("1: digest: sha256:")));
  EXPECT_EQ(push(name), "");
  EXPECT_THAT(lines_, Contains(HasSubstr(": Layer already exists")));
  json inspected;
  const registry::v1::Credentials nobody;
  const auto inspect = [&]() -> awaitable<void> { inspected = co_await service().distribution(name, nobody); };
  ASSERT_EQ(daemon_->run(inspect), "");
  EXPECT_EQ(inspected["Platforms"], json::array({{{"os", "linux"}, {"architecture", host_platform().architecture}}}));
  EXPECT_EQ(inspected["Descriptor"]["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
  EXPECT_EQ(service().inspect(name)["RepoDigests"][0],
            registry.host() + "/a/box@" + inspected["Descriptor"]["digest"].get<std::string>());
  // Another repository of the same registry takes the layer from there.
  const std::string other = registry.host() + "/b/box:1";
  service().tag(name, other, "");
  EXPECT_EQ(push(other), "");
  EXPECT_THAT(lines_, Contains(HasSubstr(": Mounted from a/box")));
  ASSERT_EQ(remove(other), "");
  ASSERT_EQ(remove(name), "");
  EXPECT_EQ(blobs(), 0U);

  for (const std::string storage : {"vfs", "overlay"}) {
    start(storage);
    ASSERT_EQ(pull(name), "");
    EXPECT_THAT(lines_,
                AllOf(Contains("1: Pulling from a/box"), Contains(HasSubstr(": Pulling fs layer")),
                      Contains(HasSubstr(": Download complete")), Contains(HasSubstr(": Pull complete")),
                      Contains(StartsWith("Digest: sha256:")), Contains("Status: Downloaded newer image for " + name)));
    EXPECT_EQ(service().inspect(name)["Id"], id_);
    EXPECT_THAT(service().inspect(name)["RepoDigests"], SizeIs(1));
    EXPECT_EQ(service().inspect(name)["Size"], 3'000'000);
    ASSERT_EQ(pull(name), "");
    EXPECT_THAT(lines_, Contains("Status: Image is up to date for " + name));
    ASSERT_EQ(remove(name), "");
    EXPECT_EQ(blobs(), 0U);
    EXPECT_EQ(layers(), 0U);
  }
  EXPECT_EQ(pull(registry.host() + "/a/box:nope"),
            "manifest for " + registry.host() + "/a/box:nope not found: manifest unknown: manifest unknown");
  EXPECT_EQ(pull(registry.host() + "/a/box"), "");
  EXPECT_THAT(names(), ElementsAre(name));
}

TEST_F(ImageService, LeavesNothingOfACancelledPull) {
  const e2e::Registry registry{{}};
  const std::string name = registry.host() + "/box:1";
  ASSERT_EQ(import(name, layer_tar("a", noise(20'000'000))), "");
  ASSERT_EQ(push(name), "");
  ASSERT_EQ(remove(name), "");
  for (const std::string at : {"Pulling fs layer", "Download complete"}) {
    PullRequest request;
    request.image = name;
    const auto cancel = std::make_shared<plugins::CancelSource>();
    const Report to = [&](const wire::ProgressMessage& line) {
      if (line.status == at) cancel->cancel();
    };
    const std::string error = daemon_->run([&]() -> awaitable<void> { co_await service().pull(request, to, cancel); });
    if (at == "Pulling fs layer") {
      EXPECT_EQ(error, "context canceled");
    }
    if (error.empty()) remove(name);
    EXPECT_EQ(blobs(), 0U);
    EXPECT_EQ(layers(), 0U);
  }
  ASSERT_EQ(pull(name), "");
}

TEST_F(ImageService, TwoPullsShareALayer) {
  const e2e::Registry registry{{}};
  const std::string name = registry.host() + "/box:1";
  ASSERT_EQ(import(name, layer_tar("a", noise(20'000'000))), "");
  ASSERT_EQ(push(name), "");
  ASSERT_EQ(remove(name), "");
  PullRequest request;
  request.image = name;
  const auto cancel = std::make_shared<plugins::CancelSource>();
  const Report ignore = [](const wire::ProgressMessage&) {};
  const Report cancel_it = [&](const wire::ProgressMessage& line) {
    if (line.status == "Pulling fs layer") cancel->cancel();
  };
  // The one that goes away does not take the layer with it.
  const auto both = [&]() -> awaitable<void> {
    const BackgroundTask leaver{co_await asio::this_coro::executor, service().pull(request, cancel_it, cancel)};
    co_await service().pull(request, ignore, nullptr);
    co_await leaver.wait();
  };
  EXPECT_EQ(daemon_->run(both), "");
  EXPECT_THAT(names(), ElementsAre(name));
  EXPECT_EQ(blobs(), 1U);
  EXPECT_EQ(layers(), 1U);
}

TEST_F(ImageService, LeavesNothingOfADamagedLayer) {
  const e2e::Registry registry{{}};
  const std::string name = registry.host() + "/box:1";
  ASSERT_EQ(import(name, layer_tar("a", noise(2'000'000))), "");
  ASSERT_EQ(push(name), "");
  ASSERT_EQ(remove(name), "");
  for (const auto& entry : fs::recursive_directory_iterator{registry.root()}) {
    if (!entry.is_regular_file() || entry.file_size() < 1'000'000) continue;
    std::fstream blob{entry.path(), std::ios::in | std::ios::out};
    blob.seekp(1'000'000);
    blob << "damage";
  }
  for (const std::string storage : {"vfs", "overlay"}) {
    start(storage);
    EXPECT_NE(pull(name), "");
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_EQ(blobs(), 0U);
    EXPECT_EQ(layers(), 0U);
  }
}

TEST_F(ImageService, TrustsAPrivateAuthorityAndKnowsPasswords) {
  e2e::Registry::Options options;
  options.tls = true;
  options.password = true;
  const e2e::Registry registry{options};
  // Loopback is insecure, so the authority does not matter there; the password does.
  fs::create_directories(root_ / "certs.d" / registry.host());
  fs::copy(registry.ca(), root_ / "certs.d" / registry.host() / "ca.crt");
  const std::string name = registry.host() + "/box:1";
  ASSERT_EQ(import(name, layer_tar("a", "hello")), "");
  EXPECT_THAT(push(name), HasSubstr("no basic auth credentials"));
  registry::v1::Credentials alice;
  alice.username = "alice";
  alice.password = "secret";
  EXPECT_EQ(push(name, alice), "");
  ASSERT_EQ(remove(name), "");
  EXPECT_EQ(pull(name, alice), "");
  EXPECT_EQ(daemon_->run([&]() -> awaitable<void> { co_await service().login(registry.host(), alice); }), "");
  alice.password = "wrong";
  EXPECT_EQ(daemon_->run([&]() -> awaitable<void> { co_await service().login(registry.host(), alice); }),
            "login attempt to https://" + registry.host() + "/v2/ failed with status: 401 Unauthorized");
}

TEST_F(ImageService, ComesBackFromAnArchive) {
  ASSERT_EQ(import("box:1", layer_tar("a", "hello")), "");
  service().tag("box:1", "box", "2");
  ASSERT_EQ(save({"box"}), "");
  ASSERT_EQ(remove(id_.substr(7)), "conflict: unable to delete " + id_.substr(7, 12) +
                                       " (must be forced) - image is referenced in multiple repositories");
  ASSERT_EQ(remove("box:1"), "");
  ASSERT_EQ(remove("box:2"), "");
  ASSERT_EQ(blobs(), 0U);
  ASSERT_EQ(load(saved_), "");
  EXPECT_THAT(lines_, ElementsAre("Loaded image: box:1\n", "Loaded image: box:2\n"));
  EXPECT_THAT(names(), ElementsAre("box:1", "box:2"));
  EXPECT_EQ(service().inspect("box:1")["Id"], id_);
  EXPECT_EQ(blobs(), 1U);
  EXPECT_EQ(load(saved_.substr(0, saved_.size() / 2)).substr(0, 21), "invalid image archive");
  EXPECT_EQ(load("").substr(0, 21), "invalid image archive");
  EXPECT_EQ(blobs(), 1U);
}

// What somebody has found in the store while blobs were collected stays there: the collector takes time to remove one.
TEST_F(ImageService, CollectsNoBlobThatSomebodyHasFound) {
  const fs::path apart = root_ / "apart";
  const BlobStore store{apart};
  state::Store state{apart / "state.db"};
  const Catalog catalog{state};
  LayerStore layers{daemon_->drivers, daemon_->workers, store, catalog};
  for (int round = 0; round < 300; ++round) {
    const std::string digest = store.put(std::to_string(round));
    const auto meet = [&]() -> awaitable<void> {
      const auto io = co_await asio::this_coro::executor;
      const auto collect = [&layers]() -> awaitable<void> { co_await layers.collect(); };
      const BackgroundTask collecting{io, collect()};
      for (int turn = 0; turn < round; ++turn) co_await asio::post(io, asio::use_awaitable);
      const LayerStore::Ingest ingest{layers};
      const bool found = store.has(digest);
      co_await collecting.wait();
      EXPECT_EQ(store.has(digest), found) << "after " << round << " turns";
    };
    ASSERT_EQ(daemon_->run(meet), "");
  }
}

TEST_F(ImageService, IsUnpackedAgainForAnotherDriver) {
  ASSERT_EQ(import("box:1", layer_tar("a", "hello")), "");
  start("overlay");
  EXPECT_EQ(layers(), 0U);
  const auto image = service().get("box:1");
  EXPECT_EQ(daemon_->run([&]() -> awaitable<void> { co_await service().ensure_unpacked(image); }), "");
  EXPECT_EQ(layers(), 1U);
}

/// The flags that chattr(1) sets; none where there are none.
std::optional<int> flags_of(const fs::path& directory) {
  const UniqueFd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  int flags = 0;
  if (::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return std::nullopt;
  return flags;
}

TEST_F(ImageService, HasLayersPutWhereTheDiskIsFree) {
  fs::create_directory(root_ / "probe");
  const auto flags = flags_of(root_ / "probe");
  const UniqueFd probe{::open((root_ / "probe").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  int spread = flags.value_or(0) | FS_TOPDIR_FL;
  if (!flags || ::ioctl(probe.get(), FS_IOC_SETFLAGS, &spread) != 0) GTEST_SKIP() << "not on ext4";
  start("overlay");
  const fs::path begun = root_ / "drivers/storage-overlay/tmp/layers";
  EXPECT_NE(flags_of(begun).value_or(0) & FS_TOPDIR_FL, 0);
  // The trees themselves are kept together.
  ASSERT_EQ(import("box:1", layer_tar("a", "hello")), "");
  EXPECT_TRUE(fs::is_empty(begun));
  for (const auto& layer : fs::directory_iterator{root_ / "drivers/storage-overlay/layers"}) {
    EXPECT_EQ(flags_of(layer.path() / "tree").value_or(0) & FS_TOPDIR_FL, 0);
  }
}

// A blob's length is all that is left of it after some power losses.
TEST_F(ImageService, DoesNotUnpackADamagedBlobAgain) {
  const std::string layer = layer_tar("a", "hello");
  ASSERT_EQ(import("box:1", layer), "");
  const fs::path blob = root_ / "blobs" / "sha256" / sha256_digest(layer).substr(7);
  ASSERT_EQ(fs::file_size(blob), layer.size());
  std::ofstream{blob, std::ios::binary} << std::string(layer.size(), '\0');
  start("overlay");
  const auto image = service().get("box:1");
  EXPECT_EQ(daemon_->run([&]() -> awaitable<void> { co_await service().ensure_unpacked(image); }),
            "the stored blob " + sha256_digest(layer) +
                " is damaged and has been removed: pull or load its image again to have it back");
  EXPECT_EQ(layers(), 0U);
  EXPECT_FALSE(fs::exists(blob));
}

TEST_F(ImageService, LeavesNothingOfAKilledPull) {
  ASSERT_EQ(import("box:1", layer_tar("a", "hello")), "");
  std::ofstream{root_ / "blobs" / "ingest" / "half"} << "half a blob";
  std::ofstream{root_ / "blobs" / "sha256" / std::string(64, 'a')} << "a blob of no image";
  start();
  EXPECT_EQ(blobs(), 1U);
  EXPECT_EQ(layers(), 1U);
  EXPECT_THAT(names(), ElementsAre("box:1"));
}

}  // namespace
}  // namespace gantry::images
