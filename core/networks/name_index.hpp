#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "networks/service.hpp"

namespace gantry::networks {

/// The names and addresses of one network's endpoints, to be looked up.
class NameIndex {
 public:
  void add(const Endpoint& endpoint);

  struct Addresses {
    std::string ipv4;
    std::string ipv6;
  };
  /// Those who have one of two names, each once, in the order in which they were added. Both in lower case.
  [[nodiscard]] std::vector<Addresses> find(const std::string& name, const std::string& other) const;

  /// "container.network"; empty if the address is nobody's.
  [[nodiscard]] std::string name_of(const std::string& address) const;

 private:
  [[nodiscard]] const std::vector<std::size_t>& called(const std::string& name) const;

  std::vector<Addresses> all_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_name_;  ///< Ascending.
  std::unordered_map<std::string, std::string> by_address_;
};

/// In lower case, as names are compared.
std::string lower(std::string text);

}  // namespace gantry::networks
