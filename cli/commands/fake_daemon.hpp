#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::cli {

/// One connection of the program under test to the scripted daemon.
class FakeConnection {
 public:
  explicit FakeConnection(int fd) : fd_(fd) {}

  struct Request {
    std::string line;  ///< "POST /v1.50/containers/create"
    std::string body;
    std::string head;
  };
  /// False at the end.
  bool read(Request& request);
  void write(const std::string& bytes);
  void respond(int status, const std::string& body, const std::string& headers = {});
  /// All that still comes until the other side says that no more will.
  std::string read_rest();
  /// Sends a signal to the program.
  void signal(int number) const;

 private:
  UniqueFd fd_;
  std::string pending_;
};

/// A daemon that answers as the test's script says and notes what it is asked, in order.
class FakeDaemon {
 public:
  /// Called for each request on the connection's own thread.
  using Script = std::function<void(FakeConnection&, const FakeConnection::Request&)>;

  explicit FakeDaemon(Script script);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  [[nodiscard]] std::string address() const { return "unix://" + path_; }
  [[nodiscard]] std::vector<std::string> requests();
  /// Waits until a request that begins so has come. False if none will.
  bool await(const std::string& prefix);

 private:
  void serve(int fd);

  Script script_;
  std::string directory_;
  std::string path_;
  UniqueFd listener_;
  std::mutex mutex_;
  std::condition_variable noted_;
  bool over_ = false;
  std::vector<std::string> requests_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

/// Runs the program with `arguments` and `input` on its stdin.
Outcome run_program(const FakeDaemon& daemon, const std::vector<std::string>& arguments, const std::string& input = {});

}  // namespace gantry::cli
