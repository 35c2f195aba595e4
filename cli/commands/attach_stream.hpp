#pragma once

#include <memory>
#include <string>

#include "client/client.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

/// Asks for a stream on a connection of its own; `Client::finish` waits until it is given.
std::unique_ptr<Exchange> begin_hijack(Client& client, const std::string& path, const std::string& body = {});

/// What a session does to the container while it runs. Failures are of no account: it may have ended meanwhile.
class ContainerControl {
 public:
  /// `path`: of the object that has a terminal, if it is not the container's own.
  ContainerControl(Client& client, std::string id, std::string resize_path = {});

  void resize(TerminalSize size);
  void signal(int number);

 private:
  Client& client_;
  std::string id_;
  std::string resize_path_;
};

/// The exit status that a wait answers with. Throws Failure if it answers with an error.
int read_exit_status(Exchange& waiting);

}  // namespace gantry::cli
