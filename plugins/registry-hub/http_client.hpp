#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "connection.hpp"
#include "gantry/call.hpp"
#include "gantry/stream.hpp"
#include "proxies.hpp"
#include "tls_trust.hpp"
#include "url.hpp"

namespace hub {

struct Request {
  std::string method{"GET"};
  Url url;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string text{};            ///< A small body.
  gantry::ByteSource* source{};  ///< A large one, of `source_size` bytes.
  std::uint64_t source_size{};
  bool verify{true};  ///< The other side's certificate.
};

/// The answer to one request, its body read as it comes. A connection whose answer was read to its end is used again.
class Response {
 public:
  Response(Response&&) noexcept;
  Response& operator=(Response&&) noexcept;
  ~Response();

  [[nodiscard]] unsigned status() const;
  /// "404 Not Found".
  [[nodiscard]] std::string status_text() const;
  /// Empty if there is none. `name` in lower case or as usual.
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> headers(std::string_view name) const;

  /// 0 at the end. Errors: TransportError (also for a body that ends too early), cancelled.
  std::size_t read(std::span<std::byte> buffer);
  /// The rest of the body. Errors: invalid if it is larger than `limit`.
  std::string text(std::size_t limit);
  /// Reads a small rest and gives the connection back.
  void discard() noexcept;

 private:
  friend class HttpClient;
  struct State;
  explicit Response(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// HTTP/1.1 with idle connections kept per host. Any thread.
class HttpClient {
 public:
  HttpClient(std::vector<std::string> certs_dirs, Proxies proxies);
  ~HttpClient();

  /// Sends one request; follows nothing, retries nothing but a connection that had gone stale.
  /// Errors: TransportError, invalid (headers too large), cancelled, and those of the source.
  Response send(const Request& request, const gantry::Call& call);

  [[nodiscard]] bool proxied(const Url& url) const { return proxies_.of(url) != nullptr; }

 private:
  friend struct Response::State;
  struct Idle {
    std::unique_ptr<Connection> connection;
    std::chrono::steady_clock::time_point since;
  };
  /// One that was made with the same certificates.
  std::unique_ptr<Connection> take_idle(const std::string& key, const std::shared_ptr<SSL_CTX>& tls);
  void give_back(const std::string& key, std::unique_ptr<Connection> connection);
  Response exchange(const Request& request, std::unique_ptr<Connection> connection, const std::string& key);

  TlsTrust trust_;
  Proxies proxies_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Idle>> idle_;
};

}  // namespace hub
