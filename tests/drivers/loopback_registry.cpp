#include "loopback_registry.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/id.hpp"

namespace gantry::conformance {
namespace {

constexpr const char* kUnknownManifest =
    R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown"}]})";
constexpr const char* kUnknownBlob = R"({"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]})";

bool receive_some(int connection, std::string& buffer) {
  std::array<char, 65536> bytes;
  const ssize_t got = ::recv(connection, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  buffer.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

/// The text up to `end`, taken off the front of what the connection sends.
std::string receive_until(int connection, std::string& read_ahead, const std::string& end) {
  std::size_t at = std::string::npos;
  while ((at = read_ahead.find(end)) == std::string::npos) {
    // A client that tries TLS first has to learn at once that there is none.
    if (!receive_some(connection, read_ahead) || read_ahead.front() == '\x16') return {};
  }
  std::string text = read_ahead.substr(0, at);
  read_ahead.erase(0, at + end.size());
  return text;
}

std::string receive_exactly(int connection, std::string& read_ahead, std::size_t size) {
  while (read_ahead.size() < size) {
    if (!receive_some(connection, read_ahead)) return {};
  }
  std::string text = read_ahead.substr(0, size);
  read_ahead.erase(0, size);
  return text;
}

void send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t n = 0; n < text.size(); ++n) {
    if (text[n] == '%' && n + 2 < text.size()) {
      plain += static_cast<char>(std::strtol(std::string{text.substr(n + 1, 2)}.c_str(), nullptr, 16));
      n += 2;
    } else {
      plain += text[n];
    }
  }
  return plain;
}

std::string parameter(const std::string& query, const std::string& name) {
  const std::size_t at = ("&" + query).find("&" + name + "=");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 1;
  return decoded(query.substr(begin, query.find('&', begin) - begin));
}

}  // namespace

LoopbackRegistry::LoopbackRegistry() : stop_(::eventfd(0, EFD_CLOEXEC)) {
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw_errno("cannot serve a registry");
  }
  host_ = "127.0.0.1:" + std::to_string(::ntohs(address.sin_port));
  server_ = std::thread{[this] { serve(); }};
}

LoopbackRegistry::~LoopbackRegistry() {
  ::eventfd_write(stop_.get(), 1);
  server_.join();
  for (std::thread& connection : connections_) connection.join();
}

void LoopbackRegistry::serve() {
  for (;;) {
    std::array<pollfd, 2> ready{pollfd{listener_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), -1) < 0 || ready[1].revents != 0) return;
    const int connection = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) connections_.emplace_back([this, connection] { talk(connection); });
  }
}

void LoopbackRegistry::talk(int connection) {
  const UniqueFd owner{connection};
  // A client that keeps its connection open must not keep the test.
  const timeval patience{5, 0};
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  Request request;
  if (!receive(connection, request)) return;
  Answer answered;
  {
    const std::scoped_lock guard{mutex_};
    answered = answer(request);
  }
  std::string head = "HTTP/1.1 " + std::to_string(answered.status) + " Status\r\nConnection: close\r\n";
  if (!answered.headers.contains("Content-Length")) {
    answered.headers["Content-Length"] = std::to_string(answered.body.size());
  }
  for (const auto& [name, value] : answered.headers) head.append(name).append(": ").append(value).append("\r\n");
  send_all(connection, head + "\r\n");
  if (request.method != "HEAD") send_all(connection, answered.body);
  ::shutdown(connection, SHUT_WR);
}

bool LoopbackRegistry::receive(int connection, Request& request) {
  std::string read_ahead;
  std::string head = receive_until(connection, read_ahead, "\r\n\r\n");
  if (head.empty()) return false;
  head += "\r\n";
  std::size_t end = head.find("\r\n");
  const std::string line = head.substr(0, end);
  const std::size_t target = line.find(' ') + 1;
  request.method = line.substr(0, target - 1);
  request.path = line.substr(target, line.find(' ', target) - target);
  if (const std::size_t query = request.path.find('?'); query != std::string::npos) {
    request.query = request.path.substr(query + 1);
    request.path.resize(query);
  }
  while (end + 2 < head.size()) {
    const std::size_t begin = end + 2;
    end = head.find("\r\n", begin);
    const std::string field = head.substr(begin, end - begin);
    std::string name = field.substr(0, field.find(':'));
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = field.substr(field.find_first_not_of(": ", name.size()));
  }
  if (request.headers.contains("expect")) send_all(connection, "HTTP/1.1 100 Continue\r\n\r\n");
  if (request.headers.contains("transfer-encoding")) {
    request.body = receive_chunks(connection, read_ahead);
  } else if (const auto length = request.headers.find("content-length"); length != request.headers.end()) {
    request.body = receive_exactly(connection, read_ahead, std::strtoul(length->second.c_str(), nullptr, 10));
  }
  return true;
}

std::string LoopbackRegistry::receive_chunks(int connection, std::string& read_ahead) {
  std::string body;
  for (;;) {
    const std::string size = receive_until(connection, read_ahead, "\r\n");
    const std::size_t count = std::strtoul(size.c_str(), nullptr, 16);
    body += receive_exactly(connection, read_ahead, count);
    receive_until(connection, read_ahead, "\r\n");
    if (count == 0) return body;
  }
}

LoopbackRegistry::Answer LoopbackRegistry::answer(const Request& request) {
  if (request.path == "/v2/" || request.path == "/v2") return {200, {}, "{}"};
  const std::string_view path{request.path};
  const auto split = [&](std::string_view part, std::string& before, std::string& after) {
    const std::size_t at = path.find(part);
    if (!path.starts_with("/v2/") || at == std::string_view::npos || at < 4) return false;
    before = path.substr(4, at - 4);
    after = decoded(path.substr(at + part.size()));
    return true;
  };
  std::string repository;
  std::string rest;
  if (split("/manifests/", repository, rest)) return answer_manifest(request, repository, rest);
  if (split("/blobs/uploads/", repository, rest)) return answer_upload(request, repository, rest);
  if (split("/blobs/", repository, rest)) return answer_blob(request, rest);
  if (split("/tags/list", repository, rest)) return answer_tags(repository);
  return {404, {}, "{}"};
}

LoopbackRegistry::Answer LoopbackRegistry::answer_manifest(const Request& request, const std::string& repository,
                                                           const std::string& reference) {
  if (request.method == "PUT") {
    const auto type = request.headers.find("content-type");
    const Manifest manifest{type == request.headers.end() ? "" : type->second, sha256_digest(request.body),
                            request.body};
    manifests_[repository + ":" + reference] = manifest;
    manifests_[repository + ":" + manifest.digest] = manifest;
    return {201, {{"Docker-Content-Digest", manifest.digest}}, ""};
  }
  const auto found = manifests_.find(repository + ":" + reference);
  if (found == manifests_.end()) return {404, {{"Content-Type", "application/json"}}, kUnknownManifest};
  const Manifest& manifest = found->second;
  return {200,
          {{"Content-Type", manifest.type},
           {"Docker-Content-Digest", manifest.digest},
           {"Content-Length", std::to_string(manifest.content.size())}},
          manifest.content};
}

LoopbackRegistry::Answer LoopbackRegistry::answer_blob(const Request& request, const std::string& digest) {
  const auto found = blobs_.find(digest);
  if (found == blobs_.end()) return {404, {{"Content-Type", "application/json"}}, kUnknownBlob};
  const std::string& blob = found->second;
  const auto range = request.headers.find("range");
  if (range == request.headers.end()) return {200, {{"Content-Length", std::to_string(blob.size())}}, blob};
  const std::size_t first = std::strtoul(range->second.substr(range->second.find('=') + 1).c_str(), nullptr, 10);
  if (first >= blob.size()) return {416, {}, ""};
  const std::string size = std::to_string(blob.size());
  return {206,
          {{"Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(blob.size() - 1) + "/" + size}},
          blob.substr(first)};
}

LoopbackRegistry::Answer LoopbackRegistry::answer_upload(const Request& request, const std::string& repository,
                                                         const std::string& upload) {
  std::string id = upload;
  if (request.method == "POST") {
    id = random_id();
    open_uploads_[id];
  }
  const auto found = open_uploads_.find(id);
  if (found == open_uploads_.end()) return {404, {}, "{}"};
  found->second += request.body;
  const std::string location = "/v2/" + repository + "/blobs/uploads/" + id;
  const std::string digest = parameter(request.query, "digest");
  if (digest.empty()) {
    const std::size_t last = found->second.empty() ? 0 : found->second.size() - 1;
    return {202, {{"Location", location}, {"Range", "0-" + std::to_string(last)}, {"Docker-Upload-UUID", id}}, ""};
  }
  if (sha256_digest(found->second) != digest) return {400, {}, R"({"errors":[{"code":"DIGEST_INVALID"}]})"};
  blobs_[digest] = found->second;
  open_uploads_.erase(found);
  return {201, {{"Location", "/v2/" + repository + "/blobs/" + digest}, {"Docker-Content-Digest", digest}}, ""};
}

LoopbackRegistry::Answer LoopbackRegistry::answer_tags(const std::string& repository) const {
  std::string tags;
  for (const auto& [name, manifest] : manifests_) {
    const std::string tag = name.substr(name.find(':') + 1);
    if (!name.starts_with(repository + ":") || tag.starts_with("sha256:")) continue;
    tags += (tags.empty() ? "\"" : ",\"") + tag + "\"";
  }
  return {200, {{"Content-Type", "application/json"}}, R"({"name":")" + repository + R"(","tags":[)" + tags + "]}"};
}

}  // namespace gantry::conformance
