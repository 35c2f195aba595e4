#include "client/exchange.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdio>
#include <limits>
#include <optional>

#include "command/failure.hpp"
#include "command/version.hpp"

namespace gantry::cli {

namespace http = boost::beast::http;

struct Exchange::State {
  std::optional<http::response_parser<http::buffer_body>> parser;
  std::string received;
  bool bodiless{};  ///< The answer to HEAD names a size and has no body.

  std::size_t put(boost::system::error_code& error) {
    const std::size_t used = parser->put(boost::asio::buffer(received), error);
    received.erase(0, used);
    return used;
  }
};

namespace {

[[noreturn]] void throw_malformed(const boost::system::error_code& error) {
  throw Failure("error during connect: malformed HTTP response: " + error.message());
}

std::string head_of(std::string_view method, std::string_view target, const Headers& headers) {
  std::string head;
  head.reserve(256);
  head.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: api.moby.localhost\r\n");
  head.append("User-Agent: Gantry-Client/").append(kClientVersion).append(" (linux)\r\n");
  for (const auto& [name, value] : headers) head.append(name).append(": ").append(value).append("\r\n");
  return head;
}

}  // namespace

Exchange::Exchange(std::unique_ptr<Transport> transport)
    : transport_(std::move(transport)), state_(std::make_unique<State>()) {}
Exchange::~Exchange() = default;

void Exchange::send(std::string_view method, std::string_view target, const Headers& headers, std::string_view body) {
  std::string message = head_of(method, target, headers);
  if (!body.empty() || method == "POST") message += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  message += "\r\n";
  message += body;
  state_->parser.reset();
  state_->bodiless = method == "HEAD";
  transport_->write(message);
}

void Exchange::send_chunked(std::string_view method, std::string_view target, const Headers& headers) {
  state_->parser.reset();
  state_->bodiless = false;
  transport_->write(head_of(method, target, headers) + "Transfer-Encoding: chunked\r\n\r\n");
}

void Exchange::send_chunk(std::string_view piece) {
  std::array<char, 24> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
  transport_->write(std::string(size.data()).append(piece).append("\r\n"));
}

bool Exchange::read_head() {
  std::array<char, 16384> buffer;
  auto& parser = state_->parser.emplace();
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  parser.header_limit(64U << 10U);
  parser.skip(state_->bodiless);
  bool anything = !state_->received.empty();
  for (;;) {
    if (!state_->received.empty()) {
      boost::system::error_code error;
      state_->put(error);
      if (error && error != http::error::need_more && error != http::error::need_buffer) throw_malformed(error);
      if (parser.is_header_done()) return true;
    }
    const std::size_t size = transport_->read(buffer);
    if (size == 0) {
      if (!anything) return false;
      throw Failure("error during connect: unexpected EOF");
    }
    anything = true;
    state_->received.append(buffer.data(), size);
  }
}

int Exchange::status() const { return static_cast<int>(state_->parser->get().result_int()); }

std::string Exchange::header(std::string_view name) const { return std::string(state_->parser->get()[name]); }

std::size_t Exchange::read_body(std::span<char> buffer) {
  auto& parser = *state_->parser;
  std::array<char, 16384> incoming;
  for (;;) {
    if (parser.is_done()) return 0;
    auto& body = parser.get().body();
    body.data = buffer.data();
    body.size = buffer.size();
    body.more = true;
    boost::system::error_code error;
    if (!state_->received.empty()) {
      const std::size_t used = state_->put(error);
      if (error && error != http::error::need_more && error != http::error::need_buffer) throw_malformed(error);
      const std::size_t filled = buffer.size() - body.size;
      if (filled > 0) return filled;
      if (used > 0) continue;
    }
    const std::size_t size = transport_->read(incoming);
    if (size == 0) {
      parser.put_eof(error);
      if (error) throw Failure("unexpected EOF");
      return 0;
    }
    state_->received.append(incoming.data(), size);
  }
}

std::string Exchange::read_body() {
  std::string body;
  std::array<char, 32768> buffer;
  while (const std::size_t size = read_body(std::span<char>(buffer))) body.append(buffer.data(), size);
  return body;
}

bool Exchange::reusable() const {
  return state_->parser && state_->parser->is_done() && state_->parser->keep_alive() && state_->received.empty();
}

std::string Exchange::take_received() { return std::exchange(state_->received, {}); }

bool Exchange::has_buffered() const { return !state_->received.empty() || transport_->has_buffered(); }

}  // namespace gantry::cli
