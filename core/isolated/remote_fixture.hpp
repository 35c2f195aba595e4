#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "gantry/unique_fd.hpp"
#include "gantry/volume.hpp"
#include "isolated/kinds.hpp"
#include "isolated/remote.hpp"

/// A driver in a process of its own, for tests.
namespace gantry::isolated {

namespace fs = std::filesystem;

class TestHost final : public Host {
 public:
  TestHost(fs::path root, const Description& driver) : root_(std::move(root)) {
    for (const OptionInfo& option : driver.options) options_[option.name] = option.default_value;
    for (const char* name : {"data", "exec"}) fs::create_directory(root_ / name);
  }
  std::string data_dir() const override { return root_ / "data"; }
  std::string exec_dir() const override { return root_ / "exec"; }
  std::string libexec_dir() const override { return GANTRY_BIN_DIR; }
  const Options& options() const override { return options_; }
  void log(LogLevel, std::string_view) const noexcept override {}
  void* query(std::string_view) noexcept override { return nullptr; }

 private:
  fs::path root_;
  Options options_;
};

class FakeCall final : public Call {
 public:
  FakeCall() : fd_(::eventfd(0, EFD_CLOEXEC)) {}
  void cancel() { ::eventfd_write(fd_.get(), 1); }
  bool cancelled() const noexcept override {
    pollfd event{fd_.get(), POLLIN, 0};
    return ::poll(&event, 1, 0) > 0;
  }
  int cancel_fd() const noexcept override { return fd_.get(); }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}

 private:
  UniqueFd fd_;
};

inline constexpr const char* kFake = GANTRY_FAKES_DIR "/fake-volume.so";

/// The fake volume driver with failpoints (tests/fakes/failing).
class Remotes : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "gantry-isolated-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    settings_.program = std::make_shared<const HostProgram>(GANTRY_BIN_DIR "/gantry-driver-host");
    settings_.file = std::make_shared<const DriverFile>(kFake);
    settings_.description = describe(*settings_.program, *settings_.file);
    host_ = std::make_unique<TestHost>(root_, settings_.description);
    settings_.title = "volume driver \"fake\"";
  }
  void TearDown() override {
    driver_.reset();
    remote_.reset();
    fs::remove_all(root_);
  }

  void open() {
    remote_ = std::make_shared<Remote>(settings_);
    driver_ = std::static_pointer_cast<volume::v1::Driver>(find_kind("volume")->make_proxy(remote_, kNoLesson));
    driver_->open(*host_);
  }
  void faults(const std::string& points) { std::ofstream{root_ / "data" / "failpoints"} << points << "\n"; }
  void create(const std::string& name) {
    volume::v1::Volume out;
    driver_->create(name, {}, out, call_);
    EXPECT_EQ(out.name, name);
  }
  /// The error of a call that must fail.
  Error failure(const std::string& name) {
    try {
      create(name);
    } catch (const Error& error) {
      return error;
    }
    return Error{Errc::internal, "it succeeded"};
  }

  fs::path root_;
  std::unique_ptr<TestHost> host_;
  RemoteSettings settings_;
  std::shared_ptr<Remote> remote_;
  std::shared_ptr<volume::v1::Driver> driver_;
  FakeCall call_;
};

}  // namespace gantry::isolated
