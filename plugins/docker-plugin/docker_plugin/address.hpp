#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gantry::docker_plugin {

/// How a plugin is spoken to by TLS; files by their paths.
struct Tls {
  std::string ca;  ///< Whom its certificate must be signed by; empty: somebody whom the system trusts.
  std::string certificate;
  std::string key;
  bool skip_verify{};
};

/// Where a plugin listens: a unix socket, or a TCP port.
struct Address {
  std::string path;  ///< Of the socket; empty for TCP.
  std::string host;
  std::string port;
  std::optional<Tls> tls;
};

/// The folders that plugins are looked for in.
struct Folders {
  std::vector<std::filesystem::path> sockets{"/run/docker/plugins"};
  std::vector<std::filesystem::path> specs{"/etc/docker/plugins", "/usr/lib/docker/plugins"};
};

/// Looks for NAME.sock and NAME/NAME.sock, then for NAME.spec and NAME.json, as dockerd does; nothing if there is none.
/// As with dockerd a plugin at https:// whose spec names no CA is not asked who it is.
/// Errors: invalid (a name that is none of a file, a spec file that says something else).
std::optional<Address> find_plugin(const Folders& folders, const std::string& name);

/// "unix:///path", "tcp://host:port", "http://host:port", "https://host:port". Errors: invalid.
Address parse_address(const std::string& plugin, const std::string& text);

}  // namespace gantry::docker_plugin
