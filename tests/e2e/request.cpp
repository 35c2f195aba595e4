#include "request.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace gantry::e2e {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace {

/// A connection's one exchange, step by step, so that the whole has one limit.
class Exchange {
 public:
  Exchange(const std::string& method, const std::string& target, const std::string& body) {
    request_.version(11);
    request_.method_string(method);
    request_.target(target);
    request_.set(http::field::host, "d");
    if (!body.empty()) request_.set(http::field::content_type, "application/json");
    request_.body() = body;
    if (!body.empty()) request_.prepare_payload();
    parser_.body_limit(boost::none);
    parser_.skip(method == "HEAD");
  }

  /// Whether it ended in time, well or not.
  bool run(const std::filesystem::path& socket, std::chrono::seconds limit) {
    stream_.async_connect(asio::local::stream_protocol::endpoint{socket.string()}, [this](beast::error_code failed) {
      if (!failed) send();
    });
    io_.run_for(limit);
    return io_.stopped();
  }

  Answer answer() {
    if (!whole_) return {};
    auto& message = parser_.get();
    return {message.result_int(), std::string{message[http::field::content_type]}, std::move(message.body())};
  }

 private:
  void send() {
    // One that is answered before it is read to its end has an answer all the same.
    http::async_write(stream_, request_, [this](beast::error_code, std::size_t) { receive(); });
  }
  void receive() {
    http::async_read(stream_, buffer_, parser_, [this](beast::error_code failed, std::size_t) { whole_ = !failed; });
  }

  asio::io_context io_;
  asio::local::stream_protocol::socket stream_{io_};
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> parser_;
  beast::flat_buffer buffer_;
  bool whole_ = false;
};

}  // namespace

std::optional<Answer> request(const std::filesystem::path& socket, const std::string& method, const std::string& target,
                              const std::string& body, std::chrono::seconds limit) {
  Exchange exchange{method, target, body};
  if (!exchange.run(socket, limit)) return {};
  return exchange.answer();
}

}  // namespace gantry::e2e
