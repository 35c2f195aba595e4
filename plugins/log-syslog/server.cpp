#include "server.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "gantry/error.hpp"
#include "log_servers/dial.hpp"

namespace gantry::log_syslog {

namespace {

using log_servers::dial;
using log_servers::dial_unix;

constexpr const char* kLocalPaths[] = {"/dev/log", "/var/run/syslog", "/var/run/log"};

UniqueFd dial_local() {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    for (const char* path : kLocalPaths) {
      if (UniqueFd socket = log_servers::try_unix(path, type)) return socket;
    }
  }
  throw Error{Errc::unavailable, "Unix syslog delivery error"};
}

}  // namespace

void Server::connect() {
  tls_.reset();
  socket_.reset();
  const std::string& protocol = address_.protocol;
  if (protocol == kTls) {
    check_files(tls_settings_);
    tls_.emplace(dial("tcp", {address_.place, address_.port}), address_.place, tls_settings_);
  } else if (protocol == "local") {
    socket_ = dial_local();
  } else if (protocol == "udp" || protocol == "tcp") {
    socket_ = dial(protocol, {address_.place, address_.port});
  } else {
    socket_ = dial_unix(protocol, address_.place, protocol == "unix" ? SOCK_STREAM : SOCK_DGRAM);
  }
}

bool Server::try_send(std::string_view message) {
  return tls_ ? tls_->send(message) : log_servers::send_whole(socket_.get(), message);
}

void Server::send(std::string_view message) {
  if (connected() && try_send(message)) return;
  connect();
  if (!try_send(message)) {
    throw Error{Errc::unavailable, "cannot send to the syslog server: " + log_servers::error_text(errno)};
  }
}

}  // namespace gantry::log_syslog
