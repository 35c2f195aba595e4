#include "proxies.hpp"

#include <algorithm>

#include "address_range.hpp"
#include "gantry/registry.hpp"
#include "registry_hosts.hpp"
#include "token_auth.hpp"
#include "url.hpp"

namespace hub {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escape = text[at] == '%' && at + 2 < text.size() && hex_digit(text[at + 1]) >= 0;
    if (!escape || hex_digit(text[at + 2]) < 0) {
      out += text[at];
      continue;
    }
    out += static_cast<char>(hex_digit(text[at + 1]) * 16 + hex_digit(text[at + 2]));
    at += 2;
  }
  return out;
}

std::optional<Proxy> parse_proxy(const std::string& text) {
  if (text.empty()) return {};
  if (text.find("://") == std::string::npos) return parse_proxy("http://" + text);
  if (!text.starts_with("http://")) {
    // It may hold a password.
    throw gantry::Error{gantry::Errc::invalid, "the proxy's scheme \"" + text.substr(0, text.find("://")) +
                                                   "\" is not supported: http://host:port was expected"};
  }
  Proxy proxy;
  const std::string_view authority = std::string_view{text}.substr(7, text.find('/', 7) - 7);
  proxy.url = parse_url("http://" + std::string{authority.substr(authority.rfind('@') + 1)});
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = authority.substr(0, at);
    const auto colon = user.find(':');
    gantry::registry::v1::Credentials credentials;
    credentials.username = unescape(user.substr(0, colon));
    if (colon != std::string_view::npos) credentials.password = unescape(user.substr(colon + 1));
    proxy.authorization = basic_authorization(credentials);
  }
  return proxy;
}

bool is_this_host(const std::string& host) {
  static const std::vector<AddressRange> loopback{*parse_range("127.0.0.0/8"), *parse_range("::1/128")};
  if (host == "localhost") return true;
  return std::any_of(loopback.begin(), loopback.end(), [&](const AddressRange& range) { return range.contains(host); });
}

}  // namespace

Proxies::Proxies(const std::string& http, const std::string& https, std::string_view exceptions)
    : http_(parse_proxy(http)), https_(parse_proxy(https)) {
  for (const std::string& item : split_list(exceptions)) {
    Exception exception{lower(item), ""};
    const auto colon = item.rfind(':');
    // "::1" has no port, "[::1]:80" has.
    if (item.starts_with('[')) {
      exception.host = lower(host_name(item));
      if (const auto end = item.find("]:"); end != std::string::npos) exception.port = item.substr(end + 2);
    } else if (colon != std::string::npos && item.find(':') == colon) {
      exception = {lower(item.substr(0, colon)), item.substr(colon + 1)};
    }
    exceptions_.push_back(std::move(exception));
  }
}

bool Proxies::excepted(const Url& url) const {
  const std::string host = lower(url.host);
  return std::any_of(exceptions_.begin(), exceptions_.end(), [&](const Exception& item) {
    if (item.host == "*") return true;
    if (!item.port.empty() && item.port != url.port) return false;
    if (const auto range = parse_range(item.host)) return range->contains(host);
    if (item.host.starts_with("*.")) return host.ends_with(item.host.substr(1));
    if (item.host.starts_with('.')) return host.ends_with(item.host);
    return host == item.host || host.ends_with("." + item.host);
  });
}

const Proxy* Proxies::of(const Url& url) const {
  const auto& proxy = url.secure() ? https_ : http_;
  return !proxy || is_this_host(lower(url.host)) || excepted(url) ? nullptr : &*proxy;
}

}  // namespace hub
