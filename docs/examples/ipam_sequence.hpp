#pragma once

#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gantry/ipam.hpp"

/// An IPAM driver in a page: networks get 10.77.0.0/24, 10.77.1.0/24, ..., containers what is free, in order.
namespace sample {

namespace fs = std::filesystem;

class IpamSequence : public gantry::ipam::v1::Driver {
 public:
  void capabilities(gantry::Capabilities&) const override {}

  void options(std::vector<gantry::OptionInfo>& out) const override {
    out.push_back({"prefix", gantry::OptionType::text, gantry::OptionScope::driver, "10.77.", "start of all subnets"});
  }

  void open(gantry::Host& host) override {
    root_ = host.data_dir();
    prefix_ = host.options().at("prefix");
  }

  void acquire_pools(const gantry::ipam::v1::NetworkRequest& request, std::vector<gantry::network::v1::Pool>& out,
                     const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    if (request.ipv6) throw gantry::Error{gantry::Errc::unsupported, "sequence: it has no IPv6 addresses"};
    std::string start = start_of(request.id);
    if (start.empty()) start = free_start();
    if (!request.pools.empty() && request.pools.front().subnet != start + "0/24") {
      throw gantry::Error{gantry::Errc::invalid, "sequence: a subnet cannot be chosen"};
    }
    fs::create_directories(root_ / request.id);
    write(root_ / request.id / "start", start);
    out.push_back({start + "0/24", "", start + "1", {}});
  }

  void release_pools(const std::string& network_id, const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    fs::remove_all(root_ / network_id);
  }

  void acquire_addresses(const gantry::ipam::v1::EndpointRequest& request, gantry::ipam::v1::Addresses& out,
                         const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    const std::string start = start_of(request.network_id);
    if (start.empty()) throw gantry::Error{gantry::Errc::not_found, "network " + request.network_id + " not found"};
    const fs::path file = root_ / request.network_id / request.id;
    const std::set<std::string> taken = addresses(request.network_id, request.id);
    out.ipv4 = request.ipv4.empty() ? read(file) : request.ipv4;
    if (out.ipv4.empty()) out.ipv4 = free_address(start, taken);
    if (!out.ipv4.starts_with(start)) {
      throw gantry::Error{gantry::Errc::invalid, "no configured subnet contains IP address " + out.ipv4};
    }
    if (taken.contains(out.ipv4)) throw gantry::Error{gantry::Errc::denied, "Address already in use"};
    write(file, out.ipv4);
  }

  void release_addresses(const std::string& network_id, const std::string& endpoint_id, const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    fs::remove(root_ / network_id / endpoint_id);
  }

  void list(gantry::ipam::v1::Holdings& out, const gantry::Call&) override {
    const std::scoped_lock guard{mutex_};
    for (const auto& network : fs::directory_iterator{root_}) {
      if (!fs::exists(network.path() / "start")) continue;  // the daemon died before it was whole
      auto& endpoints = out.networks.emplace_back();
      endpoints.network_id = network.path().filename();
      for (const auto& endpoint : fs::directory_iterator{network}) {
        if (endpoint.path().filename() != "start") endpoints.endpoint_ids.push_back(endpoint.path().filename());
      }
    }
  }

 private:
  static std::string read(const fs::path& file) {
    std::string line;
    std::getline(std::ifstream{file}, line);
    return line;
  }
  /// Whole, or not at all.
  void write(const fs::path& file, const std::string& line) const {
    std::ofstream{root_ / "draft"} << line << '\n';
    fs::rename(root_ / "draft", file);
  }

  [[nodiscard]] std::string start_of(const std::string& network_id) const { return read(root_ / network_id / "start"); }

  [[nodiscard]] std::string free_start() const {
    std::set<std::string> taken;
    for (const auto& network : fs::directory_iterator{root_}) taken.insert(read(network.path() / "start"));
    for (int n = 0; n < 256; ++n) {
      std::string start = prefix_ + std::to_string(n) + ".";
      if (!taken.contains(start)) return start;
    }
    throw gantry::Error{gantry::Errc::exhausted, "sequence: all subnets are in use"};
  }

  [[nodiscard]] std::set<std::string> addresses(const std::string& network_id, const std::string& but_for) const {
    std::set<std::string> out{start_of(network_id) + "1"};
    for (const auto& endpoint : fs::directory_iterator{root_ / network_id}) {
      if (endpoint.path().filename() != but_for) out.insert(read(endpoint.path()));
    }
    return out;
  }

  static std::string free_address(const std::string& start, const std::set<std::string>& taken) {
    for (int n = 2; n < 255; ++n) {
      std::string address = start + std::to_string(n);
      if (!taken.contains(address)) return address;
    }
    throw gantry::Error{gantry::Errc::exhausted, "no available IPv4 addresses on this network's address pools"};
  }

  std::mutex mutex_;
  fs::path root_;
  std::string prefix_;
};

}  // namespace sample
