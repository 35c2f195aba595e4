#pragma once

#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "gantry/network.hpp"

/// A network driver in a page: it keeps the books of networks and endpoints, and touches no interface.
namespace sample {

namespace fs = std::filesystem;

class NetworkDummy : public gantry::network::v1::Driver {
 public:
  void capabilities(gantry::Capabilities&) const override {}

  void options(std::vector<gantry::OptionInfo>& out) const override {
    out.push_back(
        {"prefix", gantry::OptionType::text, gantry::OptionScope::driver, "10.99.0.", "start of all addresses"});
    out.push_back({"color", gantry::OptionType::text, gantry::OptionScope::object, "", "of the network"});
  }

  void open(gantry::Host& host) override {
    root_ = host.data_dir();
    prefix_ = host.options().at("prefix");
  }

  void create_network(const gantry::network::v1::NetworkSpec& spec, gantry::network::v1::Network& out,
                      const gantry::Call&) override {
    fs::create_directories(root_ / spec.id);
    out.pools = spec.pools;
    if (out.pools.empty()) out.pools.push_back({prefix_ + "0/24", "", prefix_ + "1", {}});
  }

  void remove_network(const std::string& network_id, const gantry::Call&) override {
    fs::remove_all(root_ / network_id);
  }

  void attach(const gantry::network::v1::EndpointSpec& spec, int, gantry::network::v1::Endpoint& out,
              const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    if (!fs::exists(root_ / spec.network_id)) {
      throw gantry::Error{gantry::Errc::not_found, "no such network: " + spec.network_id};
    }
    const fs::path file = root_ / spec.network_id / spec.id;
    std::string address = spec.ipv4;
    if (address.empty() && !std::getline(std::ifstream{file}, address)) address = free_address(spec.network_id);
    std::ofstream{file} << address << '\n';
    out.mac = spec.mac.empty() ? "02:42:0a:63:00:02" : spec.mac;
    out.ipv4 = address;
    out.ipv4_prefix = 24;
    out.ipv4_gateway = prefix_ + "1";
    out.ports = spec.ports;
  }

  void detach(const std::string& network_id, const std::string& endpoint_id, const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    fs::remove(root_ / network_id / endpoint_id);
  }

  void list(gantry::network::v1::Holdings& out, const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    for (const auto& network : fs::directory_iterator{root_}) {
      auto& endpoints = out.networks.emplace_back();
      endpoints.network_id = network.path().filename();
      for (const auto& endpoint : fs::directory_iterator{network}) {
        endpoints.endpoint_ids.push_back(endpoint.path().filename());
      }
    }
  }

 private:
  std::string free_address(const std::string& network_id) const {
    std::vector<bool> used(255);
    for (const auto& endpoint : fs::directory_iterator{root_ / network_id}) {
      std::string address;
      std::getline(std::ifstream{endpoint.path()}, address);
      if (address.starts_with(prefix_)) used.at(std::stoul(address.substr(prefix_.size()))) = true;
    }
    for (std::size_t n = 2; n < used.size(); ++n) {
      if (!used[n]) return prefix_ + std::to_string(n);
    }
    throw gantry::Error{gantry::Errc::exhausted, "no free address on network " + network_id};
  }

  std::mutex mutex_;
  fs::path root_;
  std::string prefix_;
};

}  // namespace sample
