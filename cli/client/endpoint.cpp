#include "client/endpoint.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "command/failure.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kDefaultHost = "unix:///run/gantry/gantry.sock";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Endpoint parse_tcp(const std::string& text, std::string_view address, const char* default_port) {
  address = address.substr(0, address.find('/'));
  Endpoint endpoint;
  endpoint.text = text;
  endpoint.port = default_port;
  if (!address.empty() && address[0] == '[') {
    const auto close = address.find(']');
    if (close == std::string_view::npos) throw Failure("unable to parse docker host `" + text + "`");
    endpoint.host = address.substr(1, close - 1);
    address.remove_prefix(close + 1);
    if (!address.empty() && address[0] == ':') endpoint.port = address.substr(1);
  } else {
    const auto colon = address.rfind(':');
    endpoint.host = address.substr(0, colon);
    if (colon != std::string_view::npos) endpoint.port = address.substr(colon + 1);
  }
  if (endpoint.host.empty()) endpoint.host = "localhost";
  return endpoint;
}

Endpoint parse_ssh(const std::string& text, std::string_view address) {
  const auto at = address.substr(0, address.find('/')).rfind('@');
  const std::string_view user = at == std::string_view::npos ? "" : address.substr(0, at);
  if (at != std::string_view::npos) address.remove_prefix(at + 1);
  if (user.find(':') != std::string_view::npos) {
    throw Failure("ssh host connection is not valid: plain-text password is not supported");
  }
  Endpoint endpoint = parse_tcp(text, address, "");
  if (address.empty() || address.front() == '/') throw Failure("ssh host connection is not valid: no host specified");
  endpoint.ssh = true;
  endpoint.user = user;
  // As docker does, a bare slash names no socket.
  const auto slash = address.find('/');
  if (slash != std::string_view::npos && slash + 1 < address.size()) endpoint.path = address.substr(slash);
  return endpoint;
}

}  // namespace

Endpoint parse_endpoint(const std::string& text) {
  const std::string_view view = text;
  const auto scheme_end = view.find("://");
  if (scheme_end == std::string_view::npos) return parse_tcp("tcp://" + text, view, "2375");
  const auto scheme = view.substr(0, scheme_end);
  const auto rest = view.substr(scheme_end + 3);
  if (scheme == "unix") {
    Endpoint endpoint;
    endpoint.text = text;
    endpoint.path = rest;
    return endpoint;
  }
  if (scheme == "tcp" || scheme == "http") return parse_tcp(text, rest, "2375");
  if (scheme == "https") return parse_tcp(text, rest, "2376");
  if (scheme == "ssh") return parse_ssh(text, rest);
  throw Failure("Failed to initialize: unable to resolve docker endpoint: invalid bind address format: " + text);
}

DaemonAddress daemon_address(const ConnectionFlags& flags, const std::string& config_dir) {
  std::string host = flags.host;
  if (host.empty()) host = environment("GANTRY_HOST");
  if (host.empty()) host = environment("DOCKER_HOST");
  if (host.empty()) host = kDefaultHost;
  DaemonAddress address{parse_endpoint(host), std::nullopt};
  const bool verify = flags.tls_verify || !environment("DOCKER_TLS_VERIFY").empty();
  const bool wanted = flags.tls || verify || !environment("DOCKER_TLS").empty() || host.rfind("https://", 0) == 0;
  if (!wanted || !address.endpoint.path.empty() || address.endpoint.ssh) return address;
  std::string directory = environment("DOCKER_CERT_PATH");
  if (directory.empty()) directory = config_dir;
  const auto file = [&](const std::string& given, const char* name) {
    if (!given.empty()) return given;
    const std::string standard = directory + "/" + name;
    return ::access(standard.c_str(), R_OK) == 0 ? standard : std::string();
  };
  address.tls = TlsSettings{verify, file(flags.ca_file, "ca.pem"), file(flags.certificate_file, "cert.pem"),
                            file(flags.key_file, "key.pem")};
  return address;
}

}  // namespace gantry::cli
