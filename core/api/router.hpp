#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/exchange.hpp"

namespace gantry::api {

/// From method and path to handler. A resource's class adds its routes:
///
///     router.add("POST", "/containers/{id}/start", [this](Exchange& exchange) { return post_start(exchange); });
///
/// "{name:*}" matches the rest of the path up to what follows it in the pattern, slashes included
/// ("/images/{name:*}/json").
class Router {
 public:
  void add(std::string method, std::string pattern, Handler handler, Version since = kOldestVersion);

  struct Match {
    const Handler* handler{};
    std::map<std::string, std::string> parameters;
    bool path_known{};  ///< There is such a path, but not with that method.
  };
  /// `path` is decoded; empty segments are skipped. Of several patterns that match, the one added first wins.
  [[nodiscard]] Match match(const std::string& method, const std::string& path, Version version) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> pattern;
    Handler handler;
    Version since;
  };
  std::vector<Route> routes_;
};

}  // namespace gantry::api
