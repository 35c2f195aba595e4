#include "api/product.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace gantry::api {

namespace {

// As dockerd compares: number by number; what is missing or too large to be one counts as 0 or very large.
std::vector<int> numbers(std::string_view text) {
  std::vector<int> out;
  while (!text.empty()) {
    const auto end = std::min(text.find('.'), text.size());
    int number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + end, number);
    out.push_back(error == std::errc::result_out_of_range ? 1'000'000 : number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.resize(std::max<std::size_t>(out.size(), 2));
  return out;
}

}  // namespace

const std::string& product_version() {
  static const std::string version = GANTRY_VERSION;
  return version;
}

const std::string& product_headers() {
  static const std::string headers = "Api-Version: " + to_string(kNewestVersion) +
                                     "\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Gantry/" +
                                     product_version() + " (linux)\r\n";
  return headers;
}

std::string to_string(Version version) { return std::to_string(version.major) + "." + std::to_string(version.minor); }

std::string take_version(std::string& path) {
  if (!path.starts_with("/v")) return {};
  const auto end = path.find('/', 2);
  if (end == std::string::npos || end == 2) return {};
  std::string version = path.substr(2, end - 2);
  if (version.find_first_not_of("0123456789.") != std::string::npos) return {};
  path.erase(0, end);
  return version;
}

Version parse_version(const std::string& text) {
  if (text.empty()) return kNewestVersion;
  const std::vector<int> asked = numbers(text);
  if (asked < std::vector<int>{kOldestVersion.major, kOldestVersion.minor}) {
    throw Error{Errc::invalid, "client version " + text + " is too old. Minimum supported API version is " +
                                   to_string(kOldestVersion) + ", please upgrade your client to a newer version"};
  }
  if (asked > std::vector<int>{kNewestVersion.major, kNewestVersion.minor}) {
    throw Error{Errc::invalid, "client version " + text + " is too new. Maximum supported API version is " +
                                   to_string(kNewestVersion)};
  }
  return {asked[0], asked[1]};
}

}  // namespace gantry::api
