#pragma once

#include <string>
#include <string_view>

#include "gantry/unique_fd.hpp"

namespace gantry::journald {

/// journald's datagram socket.
class JournalSocket {
 public:
  explicit JournalSocket(std::string path) : path_(std::move(path)) {}

  /// Sends one entry's fields, by a sealed memory file if they are too many for a datagram. Errors: unavailable.
  void send(std::string_view fields);

 private:
  bool send_datagram(std::string_view fields) const;
  bool send_file(std::string_view fields) const;

  std::string path_;
  UniqueFd socket_;
};

}  // namespace gantry::journald
