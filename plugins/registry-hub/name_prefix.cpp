#include "name_prefix.hpp"

#include <algorithm>

#include "gantry/error.hpp"

namespace hub {

bool has_prefix(const std::string& name, const std::string& prefix) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
}

void check_prefix(const std::string& prefix, const char* option) {
  const bool right = !prefix.empty() && prefix.find("//") == std::string::npos && prefix.front() != '/' &&
                     prefix.back() != '/' &&
                     std::all_of(prefix.begin(), prefix.end(), [](char c) { return c > ' ' && c != '@' && c != '='; });
  if (right) return;
  throw gantry::Error{gantry::Errc::invalid, std::string{option} + ": \"" + prefix +
                                                 "\" is no prefix of a repository's name (docker.io/library, quay.io)"};
}

}  // namespace hub
