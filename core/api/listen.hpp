#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/transport.hpp"
#include "gantry/unique_fd.hpp"

/// Where the daemon listens: what `-H` says, as sockets.
namespace gantry::api {

/// A socket that listens. Removes its unix socket's file when destroyed, unless systemd made it.
class Listener {
 public:
  Listener(UniqueFd fd, std::string address, std::string file = {});
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& address() const { return address_; }

  std::shared_ptr<TlsContext> tls;  ///< Null: none.

 private:
  UniqueFd fd_;
  std::string address_;
  std::string file_;
};

struct ListenSettings {
  std::string group;  ///< Owns unix sockets (mode 0660); root if there is no group docker. A number is one, too.
  std::shared_ptr<TlsContext> tls;  ///< For tcp; null: plain tcp is refused unless `plain_tcp`.
  bool plain_tcp{};
};

/// Opens "unix:///path", "tcp://host:port", or "fd://" (all sockets of systemd) or "fd://3".
/// Errors: invalid (the address), conflict (in use), io.
std::vector<Listener> open_listeners(const std::string& address, const ListenSettings& settings);

}  // namespace gantry::api
