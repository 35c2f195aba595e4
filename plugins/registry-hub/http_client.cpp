#include "http_client.hpp"

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>

namespace hub {
namespace {

namespace http = boost::beast::http;
using Kind = TransportError::Kind;
using gantry::Errc;
using gantry::Error;

constexpr std::uint32_t kMaxHeaders = 64U << 10;
constexpr std::size_t kReadBuffer = std::size_t{128} << 10;
constexpr std::size_t kMaxIdle = 12;
constexpr std::chrono::seconds kMaxIdleAge{20};
constexpr std::size_t kDiscardLimit = std::size_t{64} << 10;

bool one_line(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

/// `proxy`: one that is asked for what lies elsewhere.
std::string head_of(const Request& request, const Proxy* proxy) {
  const std::string target = proxy != nullptr ? request.url.str() : request.url.target;
  std::string head =
      request.method + " " + target + " HTTP/1.1\r\nHost: " + request.url.authority() + "\r\nUser-Agent: gantry\r\n";
  if (proxy != nullptr && !proxy->authorization.empty()) {
    head += "Proxy-Authorization: " + proxy->authorization + "\r\n";
  }
  for (const auto& [name, value] : request.headers) {
    if (!one_line(name) || !one_line(value)) throw Error{Errc::invalid, "a header has a line feed: " + name};
    head += name + ": " + value + "\r\n";
  }
  const bool sends = request.source != nullptr || !request.text.empty();
  if (sends || request.method == "POST" || request.method == "PUT") {
    head += "Content-Length: " + std::to_string(request.source != nullptr ? request.source_size : request.text.size()) +
            "\r\n";
  }
  return head + "\r\n";
}

void send_body(Connection& connection, const Request& request) {
  connection.write(std::as_bytes(std::span{request.text}));
  if (request.source == nullptr) return;
  std::vector<std::byte> buffer(std::size_t{128} << 10);
  for (std::uint64_t left = request.source_size; left > 0;) {
    const std::size_t want = std::min<std::uint64_t>(buffer.size(), left);
    const std::size_t got = request.source->read(std::span{buffer}.first(want));
    if (got == 0) throw Error{Errc::io, "the blob is shorter than its descriptor says"};
    connection.write(std::span{buffer}.first(got));
    left -= got;
  }
}

}  // namespace

struct Response::State {
  HttpClient* client{};
  std::string key;
  std::unique_ptr<Connection> connection;
  boost::beast::flat_buffer buffer{kReadBuffer};
  http::response_parser<http::buffer_body> parser;

  void read_head() {
    parser.header_limit(kMaxHeaders);
    parser.body_limit(boost::none);
    boost::system::error_code error;
    http::read_header(*connection, buffer, parser, error);
    if (error == http::error::header_limit) throw Error{Errc::invalid, "the registry's headers are larger than 64 KiB"};
    if (error == http::error::end_of_stream || error == http::error::partial_message) {
      throw TransportError{Kind::broken, "EOF"};
    }
    if (error) throw TransportError{Kind::broken, "malformed HTTP response: " + error.message()};
  }

  void release() {
    if (connection == nullptr) return;
    if (parser.is_done() && parser.keep_alive() && buffer.size() == 0) client->give_back(key, std::move(connection));
    connection.reset();
  }
};

Response::Response(std::unique_ptr<State> state) : state_(std::move(state)) {}
Response::Response(Response&&) noexcept = default;
Response& Response::operator=(Response&&) noexcept = default;
Response::~Response() {
  if (state_ != nullptr) state_->release();
}

unsigned Response::status() const { return state_->parser.get().result_int(); }

std::string Response::status_text() const {
  return std::to_string(status()) + " " + std::string{http::obsolete_reason(state_->parser.get().result())};
}

std::string Response::header(std::string_view name) const {
  const auto found = state_->parser.get().find({name.data(), name.size()});
  return found == state_->parser.get().end() ? std::string{} : std::string{found->value()};
}

std::vector<std::string> Response::headers(std::string_view name) const {
  std::vector<std::string> out;
  const auto range = state_->parser.get().equal_range({name.data(), name.size()});
  for (auto at = range.first; at != range.second; ++at) out.emplace_back(at->value());
  return out;
}

std::size_t Response::read(std::span<std::byte> buffer) {
  auto& parser = state_->parser;
  while (!parser.is_done()) {
    parser.get().body().data = buffer.data();
    parser.get().body().size = buffer.size();
    boost::system::error_code error;
    http::read_some(*state_->connection, state_->buffer, parser, error);
    if (error == http::error::need_buffer) error = {};
    if (error == http::error::partial_message || error == http::error::end_of_stream) {
      throw TransportError{Kind::broken, "unexpected EOF"};
    }
    if (error) throw TransportError{Kind::broken, "malformed HTTP response: " + error.message()};
    const std::size_t got = buffer.size() - parser.get().body().size;
    if (got > 0) return got;
  }
  return 0;
}

std::string Response::text(std::size_t limit) {
  std::string out;
  std::vector<std::byte> buffer(16384);
  while (const std::size_t got = read(buffer)) {
    if (out.size() + got > limit) {
      throw Error{Errc::invalid, "the registry's answer is larger than " + std::to_string(limit) + " bytes"};
    }
    out.append(reinterpret_cast<const char*>(buffer.data()), got);
  }
  state_->release();
  return out;
}

void Response::discard() noexcept {
  try {
    text(kDiscardLimit);
  } catch (...) {
    state_->connection.reset();  // not worth reading; the answer counts, not its body
  }
}

HttpClient::HttpClient(std::vector<std::string> certs_dirs, Proxies proxies)
    : trust_(std::move(certs_dirs)), proxies_(std::move(proxies)) {}
HttpClient::~HttpClient() = default;

std::unique_ptr<Connection> HttpClient::take_idle(const std::string& key, const std::shared_ptr<SSL_CTX>& tls) {
  const std::lock_guard lock{mutex_};
  auto& list = idle_[key];
  const auto now = std::chrono::steady_clock::now();
  while (!list.empty()) {
    Idle candidate = std::move(list.back());
    list.pop_back();
    const bool fresh = now - candidate.since < kMaxIdleAge && candidate.connection->trust() == tls.get();
    if (fresh && !candidate.connection->stale()) return std::move(candidate.connection);
  }
  return nullptr;
}

void HttpClient::give_back(const std::string& key, std::unique_ptr<Connection> connection) {
  const std::lock_guard lock{mutex_};
  auto& list = idle_[key];
  if (list.size() < kMaxIdle) list.push_back({std::move(connection), std::chrono::steady_clock::now()});
}

Response HttpClient::send(const Request& request, const gantry::Call& call) {
  std::shared_ptr<SSL_CTX> tls;
  if (request.url.secure()) tls = trust_.context(request.url.authority(), request.verify);
  const std::string key = request.url.scheme + "://" + request.url.authority() + (request.verify ? "" : " unverified");
  if (auto connection = take_idle(key, tls)) {
    connection->serve(call);
    try {
      return exchange(request, std::move(connection), key);
    } catch (const TransportError&) {
      // It may have been closed just now. A body that was read from cannot be sent again.
      if (request.source != nullptr) throw;
    }
  }
  return exchange(request, Connection::open(request.url, proxies_.of(request.url), tls, call), key);
}

Response HttpClient::exchange(const Request& request, std::unique_ptr<Connection> connection, const std::string& key) {
  auto state = std::make_unique<Response::State>();
  state->client = this;
  state->key = key;
  state->connection = std::move(connection);
  if (request.method == "HEAD") state->parser.skip(true);
  // Through a tunnel the proxy sees nothing of it.
  const std::string head = head_of(request, request.url.secure() ? nullptr : proxies_.of(request.url));
  state->connection->write(std::as_bytes(std::span{head}));
  std::exception_ptr broken;
  try {
    send_body(*state->connection, request);
  } catch (const TransportError&) {
    // A server that refuses may stop reading: its answer says why.
    broken = std::current_exception();
  }
  try {
    state->read_head();
  } catch (const TransportError&) {
    if (broken) std::rethrow_exception(broken);
    throw;
  }
  return Response{std::move(state)};
}

}  // namespace hub
