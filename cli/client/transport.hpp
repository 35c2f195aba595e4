#pragma once

#include <sys/types.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "client/endpoint.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::cli {

/// A connected, blocking byte stream to the daemon.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Waits for bytes; 0 at the end. Throws std::system_error.
  virtual std::size_t read(std::span<char> buffer) = 0;
  virtual void write(std::string_view bytes) = 0;
  /// Writes as much as goes without a wait; 0 if nothing does.
  virtual std::size_t write_some(std::string_view bytes) = 0;
  /// Says that no more will be written.
  virtual void close_write() = 0;
  [[nodiscard]] virtual int fd() const = 0;
  /// Bytes that were received and that a poll of fd() does not show.
  [[nodiscard]] virtual bool has_buffered() const = 0;
};

/// Connects. Throws Failure with Docker's message if nobody answers.
std::unique_ptr<Transport> connect(const DaemonAddress& address);

/// `ssh` to a daemon's host, where a `system dial-stdio` passes the stream on to it.
class SshProcess {
 public:
  /// Throws Failure.
  explicit SshProcess(const Endpoint& endpoint);
  ~SshProcess();
  SshProcess(const SshProcess&) = delete;
  SshProcess& operator=(const SshProcess&) = delete;

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// Once the stream has ended: throws Failure if that was no orderly end.
  void check_end();

 private:
  UniqueFd socket_;
  pid_t pid_ = -1;
  std::string shown_;
};

/// Speaks TLS over `socket`, which is connected to `host`.
std::unique_ptr<Transport> start_tls(int socket, const std::string& host, const TlsSettings& settings);

}  // namespace gantry::cli
