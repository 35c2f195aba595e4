#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "address_range.hpp"
#include "gantry/call.hpp"
#include "url.hpp"

namespace hub {

/// Which hosts may be talked to without TLS or without checking certificates (daemon.json: insecure-registries).
class InsecureHosts {
 public:
  /// Items: host, host:port, address, CIDR. Errors: invalid.
  explicit InsecureHosts(const std::vector<std::string>& items);

  /// `host` is a registry's name with or without port. localhost and 127.0.0.0/8 and ::1 are always insecure.
  [[nodiscard]] bool contains(std::string_view host) const;
  /// Whether one of the addresses that the host's name stands for is; none of a name that nobody knows.
  /// Errors: cancelled.
  [[nodiscard]] bool contains_address_of(std::string_view host, const gantry::Call& call) const;

 private:
  [[nodiscard]] bool in_range(const std::string& address) const;

  std::vector<std::string> names_;
  std::vector<AddressRange> ranges_;
};

/// The items of a list option: separated by commas, blanks trimmed, as a config writes them.
std::vector<std::string> split_list(std::string_view text);

/// "docker.io" is served by "registry-1.docker.io".
std::string serving_host(const std::string& host);

/// "localhost:5000" without the port.
std::string host_name(std::string_view host);

}  // namespace hub
