#pragma once

#include <memory>
#include <string>

#include "api/connection.hpp"
#include "api/exchange.hpp"
#include "api/large_header.hpp"
#include "api/request_parser.hpp"

namespace gantry::api {

/// An exchange over one Connection.
class HttpExchange final : public Exchange {
 public:
  HttpExchange(Connection& connection, RequestParser& parser, LargeHeader& large)
      : connection_(connection), parser_(parser), large_(large) {}

  [[nodiscard]] const Request& request() const override { return request_; }
  [[nodiscard]] Request& request() { return request_; }
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const override;
  [[nodiscard]] std::optional<PeerProcess> peer() const override;

  awaitable<std::string> body(std::size_t limit) override;
  awaitable<nlohmann::json> body_json(std::size_t limit) override;
  awaitable<std::size_t> read_body(std::span<std::byte> buffer) override;
  using Exchange::start;
  awaitable<void> start(unsigned status, std::string content_type, Headers headers) override;
  awaitable<void> write(std::string_view bytes) override;
  awaitable<void> write_json(const nlohmann::json& value) override;
  awaitable<std::shared_ptr<Upgraded>> upgrade(std::string content_type) override;
  awaitable<std::shared_ptr<Upgraded>> upgrade_to_websocket() override;
  awaitable<void> client_gone() override;

  /// Sends a whole answer, or the end of a streamed one.
  awaitable<void> finish(Response response);
  /// Takes what the handler left of the body, up to a limit: false if more is left.
  awaitable<bool> drain();

  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] bool upgraded() const { return upgraded_ != nullptr; }
  [[nodiscard]] bool keep_alive() const {
    return !broken_ && !cut_off_ && !upgraded_ && parser_.get().keep_alive() && !close_;
  }
  void close_afterwards() { close_ = true; }

 private:
  [[nodiscard]] std::string head(unsigned status, const std::string& content_type) const;
  awaitable<void> send(std::string_view bytes);
  void refuse_other_origins() const;
  /// What streams may go on for hours: the header is of no more use to it.
  void forget_header();
  /// From here on the connection is no longer HTTP.
  awaitable<void> leave_http();
  /// Errors: invalid if the client's input has ended.
  awaitable<void> more_body();

  Connection& connection_;
  RequestParser& parser_;
  LargeHeader& large_;
  Request request_;
  std::shared_ptr<Upgraded> upgraded_;
  bool continued_{};  // 100 Continue has been sent
  bool started_{};
  bool chunked_{};
  bool broken_{};   // the request's body makes no sense
  bool cut_off_{};  // part of the answer may be missing
  bool close_{};
};

}  // namespace gantry::api
