#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "url.hpp"

namespace hub {

/// What a request goes through.
struct Proxy {
  Url url;
  std::string authorization;  ///< Of the Proxy-Authorization header; empty: none.
};

/// Which requests go through a proxy: the rules of Go's net/http, which dockerd's users know, for HTTP_PROXY,
/// HTTPS_PROXY and NO_PROXY.
class Proxies {
 public:
  /// URLs ("http://user:password@proxy:3128", "proxy:3128"), or empty; `exceptions`: "*", or hosts, which stand for
  /// those below them, too, ".domain" for these only, each with or without a port, addresses and CIDRs, separated by
  /// commas. Errors: invalid.
  Proxies(const std::string& http, const std::string& https, std::string_view exceptions);

  /// Never one for this host itself.
  [[nodiscard]] const Proxy* of(const Url& url) const;

 private:
  struct Exception {
    std::string host;  ///< As it was given, without the port.
    std::string port;  ///< Empty: all.
  };
  [[nodiscard]] bool excepted(const Url& url) const;

  std::optional<Proxy> http_;
  std::optional<Proxy> https_;
  std::vector<Exception> exceptions_;
};

}  // namespace hub
