#include "scripted_server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>

#include "url.hpp"

namespace hub {
namespace {

/// False if the connection ends first.
bool read_more(int connection, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(connection, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  text.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

ScriptedServer::Request parse_head(const std::string& head) {
  ScriptedServer::Request request;
  std::istringstream lines{head};
  std::string line;
  std::getline(lines, line);
  std::istringstream{line} >> request.method >> request.target;
  while (std::getline(lines, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const auto colon = line.find(": ");
    if (colon != std::string::npos) request.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
  }
  return request;
}

}  // namespace

std::string ScriptedServer::Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

ScriptedServer::ScriptedServer(const std::string& address, Script script)
    : ScriptedServer(address, std::move(script), {}) {}

ScriptedServer::ScriptedServer(const std::string& address, Script script, Appetite appetite)
    : script_(std::move(script)),
      appetite_(std::move(appetite)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  ::inet_pton(AF_INET, address.c_str(), &name.sin_addr);
  socklen_t size = sizeof name;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&name), size) != 0 || ::listen(listener_.get(), 16) != 0 ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    throw std::runtime_error{"cannot listen on " + address};
  }
  host_ = address + ":" + std::to_string(ntohs(name.sin_port));
  thread_ = std::thread{[this] { serve(); }};
}

ScriptedServer::~ScriptedServer() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

std::vector<ScriptedServer::Request> ScriptedServer::requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}

void ScriptedServer::serve() {
  for (;;) {
    std::array<pollfd, 2> fds{{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return;
    const gantry::UniqueFd connection{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (connection) talk(connection.get());
  }
}

void ScriptedServer::talk(int connection) {
  std::string text;
  while (text.find("\r\n\r\n") == std::string::npos) {
    // A TLS client's first byte: this server speaks none.
    if (!text.empty() && text[0] == '\x16') return;
    if (!read_more(connection, text)) return;
  }
  const auto end = text.find("\r\n\r\n");
  Request request = parse_head(text.substr(0, end + 2));
  request.body = text.substr(end + 4);
  const std::string length = request.header("content-length");
  const std::size_t expected = length.empty() ? 0 : std::stoul(length);
  const std::size_t wanted = appetite_ ? std::min(expected, appetite_(request)) : expected;
  while (request.body.size() < wanted && read_more(connection, request.body)) {
  }
  if (wanted < expected) request.body.resize(std::min(request.body.size(), wanted));
  {
    const std::lock_guard lock{mutex_};
    requests_.push_back(request);
  }
  if (wanted < expected) return;
  const std::string answer = script_(request);
  for (std::size_t at = 0; at < answer.size();) {
    const ssize_t put = ::send(connection, answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
    if (put <= 0) return;
    at += static_cast<std::size_t>(put);
  }
  ::shutdown(connection, SHUT_WR);
}

std::string respond(int status, const std::string& body, const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace hub
