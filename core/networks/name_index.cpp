#include "networks/name_index.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

namespace gantry::networks {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void NameIndex::add(const Endpoint& endpoint) {
  const std::size_t number = all_.size();
  all_.push_back({endpoint.result.ipv4, endpoint.result.ipv6});
  for (const std::string& name : names_on(endpoint)) {
    std::vector<std::size_t>& called = by_name_[lower(name)];
    if (called.empty() || called.back() != number) called.push_back(number);
  }
  const std::string full = endpoint.container_name + "." + endpoint.network_name;
  for (const std::string* address : {&endpoint.result.ipv4, &endpoint.result.ipv6}) {
    if (!address->empty()) by_address_.emplace(*address, full);
  }
}

const std::vector<std::size_t>& NameIndex::called(const std::string& name) const {
  static const std::vector<std::size_t> kNobody;
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kNobody : found->second;
}

std::vector<NameIndex::Addresses> NameIndex::find(const std::string& name, const std::string& other) const {
  std::vector<std::size_t> numbers = called(name);
  if (other != name) {
    const std::vector<std::size_t> first = std::exchange(numbers, {});
    const std::vector<std::size_t>& second = called(other);
    std::set_union(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(numbers));
  }
  std::vector<Addresses> out;
  out.reserve(numbers.size());
  for (const std::size_t number : numbers) out.push_back(all_[number]);
  return out;
}

std::string NameIndex::name_of(const std::string& address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? std::string{} : found->second;
}

}  // namespace gantry::networks
