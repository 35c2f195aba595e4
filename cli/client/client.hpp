#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "client/exchange.hpp"
#include "command/failure.hpp"
#include "json.hpp"

namespace gantry::cli {

/// What the daemon answered instead of what was asked for.
class DaemonError : public std::runtime_error {
 public:
  DaemonError(int status, const std::string& message)
      : std::runtime_error("Error response from daemon: " + without_nul(message)), status_(status) {}

  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  int status_;
};

/// The parameters of a request's target, escaped as they are added.
class Query {
 public:
  Query& add(std::string_view name, std::string_view value);
  Query& add_if(bool wanted, std::string_view name, std::string_view value = "1");
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// `text` as one segment of a path.
std::string escaped(std::string_view text);

/// Speaks to the daemon. Requests that follow one another share a connection. The API's version is this program's own
/// until the daemon says that it is older.
class Client {
 public:
  /// `always`: sent with each request that does not set them itself.
  explicit Client(DaemonAddress address, Headers always = {});

  /// Sends and waits for the whole answer. Paths have no version: "/containers/json". Throws DaemonError from 400 on.
  std::string call(std::string_view method, const std::string& path, const std::string& body = {},
                   const Headers& headers = {});
  Json get(const std::string& path);
  /// Hands `use` the items of a list one by one, the first while the last are still on their way. Members of objects
  /// that are more than `depth` levels inside of an item are left out.
  void get_each(const std::string& path, int depth, const std::function<void(const Json&)>& use);
  Json post(const std::string& path, const Json& body);
  std::string post(const std::string& path) { return call("POST", path); }

  /// Sends and waits for the head of the answer; the body is the caller's to read. Throws DaemonError.
  std::unique_ptr<Exchange> stream(std::string_view method, const std::string& path, const std::string& body = {},
                                   const Headers& headers = {});
  /// Sends only, on a connection of its own: `finish` waits for the head. The version must be known by then.
  std::unique_ptr<Exchange> begin(std::string_view method, const std::string& path, const std::string& body = {},
                                  const Headers& headers = {});
  void finish(Exchange& exchange);

  /// Sends what `source` gives, piece by piece until it gives none, as the body.
  using Source = std::function<std::string_view()>;
  std::unique_ptr<Exchange> upload(std::string_view method, const std::string& path, const Source& source,
                                   const Headers& headers = {});

  [[nodiscard]] const Endpoint& endpoint() const noexcept { return address_.endpoint; }
  [[nodiscard]] const std::string& version() const noexcept { return version_; }

 private:
  [[nodiscard]] Headers with_always(const Headers& headers, const std::string& body) const;
  [[nodiscard]] std::string target(const std::string& path) const { return "/v" + version_ + path; }
  std::unique_ptr<Exchange> send(std::string_view method, const std::string& path, const std::string& body,
                                 const Headers& headers);
  void keep(std::unique_ptr<Exchange> exchange);
  bool adopt_older_version(const Exchange& exchange);

  DaemonAddress address_;
  Headers always_;
  std::string version_;
  bool version_fixed_ = false;
  std::unique_ptr<Exchange> idle_;
};

}  // namespace gantry::cli
