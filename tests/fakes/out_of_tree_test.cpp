// Drivers of a third party, built against the installed package only, in the hands of the plugin host.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/id.hpp"
#include "plugins/drivers.hpp"

namespace gantry::plugins {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

fs::path built() {
  const char* folder = std::getenv("GANTRY_OUT_OF_TREE");
  return folder == nullptr ? fs::path{} : fs::path{folder};
}

class OutOfTree : public ::testing::Test {
 protected:
  OutOfTree() : folder_(fs::temp_directory_path() / ("gantry-" + random_id())) {
    fs::create_directory(folder_);
    fs::create_directory(folder_ / "images");
    config_.directories = {(built() / "good").string(), (built() / "bad").string()};
    config_.data_root = folder_ / "data";
    config_.exec_root = folder_ / "exec";
    config_.storage = config_.registry = "directory";
    config_.runtime = "plain";
    config_.options["directory"] = {};
  }
  ~OutOfTree() override { fs::remove_all(folder_); }

  void SetUp() override {
    if (built().empty()) GTEST_SKIP() << "GANTRY_OUT_OF_TREE does not say where the drivers are";
  }

  Drivers& load() {
    drivers_ = std::make_unique<Drivers>(config_, workers_);
    drivers_->load();
    return *drivers_;
  }

  /// What the host says of a file that it refused.
  std::string refusal(const std::string& file) {
    for (const DriverInfo& info : drivers_->list()) {
      if (fs::path{info.file}.filename() == file && !info.error.empty()) return info.error;
    }
    return "accepted";
  }

  std::string load_error() {
    try {
      load();
    } catch (const Error& error) {
      return error.what();
    }
    return "loaded";
  }

  /// Runs `work` in a driver, as the daemon does.
  template <class Driver, class Work>
  auto call(const Handle<Driver>& handle, Work work, CallSettings settings = {}) {
    using Result = std::invoke_result_t<Work, Driver&, const Call&>;
    std::optional<Result> result;
    std::exception_ptr error;
    const auto ask = [&]() -> awaitable<void> {
      result.emplace(co_await drivers_->call(handle, Pool::quick, settings, work));
    };
    io_.restart();
    asio::co_spawn(io_, ask(), [&](std::exception_ptr thrown) { error = thrown; });
    io_.run();
    if (error) std::rethrow_exception(error);
    return std::move(*result);
  }

  template <class Driver, class Work>
  std::string call_error(const Handle<Driver>& handle, Work work, CallSettings settings = {}) {
    try {
      call(handle, work, std::move(settings));
    } catch (const Error& error) {
      return error.what();
    }
    return "done";
  }

  fs::path folder_;
  DriverConfig config_;
  asio::io_context io_{1};
  Workers workers_{2, 1};
  std::unique_ptr<Drivers> drivers_;
};

TEST_F(OutOfTree, OneOfEachKindIsFound) {
  load();
  EXPECT_EQ(drivers_->storage().info().interface, "storage/1.0");
  EXPECT_EQ(drivers_->registry().name(), "directory");
  EXPECT_EQ(drivers_->runtime("").name(), "plain");
  EXPECT_THAT(drivers_->names("network"), ElementsAre("dummy"));
  EXPECT_THAT(drivers_->names("ipam"), ElementsAre("sequence"));
  EXPECT_THAT(drivers_->names("log"), ElementsAre("text"));
  EXPECT_THAT(drivers_->names("volume"), ElementsAre("directory", "misbehaving"));
  EXPECT_TRUE(drivers_->storage().can("parallel-apply"));
  EXPECT_EQ(drivers_->registry().info().settings.at("root"), "/srv/images");
}

TEST_F(OutOfTree, VolumeIsMadeUsedAndFoundAgain) {
  for (int start = 0; start < 2; ++start) {
    load();
    const auto mount = call(drivers_->volume("directory"), [](auto& driver, const Call& call) {
      volume::v1::Volume made;
      Mount out;
      driver.create("data", {}, made, call);
      driver.mount("data", "user", out, call);
      return out;
    });
    EXPECT_EQ(mount.type, "bind");
    EXPECT_TRUE(fs::is_directory(mount.source));
    EXPECT_TRUE(mount.source.starts_with((folder_ / "data/drivers/volume-directory").string()));
    drivers_.reset();
  }
}

TEST_F(OutOfTree, NetworkGivesAddresses) {
  load();
  const auto endpoint = call(drivers_->network("dummy"), [](auto& driver, const Call& call) {
    network::v1::NetworkSpec spec;
    spec.id = "n";
    network::v1::Network made;
    driver.create_network(spec, made, call);
    network::v1::EndpointSpec wanted;
    wanted.id = "e";
    wanted.network_id = "n";
    network::v1::Endpoint out;
    driver.attach(wanted, -1, out, call);
    return out;
  });
  EXPECT_EQ(endpoint.ipv4, "10.99.0.2");
}

TEST_F(OutOfTree, RuntimeRunsAProgram) {
  load();
  const int code = call(drivers_->runtime("plain"), [this](auto& driver, const Call& call) {
    runtime::v1::Spec spec;
    spec.id = "c";
    spec.process.args = {"sh", "-c", "echo ran > " + (folder_ / "ran").string() + "; exit 7"};
    runtime::v1::Running running;
    driver.create(spec, running, call);
    EXPECT_FALSE(fs::exists(folder_ / "ran"));
    driver.start("c", call);
    pollfd ended{running.exit_fd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 20'000), 1);
    runtime::v1::ExitStatus status;
    driver.exit_status("c", "", status, call);
    driver.remove("c", call);
    return status.code;
  });
  EXPECT_EQ(code, 7);
  EXPECT_TRUE(fs::exists(folder_ / "ran"));
}

/// An archive of one empty directory: "etc/".
class Archive : public ByteSource {
 public:
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), bytes_.size() - at_);
    std::copy_n(reinterpret_cast<const std::byte*>(bytes_.data()) + at_, count, buffer.begin());
    at_ += count;
    return count;
  }

 private:
  static std::string make() {
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
    put(0, "etc/");
    put(100, "0000755");
    put(108, "0000000");
    put(116, "0000000");
    put(124, "00000000000");
    put(136, "00000000000");
    put(148, "        ");
    put(156, "5");
    put(257, "ustar");
    put(263, "00");
    unsigned sum = 0;
    for (const char byte : header) sum += static_cast<unsigned char>(byte);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    put(148, std::string_view{text, 7});
    return header + std::string(1024, '\0');
  }

  std::string bytes_ = make();
  std::size_t at_ = 0;
};

TEST_F(OutOfTree, StorageUnpacksAndPrepares) {
  load();
  const std::string id = "sha256:" + std::string(64, 'a');
  const auto mounts = call(drivers_->storage(), [&](auto& driver, const Call& call) {
    Archive tar;
    storage::v1::AppliedLayer applied;
    driver.apply(id, {}, tar, applied, call);
    std::vector<Mount> out;
    driver.prepare("top", {id}, {}, out, call);
    return out;
  });
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_TRUE(fs::is_directory(mounts[0].source + "/etc"));
}

TEST_F(OutOfTree, RegistryServesAManifest) {
  config_.options.erase("directory");
  load();
  EXPECT_THAT(call_error(drivers_->registry(),
                         [](auto& driver, const Call& call) {
                           registry::v1::Manifest out;
                           driver.get_manifest({"host", "none"}, "tag", {}, out, call);
                           return 0;
                         }),
              HasSubstr("manifest unknown"));
}

TEST_F(OutOfTree, BadFilesAreRefusedWithFileAndReason) {
  load();
  const auto file = [](const std::string& name) { return HasSubstr((built() / "bad" / name).string()); };
  EXPECT_THAT(refusal("wrong-abi.so"), AllOf(file("wrong-abi.so"), HasSubstr("built with ABI \"libc++-api1\"")));
  EXPECT_THAT(refusal("wrong-major.so"), AllOf(file("wrong-major.so"), HasSubstr("built for volume interface 2.0")));
  EXPECT_THAT(refusal("newer-minor.so"), AllOf(file("newer-minor.so"), HasSubstr("built for plugin API 1.1")));
  EXPECT_THAT(refusal("missing-symbol.so"), AllOf(file("missing-symbol.so"), HasSubstr("no symbol \"gantry_driver\"")));
  EXPECT_THAT(refusal("factory-throws.so"), AllOf(file("factory-throws.so"), HasSubstr("no license")));
  EXPECT_THAT(refusal("twin.so"),
              AllOf(file("twin.so"), HasSubstr((built() / "good/volume-directory.so").string()), HasSubstr("already")));
  EXPECT_EQ(refusal("volume-directory.so"), "accepted");
}

TEST_F(OutOfTree, FilesThatOthersCouldHaveWrittenAreRefused) {
  const fs::path folder = folder_ / "plugins";
  fs::create_directory(folder);
  fs::copy(built() / "good/network-dummy.so", folder / "open.so");
  ASSERT_EQ(::chmod((folder / "open.so").c_str(), 0666), 0);
  std::ofstream{folder / "text.so"} << "not an ELF file";
  std::ofstream{folder / "empty.so"};
  std::ofstream{folder / "cut.so"} << "\x7f"
                                      "ELF";
  config_.directories.insert(config_.directories.begin(), folder);
  load();
  EXPECT_THAT(refusal("open.so"), AllOf(HasSubstr("open.so"), HasSubstr("can be written by others")));
  for (const char* name : {"text.so", "empty.so", "cut.so"}) {
    EXPECT_THAT(refusal(name), EndsWith(std::string{name} + ": not a shared object of this machine's")) << name;
  }
  EXPECT_TRUE(drivers_->network("dummy"));

  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  fs::permissions(folder / "open.so", fs::perms{0644});
  load();
  EXPECT_THAT(refusal("open.so"), HasSubstr(folder.string() + " can be written by others"));
}

TEST_F(OutOfTree, DriverOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  const fs::path folder = folder_ / "plugins";
  fs::create_directory(folder);
  fs::copy(built() / "good/network-dummy.so", folder / "foreign.so");
  ASSERT_EQ(::chown((folder / "foreign.so").c_str(), 12345, 0), 0);
  config_.directories.insert(config_.directories.begin(), folder);
  load();
  EXPECT_THAT(refusal("foreign.so"), HasSubstr("belongs to user 12345"));
}

TEST_F(OutOfTree, ForeignExceptionsBecomeErrorsAndTheHostGoesOn) {
  load();
  const auto create = [](std::string name) {
    return [name](auto& driver, const Call& call) {
      volume::v1::Volume made;
      driver.create(name, {}, made, call);
      return 0;
    };
  };
  const auto& driver = drivers_->volume("misbehaving");
  EXPECT_THAT(call_error(driver, create("int")), AllOf(HasSubstr("\"misbehaving\""), HasSubstr("type int")));
  EXPECT_THAT(call_error(driver, create("string")), HasSubstr("basic_string"));
  EXPECT_THAT(call_error(driver, create("exception")), HasSubstr("Trouble: of its own making"));
  EXPECT_EQ(call_error(driver, create("error")), "full");
  EXPECT_EQ(call_error(driver, create("good")), "done");

  EXPECT_THAT(call_error(driver, create("waits"), {.time_limit = 20ms}),
              HasSubstr("did not finish a call within 20 ms"));
  EXPECT_THAT(call_error(driver, create("stuck"), {.time_limit = 20ms, .grace = 20ms}),
              HasSubstr("did not return from a call within 40 ms"));
  EXPECT_EQ(call_error(driver, create("good")), "done");
}

TEST_F(OutOfTree, WrongNamesAndOptionsFailAtStartAndNameTheValidOnes) {
  const std::string looked_in = " (looked in " + config_.directories.front() + ", " + config_.directories.back() + ")";
  config_.storage = "zfs";
  EXPECT_EQ(load_error(), "storage-driver: there is no storage driver \"zfs\"; there are: directory" + looked_in);
  config_.storage = "directory";
  config_.runtime = "gvisor";
  EXPECT_THAT(load_error(), HasSubstr("default-runtime: there is no runtime driver \"gvisor\"; there are: plain"));
  config_.runtime = "plain";
  config_.options["misspelt"] = {{"a", "b"}};
  EXPECT_THAT(load_error(), AllOf(HasSubstr("\"misspelt\""), HasSubstr("network: dummy; "), HasSubstr("; volume: "),
                                  HasSubstr(looked_in)));
  config_.options.erase("misspelt");
  config_.options["dummy"] = {{"prefx", "10.1.1."}};
  EXPECT_EQ(load_error(), "network driver \"dummy\" has no option \"prefx\"; it takes prefix");
  config_.options["dummy"] = {{"prefix", "10.1.1."}};
  EXPECT_EQ(load_error(), "loaded");
  EXPECT_EQ(drivers_->network("dummy").info().settings.at("prefix"), "10.1.1.");
}

TEST_F(OutOfTree, RuntimesAreNamesForDriversWithOptions) {
  config_.runtimes["fast"] = {"plain", {}};
  load();
  EXPECT_THAT(drivers_->runtime_names(), ElementsAre("fast", "plain"));
  EXPECT_EQ(drivers_->runtime("fast").name(), "plain");
  config_.runtimes["slow"] = {"plain", {{"speed", "1"}}};
  EXPECT_EQ(load_error(), "runtime \"slow\": runtime driver \"plain\" has no option \"speed\"; it takes none");
}

TEST_F(OutOfTree, UnknownNamesAreToldInDockersWords) {
  load();
  const auto message = [](const auto& ask) -> std::string {
    try {
      ask();
    } catch (const Error& error) {
      return error.what();
    }
    return "found";
  };
  EXPECT_EQ(message([&] { static_cast<void>(drivers_->runtime("x")); }), "unknown or invalid runtime name: x");
  EXPECT_EQ(message([&] { static_cast<void>(drivers_->network("x")); }), "plugin \"x\" not found");
  EXPECT_EQ(message([&] { static_cast<void>(drivers_->volume("x")); }),
            "error looking up volume plugin x: plugin \"x\" not found");
  EXPECT_EQ(message([&] { static_cast<void>(drivers_->log("x")); }),
            "error looking up logging plugin x: plugin \"x\" not found");
  EXPECT_FALSE(drivers_->find_log("x"));
}

}  // namespace
}  // namespace gantry::plugins
