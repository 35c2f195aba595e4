#include "api/connection.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <iterator>

#include "api/http_exchange.hpp"
#include "api/large_header.hpp"
#include "api/product.hpp"

namespace gantry::api {

namespace {

// Escapes of a path: unlike in a query, "+" is itself.
std::string decode_path(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '+') {
      escaped += "%2B";
    } else {
      escaped += c;
    }
  }
  return decode_query(escaped);
}

// Fills in what the request's first line says; the version's text is returned.
std::string read_target(std::string_view target, Request& request) {
  if (const auto scheme = target.find("://"); !target.starts_with('/') && scheme != std::string_view::npos) {
    target.remove_prefix(std::min(target.find('/', scheme + 3), target.size()));
  }
  const auto question = std::min(target.find('?'), target.size());
  request.path = decode_path(target.substr(0, question));
  if (question < target.size()) {
    request.query = parse_query(target.substr(question + 1));
    request.query_complaint = query_complaint(target.substr(question + 1));
  }
  return take_version(request.path);
}

awaitable<Response> route(const Router& router, const std::string version, HttpExchange& exchange) {
  Request& request = exchange.request();
  if (request.method == "OPTIONS") {
    request.version = parse_version(version);
    Response allowed;
    allowed.status = 200;
    co_return allowed;
  }
  const auto known = router.match(request.method, request.path, kNewestVersion);
  if (known.handler == nullptr) co_return Response::error(404, "page not found");
  request.version = parse_version(version);
  auto match = router.match(request.method, request.path, request.version);
  if (match.handler == nullptr) co_return Response::error(404, "page not found");
  request.parameters = std::move(match.parameters);
  if (!request.query_complaint.empty()) throw Error{Errc::invalid, request.query_complaint};
  co_return co_await (*match.handler)(exchange);
}

constexpr std::string_view kBadRequest =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request";
constexpr std::string_view kUnknownEncoding =
    "HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    "Unsupported transfer encoding";
constexpr std::string_view kTooManyLargeHeaders =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    "{\"message\":\"too many requests with large headers\"}\n";
constexpr std::string_view kHeaderTooLarge =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: "
    "close\r\n\r\n431 Request Header Fields Too Large";

/// Where a body ends, a proxy before the daemon must not see otherwise than the daemon does: else what it takes for a
/// body is a request of its own here.
bool has_known_encoding(const RequestParser& parser) {
  const auto [first, last] = parser.get().equal_range(http::field::transfer_encoding);
  if (first == last) return true;
  return std::next(first) == last && boost::beast::iequals(first->value(), "chunked");
}

/// How much more than a header is kept of what a client sends ahead.
constexpr std::size_t kAhead = 16 * 1024;

}  // namespace

Connection::Connection(std::shared_ptr<Transport> transport, const Router& router, const Limits& limits,
                       std::size_t& large_headers, asio::any_io_executor executor)
    : transport_(std::move(transport)),
      input_(std::make_shared<Input>(transport_, limits.common_header_bytes + kAhead)),
      router_(router),
      limits_(limits),
      large_headers_(large_headers),
      deadline_(std::move(executor)) {}

Connection::~Connection() = default;

awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  try {
    const bool ready = co_await self->shake_hands();
    if (ready) co_await self->serve();
  } catch (const std::exception& failure) {
    spdlog::debug("api: connection ended: {}", failure.what());
  }
  self->close();
}

awaitable<bool> Connection::shake_hands() {
  set_deadline(limits_.handshake_time);
  try {
    co_await transport_->handshake();
    co_return true;
  } catch (const Error& failure) {
    if (!finishing_) spdlog::info("http: {}", failure.what());
  }
  co_return false;
}

void Connection::close() {
  deadline_.cancel();
  transport_->close();
  input_->end();
}

void Connection::finish() {
  finishing_ = true;
  if (idle_ || upgraded_) {
    close();
  } else {
    input_->release();
  }
}

void Connection::set_deadline(std::chrono::milliseconds time) {
  deadline_.cancel();
  if (time.count() == 0) return;
  deadline_.expires_after(time);
  deadline_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    if (const auto self = weak.lock()) self->close();
  });
}

awaitable<void> Connection::serve() {
  bool more = true;
  while (more && !finishing_) {
    idle_ = true;
    set_deadline(limits_.idle_time);
    if (input_->available().empty()) {
      const bool came = co_await input_->fill();
      if (!came) co_return;
    }
    idle_ = false;
    set_deadline(limits_.header_time);
    more = co_await serve_request();
  }
  co_await linger();
}

awaitable<bool> Connection::read_head(RequestParser& parser, LargeHeader& large) {
  parser.header_limit(limits_.header_bytes);
  parser.body_limit(boost::none);
  std::size_t taken = 0;
  for (;;) {
    boost::system::error_code failed;
    const std::size_t some = parser.put(asio::buffer(input_->available().data(), input_->available().size()), failed);
    input_->consume(some);
    taken += some;
    if (failed && failed != http::error::need_more) {
      const bool too_large = failed == http::error::header_limit;
      co_await transport_->write(too_large ? kHeaderTooLarge : kBadRequest);
      co_return false;
    }
    const bool done = parser.is_header_done();
    if (taken + (done ? 0 : input_->available().size()) > limits_.common_header_bytes) {
      if (!large.take(limits_.large_headers)) {
        co_await transport_->write(kTooManyLargeHeaders);
        co_return false;
      }
      input_->limit(limits_.header_bytes + kAhead);
    }
    if (done) break;
    const bool came = co_await input_->fill();
    if (!came) co_return false;
  }
  input_->limit(limits_.common_header_bytes + kAhead);
  co_return true;
}

awaitable<bool> Connection::serve_request() {
  RequestParser parser;
  LargeHeader large{large_headers_};
  const bool has_head = co_await read_head(parser, large);
  if (!has_head) co_return false;
  set_deadline(std::chrono::milliseconds{0});
  if (!has_known_encoding(parser)) {
    co_await transport_->write(kUnknownEncoding);
    co_return false;
  }

  const auto target = parser.get().target();
  const std::string_view path{target.data(), std::min(target.find('?'), target.size())};
  if (!escape_complaint(path).empty()) {
    co_await transport_->write(kBadRequest);
    co_return false;
  }
  HttpExchange exchange{*this, parser, large};
  exchange.request().method = std::string{parser.get().method_string()};
  Response response;
  std::exception_ptr failure;
  try {
    const std::string version = read_target({target.data(), target.size()}, exchange.request());
    response = co_await route(router_, version, exchange);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    response = Response::error(failure);
    spdlog::debug("api: {} {}: {}", exchange.request().method, exchange.request().path, response.body);
    // What was started cannot become an error any more: the client sees that the end is missing.
    if (exchange.started()) co_return false;
  }
  if (exchange.upgraded()) co_return false;
  if (finishing_) exchange.close_afterwards();
  set_deadline(limits_.answer_time);
  if (!exchange.started()) {
    const bool drained = co_await exchange.drain();
    if (!drained) exchange.close_afterwards();
  }
  co_await exchange.finish(std::move(response));
  if (!exchange.keep_alive()) co_return false;
  co_return co_await exchange.drain();
}

// A socket that is closed with unread input resets the connection, and the client may lose the end of its answer.
awaitable<void> Connection::linger() {
  set_deadline(limits_.linger_time);
  co_await transport_->close_write();
  bool more = true;
  while (more) {
    input_->consume(input_->available().size());
    more = co_await input_->fill();
  }
}

}  // namespace gantry::api
