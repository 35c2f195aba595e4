#include "client/client.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <istream>
#include <nlohmann/json.hpp>
#include <span>
#include <streambuf>
#include <system_error>

#include "command/failure.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kNewestVersion = "1.50";

void escape(std::string& out, std::string_view text, std::string_view kept) {
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kept.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      std::array<char, 4> hex{};
      std::snprintf(hex.data(), hex.size(), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += hex.data();
    }
  }
}

[[noreturn]] void throw_daemon_error(Exchange& exchange) {
  const int status = exchange.status();
  const std::string body = exchange.read_body();
  const Json parsed = Json::parse(body, nullptr, false);
  if (parsed.is_object() && parsed.contains("message") && parsed["message"].is_string()) {
    throw DaemonError(status, parsed["message"].get<std::string>());
  }
  throw DaemonError(status, body.empty() ? "request returned status " + std::to_string(status) : body);
}

bool is_older(const std::string& a, const std::string& b) {
  int a_major = 0;
  int a_minor = 0;
  int b_major = 0;
  int b_minor = 0;
  if (std::sscanf(a.c_str(), "%d.%d", &a_major, &a_minor) != 2) return false;
  if (std::sscanf(b.c_str(), "%d.%d", &b_major, &b_minor) != 2) return false;
  return a_major != b_major ? a_major < b_major : a_minor < b_minor;
}

/// An answer's body, as it comes.
class BodyBuffer : public std::streambuf {
 public:
  explicit BodyBuffer(Exchange& exchange) : exchange_(exchange) {}

 protected:
  int_type underflow() override {
    const std::size_t size = exchange_.read_body(std::span<char>(piece_));
    setg(piece_.data(), piece_.data(), piece_.data() + size);
    return size == 0 ? traits_type::eof() : traits_type::to_int_type(piece_[0]);
  }

 private:
  Exchange& exchange_;
  std::array<char, 32768> piece_;
};

}  // namespace

Query& Query::add(std::string_view name, std::string_view value) {
  text_ += text_.empty() ? '?' : '&';
  text_ += name;
  text_ += '=';
  escape(text_, value, "-_.~");
  return *this;
}

Query& Query::add_if(bool wanted, std::string_view name, std::string_view value) {
  return wanted ? add(name, value) : *this;
}

std::string escaped(std::string_view text) {
  std::string out;
  escape(out, text, "-_.~:/@");
  return out;
}

Client::Client(DaemonAddress address, Headers always)
    : address_(std::move(address)), always_(std::move(always)), version_(kNewestVersion) {
  const char* fixed = std::getenv("DOCKER_API_VERSION");
  if (fixed != nullptr && *fixed != '\0') {
    version_ = fixed;
    version_fixed_ = true;
  }
}

Headers Client::with_always(const Headers& headers, const std::string& body) const {
  Headers all = headers;
  if (!body.empty()) all.emplace_back("Content-Type", "application/json");
  for (const auto& header : always_) {
    const bool is_set = std::any_of(all.begin(), all.end(), [&](const auto& own) { return own.first == header.first; });
    if (!is_set) all.push_back(header);
  }
  return all;
}

std::unique_ptr<Exchange> Client::begin(std::string_view method, const std::string& path, const std::string& body,
                                        const Headers& headers) {
  auto exchange = idle_ ? std::move(idle_) : std::make_unique<Exchange>(connect(address_));
  exchange->send(method, target(path), with_always(headers, body), body);
  return exchange;
}

void Client::finish(Exchange& exchange) {
  if (!exchange.read_head()) throw Failure("error during connect: EOF");
  if (exchange.status() >= 400) throw_daemon_error(exchange);
}

bool Client::adopt_older_version(const Exchange& exchange) {
  if (exchange.status() != 400 || version_fixed_) return false;
  const std::string theirs = exchange.header("Api-Version");
  if (!is_older(theirs, version_)) return false;
  version_ = theirs;
  return true;
}

std::unique_ptr<Exchange> Client::send(std::string_view method, const std::string& path, const std::string& body,
                                       const Headers& headers) {
  const Headers all = with_always(headers, body);
  // A kept connection may have been closed by the daemon meanwhile; then nothing of the request was read.
  if (idle_) {
    auto exchange = std::move(idle_);
    try {
      exchange->send(method, target(path), all, body);
      if (exchange->read_head()) return exchange;
    } catch (const std::system_error&) {
      exchange.reset();
    }
  }
  auto exchange = std::make_unique<Exchange>(connect(address_));
  exchange->send(method, target(path), all, body);
  if (!exchange->read_head()) throw Failure("error during connect: EOF");
  return exchange;
}

void Client::keep(std::unique_ptr<Exchange> exchange) {
  if (exchange->reusable()) idle_ = std::move(exchange);
}

std::unique_ptr<Exchange> Client::stream(std::string_view method, const std::string& path, const std::string& body,
                                         const Headers& headers) {
  auto exchange = send(method, path, body, headers);
  if (adopt_older_version(*exchange)) {
    exchange->read_body();
    keep(std::move(exchange));
    exchange = send(method, path, body, headers);
  }
  if (exchange->status() >= 400) throw_daemon_error(*exchange);
  return exchange;
}

std::string Client::call(std::string_view method, const std::string& path, const std::string& body,
                         const Headers& headers) {
  auto exchange = stream(method, path, body, headers);
  std::string answer = exchange->read_body();
  keep(std::move(exchange));
  return answer;
}

Json Client::get(const std::string& path) { return Json::parse(call("GET", path)); }

void Client::get_each(const std::string& path, int depth, const std::function<void(const Json&)>& use) {
  auto exchange = stream("GET", path);
  BodyBuffer buffer(*exchange);
  std::istream body(&buffer);
  const Json whole = Json::parse(body, [&](int level, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::key) return level <= depth + 1;
    if (level != 1 || event != Json::parse_event_t::object_end) return true;
    use(value);
    return false;
  });
  keep(std::move(exchange));
}

Json Client::post(const std::string& path, const Json& body) {
  const std::string answer = call("POST", path, body.dump());
  return answer.empty() ? Json() : Json::parse(answer);
}

std::unique_ptr<Exchange> Client::upload(std::string_view method, const std::string& path, const Source& source,
                                         const Headers& headers) {
  // A body cannot be sent twice, so the version is asked for before.
  if (!version_fixed_) {
    const auto ping = send("GET", "/_ping", "", {});
    adopt_older_version(*ping);
    const std::string theirs = ping->header("Api-Version");
    if (is_older(theirs, version_)) version_ = theirs;
  }
  auto exchange = std::make_unique<Exchange>(connect(address_));
  exchange->send_chunked(method, target(path), with_always(headers, ""));
  try {
    for (std::string_view piece = source(); !piece.empty(); piece = source()) exchange->send_chunk(piece);
    exchange->send_chunk({});
  } catch (const std::system_error&) {
    // The daemon has hung up in the middle: if it said why, that is the answer.
  }
  finish(*exchange);
  return exchange;
}

}  // namespace gantry::cli
