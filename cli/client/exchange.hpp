#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/transport.hpp"

namespace gantry::cli {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One HTTP/1.1 request and its answer over a connection that may serve several, one after the other.
class Exchange {
 public:
  explicit Exchange(std::unique_ptr<Transport> transport);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void send(std::string_view method, std::string_view target, const Headers& headers, std::string_view body);
  /// Begins a request whose body is written in pieces; an empty piece ends it.
  void send_chunked(std::string_view method, std::string_view target, const Headers& headers);
  void send_chunk(std::string_view piece);

  /// Waits for the answer's head. Gives false if the connection ended before any of it came.
  bool read_head();
  [[nodiscard]] int status() const;
  [[nodiscard]] std::string header(std::string_view name) const;

  /// Waits for some of the answer's body; 0 at its end.
  std::size_t read_body(std::span<char> buffer);
  std::string read_body();

  /// Whether another request may follow: the body was read and the daemon keeps the connection.
  [[nodiscard]] bool reusable() const;

  /// After a head that gave the connection away: bytes of the stream that came with it.
  std::string take_received();
  /// Whether read_body has something without a wait, though a poll of the socket may not show it.
  [[nodiscard]] bool has_buffered() const;
  Transport& transport() { return *transport_; }

 private:
  struct State;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<State> state_;
};

}  // namespace gantry::cli
