#include "images/platform.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

/// The kernel's and the distributions' names of architectures, in Go's words.
Platform normalized(Platform platform) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 10> names{{{"x86_64", "amd64"},
                                                                                        {"x86-64", "amd64"},
                                                                                        {"aarch64", "arm64"},
                                                                                        {"armhf", "arm"},
                                                                                        {"armel", "arm"},
                                                                                        {"armv7l", "arm"},
                                                                                        {"armv6l", "arm"},
                                                                                        {"i386", "386"},
                                                                                        {"i686", "386"},
                                                                                        {"loongarch64", "loong64"}}};
  const std::string given = platform.architecture;
  for (const auto& [other, ours] : names) {
    if (given == other) platform.architecture = ours;
  }
  if (platform.variant.empty()) {
    if (given == "armhf" || given == "armv7l") platform.variant = "v7";
    if (given == "armel" || given == "armv6l") platform.variant = "v6";
  }
  // The variants that every machine of the architecture has go without saying.
  if (platform.architecture == "arm64" && (platform.variant == "v8" || platform.variant == "8"))
    platform.variant.clear();
  if (platform.architecture == "amd64" && platform.variant == "v1") platform.variant.clear();
  if (platform.architecture == "arm" && platform.variant.empty()) platform.variant = "v7";
  return platform;
}

bool is_part(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

int variant_number(const std::string& variant) {
  return variant.size() == 2 && variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9' ? variant[1] - '0' : 0;
}

}  // namespace

std::string Platform::str() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform host_platform() {
  utsname name{};
  ::uname(&name);
  return normalized({"linux", name.machine, ""});
}

Platform parse_platform(std::string_view text) {
  std::vector<std::string> parts;
  for (std::string_view rest = text;;) {
    const auto slash = rest.find('/');
    const auto part = rest.substr(0, slash);
    if (parts.size() == 3) {
      throw Error{Errc::invalid, "\"" + std::string{text} + "\": cannot parse platform specifier: invalid argument"};
    }
    if (!is_part(part)) {
      throw Error{Errc::invalid,
                  "\"" + std::string{text} + "\": unknown operating system or architecture: invalid argument"};
    }
    parts.emplace_back(part);
    std::transform(parts.back().begin(), parts.back().end(), parts.back().begin(),
                   [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  Platform host = host_platform();
  if (parts.size() == 1) {
    static constexpr std::array systems{"linux", "windows", "darwin", "freebsd"};
    if (std::find(systems.begin(), systems.end(), parts[0]) != systems.end()) {
      return {parts[0], host.architecture, host.variant};
    }
    const Platform here = normalized({host.os, parts[0], ""});
    static constexpr std::array machines{"amd64",    "386",    "arm",   "arm64",   "loong64", "mips",  "mips64",
                                         "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"};
    if (std::find(machines.begin(), machines.end(), here.architecture) != machines.end()) return here;
    throw Error{Errc::invalid,
                "\"" + std::string{text} + "\": unknown operating system or architecture: invalid argument"};
  }
  return normalized({parts[0], parts[1], parts.size() == 3 ? parts[2] : ""});
}

int match_platform(const Platform& wanted_as_given, const Platform& offered_as_given) {
  const Platform wanted = normalized(wanted_as_given);
  const Platform offered = normalized(offered_as_given);
  if (wanted.os != offered.os) return 0;
  if (wanted.architecture == offered.architecture) {
    if (wanted.variant == offered.variant) return 100;
    const int have = variant_number(wanted.variant);
    const int need = variant_number(offered.variant);
    if (wanted.architecture == "arm" && need >= 5 && need < have) return 50 + need;
    return offered.variant.empty() && wanted.architecture != "arm" ? 90 : 0;
  }
  // 64-bit ARM and x86 run their 32-bit images, if there is nothing better.
  if (wanted.architecture == "arm64" && offered.architecture == "arm") return 10 + variant_number(offered.variant);
  if (wanted.architecture == "amd64" && offered.architecture == "386") return 10;
  return 0;
}

bool same_platform(const Platform& wanted, const Platform& actual) {
  const Platform name = normalized(wanted);
  const Platform other = normalized(actual);
  if (name.os != other.os || name.architecture != other.architecture) return false;
  return name.variant == other.variant || actual.variant.empty();
}

}  // namespace gantry::images
