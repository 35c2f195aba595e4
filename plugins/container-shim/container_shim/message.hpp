#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/unique_fd.hpp"

/// Messages with descriptors (SCM_RIGHTS) over a SOCK_SEQPACKET socket: between driver and shim, and between the shim
/// and a process on its way into the container.
namespace gantry::container_shim {

inline constexpr std::size_t kMaxDescriptors = 64;

struct Message {
  ssize_t size{};  ///< 0 when the other end is gone; negative with errno set.
  std::string bytes;
  std::vector<UniqueFd> descriptors;

  /// The descriptor at `index`, taken out; none if there were not as many.
  [[nodiscard]] UniqueFd take(std::size_t index);
};

/// At most `kMaxDescriptors`, which stay the caller's. False with errno set.
bool send_message(int socket, std::string_view bytes, std::span<const int> descriptors, int flags = 0);

/// `flags` as recv(2) has them.
Message receive_message(int socket, std::size_t max_size, int flags = 0);

}  // namespace gantry::container_shim
