#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "daemon.hpp"
#include "images.hpp"
#include "leaks.hpp"

namespace gantry::e2e {

/// How often a test repeats what is left to chance; GANTRY_TEST_ROUNDS makes a long run of it.
inline int rounds(int usual) {
  const char* given = std::getenv("GANTRY_TEST_ROUNDS");
  return given == nullptr ? usual : std::stoi(given);
}

/// A suite with one daemon that has busybox:latest. Every test must leave the kernel as it found it.
class Engine : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    daemon = std::make_unique<Daemon>();
    ASSERT_TRUE(daemon->start()) << daemon->log();
    load_busybox(*daemon);
  }
  static void TearDownTestSuite() { daemon.reset(); }

  void SetUp() override {
    ASSERT_NE(daemon, nullptr);
    if (!oci_runtime().empty() && !have_program(oci_runtime())) GTEST_SKIP() << "no " << oci_runtime() << " here";
    before_ = kernel_state(*daemon);
  }
  void TearDown() override {
    if (IsSkipped()) return;
    if (have_containers(*daemon)) daemon->cli("rm -f -v $(" + program("gantry").string() + " ps -aq)");
    EXPECT_EQ(leaks_since(before_, *daemon), "");
    if (HasFailure()) ADD_FAILURE() << daemon->log();
  }

  static Result cli(const std::string& arguments, const std::string& input = {}) {
    return daemon->cli(arguments, input);
  }

  /// Asks until it is so; 20 seconds are too long.
  template <class Condition>
  static void until(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) ASSERT_LT(std::chrono::steady_clock::now(), limit);
  }

  /// Returns when something in the container listens on port 80.
  static void await_server(const std::string& container) {
    const std::string listening = "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q \":0050 [0:]* 0A\"";
    EXPECT_EQ(cli("exec " + container + " timeout 20 sh -c 'until " + listening + "; do :; done'").code, 0);
  }

  static inline std::unique_ptr<Daemon> daemon;

 private:
  Kernel before_;
};

/// The same tests by both clients: `gantry` and the unmodified `docker`.
class BothClients : public Engine, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (std::string{GetParam()} == "docker" && !have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
    Engine::SetUp();
  }
  static Result run(const std::string& arguments, const std::string& input = {}) {
    return std::string{GetParam()} == "docker" ? daemon->docker(arguments, input) : daemon->cli(arguments, input);
  }
  /// Some of docker's own words and flags came late: Debian 12 has 20.10.
  static bool is_docker_before(int major) {
    if (std::string{GetParam()} != "docker") return false;
    return std::stoi(daemon->docker("version --format '{{.Client.Version}}'").line()) < major;
  }
  static std::unique_ptr<Background> background(const std::string& arguments, bool terminal = false) {
    return std::string{GetParam()} == "docker" ? daemon->background_docker(arguments, terminal)
                                               : daemon->background(arguments, terminal);
  }
};

inline std::string client_name(const ::testing::TestParamInfo<const char*>& info) { return info.param; }

}  // namespace gantry::e2e
