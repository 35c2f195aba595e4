#include "api/http_exchange.hpp"

#include <array>
#include <boost/beast/core/string.hpp>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "api/product.hpp"
#include "api/websocket.hpp"

namespace gantry::api {

namespace {

class UpgradedConnection final : public Upgraded {
 public:
  UpgradedConnection(std::shared_ptr<Transport> transport, std::shared_ptr<Input> input)
      : transport_(std::move(transport)), input_(std::move(input)) {}

  awaitable<std::size_t> read(std::span<std::byte> buffer) override {
    if (input_->available().empty()) {
      const bool came = co_await input_->fill();
      if (!came) co_return 0;
    }
    const std::string_view bytes = input_->available().substr(0, buffer.size());
    std::memcpy(buffer.data(), bytes.data(), bytes.size());
    const std::size_t count = bytes.size();
    input_->consume(count);
    co_return count;
  }

  awaitable<void> write(std::string_view bytes) override {
    // Some clients (docker-py) lose what comes together with the head: they read that through a buffer.
    if (!std::exchange(begun_, true)) co_await transport_->taken();
    co_await transport_->write(bytes);
  }
  awaitable<void> close_write() override { co_await transport_->close_write(); }
  awaitable<void> gone() override { co_await transport_->hung_up(); }

  void close() override {
    transport_->close();
    input_->end();
  }

 private:
  std::shared_ptr<Transport> transport_;
  std::shared_ptr<Input> input_;
  bool begun_{};
};

std::string http_date() {
  static std::time_t second = 0;
  static std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 40> out{};
    text.assign(out.data(), std::strftime(out.data(), out.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
    second = now;
  }
  return text;
}

std::string to_hex(std::size_t number) {
  std::array<char, 20> text{};
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%zx", number))};
}

}  // namespace

std::optional<PeerProcess> HttpExchange::peer() const { return connection_.transport_->peer(); }

std::optional<std::string> HttpExchange::header(std::string_view name) const { return parser_.field(name); }

awaitable<std::size_t> HttpExchange::read_body(std::span<std::byte> buffer) {
  if (!parser_.is_done() && !continued_ && !started_ &&
      boost::beast::iequals(parser_.get()[http::field::expect], "100-continue")) {
    co_await send("HTTP/1.1 100 Continue\r\n\r\n");
  }
  continued_ = true;
  Input& input = *connection_.input_;
  while (!parser_.is_done()) {
    if (input.available().empty()) co_await more_body();
    auto& body = parser_.get().body();
    body.data = buffer.data();
    body.size = buffer.size();
    body.more = true;
    boost::system::error_code failed;
    input.consume(parser_.put(asio::buffer(input.available().data(), input.available().size()), failed));
    if (const std::size_t got = buffer.size() - body.size; got > 0) co_return got;
    if (failed == http::error::need_more) {
      co_await more_body();
    } else if (failed && failed != http::error::need_buffer) {
      broken_ = true;
      throw Error{Errc::invalid, "malformed request body: " + failed.message()};
    }
  }
  co_return 0;
}

awaitable<void> HttpExchange::more_body() {
  const bool came = co_await connection_.input_->fill();
  if (came) co_return;
  broken_ = true;
  throw Error{Errc::invalid, "unexpected EOF"};
}

awaitable<std::string> HttpExchange::body(std::size_t limit) {
  std::string out;
  const auto length = parser_.content_length();
  if (length && *length > limit) {
    throw Error{Errc::invalid, "the request's body is larger than " + std::to_string(limit) + " bytes"};
  }
  std::array<std::byte, 4096> piece{};
  while (const std::size_t got = co_await read_body(piece)) {
    out.append(reinterpret_cast<const char*>(piece.data()), got);
    if (out.size() > limit) {
      throw Error{Errc::invalid, "the request's body is larger than " + std::to_string(limit) + " bytes"};
    }
  }
  co_return out;
}

awaitable<nlohmann::json> HttpExchange::body_json(std::size_t limit) {
  const std::string text = co_await body(limit);
  co_return parse_json_body(text, header("Content-Type"));
}

std::string HttpExchange::head(unsigned status, const std::string& content_type) const {
  const auto reason = http::obsolete_reason(http::int_to_status(status));
  std::string out = "HTTP/1.1 " + std::to_string(status) + " " + std::string{reason.data(), reason.size()} + "\r\n";
  out += product_headers();
  if (!content_type.empty()) out += "Content-Type: " + content_type + "\r\n";
  return out + "Date: " + http_date() + "\r\n";
}

awaitable<void> HttpExchange::send(std::string_view bytes) {
  // Whoever is cancelled in here may have left half an answer behind.
  const bool was_cut_off = std::exchange(cut_off_, true);
  co_await connection_.transport_->write(bytes);
  cut_off_ = was_cut_off;
}

awaitable<void> HttpExchange::start(unsigned status, std::string content_type, Headers headers) {
  if (started_) throw Error{Errc::internal, "the answer has been started already"};
  started_ = true;
  chunked_ = parser_.get().version() >= 11;
  if (!chunked_) close_ = true;
  std::string text = head(status, content_type);
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  if (chunked_) text += "Transfer-Encoding: chunked\r\n";
  if (!keep_alive()) text += "Connection: close\r\n";
  forget_header();
  co_await send(text + "\r\n");
}

void HttpExchange::forget_header() {
  const std::size_t left = parser_.forget();
  if (left <= connection_.limits_.common_header_bytes) large_.release();
}

awaitable<void> HttpExchange::write(std::string_view bytes) {
  if (bytes.empty() || request_.method == "HEAD") co_return;
  if (!chunked_) {
    co_await send(bytes);
    co_return;
  }
  std::string chunk = to_hex(bytes.size()) + "\r\n";
  // A copy costs more than two calls for a large piece, and less for a small one.
  constexpr std::size_t kLarge = std::size_t{32} << 10;
  if (bytes.size() >= kLarge) {
    // Between two of them, too.
    const bool was_cut_off = std::exchange(cut_off_, true);
    co_await send(chunk);
    co_await send(bytes);
    co_await send("\r\n");
    cut_off_ = was_cut_off;
    co_return;
  }
  chunk.reserve(chunk.size() + bytes.size() + 2);
  chunk.append(bytes).append("\r\n");
  co_await send(chunk);
}

awaitable<void> HttpExchange::write_json(const nlohmann::json& value) {
  const std::string line = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  co_await write(line);
}

awaitable<void> HttpExchange::leave_http() {
  if (started_) throw Error{Errc::internal, "the answer has been started already"};
  std::array<std::byte, 4096> rest{};
  std::size_t got = 1;
  while (got > 0) got = co_await read_body(rest);
  if (connection_.finishing_) throw Error{Errc::unavailable, "the daemon is shutting down"};
  started_ = true;
  connection_.upgraded_ = true;
}

/// A browser opens WebSockets to anywhere for any page, and says only where the page is from.
void HttpExchange::refuse_other_origins() const {
  const std::string origin = header("Origin").value_or("");
  if (origin.empty() || peer()) return;
  const auto scheme = origin.find("://");
  if (scheme != std::string::npos && boost::beast::iequals(origin.substr(scheme + 3), header("Host").value_or("")))
    return;
  throw Error{Errc::denied, "a page of " + origin + " may not attach to containers of this daemon"};
}

awaitable<std::shared_ptr<Upgraded>> HttpExchange::upgrade_to_websocket() {
  refuse_other_origins();
  const auto key = header("Sec-WebSocket-Key");
  const std::string wanted = header("Upgrade").value_or("");
  if (!boost::beast::iequals(wanted, "websocket")) throw Error{Errc::invalid, "not websocket protocol"};
  if (!key) throw Error{Errc::invalid, "mismatch challenge/response"};
  if (header("Sec-WebSocket-Version") != "13") throw Error{Errc::invalid, "missing or bad WebSocket Version"};
  co_await leave_http();
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  forget_header();
  co_await send(head + "Sec-WebSocket-Accept: " + websocket_accept(*key) + "\r\n\r\n");
  upgraded_ = std::make_shared<UpgradedConnection>(connection_.transport_, connection_.input_);
  co_return upgraded_;
}

awaitable<std::shared_ptr<Upgraded>> HttpExchange::upgrade(std::string content_type) {
  co_await leave_http();
  const std::string raw = "application/vnd.docker.raw-stream";
  std::string text;
  if (header("Upgrade")) {
    // Clients before 1.42 know one type only, whatever the stream is.
    if (request_.version < Version{1, 42}) content_type = raw;
    text = "HTTP/1.1 101 UPGRADED\r\nContent-Type: " + content_type + "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";
  } else {
    text = "HTTP/1.1 200 OK\r\nContent-Type: " + raw + "\r\n";
  }
  forget_header();
  co_await send(text + product_headers() + "\r\n");
  upgraded_ = std::make_shared<UpgradedConnection>(connection_.transport_, connection_.input_);
  co_return upgraded_;
}

awaitable<void> HttpExchange::client_gone() { co_await connection_.input_->ended(); }

awaitable<void> HttpExchange::finish(Response response) {
  if (upgraded_) co_return;
  if (started_) {
    // Of an answer that was cut off the client sees that the end is missing.
    if (chunked_ && !cut_off_) co_await send("0\r\n\r\n");
    co_return;
  }
  if (response.streamed) response = Response::error(500, "the handler gave no answer");
  started_ = true;
  std::string text = head(response.status, response.content_type);
  for (const auto& [name, value] : response.headers) text += name + ": " + value + "\r\n";
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) text += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  if (!keep_alive()) text += "Connection: close\r\n";
  text += "\r\n";
  if (!bodiless && request_.method != "HEAD") text += response.body;
  co_await send(text);
}

awaitable<bool> HttpExchange::drain() {
  if (parser_.is_done()) co_return true;
  if (broken_ || cut_off_) co_return false;
  // A client that waits for "100 Continue" sends its body or not: nobody knows.
  if (!continued_ && parser_.get().count(http::field::expect) > 0) co_return false;
  std::array<std::byte, 4096> piece{};
  std::size_t taken = 0;
  while (const std::size_t got = co_await read_body(piece)) {
    taken += got;
    if (taken > connection_.limits_.drained_body_bytes) co_return false;
  }
  co_return true;
}

}  // namespace gantry::api
