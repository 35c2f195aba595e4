#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::conformance {

/// A registry in memory on the loopback of this process's network namespace: what the distribution specification asks
/// for to pull and push, plain HTTP, one connection a request.
class LoopbackRegistry {
 public:
  LoopbackRegistry();
  ~LoopbackRegistry();
  LoopbackRegistry(const LoopbackRegistry&) = delete;
  LoopbackRegistry& operator=(const LoopbackRegistry&) = delete;

  /// "127.0.0.1:40123".
  [[nodiscard]] const std::string& host() const noexcept { return host_; }

 private:
  struct Request {
    std::string method;
    std::string path;
    std::string query;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };
  struct Answer {
    int status{};
    std::map<std::string, std::string> headers;
    std::string body;
  };
  struct Manifest {
    std::string type;
    std::string digest;
    std::string content;
  };

  void serve();
  void talk(int connection);
  static bool receive(int connection, Request& request);
  static std::string receive_chunks(int connection, std::string& read_ahead);
  Answer answer(const Request& request);
  Answer answer_manifest(const Request& request, const std::string& repository, const std::string& reference);
  Answer answer_blob(const Request& request, const std::string& digest);
  Answer answer_upload(const Request& request, const std::string& repository, const std::string& upload);
  Answer answer_tags(const std::string& repository) const;

  UniqueFd listener_;
  UniqueFd stop_;
  std::string host_;
  std::mutex mutex_;
  std::map<std::string, Manifest> manifests_;  // "repository:reference"
  std::map<std::string, std::string> blobs_;
  std::map<std::string, std::string> open_uploads_;
  std::vector<std::thread> connections_;
  std::thread server_;
};

}  // namespace gantry::conformance
