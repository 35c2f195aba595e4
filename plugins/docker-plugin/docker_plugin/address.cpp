#include "docker_plugin/address.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace gantry::docker_plugin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestSpec = 65536;

/// It becomes a part of a path.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 255 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; });
}

bool listens(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

std::optional<std::string> read_spec(const fs::path& path) {
  std::ifstream file{path};
  if (!file) return std::nullopt;
  std::string text(kLongestSpec, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto last = text.find_last_not_of(" \t\r\n");
  text.erase(last == std::string::npos ? 0 : last + 1);
  return text;
}

Address from_json(const std::string& plugin, const fs::path& path, const std::string& text) {
  const auto spec = nlohmann::json::parse(text, nullptr, false);
  if (!spec.is_object() || !spec.contains("Addr") || !spec["Addr"].is_string()) {
    throw Error{Errc::invalid, "plugin " + plugin + ": " + path.string() + ": an object with \"Addr\" was expected"};
  }
  Address address = parse_address(plugin, spec["Addr"].get<std::string>());
  if (!address.tls) return address;
  address.tls = Tls{};
  const auto config = spec.find("TLSConfig");
  if (config == spec.end() || config->is_null()) return address;
  try {
    address.tls->ca = config->value("CAFile", "");
    address.tls->certificate = config->value("CertFile", "");
    address.tls->key = config->value("KeyFile", "");
    address.tls->skip_verify = config->value("InsecureSkipVerify", false) || address.tls->ca.empty();
  } catch (const nlohmann::json::exception& error) {
    throw Error{Errc::invalid, "plugin " + plugin + ": " + path.string() + ": TLSConfig: " + error.what()};
  }
  return address;
}

}  // namespace

Address parse_address(const std::string& plugin, const std::string& text) {
  const auto scheme_end = text.find("://");
  const std::string scheme = text.substr(0, scheme_end);
  const std::string rest = scheme_end == std::string::npos ? "" : text.substr(scheme_end + 3);
  if (scheme == "unix" && rest.starts_with("/")) return {rest, "", "", {}};
  const auto colon = rest.rfind(':');
  const bool known = scheme == "tcp" || scheme == "http" || scheme == "https";
  if (!known || colon == std::string::npos || colon == 0 || colon + 1 == rest.size()) {
    throw Error{Errc::invalid, "plugin " + plugin + ": invalid address \"" + text +
                                   "\": unix:///path, tcp://host:port or https://host:port was expected"};
  }
  std::string host = rest.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  Address address{"", host, rest.substr(colon + 1), {}};
  if (scheme == "https") address.tls = Tls{"", "", "", true};
  return address;
}

std::optional<Address> find_plugin(const Folders& folders, const std::string& name) {
  if (!is_name(name)) throw Error{Errc::invalid, "\"" + name + "\" is no plugin's name"};
  for (const fs::path& folder : folders.sockets) {
    for (const fs::path& path : {folder / (name + ".sock"), folder / name / (name + ".sock")}) {
      if (listens(path)) return Address{path, "", "", {}};
    }
  }
  for (const fs::path& folder : folders.specs) {
    for (const fs::path& place : {folder / name, folder / name / name}) {
      if (const auto text = read_spec(place.string() + ".spec")) return parse_address(name, *text);
      const fs::path json = place.string() + ".json";
      if (const auto text = read_spec(json)) return from_json(name, json, *text);
    }
  }
  return std::nullopt;
}

}  // namespace gantry::docker_plugin
