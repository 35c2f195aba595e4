#include "daemon/proxies.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "gantry/error.hpp"

namespace gantry::daemon {
namespace {

/// "http-proxy" is "HTTP_PROXY" in the environment.
std::string variable(std::string name, int (*letter)(int)) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [&](unsigned char c) { return c == '-' ? '_' : static_cast<char>(letter(c)); });
  return name;
}

}  // namespace

void export_proxies(const Config& config) {
  Texts wanted{{"http-proxy", config.http_proxy}, {"https-proxy", config.https_proxy}, {"no-proxy", config.no_proxy}};
  for (const auto& [name, value] : config.proxies) {
    const auto known = wanted.find(name);
    if (known == wanted.end()) {
      throw Error{Errc::invalid,
                  "proxies: \"" + name + "\" is not known: http-proxy, https-proxy or no-proxy was expected"};
    }
    if (known->second.empty()) known->second = value;
  }
  for (const auto& [name, value] : wanted) {
    if (value.empty()) continue;
    ::setenv(variable(name, std::toupper).c_str(), value.c_str(), 1);
    ::setenv(variable(name, std::tolower).c_str(), value.c_str(), 1);
  }
}

std::string proxy_environment(const std::string& name) {
  for (const auto letter : {&::toupper, &::tolower}) {
    const char* value = std::getenv(variable(name, letter).c_str());
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

}  // namespace gantry::daemon
