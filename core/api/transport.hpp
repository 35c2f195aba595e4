#pragma once

#include <sys/types.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "gantry/unique_fd.hpp"

/// A client's connection below HTTP: a unix or tcp socket, or TLS over one.
namespace gantry::api {

/// The process at the other end of a unix socket, as the kernel knows it from when it connected.
struct PeerProcess {
  pid_t pid{};
  uid_t uid{};
  gid_t gid{};
  std::vector<gid_t> groups;
};

class Transport {
 public:
  virtual ~Transport() = default;

  /// Errors: io, denied (TLS: no or a wrong client certificate); of whoever speaks plain HTTP, which is told so.
  virtual awaitable<void> handshake() = 0;
  /// 0 at the end of the client's input, and when the connection has failed.
  virtual awaitable<std::size_t> read(asio::mutable_buffer buffer) = 0;
  /// All of it. Errors: io.
  virtual awaitable<void> write(std::string_view bytes) = 0;
  /// Returns when the client has read all that was written, or cannot be seen to soon.
  virtual awaitable<void> taken() { co_return; }
  /// Ends the output; input goes on.
  virtual awaitable<void> close_write() = 0;
  /// Returns when the client has closed both directions, or the connection has failed or is closed.
  virtual awaitable<void> hung_up() = 0;
  /// Wakes up whoever waits in the calls above.
  virtual void close() = 0;
  /// None for one that may be on another host.
  [[nodiscard]] virtual std::optional<PeerProcess> peer() const { return {}; }
};

using Socket = asio::generic::stream_protocol::socket;

std::shared_ptr<Transport> plain_transport(Socket socket);

/// Where TLS material is, as dockerd's flags name it. All files are PEM.
struct TlsSettings {
  std::string certificate;  ///< --tlscert
  std::string key;          ///< --tlskey
  std::string ca;           ///< --tlscacert
  bool verify_clients{};    ///< --tlsverify
};

/// A server's certificate and rules: TLS 1.2 or later.
class TlsContext {
 public:
  /// Errors: invalid, naming the file.
  explicit TlsContext(const TlsSettings& settings);
  ~TlsContext();

  [[nodiscard]] std::shared_ptr<Transport> wrap(Socket socket);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::api
