#pragma once

#include <string>
#include <string_view>

namespace hub {

/// An absolute http or https URL.
struct Url {
  std::string scheme;  ///< "http" or "https".
  std::string host;    ///< Without brackets.
  std::string port;    ///< Filled in.
  std::string target;  ///< Path and query: "/v2/?n=1".

  /// "host:port", the port left out if it is the scheme's own.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] std::string str() const;
  [[nodiscard]] bool secure() const { return scheme == "https"; }
  /// Whether both are served by the same host on the same port: credentials may go to either.
  [[nodiscard]] bool same_origin(const Url& other) const;
  /// A Location or Link, which may be relative. Errors: invalid.
  [[nodiscard]] Url resolve(std::string_view reference) const;
  /// The same with "key=value" added to the query; `value` is escaped.
  [[nodiscard]] Url with_query(std::string_view key, std::string_view value) const;
};

/// Errors: invalid.
Url parse_url(std::string_view text);

/// ASCII letters in lower case: names of hosts, schemes and parameters.
std::string lower(std::string text);

/// RFC 3986 percent-encoding of all but unreserved characters.
std::string escape(std::string_view text);

}  // namespace hub
