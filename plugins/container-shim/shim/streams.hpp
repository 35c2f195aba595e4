#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/log_writer.hpp"
#include "shim/loop.hpp"

namespace gantry::container_shim {

/// The shim's ends of a process's standard streams, and the child's until it has them.
struct StdioEnds {
  UniqueFd input, output, error;                    ///< The shim's.
  UniqueFd child_input, child_output, child_error;  ///< The process's.
};

/// Pipes, or /dev/null for what nobody wants. With a terminal all is /dev/null until the process has made it.
StdioEnds make_stdio(const PlanStdio& stdio, bool terminal);

/// Carries a process's output to its log and to any number of clients, and their input to the process. A client that
/// does not read stops the process's output once its buffer is full, as Docker does; one that is gone does not.
class Streams {
 public:
  Streams(Loop& loop, const PlanStdio& stdio, bool terminal, LogWriter* log);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  void take(StdioEnds& ends);
  void take_terminal(UniqueFd master);
  void resize(std::uint16_t rows, std::uint16_t columns);
  void add_client(UniqueFd socket);

  /// The process has ended: takes what it left in its pipes, then gives each client the rest and its end of file.
  /// `idle` is called (deferred) when no client waits any more.
  void finish(std::function<void()> idle);

 private:
  struct Client {
    UniqueFd socket;
    std::string pending;
    bool reading = true;  ///< Its input has not ended.
    bool hung = false;    ///< Gone, but for input that the process has not taken yet.
    bool shut = false;
  };
  using ClientList = std::list<Client>;

  void watch_output(UniqueFd& fd, bool is_error);
  bool read_output(UniqueFd& fd, bool is_error);
  void deliver(bool is_error, std::string_view bytes);
  void throttle();
  void on_client(ClientList::iterator client, std::uint32_t events);
  bool read_client(Client& client);
  void flush_client(Client& client);
  void watch_client(Client& client);
  static void drop(Client& client);
  void release_drained();
  void write_input(std::string_view bytes);
  void flush_input();
  void close_input();

  Loop& loop_;
  bool terminal_;
  bool close_with_client_;
  LogWriter* log_;
  UniqueFd output_, error_, input_;
  std::string pending_input_;
  bool input_blocked_ = false;
  bool input_ending_ = false;
  bool opened_ = false;  ///< The process's ends exist.
  bool throttled_ = false;
  bool finished_ = false;
  std::uint16_t rows_ = 0, columns_ = 0;
  ClientList clients_;
  std::function<void()> idle_;
};

}  // namespace gantry::container_shim
