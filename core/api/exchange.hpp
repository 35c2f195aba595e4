#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/transport.hpp"
#include "base/async.hpp"
#include "base/time.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

/// What a handler sees of HTTP: a request, a response, and, for streams, the exchange that they belong to.
/// Beast stays behind this header.
namespace gantry::api {

/// The API's version: 1.24 up to the newest.
struct Version {
  int major{1};
  int minor{};
  friend auto operator<=>(const Version&, const Version&) = default;
};

inline constexpr Version kNewestVersion{1, 56};
inline constexpr Version kOldestVersion{1, 24};

/// One request, its body not read yet.
class Request {
 public:
  std::string method;
  std::string path;  ///< Without the version: "/containers/json".
  Version version{kNewestVersion};
  std::vector<std::pair<std::string, std::string>> query;  ///< Decoded.
  std::string query_complaint;                             ///< What is wrong with it; mostly empty.
  std::map<std::string, std::string> parameters;           ///< From the route: "{id}".

  /// "" if it was not given.
  [[nodiscard]] std::string get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  /// As dockerd reads booleans: "", "0", "no", "false", "none" are false; what is not given is `otherwise`.
  [[nodiscard]] bool flag(std::string_view name, bool otherwise = false) const;
  /// Errors: invalid, in the words of Go's `parser`.
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name, const char* parser = "ParseInt") const;
  /// "1700000000.000000001", as clients send points in time: seconds since the epoch. What is farther away than
  /// nanoseconds can tell is for ever. Errors: invalid, in the words of Go's parser: for dates and durations as well.
  [[nodiscard]] std::optional<Nanoseconds> time(std::string_view name) const;
  /// The `filters` parameter: {"label": ["a=b"]} or {"label": {"a=b": true}}. Errors: invalid.
  [[nodiscard]] std::map<std::string, std::vector<std::string>> filters() const;
  [[nodiscard]] const std::string& parameter(std::string_view name) const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A whole answer.
class Response {
 public:
  unsigned status{200};
  std::string content_type;  ///< Empty with an empty body.
  std::string body;
  Headers headers;
  bool streamed{};  ///< The exchange has answered already.

  static Response json(const nlohmann::json& body, unsigned status = 200);
  static Response text(std::string body, unsigned status = 200);
  static Response no_content();    ///< 204
  static Response not_modified();  ///< 304
  static Response done();          ///< `streamed`

  /// {"message": ...} for an exception of a handler: the one place where errors become HTTP statuses.
  static Response error(std::exception_ptr failure) noexcept;
  static Response error(unsigned status, const std::string& message);
};

/// The HTTP status of an error code.
unsigned status_of(Errc code) noexcept;

/// "a%20b+c" to "a b c". Malformed escapes stay as they are.
std::string decode_query(std::string_view text);

/// What Go says of escapes, or of a query, that are none; empty: nothing.
std::string escape_complaint(std::string_view text);
std::string query_complaint(std::string_view text);

/// The name=value pairs of a query string, decoded.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text);

/// A body as JSON; null for an empty one. Errors: invalid, in dockerd's words.
nlohmann::json parse_json_body(const std::string& body, const std::optional<std::string>& content_type);

/// A connection that has been taken out of HTTP (101 UPGRADED, or 200 for old clients): raw bytes both ways.
class Upgraded {
 public:
  virtual ~Upgraded() = default;
  /// 0 at the end of the client's input.
  virtual awaitable<std::size_t> read(std::span<std::byte> buffer) = 0;
  virtual awaitable<void> write(std::string_view bytes) = 0;
  virtual awaitable<void> close_write() = 0;
  virtual void close() = 0;  ///< Wakes up whoever reads or writes.
  /// Returns when the client has closed its end altogether (after its input's end), or the daemon ends.
  virtual awaitable<void> gone() = 0;
};

/// One request and its answer. A handler either returns a Response, or streams and returns Response::done().
class Exchange {
 public:
  virtual ~Exchange() = default;

  [[nodiscard]] virtual const Request& request() const = 0;
  [[nodiscard]] virtual std::optional<std::string> header(std::string_view name) const = 0;
  /// The process that asks; none if it may be on another host.
  [[nodiscard]] virtual std::optional<PeerProcess> peer() const { return {}; }

  /// The whole body. Errors: invalid if larger than `limit` bytes.
  virtual awaitable<std::string> body(std::size_t limit = std::size_t{4} << 20) = 0;
  /// The body as JSON; null for an empty one. Errors: invalid, in dockerd's words.
  virtual awaitable<nlohmann::json> body_json(std::size_t limit = std::size_t{4} << 20) = 0;
  /// The body piece by piece; 0 at its end.
  virtual awaitable<std::size_t> read_body(std::span<std::byte> buffer) = 0;

  /// Starts an answer whose body comes in pieces (chunked); sent at once.
  virtual awaitable<void> start(unsigned status, std::string content_type, Headers headers) = 0;
  awaitable<void> start(unsigned status, std::string content_type) {
    Headers none;
    return start(status, std::move(content_type), std::move(none));
  }
  virtual awaitable<void> write(std::string_view bytes) = 0;
  /// One JSON value and a line feed.
  virtual awaitable<void> write_json(const nlohmann::json& value) = 0;

  /// Takes the connection over for a stream of `content_type` ("application/vnd.docker.raw-stream",
  /// "...multiplexed-stream").
  virtual awaitable<std::shared_ptr<Upgraded>> upgrade(std::string content_type) = 0;
  /// Takes the connection over for a WebSocket (RFC 6455): its frames are the caller's. Errors: invalid if the client
  /// asks for none.
  virtual awaitable<std::shared_ptr<Upgraded>> upgrade_to_websocket() = 0;

  /// Returns when the client has gone away (or the daemon ends): race it against a stream's next piece.
  virtual awaitable<void> client_gone() = 0;
};

using Handler = std::function<awaitable<Response>(Exchange&)>;

}  // namespace gantry::api
