#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "driver.hpp"
#include "net_link/link.hpp"
#include "net_link_names.hpp"
#include "test_sandbox.hpp"

namespace gantry::bridge {

using network::v1::Endpoint;
using network::v1::EndpointSpec;
using network::v1::Holdings;
using network::v1::NetworkSpec;
using network::v1::Port;
using test::ask;
using test::Sandbox;
using test::Server;

constexpr int kUnreachable = 300;  // ms to wait for an answer that must not come

class TestHost : public Host {
 public:
  TestHost() {
    std::string pattern = (std::filesystem::temp_directory_path() / "net-bridge-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~TestHost() override { std::filesystem::remove_all(directory_); }

  std::string data_dir() const override { return directory_; }
  std::string exec_dir() const override { return directory_; }
  std::string libexec_dir() const override { return directory_; }
  const Options& options() const override { return settings; }
  void log(LogLevel /*level*/, std::string_view message) const noexcept override {
    std::cerr << message << "\n";
    const std::lock_guard lock(mutex_);
    said_.append(message).append("\n");
  }
  void* query(std::string_view /*service*/) noexcept override { return nullptr; }

  /// All that was logged since the last call.
  std::string take_said() {
    const std::lock_guard lock(mutex_);
    return std::exchange(said_, {});
  }

  Options settings;

 private:
  std::string directory_;
  mutable std::mutex mutex_;
  mutable std::string said_;
};

class TestCall : public Call {
 public:
  bool cancelled() const noexcept override { return false; }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress& /*report*/) const override {}
  void log(LogLevel /*level*/, std::string_view /*message*/) const noexcept override {}
};

inline std::string id_of(char digit) { return std::string(64, digit); }

inline std::set<std::string> interfaces() {
  std::set<std::string> names;
  struct if_nameindex* list = ::if_nameindex();
  for (auto* entry = list; entry != nullptr && entry->if_index != 0; ++entry) names.insert(entry->if_name);
  ::if_freenameindex(list);
  return names;
}

/// A driver on a host that has nothing but its loopback.
class BridgeDriver : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = interfaces();
    open();
  }

  void TearDown() override {
    Holdings holdings;
    driver_->list(holdings, call_);
    for (const auto& network : holdings.networks) {
      for (const std::string& endpoint : network.endpoint_ids) driver_->detach(network.network_id, endpoint, call_);
      driver_->remove_network(network.network_id, call_);
    }
    driver_.reset();
    EXPECT_EQ(interfaces(), before_);
  }

  void open() {
    driver_ = std::make_unique<Driver>();
    driver_->open(host_);
  }

  /// As after a kill of the daemon: no destructor runs in time.
  void reopen() { open(); }

  network::v1::Network create(char id, Options options = {}, bool internal = false, bool ipv6 = false) {
    NetworkSpec spec;
    spec.id = id_of(id);
    spec.name = std::string("net-") + id;
    spec.options = std::move(options);
    spec.internal = internal;
    spec.ipv6 = ipv6;
    network::v1::Network out;
    driver_->create_network(spec, out, call_);
    return out;
  }

  EndpointSpec endpoint(char network, char id, std::vector<Port> ports = {}) {
    EndpointSpec spec;
    spec.id = id_of(id);
    spec.network_id = id_of(network);
    spec.container_id = id_of('f');
    spec.container_name = std::string("c-") + id;
    spec.interface = "eth0";
    spec.ports = std::move(ports);
    spec.default_gateway = true;
    return spec;
  }

  Endpoint attach(const EndpointSpec& spec, const Sandbox& sandbox) {
    Endpoint out;
    driver_->attach(spec, sandbox.netns(), out, call_);
    return out;
  }

  std::string failure(const EndpointSpec& spec, const Sandbox& sandbox) {
    try {
      attach(spec, sandbox);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  TestHost host_;
  TestCall call_;
  std::unique_ptr<Driver> driver_;
  UniqueFd own_ = test::own_netns();

 private:
  std::set<std::string> before_;
};

constexpr const char* kHost6 = "2001:db8:c633::1";     ///< This host's address on the wire.
constexpr const char* kOutside6 = "2001:db8:c633::2";  ///< The other one's.

/// Another host, behind a wire.
class Outside {
 public:
  Outside() {
    // A wire that has been there for long: its own addresses are not looked for any more.
    const auto look_for_duplicates = [](const char* value) { write_sysctl("ipv6/conf/default/accept_dad", value); };
    look_for_duplicates("0");
    test::inside(sandbox_.netns(), [&] { look_for_duplicates("0"); });
    Netlink().add_veth({"wire", 0, sandbox_.netns(), "wire", "02:42:c6:33:64:02", 0, false});
    look_for_duplicates("1");
    Netlink netlink;
    netlink.add_address(netlink.find("wire")->index, *parse_cidr("198.51.100.1/24"));
    netlink.add_address(netlink.find("wire")->index, *parse_cidr(std::string(kHost6) + "/64"));
    test::inside(sandbox_.netns(), [] {
      Netlink there;
      const int index = there.find("wire")->index;
      there.add_address(index, *parse_cidr("198.51.100.2/24"));
      there.add_address(index, *parse_cidr(std::string(kOutside6) + "/64"));
      there.set_up(index);
      there.set_default_route(index, *parse_address("198.51.100.1"));
      there.set_default_route(index, *parse_address(kHost6));
    });
  }
  ~Outside() { Netlink().remove("wire"); }
  [[nodiscard]] int netns() const { return sandbox_.netns(); }

 private:
  Sandbox sandbox_;
};

}  // namespace gantry::bridge
