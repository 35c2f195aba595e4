#include "volumes/service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <boost/asio/detached.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

namespace gantry::volumes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
namespace fs = std::filesystem;

/// What a daemon has around the service, over one data root.
struct Daemon {
  explicit Daemon(const fs::path& root) : store(root / "state.db"), drivers(config(root), workers) {
    drivers.load();
    service.emplace(store, bus, drivers, workers);
    run([this]() -> awaitable<void> { co_await service->start(); });
  }

  static plugins::DriverConfig config(const fs::path& root) {
    plugins::DriverConfig out;
    out.directories = {GANTRY_TEST_PLUGINS, GANTRY_TEST_SAMPLES};
    out.data_root = root;
    out.exec_root = root / "run";
    out.libexec_dir = root;
    out.storage = "vfs";
    out.registry = "directory";
    out.runtime = "plain";
    return out;
  }

  /// Runs a coroutine to its end; its error's text, or "".
  std::string run(const std::function<awaitable<void>()>& work) {
    std::exception_ptr failure;
    asio::co_spawn(io, work, [&](const std::exception_ptr& thrown) { failure = thrown; });
    io.restart();
    io.run();
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  asio::io_context io;
  Workers workers{2, 2};
  state::Store store;
  events::Bus bus;
  plugins::Drivers drivers;
  std::optional<Service> service;
};

/// What is logged while it lives.
class Logged {
 public:
  Logged() { spdlog::default_logger()->sinks().push_back(sink_); }
  ~Logged() { spdlog::default_logger()->sinks().pop_back(); }
  Logged(const Logged&) = delete;
  Logged& operator=(const Logged&) = delete;

  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::sinks::ostream_sink_mt> sink_{std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)};
};

class VolumeService : public ::testing::Test {
 protected:
  VolumeService() : root_(make_root()) { start(); }
  ~VolumeService() override {
    daemon_.reset();
    fs::remove_all(root_);
  }

  static fs::path make_root() {
    std::string path = fs::temp_directory_path() / "volumes-XXXXXX";
    return ::mkdtemp(path.data());
  }
  void start() {
    daemon_.reset();
    daemon_.emplace(root_);
    daemon_->service->set_users([this](const std::string& name) {
      return name == used_ ? std::vector<std::string>{"c1"} : std::vector<std::string>{};
    });
  }
  Service& service() { return *daemon_->service; }

  std::string create(std::string name, Options options = {}, std::string driver = {}) {
    return daemon_->run([&]() -> awaitable<void> {
      std::map<std::string, std::string> labels;
      found_ = co_await service().get_or_create(name, driver, options, labels, made_for_);
    });
  }
  std::string remove(std::string name, bool force = false) {
    return daemon_->run([&]() -> awaitable<void> { co_await service().remove(name, force); });
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& volume : service().list()) out.push_back(volume->name);
    return out;
  }
  std::vector<std::string> events() {
    std::vector<std::string> out;
    for (const auto& event : daemon_->bus.history(0, now(), [](const events::Event&) { return true; })) {
      out.push_back(event.action + " " + event.actor);
    }
    return out;
  }

  fs::path root_;
  std::optional<Daemon> daemon_;
  Service::Found found_;
  std::string used_;
  std::string made_for_;
};

TEST_F(VolumeService, MakesAndFinds) {
  EXPECT_EQ(create("data"), "");
  EXPECT_TRUE(found_.created);
  EXPECT_EQ(found_.volume->mountpoint, (root_ / "drivers/volume-local/data/_data").string());
  EXPECT_EQ(create("data"), "");
  EXPECT_FALSE(found_.created);
  EXPECT_EQ(create(""), "");
  EXPECT_EQ(found_.volume->name.size(), 64U);
  EXPECT_TRUE(found_.volume->anonymous);
}

TEST_F(VolumeService, RefusesInDockersWords) {
  EXPECT_EQ(create("x"), "create x: volume name is too short, names should be at least two alphanumeric characters");
  EXPECT_THAT(create("x/y"), HasSubstr("create x/y: \"x/y\" includes invalid characters for a local volume name"));
  EXPECT_EQ(create("xx", {{"foo", "b"}}), "create xx: invalid option: \"foo\"");
  EXPECT_EQ(create("xx", {{"foo", "b"}}, "directory"),
            "create xx: volume driver \"directory\" has no option \"foo\"; it takes note");
  EXPECT_EQ(create("xx", {{"type", "tmpfs"}}), "create xx: missing required option: \"device\"");
  EXPECT_EQ(create("xx", {}, "nope"), "create xx: error looking up volume plugin nope: plugin \"nope\" not found");
  EXPECT_EQ(remove("nope"), "get nope: no such volume");
  EXPECT_EQ(remove("nope", true), "");
  EXPECT_THAT(names(), ElementsAre());
  EXPECT_THAT(events(), ElementsAre());
}

TEST_F(VolumeService, KeepsWhatIsInUse) {
  create("data");
  used_ = "data";
  EXPECT_EQ(remove("data"), "remove data: volume is in use - [c1]");
  used_.clear();
  EXPECT_EQ(remove("data"), "");
  EXPECT_THAT(names(), ElementsAre());
  EXPECT_FALSE(fs::exists(root_ / "drivers/volume-local/data"));
}

TEST_F(VolumeService, AnonymousOnesGoWithTheirContainers) {
  made_for_ = "c1";
  create("named");
  create("");
  made_for_ = "c2";
  create("");
  const std::string disowned = found_.volume->name;
  service().disown("c2");
  start();
  daemon_->run([&]() -> awaitable<void> {
    const std::function<bool(const std::string&)> nobody = [](const std::string&) { return false; };
    co_await service().remove_orphans(nobody);
  });
  EXPECT_THAT(names(), UnorderedElementsAre("named", disowned));
}

TEST_F(VolumeService, TellsOfWhatHappens) {
  create("data");
  Mount mount;
  daemon_->run([&]() -> awaitable<void> {
    mount = co_await service().acquire("data", "c1");
    co_await service().release("data", "c1");
  });
  EXPECT_EQ(mount.source, (root_ / "drivers/volume-local/data/_data").string());
  remove("data");
  EXPECT_THAT(events(), ElementsAre("create data", "mount data", "unmount data", "destroy data"));
}

TEST_F(VolumeService, PrunesWhatNobodyUses) {
  create("kept");
  create("unused");
  std::ofstream{found_.volume->mountpoint + "/file"} << "12345";
  used_ = "kept";
  Pruned pruned;
  daemon_->run([&]() -> awaitable<void> { pruned = co_await service().prune([](const Volume&) { return true; }); });
  EXPECT_THAT(pruned.names, ElementsAre("unused"));
  EXPECT_EQ(pruned.reclaimed, 5U);
  EXPECT_THAT(names(), ElementsAre("kept"));
}

TEST_F(VolumeService, FillsNoneThatTheDriverHolds) {
  const fs::path file = root_ / "drivers/volume-local/theirs/_data/file";
  fs::create_directories(file.parent_path());
  std::ofstream{file} << "kept";
  bool filled = false;
  const auto fill = [&](const std::string& name) {
    return daemon_->run([&]() -> awaitable<void> {
      Volume volume;
      volume.name = name;
      volume.driver = "local";
      const Service::Use use = [&](const Mount&) -> awaitable<void> {
        filled = true;
        co_return;
      };
      co_await service().make_filled(volume, use);
    });
  };
  EXPECT_THAT(fill("theirs"), HasSubstr("driver 'local' already has a volume of that name"));
  EXPECT_FALSE(filled);
  EXPECT_TRUE(fs::exists(file));
  EXPECT_EQ(fill("new"), "");
  EXPECT_TRUE(filled);
}

TEST_F(VolumeService, ComesBackAfterTheDaemon) {
  create("one");
  create("two", {{"type", "none"}, {"device", "/nonexist"}, {"o", "bind"}});
  fs::create_directories(root_ / "drivers/volume-local/theirs/_data");
  fs::remove_all(root_ / "drivers/volume-local/one");
  const Logged logged;
  start();
  EXPECT_THAT(names(), ElementsAre("one", "theirs", "two"));
  EXPECT_TRUE(fs::exists(root_ / "drivers/volume-local/one/_data")) << "its record promises a directory";
  EXPECT_THAT(logged.text(), HasSubstr("volume one is on record, but driver local does not have it"));
  EXPECT_THAT(logged.text(), Not(HasSubstr("volume two")));
  EXPECT_EQ(service().get("two")->options.at("device"), "/nonexist");
}

}  // namespace
}  // namespace gantry::volumes
