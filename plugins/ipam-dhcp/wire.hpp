#pragma once

#include <optional>
#include <string>

#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"
#include "message.hpp"

namespace gantry::dhcp {

/// A raw socket at an interface of the host's, which shows answers even to addresses that are not the host's.
class Wire {
 public:
  /// Errors: not_found (no such interface), io.
  explicit Wire(const std::string& interface);

  /// The interface's own.
  [[nodiscard]] const Mac& mac() const { return mac_; }

  void send(const Message& message, const Mac& to = kEverybody, std::uint32_t target = 0) const;

  /// The next answer within `limit` ms. Errors: cancelled.
  [[nodiscard]] std::optional<Message> receive(int limit, const Call& call) const;

 private:
  std::string interface_;
  UniqueFd socket_;
  Mac mac_{};
};

}  // namespace gantry::dhcp
