#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace hub {

/// An HTTP server on an address of the loopback that answers as a test says: one thread, one request a connection.
class ScriptedServer {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers;  ///< Names in lower case.
    std::string body;

    [[nodiscard]] std::string header(const std::string& name) const;
  };

  /// Answers the whole response; whatever it is, it is sent, then the connection is closed.
  using Script = std::function<std::string(const Request&)>;

  ScriptedServer(const std::string& address, Script script);
  /// How much of a request's body is read: the connection is broken off there, without an answer, if that is not all.
  using Appetite = std::function<std::size_t(const Request&)>;
  ScriptedServer(const std::string& address, Script script, Appetite appetite);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// "127.0.0.1:40123".
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] std::vector<Request> requests() const;

 private:
  void serve();
  void talk(int connection);

  Script script_;
  Appetite appetite_;
  gantry::UniqueFd listener_;
  gantry::UniqueFd stop_;
  std::string host_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

/// A response with its length. `headers`: lines that end with "\r\n".
std::string respond(int status, const std::string& body, const std::string& headers = {});

}  // namespace hub
