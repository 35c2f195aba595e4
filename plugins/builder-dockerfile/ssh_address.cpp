#include "ssh_address.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

constexpr std::string_view kScheme = "ssh://";
/// What one command of a server's may be; no path is nearly as long.
constexpr std::size_t kLongest = 4096;

[[noreturn]] void refuse_address(const std::string& why) {
  throw Error{Errc::invalid, why + ": an SSH address is ssh://[user@]host[:port]/path or git@host:path"};
}

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool consists_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}

void check_user(std::string_view user) {
  if (user.find(':') != std::string_view::npos) refuse_address("a password is not taken, keys come from an SSH agent");
  if (user.empty() || user.front() == '-' || !consists_of(user, "._-")) refuse_address("invalid user");
}

void check_host(std::string_view host) {
  if (host.empty() || host.front() == '-' || !consists_of(host, ".-_")) refuse_address("invalid host");
}

/// Bytes above those of ASCII are letters of somebody's.
void check_path(std::string_view path) {
  const bool usable = std::all_of(path.begin(), path.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view{"/._-~+:=,"}.find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) >= 0x80;
  });
  const std::size_t first = path.find_first_not_of('/');
  if (!usable || first == std::string_view::npos || path.front() == '-' || path[first] == '-')
    refuse_address("invalid path");
}

std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) refuse_address("invalid port");
  return port;
}

/// Takes "user@" off the front.
void take_user(std::string_view& rest, SshAddress& out) {
  const std::size_t at = rest.rfind('@');
  if (at == std::string_view::npos) return;
  out.user = rest.substr(0, at);
  check_user(out.user);
  rest.remove_prefix(at + 1);
}

/// "host", "host:port", "[address]:port".
void take_host(std::string_view rest, SshAddress& out) {
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) refuse_address("invalid host");
    out.host = rest.substr(1, end - 1);
    if (out.host.empty() || out.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) {
      refuse_address("invalid host");
    }
    port = rest.substr(end + 1);
  } else {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    out.host = rest.substr(0, colon);
    check_host(out.host);
    port = rest.substr(colon);
  }
  if (port.empty()) return;
  if (port.front() != ':') refuse_address("invalid port");
  out.port = parse_port(port.substr(1));
}

}  // namespace

bool is_ssh_address(const std::string& text) {
  if (text.find("://") != std::string::npos) return text.starts_with(kScheme);
  const std::size_t colon = text.find(':');
  return colon != std::string::npos && text.find('/') > colon;
}

SshAddress parse_ssh_address(const std::string& text) {
  if (text.size() > kLongest) refuse_address("the address is too long");
  SshAddress out;
  std::string_view rest{text};
  if (text.starts_with(kScheme)) {
    rest.remove_prefix(kScheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) refuse_address("invalid path");
    check_path(rest.substr(slash));
    rest = rest.substr(0, slash);
    take_user(rest, out);
    take_host(rest, out);
    return out;
  }
  const std::size_t colon = rest.find(':');
  if (!is_ssh_address(text)) refuse_address("invalid path");
  check_path(rest.substr(colon + 1));
  rest = rest.substr(0, colon);
  take_user(rest, out);
  check_host(rest);
  out.host = rest;
  return out;
}

}  // namespace gantry::dockerfile
