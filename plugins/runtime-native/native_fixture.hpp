#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "driver.hpp"
#include "drivers/runtime_world.hpp"

/// The driver over directories of its own, with a world of containers around it.
namespace gantry::native {

using namespace container_shim;

class TestHost final : public Host {
 public:
  explicit TestHost(std::filesystem::path base) : base_(std::move(base)) {
    std::filesystem::create_directories(base_ / "exec");
  }
  std::string data_dir() const override { return base_; }
  std::string exec_dir() const override { return base_ / "exec"; }
  std::string libexec_dir() const override { return GANTRY_SHIM_DIR; }
  const Options& options() const override { return options_; }
  void log(LogLevel /*level*/, std::string_view /*message*/) const noexcept override {}
  void* query(std::string_view /*service*/) noexcept override { return nullptr; }

 private:
  std::filesystem::path base_;
  Options options_;
};

class QuietCall final : public Call {
 public:
  bool cancelled() const noexcept override { return false; }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress& /*report*/) const override {}
  void log(LogLevel /*level*/, std::string_view /*message*/) const noexcept override {}
};

class NativeTest : public ::testing::Test {
 protected:
  using Ended = conformance::Ended;
  using Spec = runtime::v1::Spec;

  NativeTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "gantry-native-XXXXXX";
    base_ = ::mkdtemp(pattern.data());
    host_ = std::make_unique<TestHost>(base_);
    restart();
    world_ = std::make_unique<conformance::RuntimeWorld>([this]() -> runtime::v1::Driver& { return *driver_; }, call_,
                                                         base_);
  }

  ~NativeTest() override {
    world_.reset();
    std::vector<std::string> held;
    driver_->list(held, call_);
    EXPECT_EQ(held, std::vector<std::string>{}) << "the driver left directories behind";
    driver_.reset();
    std::filesystem::remove_all(base_);
  }

  /// As after the daemon's restart.
  void restart() {
    driver_.reset();
    driver_ = std::make_unique<Driver>();
    driver_->open(*host_);
  }

  Driver& driver() { return *driver_; }
  conformance::RuntimeWorld& world() { return *world_; }
  const Call& call() const { return call_; }
  [[nodiscard]] std::filesystem::path base() const { return base_; }

  /// The message that a start fails with; empty if it does not.
  std::string start_error(const Spec& spec) {
    try {
      auto live = world().launch(spec);
      world().finish(std::move(live), spec.process.terminal);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

 private:
  QuietCall call_;
  std::filesystem::path base_;
  std::unique_ptr<TestHost> host_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<conformance::RuntimeWorld> world_;
};

}  // namespace gantry::native
