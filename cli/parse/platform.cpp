#include "parse/platform.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "format/go_value.hpp"
#include "json.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kOsPattern = R"(^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$)";
constexpr const char* kPartPattern = "^[A-Za-z0-9_.-]+$";

#if defined(__aarch64__)
constexpr const char* kHostArchitecture = "arm64";
#elif defined(__arm__)
constexpr const char* kHostArchitecture = "arm";
#elif defined(__riscv)
constexpr const char* kHostArchitecture = "riscv64";
#elif defined(__powerpc64__)
constexpr const char* kHostArchitecture = "ppc64le";
#elif defined(__s390x__)
constexpr const char* kHostArchitecture = "s390x";
#elif defined(__i386__)
constexpr const char* kHostArchitecture = "386";
#else
constexpr const char* kHostArchitecture = "amd64";
#endif

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& known, std::string_view name) {
  return std::find(known.begin(), known.end(), name) != known.end();
}

bool is_known_os(std::string_view name) {
  static constexpr std::array<std::string_view, 16> kKnown{
      "aix", "android", "darwin", "dragonfly", "freebsd", "hurd",  "illumos", "ios",
      "js",  "linux",   "nacl",   "netbsd",    "openbsd", "plan9", "solaris", "windows"};
  return is_one_of(kKnown, name);
}

bool is_known_architecture(std::string_view name) {
  static constexpr std::array<std::string_view, 24> kKnown{
      "386",     "amd64",   "amd64p32", "arm",    "armbe",  "arm64",    "arm64be",   "ppc64",
      "ppc64le", "loong64", "mips",     "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le",
      "ppc",     "riscv",   "riscv64",  "s390",   "s390x",  "sparc",    "sparc64",   "wasm"};
  return is_one_of(kKnown, name);
}

bool fits(std::string_view text, std::string_view others) {
  const auto is_fit = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           others.find(c) != std::string_view::npos;
  };
  return std::all_of(text.begin(), text.end(), is_fit);
}

[[noreturn]] void refuse(const std::string& why) { throw InvalidValue(why + ": invalid argument"); }

void take_os(const std::string& part, const std::string& whole, Platform& out) {
  const auto open = part.find('(');
  const std::string name = part.substr(0, open);
  const bool closed = open == std::string::npos || part.back() == ')';
  if (open != std::string::npos && closed) out.os_version = part.substr(open + 1, part.size() - open - 2);
  if (name.empty() || !closed || !fits(name, "") || !fits(out.os_version, ".")) {
    refuse(go_quote(part) + " is an invalid OS component of " + go_quote(whole) +
           ": OSAndVersion specifier component must match " + go_quote(kOsPattern));
  }
  out.os = lower(name);
  if (out.os == "macos") out.os = "darwin";
}

void take_architecture(const std::string& architecture, const std::string& variant, Platform& out) {
  out.architecture = lower(architecture);
  out.variant = lower(variant);
  const std::string& name = out.architecture;
  if (name == "i386") {
    out = {out.os, out.os_version, "386", ""};
  } else if (name == "x86_64" || name == "x86-64" || name == "amd64") {
    out.architecture = "amd64";
    if (out.variant == "v1") out.variant.clear();
  } else if (name == "aarch64" || name == "arm64") {
    out.architecture = "arm64";
    if (out.variant == "8" || out.variant == "v8") out.variant.clear();
  } else if (name == "armhf" || name == "armel") {
    out.variant = name == "armhf" ? "v7" : "v6";
    out.architecture = "arm";
  } else if (name == "arm" && (out.variant.empty() || out.variant == "7")) {
    out.variant = "v7";
  } else if (name == "arm" && (out.variant == "5" || out.variant == "6" || out.variant == "8")) {
    out.variant.insert(0, "v");
  }
}

/// The usual one of its kind is not named.
void drop_usual_variant(Platform& platform) {
  if (platform.architecture == "arm" && platform.variant == "v7") platform.variant.clear();
}

}  // namespace

std::string Platform::text() const {
  std::string out = os;
  for (const std::string& part : {architecture, variant}) {
    if (!part.empty()) out += "/" + part;
  }
  return out;
}

std::string Platform::json() const {
  Json out{{"architecture", architecture}, {"os", os}};
  if (!os_version.empty()) out["os.version"] = os_version;
  if (!variant.empty()) out["variant"] = variant;
  return out.dump();
}

Platform parse_platform(const std::string& text) {
  if (text.find('*') != std::string::npos) refuse(go_quote(text) + ": wildcards not yet supported");
  const auto parts = split(text, '/');
  Platform out;
  take_os(parts[0], text, out);
  // What is behind the fourth is one part with it.
  for (std::size_t i = 1; i < std::min<std::size_t>(parts.size(), 4); ++i) {
    if (!parts[i].empty() && fits(parts[i], ".") && (i < 3 || parts.size() == 4)) continue;
    refuse(go_quote(parts[i]) + " is an invalid component of " + go_quote(text) +
           ": platform specifier component must match " + go_quote(kPartPattern));
  }
  if (parts.size() > 3) refuse(go_quote(text) + ": cannot parse platform specifier");
  if (parts.size() == 1) {
    if (is_known_os(out.os)) {
      out.architecture = kHostArchitecture;
      return out;
    }
    take_architecture(parts[0], "", out);
    drop_usual_variant(out);
    if (!is_known_architecture(out.architecture)) {
      refuse(go_quote(text) + ": unknown operating system or architecture");
    }
    out.os = "linux";
    return out;
  }
  take_architecture(parts[1], parts.size() > 2 ? parts[2] : "", out);
  if (parts.size() == 2) drop_usual_variant(out);
  if (parts.size() == 3 && out.architecture == "arm64" && out.variant.empty()) out.variant = "v8";
  return out;
}

}  // namespace gantry::cli
